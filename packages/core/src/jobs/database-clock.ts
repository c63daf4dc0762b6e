import { type RawSql, raw, type SqlDialect } from './sql.ts';

/** The database's own clock in ms since the Unix epoch: who is late is never judged by the clock of a process. */
export const DATABASE_NOW: Readonly<Record<SqlDialect, RawSql>> = {
  postgresql: raw('(extract(epoch FROM clock_timestamp()) * 1000)::bigint'),
  mysql: raw("(timestampdiff(MICROSECOND, '1970-01-01', utc_timestamp(3)) DIV 1000)"),
  sqlite: raw("CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"),
};
