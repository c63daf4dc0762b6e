import type { Dialect } from '../dialect.ts';

/** Declared types that Prisma makes or that have the affinity of text; lengths are not enforced. */
const NATIVE: readonly (readonly [pattern: RegExp, native: string])[] = [
  [/JSON/i, 'Json'],
  [/CHAR|CLOB|TEXT/i, 'Text'],
  [/BLOB/i, 'Blob'],
];

/** SQLite and libSQL. LIKE folds case, so prefixes are compared as texts. */
export const sqlite: Dialect = {
  // No time limit: SQLite runs inside this process. Remote libSQL may refuse the pragma; only SELECT is sent in any case.
  begin: () => [{ sql: 'PRAGMA query_only = ON', optional: true }],
  version: 'SELECT sqlite_version()',
  quote: (name) => `"${name.replaceAll('"', '""')}"`,
  columns: ({ dbName }) => ({
    // No table tells the collation of a column, but that of its index is the same, and ids have one.
    sql:
      'SELECT i.name, i.type, NULL, CASE WHEN EXISTS (SELECT 1 FROM pragma_index_list(?1) l, pragma_index_xinfo(l.name) x ' +
      "WHERE x.name = i.name AND x.key = 1 AND upper(x.coll) <> 'BINARY') THEN 1 ELSE 0 END FROM pragma_table_xinfo(?1) i",
    args: [dbName],
  }),
  indexes: ({ dbName }) => ({
    sql:
      'SELECT x.name, CASE WHEN l."unique" = 1 AND l.partial = 0 AND (SELECT count(*) FROM pragma_index_info(l.name)) = 1 THEN 1 ELSE 0 END ' +
      'FROM pragma_index_list(?1) l, pragma_index_info(l.name) x WHERE x.seqno = 0',
    args: [dbName],
  }),
  estimate: () => null,
  nativeType: (type, column) => {
    const native = NATIVE.find(([pattern]) => pattern.test(type))?.[1] ?? null;
    return column === 'Json' && native === 'Text' ? 'Json' : native;
  },
  value: (column, sql) => (column === 'Json' ? `trim(nullif(CAST(${sql} AS TEXT), 'null'), '"')` : sql),
  text: (sql) => `CAST(${sql} AS TEXT)`,
  head: (_, sql, count) => `lower(hex(substr(${sql}, 1, ${count})))`,
  length: (_, sql) => `length(${sql})`,
  elements: (sql, from) => `SELECT ${sql} AS v FROM ${from}`, // Prisma has no lists here
  termVersion: (sql, digits) => {
    const dot = `instr(${sql}, '.')`;
    return (
      `CASE WHEN ${dot} BETWEEN 2 AND 6 AND length(${sql}) = ${dot} + ${digits} AND substr(${sql}, 1, ${dot} - 1) NOT GLOB '*[^0-9]*' ` +
      `AND substr(${sql}, ${dot} + 1) NOT GLOB '*[^0-9a-f]*' THEN substr(${sql}, 1, ${dot} - 1) ELSE '' END`
    );
  },
};
