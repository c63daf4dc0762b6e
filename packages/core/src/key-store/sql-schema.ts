import { FieldsealError } from '../errors.ts';
import type { SqlDialect } from './sql-client.ts';

/** Name of the table unless another is given. */
export const KEY_STORE_TABLE = 'fieldseal_key';

/** Types of the columns; `id` holds 65 ASCII characters at most. */
const TYPES: Readonly<Record<SqlDialect, { readonly id: string; readonly text: string; readonly end: string }>> = {
  postgresql: { id: 'VARCHAR(80)', text: 'TEXT', end: '' },
  mysql: { id: 'VARCHAR(80)', text: 'LONGTEXT', end: ' DEFAULT CHARACTER SET utf8mb4' },
  sqlite: { id: 'TEXT', text: 'TEXT', end: '' },
};

/**
 * The statement that makes the table of a key store. It changes nothing where the table is there.
 *
 * @param table - its name, with its schema before a dot if need be
 * @throws ERR_OPTIONS for what is no plain name
 */
export function keyStoreTable(dialect: SqlDialect, table: string = KEY_STORE_TABLE): string {
  const { id, text, end } = TYPES[dialect];
  return (
    `CREATE TABLE IF NOT EXISTS ${quotedTable(dialect, table)} (\n  id ${id} NOT NULL PRIMARY KEY,\n  scope ${text} NOT NULL,\n` +
    `  generation BIGINT NOT NULL,\n  record ${text}\n)${end};`
  );
}

/**
 * The table's name in quotes.
 *
 * @throws ERR_OPTIONS for what is no plain name
 */
export function quotedTable(dialect: SqlDialect, table: string): string {
  if (!/^[A-Za-z_]\w{0,62}(\.[A-Za-z_]\w{0,62})?$/.test(table))
    throw new FieldsealError('ERR_OPTIONS', 'the name of the table of a key store is made of letters, digits and _');
  const quote = dialect === 'mysql' ? '`' : '"';
  return table
    .split('.')
    .map((name) => `${quote}${name}${quote}`)
    .join('.');
}
