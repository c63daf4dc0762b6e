import type { SqlDatabase, SqlDialect, SqlSession } from '@fieldseal/core/jobs';

/** A statement as Prisma's driver adapters take it. */
interface AdapterQuery {
  readonly sql: string;
  readonly args: unknown[]; // not readonly, since theirs are not
  readonly argTypes: { readonly scalarType: 'string'; readonly arity: 'scalar' }[];
}

/** What runs SQL in a driver adapter. */
interface AdapterQueries {
  queryRaw(query: AdapterQuery): Promise<{ readonly rows: readonly (readonly unknown[])[] }>;
  executeRaw(query: AdapterQuery): Promise<number>;
}

/** A transaction of a driver adapter. */
interface AdapterTransaction extends AdapterQueries {
  /** Whether the adapter itself sends COMMIT and ROLLBACK. */
  readonly options: { readonly usePhantomQuery: boolean };
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

/** A connected driver adapter of Prisma. */
export interface AdapterLike extends AdapterQueries {
  startTransaction(): Promise<AdapterTransaction>;
}

/** The database behind a driver adapter, for jobs of programs without a generated client. */
export function adapterDatabase(adapter: AdapterLike, dialect: SqlDialect): SqlDatabase {
  return {
    dialect,
    ...session(adapter),
    transaction: async (work) => {
      const transaction = await adapter.startTransaction();
      const end = async (how: 'COMMIT' | 'ROLLBACK'): Promise<void> => {
        try {
          if (!transaction.options.usePhantomQuery) await transaction.executeRaw(queryOf(how, []));
        } finally {
          // This gives the connection back, whatever the database answered.
          await (how === 'COMMIT' ? transaction.commit() : transaction.rollback());
        }
      };
      try {
        const result = await work(session(transaction));
        await end('COMMIT');
        return result;
      } catch (error) {
        await end('ROLLBACK').catch(() => undefined); // the first error says what happened
        throw error;
      }
    },
  };
}

function session(queries: AdapterQueries): SqlSession {
  return {
    query: async (sql, args) =>
      (await queries.queryRaw(queryOf(sql, args))).rows as readonly (readonly (string | null)[])[],
    execute: (sql, args) => queries.executeRaw(queryOf(sql, args)),
  };
}

function queryOf(sql: string, args: readonly (string | null)[]): AdapterQuery {
  return { sql, args: [...args], argTypes: args.map(() => ({ scalarType: 'string', arity: 'scalar' })) };
}
