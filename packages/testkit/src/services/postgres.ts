import { requireDockerEngine } from './docker-engine.ts';
import { startLocalPostgres } from './local-postgres.ts';
import { executeOnPostgres, POSTGRES_STATEMENTS } from './postgres-statements.ts';
import {
  type ServiceEnvironment,
  type ServiceOptions,
  type ServiceSource,
  SourceUnavailable,
  startFirst,
} from './service-source.ts';
import { withDatabases } from './throwaway-databases.ts';

/** A PostgreSQL server for one test run. */
export interface PostgresService {
  /** Connection string of an administrator, to the maintenance database. */
  readonly url: string;
  readonly source: ServiceSource;
  /**
   * The server's data folder, where the server runs on this machine. Leak tests scan it after a `CHECKPOINT`; before one,
   * rows may be in the server's memory alone.
   */
  readonly dataDirectory?: string;
  /** Makes an empty database and resolves to its connection string. It is dropped when the service stops. */
  createDatabase(): Promise<string>;
  /** Stops the server, or drops what was made on a server that was given by URL. A second call does nothing. */
  stop(): Promise<void>;
}

/** A running server, before databases are made on it. */
type RunningPostgres = Omit<PostgresService, 'createDatabase'>;

const ADVICE =
  'Install PostgreSQL (Debian: apt-get install postgresql; macOS: brew install postgresql), or name a folder with its programs in ' +
  'TEST_POSTGRES_BIN, or a server in TEST_POSTGRES_URL, or start a container engine.';

/**
 * Starts a throwaway PostgreSQL server: TEST_POSTGRES_URL, else a container where an engine is announced, else programs of
 * this machine. TEST_SERVICES forces one of the three.
 *
 * @throws FieldsealTestError that says why each source failed and what to install
 *
 * @example
 * ```ts
 * const postgres = await startPostgres();
 * const url = await postgres.createDatabase();
 * // …
 * await postgres.stop();
 * ```
 */
export async function startPostgres(options: ServiceOptions = {}): Promise<PostgresService> {
  const env = options.env ?? process.env;
  const running = await startFirst<RunningPostgres>(
    'PostgreSQL',
    [
      { source: 'url', start: () => givenPostgres(env) },
      { source: 'docker', start: () => containedPostgres(env) },
      { source: 'local', start: async () => ({ source: 'local', ...(await startLocalPostgres(env)) }) },
    ],
    env,
    ADVICE,
  );
  return withDatabases(running, POSTGRES_STATEMENTS);
}

async function givenPostgres(env: ServiceEnvironment): Promise<RunningPostgres> {
  const url = env['TEST_POSTGRES_URL'];
  if (!url) throw new SourceUnavailable('TEST_POSTGRES_URL is not set');
  await executeOnPostgres(url, 'SELECT 1');
  return { url, source: 'url', stop: async () => {} };
}

async function containedPostgres(env: ServiceEnvironment): Promise<RunningPostgres> {
  requireDockerEngine(env);
  const [{ PostgreSqlContainer }, { Wait }] = await Promise.all([
    import('@testcontainers/postgresql'),
    import('testcontainers'),
  ]);
  // The image starts its server twice, and only the second start listens on the network. Health checks are not asked: some
  // engines never run them.
  const container = await new PostgreSqlContainer(env['TEST_POSTGRES_IMAGE'] || 'postgres:17')
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/, 2))
    .start();
  const stop = async (): Promise<void> => {
    await container.stop();
  };
  return { url: container.getConnectionUri(), source: 'docker', stop };
}
