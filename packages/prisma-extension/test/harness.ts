import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, generateRawKey, type Keyring, keyringMemory, rawKey } from '@fieldseal/core';
import { startPostgres } from '@fieldseal/testkit';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type EncryptionOptions, encryption } from '../src/index.ts';
import { PrismaClient as PostgresClient } from './generated/postgresql-client/client.ts';
import { PrismaClient } from './generated/sqlite-client/client.ts';

/** Databases and client generators that the extension is tested with. */
export const TARGETS = [
  { database: 'sqlite', generator: 'client' },
  { database: 'sqlite', generator: 'js' },
  { database: 'postgresql', generator: 'client' },
  { database: 'postgresql', generator: 'js' },
] as const;

/** One database with one client generator. */
export type Target = (typeof TARGETS)[number];

/** All clients have the models of the same schema, so that the SQLite one lends its type. */
export type Client = PrismaClient;

/** A database with its schema, empty. */
export interface TestDatabase {
  /** A client without the extension. */
  readonly plain: Client;
  /** A client with it, on the same database. */
  readonly db: Client;
  readonly keyring: Keyring;
  /** SQL statements that were sent, with their parameters, since the last call of `clear`. */
  readonly statements: { readonly query: string; readonly params: string }[];
  /** Folder with everything that the database wrote; undefined when its server runs elsewhere. */
  readonly folder: string | undefined;
  /** Another extended client over the same database. */
  extend(options: EncryptionOptions): Client;
  /** Rows as the database holds them. */
  raw(sql: string): Promise<Record<string, unknown>[]>;
  /** Deletes all rows. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);

/** Generated `prisma-client-js` clients are CommonJS. */
const JS_CLIENTS: Record<Target['database'], { PrismaClient: typeof PrismaClient; Prisma: object }> = {
  sqlite: require('./generated/sqlite-js/index.js'),
  postgresql: require('./generated/postgresql-js/index.js'),
};

let postgres: ReturnType<typeof startPostgres> | undefined;

/** Stops the PostgreSQL server of this test file, if it was started. */
export async function stopServers(): Promise<void> {
  await (await postgres)?.stop();
  postgres = undefined;
}

export function freshKeyring(): Promise<Keyring> {
  return createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] }).then(
    ({ keyring }) => keyring,
  );
}

export async function openDatabase(target: Target, options: EncryptionOptions = {}): Promise<TestDatabase> {
  const ddl = readFileSync(new URL(`./schemas/${target.database}/schema.sql`, import.meta.url), 'utf8');
  const { adapter, folder, dispose } = target.database === 'sqlite' ? sqlite() : await postgresql(ddl);
  const Constructor = clientOf(target);
  const statements: { query: string; params: string }[] = [];
  const make = () => new Constructor({ adapter, log: [{ emit: 'event', level: 'query' }] });
  const plain = make();
  const base = make();
  base.$on('query', ({ query, params }) => statements.push({ query, params }));
  if (target.database === 'sqlite') {
    for (const statement of ddl.split(/;\s*$/m)) if (statement.trim() !== '') await plain.$executeRawUnsafe(statement);
  }
  const keyring = await freshKeyring();
  const extend = (given: EncryptionOptions) => base.$extends(encryption(given)) as Client;
  return {
    plain,
    db: extend({ keyring, ...options }),
    keyring,
    statements,
    folder,
    extend,
    raw: (sql) => plain.$queryRawUnsafe(sql),
    clear: async () => {
      await plain.comment.deleteMany();
      await plain.post.deleteMany();
      await plain.user.deleteMany();
      await plain.org.deleteMany();
      await plain.tag.deleteMany();
      await plain.page.deleteMany();
      await plain.book.deleteMany();
      await plain.shelf.deleteMany();
    },
    close: async () => {
      await Promise.all([plain.$disconnect(), base.$disconnect()]);
      await dispose();
      keyring.close();
    },
  };
}

/** Matches a typed error of this code. */
export const typedError = (code: string) => expect.objectContaining({ name: 'FieldsealError', code });

/** One database for all tests of the enclosing block, emptied before each. */
export function useDatabase(target: Target): { readonly current: TestDatabase } {
  let test: TestDatabase | undefined;
  beforeAll(async () => {
    test = await openDatabase(target);
  });
  beforeEach(() => test?.clear());
  afterAll(() => test?.close());
  return {
    get current() {
      return test ?? expect.unreachable('the database is open in tests only');
    },
  };
}

/** The `Prisma` namespace of a target: DbNull and its like. */
export async function namespaceOf(
  target: Target,
): Promise<typeof import('./generated/sqlite-client/client.ts').Prisma> {
  if (target.generator === 'js')
    return JS_CLIENTS[target.database].Prisma as typeof import('./generated/sqlite-client/client.ts').Prisma;
  return (await import('./generated/sqlite-client/client.ts')).Prisma;
}

/** Prisma.skip of a target. The namespace shows it under a preview feature only, the runtime always has it. */
export function skipOf({ database, generator }: Target): undefined {
  return generator === 'js'
    ? require(`./generated/${database}-js/runtime/client.js`).skip
    : require('@prisma/client/runtime/client').skip;
}

function clientOf({ database, generator }: Target): typeof PrismaClient {
  if (generator === 'js') return JS_CLIENTS[database].PrismaClient;
  return database === 'sqlite' ? PrismaClient : (PostgresClient as unknown as typeof PrismaClient);
}

interface Opened {
  readonly adapter: PrismaLibSql | PrismaPg;
  readonly folder: string | undefined;
  readonly dispose: () => Promise<void>;
}

function sqlite(): Opened {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-test-'));
  const adapter = new PrismaLibSql({ url: `file:${join(folder, 'test.db')}` });
  return { adapter, folder, dispose: async () => rmSync(folder, { recursive: true, force: true }) };
}

async function postgresql(ddl: string): Promise<Opened> {
  postgres ??= startPostgres();
  const { createDatabase, dataDirectory: folder } = await postgres;
  const connectionString = await createDatabase();
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(ddl);
  await client.end();
  return { adapter: new PrismaPg({ connectionString }), folder, dispose: async () => {} };
}
