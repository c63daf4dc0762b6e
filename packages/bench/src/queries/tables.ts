import type { Client, Database, SchemaName } from './client.ts';

const IDENTITY: Readonly<Record<Database, string>> = {
  sqlite: 'INTEGER PRIMARY KEY AUTOINCREMENT',
  postgresql: 'SERIAL PRIMARY KEY',
};
/** The column that lookups search, and whether it stands beside the value. */
const SEARCHED: Readonly<Record<SchemaName, string>> = { plain: 'email', fieldseal: 'emailIndex', pfe: 'emailHash' };

/** Makes both tables of an empty database, and sets an SQLite file up as a server would. */
export async function createTables(client: Client, database: Database, schema: SchemaName): Promise<void> {
  if (database === 'sqlite') await client.$queryRawUnsafe('PRAGMA journal_mode = WAL');
  for (const table of ['Person', 'Entry']) {
    const column = SEARCHED[schema];
    const extra = column === 'email' ? '' : `, "${column}" TEXT`;
    await client.$executeRawUnsafe(
      `CREATE TABLE "${table}" (id ${IDENTITY[database]}, name TEXT NOT NULL, email TEXT NOT NULL, phone TEXT NOT NULL${extra})`,
    );
    await client.$executeRawUnsafe(`CREATE INDEX "${table}_search" ON "${table}" ("${column}")`);
  }
}

/**
 * Repeats the rows of a table until it has `rows`. Copies keep their cells, which open like the originals, and get terms of their own, so
 * that a lookup finds one row.
 */
export async function repeatRows(client: Client, schema: SchemaName, table: string, rows: number): Promise<void> {
  const column = SEARCHED[schema];
  const values = ['name', 'email', 'phone', ...(column === 'email' ? [] : [column])];
  for (;;) {
    const [state] = await client.$queryRawUnsafe<{ total: number | bigint }>(
      `SELECT count(*) AS total FROM "${table}"`,
    );
    const present = Number(state?.total ?? 0);
    if (present >= rows) return;
    const chosen = values.map((name) => (name === column ? `"${name}" || '#' || ${present}` : `"${name}"`));
    // Plain emails are read back by lookups of originals alone.
    await client.$executeRawUnsafe(
      `INSERT INTO "${table}" (${values.map((name) => `"${name}"`).join(', ')}) ` +
        `SELECT ${chosen.join(', ')} FROM "${table}" ORDER BY id LIMIT ${Math.min(present, rows - present)}`,
    );
  }
}
