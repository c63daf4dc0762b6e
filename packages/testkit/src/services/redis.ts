import { connect } from 'node:net';
import { requireDockerEngine } from './docker-engine.ts';
import { startLocalRedis } from './local-redis.ts';
import { once } from './once.ts';
import {
  type ServiceEnvironment,
  type ServiceOptions,
  type ServiceSource,
  SourceUnavailable,
  startFirst,
} from './service-source.ts';

/** A Redis server for one test run. */
export interface RedisService {
  /** Connection string, as Redis clients take it. */
  readonly url: string;
  readonly source: ServiceSource;
  /** Stops the server, unless it was given by URL. A second call does nothing. */
  stop(): Promise<void>;
}

/** Options of {@link startRedis}. */
export interface RedisOptions extends ServiceOptions {
  /** Further arguments of redis-server: a cluster node's, say. Only a program of this machine takes them. */
  readonly args?: readonly string[];
}

const ADVICE =
  'Install Redis (Debian: apt-get install redis-server; macOS: brew install redis), or name its program in TEST_REDIS_BIN, or a server ' +
  'in TEST_REDIS_URL, or start a container engine. On Debian `npm test` unpacks one by itself unless TEST_SERVICES_INSTALL=never.';

/**
 * Starts a throwaway Redis server: TEST_REDIS_URL, else a container where an engine is announced, else a program of this
 * machine. TEST_SERVICES forces one of the three. A server that was given by URL is not emptied: use a key prefix per test.
 *
 * @throws FieldsealTestError that says why each source failed and what to install
 */
export async function startRedis(options: RedisOptions = {}): Promise<RedisService> {
  const { args } = options;
  const env = { ...(options.env ?? process.env), ...(args !== undefined && { TEST_SERVICES: 'local' }) };
  return startFirst<RedisService>(
    'Redis',
    [
      { source: 'url', start: () => givenRedis(env) },
      { source: 'docker', start: () => containedRedis(env) },
      { source: 'local', start: async () => ({ source: 'local', ...(await startLocalRedis(env, args)) }) },
    ],
    env,
    ADVICE,
  );
}

async function givenRedis(env: ServiceEnvironment): Promise<RedisService> {
  const url = env['TEST_REDIS_URL'];
  if (!url) throw new SourceUnavailable('TEST_REDIS_URL is not set');
  await reach(new URL(url));
  return { url, source: 'url', stop: async () => {} };
}

async function containedRedis(env: ServiceEnvironment): Promise<RedisService> {
  requireDockerEngine(env);
  const [{ RedisContainer }, { Wait }] = await Promise.all([import('@testcontainers/redis'), import('testcontainers')]);
  const container = await new RedisContainer(env['TEST_REDIS_IMAGE'] || 'redis:7')
    .withWaitStrategy(Wait.forLogMessage(/Ready to accept connections/))
    .start();
  const stop = once(async () => {
    await container.stop();
  });
  return { url: container.getConnectionUrl(), source: 'docker', stop };
}

/** Rejects if nothing listens there. The password, if any, is the client's affair. */
function reach(url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(url.port || 6379), url.hostname, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}
