import type { Dialect } from '../dialect.ts';

/** Prisma's names of types; the rest hold no ciphertext. MariaDB says longtext where MySQL says json. */
const NATIVE: Readonly<Record<string, string>> = {
  text: 'Text',
  mediumtext: 'MediumText',
  longtext: 'LongText',
  tinytext: 'TinyText',
  varchar: 'VarChar',
  char: 'Char',
  blob: 'Blob',
  mediumblob: 'MediumBlob',
  longblob: 'LongBlob',
  tinyblob: 'TinyBlob',
  varbinary: 'VarBinary',
  binary: 'Binary',
  json: 'Json',
};

/** MySQL and MariaDB. Their collations fold case: comparisons are of digits, or binary. */
export const mysql: Dialect = {
  begin: (timeoutMs, version) => [
    // Ends the transaction that the adapter began, which could write.
    { sql: 'START TRANSACTION READ ONLY', optional: false },
    {
      sql: /mariadb/i.test(version)
        ? `SET SESSION max_statement_time = ${timeoutMs / 1000}`
        : `SET SESSION max_execution_time = ${timeoutMs}`,
      optional: false,
    },
  ],
  version: 'SELECT version()',
  quote: (name) => `\`${name.replaceAll('`', '``')}\``,
  columns: ({ dbName }) => ({
    sql:
      'SELECT column_name, data_type, character_maximum_length, ' +
      "CASE WHEN collation_name LIKE '%\\_ci' THEN 1 ELSE 0 END " +
      'FROM information_schema.columns WHERE table_schema = database() AND table_name = ?',
    args: [dbName],
  }),
  indexes: ({ dbName }) => ({
    sql:
      'SELECT s.column_name, CASE WHEN s.non_unique = 0 AND s.sub_part IS NULL AND (SELECT count(*) FROM information_schema.statistics o ' +
      'WHERE o.table_schema = s.table_schema AND o.table_name = s.table_name AND o.index_name = s.index_name) = 1 THEN 1 ELSE 0 END ' +
      'FROM information_schema.statistics s WHERE s.table_schema = database() AND s.table_name = ? AND s.seq_in_index = 1',
    args: [dbName],
  }),
  estimate: ({ dbName }) => ({
    sql: 'SELECT table_rows FROM information_schema.tables WHERE table_schema = database() AND table_name = ?',
    args: [dbName],
  }),
  nativeType: (type, column) =>
    column === 'Json' && type === 'longtext' ? 'Json' : (NATIVE[type.toLowerCase()] ?? null),
  value: (column, sql) => (column === 'Json' ? `TRIM(BOTH '"' FROM NULLIF(CAST(${sql} AS CHAR), 'null'))` : sql),
  text: (sql) => `CAST(${sql} AS CHAR)`,
  head: (_, sql, count) => `LOWER(HEX(LEFT(${sql}, ${count})))`,
  length: (column, sql) => (column === 'Bytes' ? `LENGTH(${sql})` : `CHAR_LENGTH(${sql})`),
  elements: (sql, from) => `SELECT ${sql} AS v FROM ${from}`, // Prisma has no lists here
  termVersion: (sql, digits) =>
    `CASE WHEN CONVERT(${sql} USING utf8mb4) COLLATE utf8mb4_bin REGEXP '^[0-9]{1,5}[.][0-9a-f]{${digits}}$' THEN SUBSTRING_INDEX(${sql}, '.', 1) ELSE '' END`,
};
