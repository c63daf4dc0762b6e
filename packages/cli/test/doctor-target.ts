import { join } from 'node:path';
import { type MariadbService, type PostgresService, startMariadb, startPostgres } from '@fieldseal/testkit';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaPg } from '@prisma/adapter-pg';
import type { Project, Provider } from './doctor-project.ts';

/** A database with the tables of the application. */
export interface Target {
  readonly url: string;
  /** Runs a statement. Names stand in double quotes, and bytes as X'…', on every database. */
  run(sql: string): Promise<void>;
  /** Rows of a SELECT. */
  rows(sql: string): Promise<readonly (readonly unknown[])[]>;
  /** Makes the healthy table anew, empty. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

const servers: { postgresql?: Promise<PostgresService>; mysql?: Promise<MariadbService> } = {};

/** Starts the server of a kind of database. Before a project changes the working directory, from which local servers are looked for. */
export async function startServer(provider: Provider): Promise<void> {
  if (provider === 'postgresql') servers.postgresql ??= startPostgres();
  if (provider === 'mysql') servers.mysql ??= startMariadb();
  await Promise.all(Object.values(servers));
}

/** Stops the servers of this test file. */
export async function stopServers(): Promise<void> {
  await Promise.all(Object.values(servers).map(async (service) => (await service).stop()));
}

/** Types of the columns. */
const TYPES: Readonly<Record<Provider, Readonly<Record<'text' | 'id' | 'term' | 'bytes' | 'json', string>>>> = {
  sqlite: { text: 'TEXT', id: 'TEXT', term: 'TEXT', bytes: 'BLOB', json: 'JSONB' },
  postgresql: { text: 'TEXT', id: 'TEXT', term: 'TEXT', bytes: 'BYTEA', json: 'JSONB' },
  mysql: { text: 'TEXT', id: 'VARCHAR(191)', term: 'VARCHAR(191)', bytes: 'LONGBLOB', json: 'JSON' },
};

/** Opens an empty database of the kind; its server was started. */
export async function openTarget(provider: Provider, project: Project, at?: string): Promise<Target> {
  const url = at ?? (await urlOf(provider, project));
  const adapter = await factory(provider, url).connect();
  const run = async (sql: string): Promise<void> => {
    await adapter.executeRaw({ sql: spelled(provider, sql), args: [], argTypes: [] });
  };
  const { text, id, term, bytes, json } = TYPES[provider];
  return {
    url,
    run,
    rows: async (sql) => (await adapter.queryRaw({ sql: spelled(provider, sql), args: [], argTypes: [] })).rows,
    reset: async () => {
      await run('DROP TABLE IF EXISTS "patients"');
      await run(
        `CREATE TABLE "patients" ("patient_id" ${id} NOT NULL PRIMARY KEY, "email" ${text}, "email_index" ${term}, "phone" ${text}, ` +
          `"phoneIndex" ${term}, "note" ${text}, "photo" ${bytes}, "profile" ${json})`,
      );
      await run('CREATE UNIQUE INDEX "email_key" ON "patients" ("email_index")');
      await run('CREATE INDEX "phone_idx" ON "patients" ("phoneIndex")');
    },
    close: () => adapter.dispose(),
  };
}

async function urlOf(provider: Provider, { folder }: Project): Promise<string> {
  if (provider === 'sqlite') return `file:${join(folder, 'test.db')}`;
  const server = await servers[provider];
  if (server === undefined) throw new Error('startServer comes first');
  return server.createDatabase();
}

function factory(provider: Provider, url: string): PrismaLibSql | PrismaPg | PrismaMariaDb {
  if (provider === 'sqlite') return new PrismaLibSql({ url });
  return provider === 'mysql' ? new PrismaMariaDb(url) : new PrismaPg({ connectionString: url });
}

function spelled(provider: Provider, sql: string): string {
  if (provider === 'mysql') return sql.replace(/"(\w+)"(?=[\s,()=]|$)/g, '`$1`');
  return provider === 'postgresql' ? sql.replace(/X'([0-9a-f]*)'/g, "'\\x$1'") : sql;
}
