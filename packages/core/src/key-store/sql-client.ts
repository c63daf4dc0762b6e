/**
 * What a key store needs of a database client, and how the usual ones give it. The clients are passed in: none is a dependency.
 *
 * @module
 */

/** Kinds of SQL that are spoken. MariaDB speaks `mysql`. */
export type SqlDialect = 'postgresql' | 'mysql' | 'sqlite';

/** A parameter of a statement. */
export type SqlValue = string | number | null;

/** A row by the names of its columns. */
export type SqlRow = Readonly<Record<string, unknown>>;

/** Runs SQL. Parameters stand as `$1`, `$2` … in PostgreSQL and as `?` elsewhere. Each statement may run on a connection of its own. */
export interface SqlClient {
  readonly dialect: SqlDialect;
  /** Rows of a SELECT. */
  rows(sql: string, values: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** Runs any other statement, and gives the number of rows that it inserted or changed. */
  execute(sql: string, values: readonly SqlValue[]): Promise<number>;
}

/** A `Pool`, `Client` or `PoolClient` of the package pg. */
export interface PgLike {
  query(
    sql: string,
    values: SqlValue[],
  ): Promise<{ readonly rows: readonly SqlRow[]; readonly rowCount: number | null }>;
}

/** A pool or connection of the package mariadb. */
export interface MariadbLike {
  query(sql: string, values: readonly SqlValue[]): Promise<unknown>;
}

/** A database of better-sqlite3, libsql or node:sqlite, which answer at once. */
export interface SqliteLike {
  prepare(sql: string): {
    all(...values: SqlValue[]): unknown;
    run(...values: SqlValue[]): { readonly changes: number | bigint };
  };
}

/** PostgreSQL through pg. A pool needs a listener for `error`, or a server that stops ends the process: https://node-postgres.com/apis/pool#error */
export function pgClient(client: PgLike): SqlClient {
  return {
    dialect: 'postgresql',
    rows: async (sql, values) => (await client.query(sql, [...values])).rows,
    execute: async (sql, values) => (await client.query(sql, [...values])).rowCount ?? 0,
  };
}

/** MySQL and MariaDB through mariadb. */
export function mariadbClient(client: MariadbLike): SqlClient {
  return {
    dialect: 'mysql',
    rows: async (sql, values) => (await client.query(sql, values)) as readonly SqlRow[],
    execute: async (sql, values) =>
      Number(((await client.query(sql, values)) as { readonly affectedRows: number | bigint }).affectedRows),
  };
}

/** SQLite through better-sqlite3 and clients with its interface. Where several processes write, give it a busy timeout. */
export function sqliteClient(database: SqliteLike): SqlClient {
  return {
    dialect: 'sqlite',
    rows: async (sql, values) => database.prepare(sql).all(...values) as readonly SqlRow[],
    execute: async (sql, values) => Number(database.prepare(sql).run(...values).changes),
  };
}
