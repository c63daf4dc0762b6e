import { FieldsealError } from '@fieldseal/core';
import type { SqlDatabase, SqlDialect, SqlSession } from '@fieldseal/core/jobs';
import { inlineSchemaOf } from '../client-internals.ts';
import { modelTable } from './model-table.ts';
import { SqlRowSource } from './sql-row-source.ts';

/** What runs raw SQL in a Prisma client. */
interface RawQueries {
  $queryRawUnsafe(sql: string, ...args: readonly unknown[]): PromiseLike<unknown>;
  $executeRawUnsafe(sql: string, ...args: readonly unknown[]): PromiseLike<number>;
}

/** A Prisma client as jobs use it: without the extension, and without a guard below it, which refuses SQL that it cannot follow. */
export interface PrismaClientLike extends RawQueries {
  $transaction<T>(
    work: (client: RawQueries) => Promise<T>,
    options: { readonly maxWait: number; readonly timeout: number },
  ): Promise<T>;
}

/** A batch takes a fraction of a second; a transaction that hangs must not hold rows for ever. */
const TRANSACTION = { maxWait: 10_000, timeout: 60_000 } as const;

/** The database behind a Prisma client, for jobs. */
export function prismaDatabase(client: PrismaClientLike, dialect: SqlDialect): SqlDatabase {
  return {
    dialect,
    ...session(client),
    transaction: (work) => client.$transaction((tx) => work(session(tx)), TRANSACTION),
  };
}

/** Options of {@link prismaRows}. */
export interface PrismaRowsOptions {
  /** Encrypted fields to work on; all of the model by default. */
  readonly fields?: readonly string[];
  /** Text of the schema until now, where `reencrypt` changes how cells are written. */
  readonly before?: string;
  /** The scope whose rows alone are meant, of a model with `@scope`. */
  readonly scope?: string;
  /** Text of the schema; the client's own by default. */
  readonly schema?: string;
}

/**
 * The rows of a model, for a job.
 *
 * @param client - a Prisma client without the extension
 * @throws ERR_OPTIONS for a model or field that is not encrypted, ERR_SCHEMA when the client does not carry its schema
 * @example
 * ```ts
 * const jobs = new JobEngine({ source: prismaRows(plain, 'Patient'), keys: keyring });
 * ```
 */
export function prismaRows(client: PrismaClientLike, model: string, options: PrismaRowsOptions = {}): SqlRowSource {
  const schema = options.schema ?? inlineSchemaOf(client);
  if (schema === null)
    throw new FieldsealError('ERR_SCHEMA', 'the Prisma client does not carry its schema', {
      hint: 'Give its text as `schema`.',
    });
  const table = modelTable({ schema, model, fields: options.fields, before: options.before });
  return new SqlRowSource(prismaDatabase(client, table.dialect), table, options.scope);
}

function session(queries: RawQueries): SqlSession {
  return {
    query: async (sql, args) => {
      const rows = (await queries.$queryRawUnsafe(sql, ...args)) as readonly Readonly<Record<string, string | null>>[];
      return rows.map((row) => Object.values(row));
    },
    execute: async (sql, args) => queries.$executeRawUnsafe(sql, ...args),
  };
}
