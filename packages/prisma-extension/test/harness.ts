import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, generateRawKey, type Keyring, keyringMemory, rawKey } from '@fieldseal/core';
import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { type EncryptedClient, type EncryptionOptions, encryption } from '../src/index.ts';
import { PrismaClient as MysqlClient } from './generated/mysql-client/client.ts';
import { PrismaClient as PostgresClient } from './generated/postgresql-client/client.ts';
import { PrismaClient } from './generated/sqlite-client/client.ts';

/** Databases and client generators that the extension is tested with. */
export const TARGETS = [
  { database: 'sqlite', generator: 'client' },
  { database: 'sqlite', generator: 'js' },
  { database: 'postgresql', generator: 'client' },
  { database: 'postgresql', generator: 'js' },
  { database: 'mysql', generator: 'client' },
  { database: 'mysql', generator: 'js' },
] as const;

/** One database with one client generator. */
export type Target = (typeof TARGETS)[number];

/** Prisma has createManyAndReturn and updateManyAndReturn on these: MySQL has no RETURNING. */
export const RETURNING_TARGETS = TARGETS.filter(({ database }) => database !== 'mysql');

/** All clients have the models of the same schema, so that the SQLite one lends its type. */
export type Client = PrismaClient;

/** A database with its schema, empty. */
export interface TestDatabase {
  /** A client without the extension. */
  readonly plain: Client;
  /** A client with it, on the same database. */
  readonly db: EncryptedClient<Client>;
  readonly keyring: Keyring;
  /** SQL statements that were sent, with their parameters, since the last call of `clear`. */
  readonly statements: { readonly query: string; readonly params: string }[];
  /** Folder with everything that the database wrote; undefined when its server runs elsewhere. */
  readonly folder: string | undefined;
  /** Another extended client over the same database, where `client` holds options of Prisma's client, behind another extension. */
  extend(options: EncryptionOptions, client?: object, before?: object): EncryptedClient<Client>;
  /** Rows as the database holds them. Names are in double quotes on every database. */
  raw(sql: string): Promise<Record<string, unknown>[]>;
  /** Makes the database write all that it holds to the files in `folder`. */
  flush(): Promise<void>;
  /** Deletes all rows. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);

/** Generated `prisma-client-js` clients are CommonJS. */
const JS_CLIENTS: Record<Target['database'], { PrismaClient: typeof PrismaClient; Prisma: object }> = {
  sqlite: require('./generated/sqlite-js/index.js'),
  postgresql: require('./generated/postgresql-js/index.js'),
  mysql: require('./generated/mysql-js/index.js'),
};

const CLIENTS: Record<Target['database'], typeof PrismaClient> = {
  sqlite: PrismaClient,
  postgresql: PostgresClient as unknown as typeof PrismaClient,
  mysql: MysqlClient as unknown as typeof PrismaClient,
};

/** Statements that make a database write its memory to its files. */
const FLUSH: Record<Target['database'], string | undefined> = {
  sqlite: undefined,
  postgresql: 'CHECKPOINT',
  mysql: 'SET GLOBAL innodb_log_checkpoint_now = ON',
};

let postgres: ReturnType<typeof startPostgres> | undefined;
let mariadb: ReturnType<typeof startMariadb> | undefined;

/** Stops the servers of this test file that were started. */
export async function stopServers(): Promise<void> {
  await Promise.all([postgres, mariadb].map(async (service) => (await service)?.stop()));
  postgres = undefined;
  mariadb = undefined;
}

export function freshKeyring(): Promise<Keyring> {
  return createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] }).then(
    ({ keyring }) => keyring,
  );
}

export async function openDatabase(target: Target, options: EncryptionOptions = {}): Promise<TestDatabase> {
  const ddl = readFileSync(new URL(`./schemas/${target.database}/schema.sql`, import.meta.url), 'utf8');
  const { adapter, folder, dispose } = await OPEN[target.database](ddl);
  const Constructor = clientOf(target);
  const statements: { query: string; params: string }[] = [];
  const make = (more: object = {}) => new Constructor({ adapter, log: [{ emit: 'event', level: 'query' }], ...more });
  const plain = make();
  const base = make();
  base.$on('query', ({ query, params }) => statements.push({ query, params }));
  if (target.database !== 'postgresql') {
    for (const statement of ddl.split(/;\s*$/m)) if (statement.trim() !== '') await plain.$executeRawUnsafe(statement);
  }
  const keyring = await freshKeyring();
  const extend = (given: EncryptionOptions, client?: object, before: object = {}) =>
    (client === undefined ? base : make(client))
      .$extends(before)
      .$extends(encryption(given)) as unknown as EncryptedClient<Client>;
  return {
    plain,
    db: extend({ keyring, ...options }),
    keyring,
    statements,
    folder,
    extend,
    // Not by ANSI_QUOTES: the server runs in the mode that applications find.
    raw: (sql) => plain.$queryRawUnsafe(target.database === 'mysql' ? sql.replaceAll('"', '`') : sql),
    flush: async () => {
      const statement = FLUSH[target.database];
      if (statement !== undefined) await plain.$executeRawUnsafe(statement);
    },
    clear: async () => {
      await plain.comment.deleteMany();
      await plain.post.deleteMany();
      await plain.user.deleteMany();
      await plain.org.deleteMany();
      await plain.tag.deleteMany();
      await plain.page.deleteMany();
      await plain.book.deleteMany();
      await plain.shelf.deleteMany();
      await plain.plain.deleteMany();
      await plain.typed.deleteMany();
      await plain.sealed.deleteMany();
      await plain.moving.deleteMany();
      await plain.searched.deleteMany();
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
  return CLIENTS[database];
}

interface Opened {
  readonly adapter: PrismaLibSql | PrismaPg | PrismaMariaDb;
  readonly folder: string | undefined;
  readonly dispose: () => Promise<void>;
}

/** Opens an empty database; PostgreSQL with its schema. */
const OPEN: Record<Target['database'], (ddl: string) => Promise<Opened>> = { sqlite, postgresql, mysql };

async function sqlite(): Promise<Opened> {
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

async function mysql(): Promise<Opened> {
  mariadb ??= startMariadb();
  const { createDatabase, dataDirectory: folder } = await mariadb;
  return { adapter: new PrismaMariaDb(await createDatabase()), folder, dispose: async () => {} };
}
