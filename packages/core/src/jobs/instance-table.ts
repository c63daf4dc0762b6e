import type { SqlDatabase, SqlDialect } from './sql.ts';

const TYPES: Readonly<Record<SqlDialect, { readonly id: string; readonly count: string }>> = {
  postgresql: { id: 'varchar(191)', count: 'bigint' },
  mysql: { id: 'varchar(191) CHARACTER SET ascii COLLATE ascii_bin', count: 'bigint' },
  sqlite: { id: 'text', count: 'integer' },
};

/**
 * The statement that makes the table of instances where it is missing: put it into a migration, or let {@link prepareInstances} run it. It holds ids,
 * numbers of generations and times, and no secret.
 */
export function instanceTable(dialect: SqlDialect): string {
  const { id, count } = TYPES[dialect];
  return (
    `CREATE TABLE IF NOT EXISTS fieldseal_instance (keyring ${id} NOT NULL, id ${id} NOT NULL, generation ${count} NOT NULL, ` +
    `seen_at ${count} NOT NULL, PRIMARY KEY (keyring, id))`
  );
}

/** Makes the table unless it is there: whoever made it in a migration need not be allowed to make tables. */
export async function prepareInstances(database: SqlDatabase): Promise<void> {
  const there = await database.query('SELECT 1 AS found FROM fieldseal_instance WHERE 1 = 0', []).then(
    () => true,
    () => false,
  );
  if (!there) await database.execute(instanceTable(database.dialect), []);
}
