import type { ModelMap } from '@fieldseal/prisma/internal';
import type { Dialect } from '../dialect.ts';

/** Prisma's names of types; `character` and the rest hold no ciphertext. */
const NATIVE: Readonly<Record<string, string>> = {
  text: 'Text',
  varchar: 'VarChar',
  bpchar: 'Char',
  citext: 'Citext',
  bytea: 'ByteA',
  json: 'Json',
  jsonb: 'JsonB',
};

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** The table by its name and schema, which both are parameters. */
const table = (model: ModelMap): { where: string; args: readonly string[] } => ({
  where: `c.relname = $1 AND n.nspname = ${model.dbSchema === null ? 'current_schema()' : '$2'} AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`,
  args: model.dbSchema === null ? [model.dbName] : [model.dbName, model.dbSchema],
});

const RELATION = 'pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace';

/** PostgreSQL. */
export const postgresql: Dialect = {
  begin: (timeoutMs) => [
    { sql: 'SET TRANSACTION READ ONLY', optional: false },
    { sql: `SET LOCAL statement_timeout = ${timeoutMs}`, optional: false },
  ],
  version: 'SELECT version()',
  quote,
  columns: (model) => {
    const { where, args } = table(model);
    return {
      sql:
        `SELECT a.attname::text, CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN e.typname ELSE t.typname END::text, ` +
        `CASE WHEN a.atttypmod > 4 THEN a.atttypmod - 4 END, ` +
        `CASE WHEN t.typname = 'citext' OR NOT coalesce(l.collisdeterministic, true) THEN 1 ELSE 0 END ` +
        `FROM ${RELATION} JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ` +
        `JOIN pg_catalog.pg_type t ON t.oid = a.atttypid LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem ` +
        `LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation WHERE ${where}`,
      args,
    };
  },
  indexes: (model) => {
    const { where, args } = table(model);
    return {
      sql:
        `SELECT a.attname::text, CASE WHEN i.indisunique AND i.indnkeyatts = 1 AND i.indpred IS NULL THEN 1 ELSE 0 END ` +
        `FROM ${RELATION} JOIN pg_catalog.pg_index i ON i.indrelid = c.oid AND i.indisvalid ` +
        `JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0] WHERE ${where}`,
      args,
    };
  },
  estimate: (model) => {
    const { where, args } = table(model);
    return {
      sql: `SELECT CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END FROM ${RELATION} WHERE ${where}`,
      args,
    };
  },
  nativeType: (type) => NATIVE[type] ?? null,
  value: (column, sql) =>
    column === 'Bytes' ? sql : column === 'Json' ? `btrim(nullif(${sql}::text, 'null'), '"')` : `${sql}::text`,
  text: (sql) => `${sql}::text`,
  head: (column, sql, count) =>
    column === 'Bytes'
      ? `encode(substring(${sql} FROM 1 FOR ${count}), 'hex')`
      : `encode(convert_to(left(${sql}, ${count}), 'UTF8'), 'hex')`,
  length: (column, sql) => (column === 'Bytes' ? `octet_length(${sql})` : `char_length(${sql})`),
  elements: (sql, from) => `SELECT unnest(${sql}) AS v FROM ${from}`,
  termVersion: (sql, digits) =>
    `CASE WHEN ${sql}::text ~ '^[0-9]{1,5}[.][0-9a-f]{${digits}}$' THEN split_part(${sql}::text, '.', 1) ELSE '' END`,
};
