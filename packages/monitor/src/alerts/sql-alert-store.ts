import type { Alert } from './alert.ts';
import type { AlertStore } from './alert-store.ts';

/** A database whose SQL is known. MariaDB is `mysql`. */
export type SqlDialect = 'postgresql' | 'mysql' | 'sqlite';

/** Runs a statement with parameters and resolves to its rows; for a statement that gives none, to whatever the driver gives. */
export type SqlQuery = (sql: string, params: readonly (string | number | null)[]) => Promise<unknown>;

/** Options of {@link sqlAlertStore}. */
export interface SqlAlertStoreOptions {
  readonly dialect: SqlDialect;
  /**
   * Runs a statement. With pg: `async (sql, params) => (await pool.query(sql, [...params])).rows`; with mariadb:
   * `(sql, params) => pool.query(sql, [...params])`.
   */
  readonly query: SqlQuery;
}

const COLUMNS = ['alert_key', 'rule', 'severity', 'labels', 'state', 'value', 'since', 'noticed', 'told'] as const;

/** The table that {@link sqlAlertStore} needs. It holds names of rules, models and fields, and who acknowledged what; no value. */
export function alertTable(dialect: SqlDialect): string {
  const double = dialect === 'mysql' ? 'DOUBLE' : 'DOUBLE PRECISION';
  return `CREATE TABLE IF NOT EXISTS fieldseal_alert (
  alert_key VARCHAR(200) NOT NULL PRIMARY KEY,
  rule VARCHAR(100) NOT NULL,
  severity VARCHAR(20) NOT NULL,
  labels VARCHAR(2000) NOT NULL,
  state VARCHAR(20) NOT NULL,
  value ${double} NOT NULL,
  since BIGINT NOT NULL,
  noticed BIGINT,
  told SMALLINT NOT NULL,
  ack_owner VARCHAR(200),
  ack_comment VARCHAR(1000),
  ack_given BIGINT,
  ack_until BIGINT
)`;
}

/** A store in a table of a SQL database (see {@link alertTable}). It rejects with the errors of the driver. */
export function sqlAlertStore({ dialect, query }: SqlAlertStoreOptions): AlertStore {
  const mark = (at: number): string => (dialect === 'postgresql' ? `$${at}` : '?');
  const rest = COLUMNS.slice(1);
  const update =
    dialect === 'mysql'
      ? `ON DUPLICATE KEY UPDATE ${rest.map((name) => `${name} = VALUES(${name})`).join(', ')}`
      : `ON CONFLICT (alert_key) DO UPDATE SET ${rest.map((name) => `${name} = excluded.${name}`).join(', ')}`;
  const save =
    `INSERT INTO fieldseal_alert (${COLUMNS.join(', ')}) ` +
    `VALUES (${COLUMNS.map((_, at) => mark(at + 1)).join(', ')}) ${update}`;
  const acknowledge =
    `UPDATE fieldseal_alert SET ack_owner = ${mark(1)}, ack_comment = ${mark(2)}, ack_given = ${mark(3)}, ` +
    `ack_until = ${mark(4)} WHERE alert_key = ${mark(5)}`;
  return {
    load: async () => (await rowsOf(query, `SELECT * FROM fieldseal_alert`, [])).map(alertOf),
    save: async ({ key, rule, severity, labels, state, value, since, noticed, told }) => {
      await query(save, [key, rule, severity, JSON.stringify(labels), state, value, since, noticed, told ? 1 : 0]);
    },
    acknowledge: async (key, given) => {
      await query(acknowledge, [
        given?.owner ?? null,
        given?.comment ?? null,
        given?.given ?? null,
        given?.until ?? null,
        key,
      ]);
      // What an update says of its rows differs from driver to driver.
      return (await rowsOf(query, `SELECT 1 FROM fieldseal_alert WHERE alert_key = ${mark(1)}`, [key])).length > 0;
    },
  };
}

async function rowsOf(
  query: SqlQuery,
  sql: string,
  params: readonly string[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  return [...((await query(sql, params)) as Iterable<Readonly<Record<string, unknown>>>)];
}

/** Drivers give 64-bit integers as number, bigint or string. */
function alertOf(row: Readonly<Record<string, unknown>>): Alert {
  const owner = row['ack_owner'];
  return {
    key: String(row['alert_key']),
    rule: String(row['rule']),
    severity: row['severity'] === 'critical' ? 'critical' : 'warning',
    labels: JSON.parse(String(row['labels'])) as Readonly<Record<string, string>>,
    state: row['state'] === 'firing' ? 'firing' : 'resolved',
    value: Number(row['value']),
    since: Number(row['since']),
    noticed: row['noticed'] === null ? null : Number(row['noticed']),
    told: Number(row['told']) === 1,
    acknowledgement:
      owner === null
        ? null
        : {
            owner: String(owner),
            comment: String(row['ack_comment'] ?? ''),
            given: Number(row['ack_given']),
            until: Number(row['ack_until']),
          },
  };
}
