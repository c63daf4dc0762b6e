import { FieldsealError, type KeyStore, type SqlDialect, type SqlKeyStoreOptions, sqlKeyStore } from '@fieldseal/core';
import { inlineSchemaOf } from './client-internals.ts';
import { parseInlineSchema } from './schema/inline-schema.ts';

/** The part of a Prisma client that is used; the client of an interactive transaction has it too. */
export interface PrismaSqlClient {
  $queryRawUnsafe<Rows = unknown>(sql: string, ...values: unknown[]): PromiseLike<Rows>;
  $executeRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<number>;
}

/** Options of {@link prismaKeyStore}. */
export interface PrismaKeyStoreOptions extends SqlKeyStoreOptions {
  /** Provider of the datasource; by default what the client says. */
  readonly provider?: 'postgresql' | 'mysql' | 'sqlite';
}

const DIALECTS: Readonly<Record<string, SqlDialect>> = {
  postgresql: 'postgresql',
  postgres: 'postgresql',
  mysql: 'mysql',
  sqlite: 'sqlite',
};

/** Native types of the columns id, scope and record. */
const TYPES: Readonly<Record<SqlDialect, readonly [id: string, text: string]>> = {
  postgresql: [' @db.VarChar(80)', ''],
  mysql: [' @db.VarChar(80)', ' @db.LongText'],
  sqlite: ['', ''],
};

/** The model of schema.prisma whose table the store uses, so that Prisma's migrations make and keep it. */
export function prismaKeyModel(provider: SqlDialect): string {
  const [id, text] = TYPES[provider];
  const lines = [`id String @id${id}`, `scope String${text}`, 'generation BigInt', `record String?${text}`];
  return `model FieldsealKey {\n${lines.map((line) => `  ${line}\n`).join('')}\n  @@map("fieldseal_key")\n}`;
}

/**
 * A key store in the table of the model `FieldsealKey` (see {@link prismaKeyModel}), on the application's own client, or on that of one
 * interactive transaction: then nothing stays if it is rolled back, and a keyring over it must not be used any longer than the transaction.
 *
 * @throws ERR_OPTIONS for a database that is not served
 *
 * @example
 * ```ts
 * const base = new PrismaClient({ adapter });
 * const keyring = await openKeyring({ storage, openers, keyStore: prismaKeyStore(base) });
 * const prisma = base.$extends(encryption({ keyring }));
 * ```
 */
export function prismaKeyStore(client: PrismaSqlClient, options: PrismaKeyStoreOptions = {}): KeyStore {
  const { provider, ...rest } = options;
  const dialect = DIALECTS[provider ?? providerOf(client)];
  if (dialect === undefined)
    throw new FieldsealError('ERR_OPTIONS', 'key stores are served on PostgreSQL, MySQL, MariaDB and SQLite', {
      hint: 'If the database is one of these, name it: prismaKeyStore(client, { provider }).',
    });
  return sqlKeyStore(
    {
      dialect,
      rows: async (sql, values) => client.$queryRawUnsafe(sql, ...values),
      execute: async (sql, values) => client.$executeRawUnsafe(sql, ...values),
    },
    rest,
  );
}

function providerOf(client: object): string {
  const schema = inlineSchemaOf(client);
  return schema === null ? '' : parseInlineSchema(schema).provider;
}
