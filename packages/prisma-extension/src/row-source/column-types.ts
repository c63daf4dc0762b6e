import { FieldsealError } from '@fieldseal/core';
import { queryRows, raw, type SqlDatabase, sql } from '@fieldseal/core/jobs';
import type { TableColumn } from './column-text.ts';
import type { NamedColumn } from './model-table.ts';

/** The table whose columns are asked for. */
export interface TypedTable {
  readonly model: string;
  readonly name: string;
  readonly schema: string | null;
}

/**
 * Asks a database for the types of a table's columns, and gives what adds them. Only PostgreSQL needs them.
 *
 * @throws ERR_JOB_DATABASE, from what is given, for a column that the table does not have
 */
export async function columnTypes(
  database: SqlDatabase,
  { model, name, schema }: TypedTable,
): Promise<(column: NamedColumn) => TableColumn> {
  if (database.dialect !== 'postgresql') return (column) => ({ ...column, type: null });
  const where = schema === null ? raw('current_schema()') : sql`${schema}`;
  const rows = await queryRows(
    database,
    database.dialect,
    sql`SELECT a.attname::text AS c0, (quote_ident(n.nspname) || '.' || quote_ident(t.typname))::text AS c1 FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE c.relname = ${name} AND s.nspname = ${where} AND a.attnum > 0 AND NOT a.attisdropped`,
  );
  const types = new Map(rows.map(([column, type]) => [column, type]));
  return (column) => {
    const type = types.get(column.name);
    if (type == null)
      throw new FieldsealError('ERR_JOB_DATABASE', `the table has no column ${column.name}`, {
        model,
        hint: 'Apply the migrations to this database, or check the URL, @@map and @map.',
      });
    return { ...column, type };
  };
}
