import { type Adapter, connect, type Query, type Queryable } from './adapter.ts';
import { DatabaseProblem } from './database-problem.ts';
import type { Dialect, Statement } from './dialect.ts';
import { mysql } from './dialects/mysql.ts';
import { postgresql } from './dialects/postgresql.ts';
import { sqlite } from './dialects/sqlite.ts';

const DIALECTS: Readonly<Record<string, Dialect>> = { postgresql, mysql, sqlite };

/** A row of an answer. */
export type Row = readonly unknown[];

/** A database that is only read: every statement runs in a transaction of its own, which cannot write and is rolled back. */
export class Database {
  readonly dialect: Dialect;
  readonly #adapter: Adapter;
  readonly #timeoutMs: number;
  #version = '';

  private constructor(dialect: Dialect, adapter: Adapter, timeoutMs: number) {
    this.dialect = dialect;
    this.#adapter = adapter;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Connects, and asks for the version to see that the database answers.
   *
   * @param timeoutMs - longest time that one statement may take, where the database can stop it
   * @throws DatabaseProblem
   */
  static async open(provider: string, url: string, project: string, timeoutMs: number): Promise<Database> {
    const dialect = DIALECTS[provider];
    if (dialect === undefined) throw new DatabaseProblem('adapter', `databases of ${provider} are not read`);
    const database = new Database(dialect, await connect(provider, url, project), timeoutMs);
    try {
      const { rows } = await database.#adapter.queryRaw(queryOf({ sql: dialect.version, args: [] }));
      database.#version = String(rows[0]?.[0]);
      return database;
    } catch (error) {
      await database.close();
      throw DatabaseProblem.of(error);
    }
  }

  /**
   * Rows of a SELECT.
   *
   * @throws DatabaseProblem
   */
  async rows(statement: Statement): Promise<readonly Row[]> {
    try {
      const transaction = await this.#adapter.startTransaction();
      try {
        await this.#begin(transaction);
        return (await transaction.queryRaw(queryOf(statement))).rows;
      } finally {
        if (!transaction.options.usePhantomQuery) await transaction.executeRaw(queryOf({ sql: 'ROLLBACK', args: [] }));
        await transaction.rollback();
      }
    } catch (error) {
      throw DatabaseProblem.of(error);
    }
  }

  /** Ends the connection. */
  async close(): Promise<void> {
    await this.#adapter.dispose().catch(() => {});
  }

  async #begin(transaction: Queryable): Promise<void> {
    for (const { sql, optional } of this.dialect.begin(this.#timeoutMs, this.#version)) {
      try {
        await transaction.executeRaw(queryOf({ sql, args: [] }));
      } catch (error) {
        if (!optional) throw error;
      }
    }
  }
}

function queryOf({ sql, args }: Statement): Query {
  return { sql, args, argTypes: args.map(() => ({ scalarType: 'string', arity: 'scalar' })) };
}
