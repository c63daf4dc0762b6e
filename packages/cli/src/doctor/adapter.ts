/**
 * The driver adapter of the application, found where the application would find it: doctor brings no driver of its own.
 *
 * @module
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DatabaseProblem } from './database-problem.ts';

/** The part of a Prisma driver adapter that is used. */
export interface Adapter extends Queryable {
  startTransaction(): Promise<AdapterTransaction>;
  dispose(): Promise<void>;
}

/** A transaction of an adapter. */
export interface AdapterTransaction extends Queryable {
  readonly options: { readonly usePhantomQuery: boolean };
  rollback(): Promise<void>;
}

/** What runs SQL. */
export interface Queryable {
  queryRaw(query: Query): Promise<{
    readonly columnNames: readonly string[];
    readonly rows: readonly (readonly unknown[])[];
  }>;
  executeRaw(query: Query): Promise<number>;
}

/** A statement as adapters take it. */
export interface Query {
  readonly sql: string;
  readonly args: readonly unknown[];
  readonly argTypes: readonly { readonly scalarType: 'string' | 'bigint'; readonly arity: 'scalar' }[];
}

type AdapterFactory = new (...args: readonly unknown[]) => { connect(): Promise<Adapter> };

interface AdapterPackage {
  readonly name: string;
  readonly exported: string;
  /** URLs that it serves; by default all of its provider. */
  readonly serves?: RegExp;
  args(url: string): readonly unknown[];
}

/** A server that does not answer is given up after this time. */
const CONNECT_MS = 5_000;

/** Packages that can serve a provider, the preferred first. */
const PACKAGES: Readonly<Record<string, readonly AdapterPackage[]>> = {
  postgresql: [
    {
      name: '@prisma/adapter-pg',
      exported: 'PrismaPg',
      args: (url) => [{ connectionString: url, connectionTimeoutMillis: CONNECT_MS, max: 1 }],
    },
  ],
  mysql: [
    // The text protocol, because servers before MariaDB 10.6 prepare no START TRANSACTION.
    {
      name: '@prisma/adapter-mariadb',
      exported: 'PrismaMariaDb',
      args: (url) => [mariadbUrl(url), { useTextProtocol: true }],
    },
  ],
  sqlite: [
    {
      name: '@prisma/adapter-better-sqlite3',
      exported: 'PrismaBetterSqlite3',
      serves: /^file:/,
      args: (url) => [{ url }],
    },
    { name: '@prisma/adapter-libsql', exported: 'PrismaLibSql', args: (url) => [{ url }] },
  ],
};

/** Providers whose databases doctor reads. */
export const PROVIDERS: readonly string[] = Object.keys(PACKAGES);

/** Provider of a schema by its usual name. */
export function providerOf({ provider }: { readonly provider: string }): string {
  return provider === 'postgres' ? 'postgresql' : provider;
}

/**
 * Connects to a database by an adapter of the project. Nothing is created: an SQLite file that is not there is a problem.
 *
 * @param project - folder whose node_modules is looked into
 * @throws DatabaseProblem
 */
export async function connect(provider: string, url: string, project: string): Promise<Adapter> {
  const fitting = (PACKAGES[provider] ?? []).filter(({ serves }) => serves?.test(url) ?? true);
  const require = createRequire(resolve(project, 'package.json'));
  for (const { name, exported, args } of fitting) {
    const path = resolved(require, name);
    if (path === null) continue;
    const given = provider === 'sqlite' ? existingFile(url, project) : url;
    try {
      const Factory = (require(path) as Readonly<Record<string, AdapterFactory>>)[exported];
      if (Factory === undefined) throw new DatabaseProblem('adapter', `${name} has no ${exported}`);
      return await new Factory(...args(given)).connect();
    } catch (error) {
      throw DatabaseProblem.of(error);
    }
  }
  throw new DatabaseProblem(
    'adapter',
    `none of these driver adapters is installed: ${fitting.map(({ name }) => name).join(', ')}`,
  );
}

/** The URL with a bound on the time to connect, where it says none. */
function mariadbUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  const bounds = { connectTimeout: CONNECT_MS, acquireTimeout: CONNECT_MS, connectionLimit: 1 };
  for (const [name, value] of Object.entries(bounds))
    if (!url.searchParams.has(name)) url.searchParams.set(name, String(value));
  return url.href;
}

function resolved(require: NodeJS.Require, name: string): string | null {
  try {
    return require.resolve(name);
  } catch {
    return null;
  }
}

/** The URL with an absolute path: drivers would make the file, and take the path from the folder that doctor runs in. */
function existingFile(url: string, project: string): string {
  if (!url.startsWith('file:')) return url;
  const [path = ''] = url.startsWith('file://') ? [fileURLToPath(url)] : url.slice('file:'.length).split('?');
  const absolute = isAbsolute(path) ? path : resolve(project, path);
  if (!existsSync(absolute)) throw new DatabaseProblem('unreachable', 'the SQLite file is not there');
  return `file:${absolute}`;
}
