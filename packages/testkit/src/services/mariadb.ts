import { requireDockerEngine } from './docker-engine.ts';
import { startLocalMariadb } from './local-mariadb.ts';
import {
  type ServiceEnvironment,
  type ServiceOptions,
  type ServiceSource,
  SourceUnavailable,
  startFirst,
} from './service-source.ts';
import { type DatabaseStatements, withDatabases } from './throwaway-databases.ts';

/** A MariaDB server for one test run. */
export interface MariadbService {
  /** Connection string of an administrator, to the server's own database; it begins with `mariadb://`. */
  readonly url: string;
  readonly source: ServiceSource;
  /**
   * The server's data folder, where the server runs on this machine. Leak tests scan it after
   * `SET GLOBAL innodb_log_checkpoint_now = ON`; before that, rows may be in the server's memory alone.
   */
  readonly dataDirectory?: string;
  /**
   * Makes an empty database of text in UTF-8 (utf8mb4, collation utf8mb4_unicode_ci, as Prisma's migrations make it) and
   * resolves to its connection string. It is dropped when the service stops.
   */
  createDatabase(): Promise<string>;
  /** Stops the server, or drops what was made on a server that was given by URL. A second call does nothing. */
  stop(): Promise<void>;
}

/** A running server, before databases are made on it. */
type RunningMariadb = Omit<MariadbService, 'createDatabase'>;

const ADVICE =
  'Install MariaDB (Debian: apt-get install mariadb-server-core; macOS: brew install mariadb), or name its program mariadbd in ' +
  'TEST_MARIADB_BIN, or a server in TEST_MARIADB_URL, or start a container engine. On Debian `npm test` unpacks one by itself unless ' +
  'TEST_SERVICES_INSTALL=never.';

/**
 * Starts a throwaway MariaDB server: TEST_MARIADB_URL, else a container where an engine is announced, else programs of this
 * machine. TEST_SERVICES forces one of the three.
 *
 * @throws FieldsealTestError that says why each source failed and what to install
 *
 * @example
 * ```ts
 * const mariadb = await startMariadb();
 * const url = await mariadb.createDatabase();
 * // …
 * await mariadb.stop();
 * ```
 */
export async function startMariadb(options: ServiceOptions = {}): Promise<MariadbService> {
  const env = options.env ?? process.env;
  const running = await startFirst<RunningMariadb>(
    'MariaDB',
    [
      { source: 'url', start: () => givenMariadb(env) },
      { source: 'docker', start: () => containedMariadb(env) },
      { source: 'local', start: async () => ({ source: 'local', ...(await startLocalMariadb(env)) }) },
    ],
    env,
    ADVICE,
  );
  return withDatabases(running, STATEMENTS);
}

async function givenMariadb(env: ServiceEnvironment): Promise<RunningMariadb> {
  const given = env['TEST_MARIADB_URL'];
  if (!given) throw new SourceUnavailable('TEST_MARIADB_URL is not set');
  const url = given.replace(/^mysql:/, 'mariadb:');
  await execute(url, 'SELECT 1');
  return { url, source: 'url', stop: async () => {} };
}

async function containedMariadb(env: ServiceEnvironment): Promise<RunningMariadb> {
  requireDockerEngine(env);
  const [{ MariaDbContainer }, { Wait }] = await Promise.all([
    import('@testcontainers/mariadb'),
    import('testcontainers'),
  ]);
  // The image starts its server twice, first without network as port 0. Health checks are not asked: some engines never run them.
  const container = await new MariaDbContainer(env['TEST_MARIADB_IMAGE'] || 'mariadb:11.4')
    .withWaitStrategy(Wait.forLogMessage(/port: 3306/))
    .start();
  const stop = async (): Promise<void> => {
    await container.stop();
  };
  return { url: container.getConnectionUri(true), source: 'docker', stop };
}

const STATEMENTS: DatabaseStatements = {
  create: (name) => `CREATE DATABASE ${name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci`,
  drop: (name) => `DROP DATABASE ${name}`,
  execute,
};

/** Runs one statement of ours on a connection of its own. */
async function execute(url: string, statement: string): Promise<void> {
  const { createConnection } = await import('mariadb');
  const { hostname, port, username, password } = new URL(url);
  // In parts: the driver repeats a connection string that it cannot read, password included, in its error.
  const connection = await createConnection({
    host: hostname,
    port: Number(port || 3306),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
  });
  try {
    await connection.query(statement);
  } finally {
    await connection.end();
  }
}
