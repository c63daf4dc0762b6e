import type { SqlDialect } from './sql.ts';

/** Types of the columns. Ids and codes are ASCII; times are ms since the Unix epoch, so that no time zone matters. */
const TYPES: Readonly<Record<SqlDialect, { readonly id: string; readonly text: string; readonly count: string }>> = {
  postgresql: { id: 'varchar(191)', text: 'text', count: 'bigint' },
  mysql: {
    id: 'varchar(191) CHARACTER SET ascii COLLATE ascii_bin',
    text: 'longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_bin',
    count: 'bigint',
  },
  sqlite: { id: 'text', text: 'text', count: 'integer' },
};

/**
 * Statements that make the tables of jobs: put them into a migration, or let the store run them. They make only what is not there.
 *
 * A model has at most one unfinished job that writes, which `active` holds: it is unique, and NULL once the job has ended.
 */
export function jobTables(dialect: SqlDialect): readonly string[] {
  const { id, text, count } = TYPES[dialect];
  const none = `${count} NOT NULL DEFAULT 0`;
  return [
    `CREATE TABLE IF NOT EXISTS fieldseal_job (id ${id} NOT NULL PRIMARY KEY, active ${id} UNIQUE, plan ${text} NOT NULL, ` +
      `state ${id} NOT NULL, reason ${id}, settings ${text} NOT NULL, planned_rows ${none}, created_at ${none}, updated_at ${none}, ` +
      `before_census ${text}, report ${text})`,
    `CREATE TABLE IF NOT EXISTS fieldseal_job_chunk (job ${id} NOT NULL, ordinal ${count} NOT NULL, sweep ${none}, lo ${text}, hi ${text}, ` +
      `progress ${text}, state ${id} NOT NULL, owner ${id}, lease_until ${none}, attempt ${none}, planned_rows ${none}, ` +
      `rows_read ${none}, rows_done ${none}, conflicts ${none}, PRIMARY KEY (job, ordinal))`,
    `CREATE TABLE IF NOT EXISTS fieldseal_job_quarantine (job ${id} NOT NULL, row_hash ${id} NOT NULL, field ${id} NOT NULL, ` +
      `row_key ${text} NOT NULL, code ${id} NOT NULL, cell_hash ${id}, noted_at ${none}, PRIMARY KEY (job, row_hash, field))`,
  ];
}
