import { Pool } from 'pg';

/**
 * A pool of pg that outlives its server. A server that stops tells the idle connections, which pg hands to the pool's `error` event; without a listener
 * that ends the process. `end()` does not help: it resolves before the sockets are closed, so that a server may be stopped in between. A query that
 * fails still rejects.
 *
 * @param url connection string, as {@link PostgresService.createDatabase} gives it
 * @param max the most connections at a time
 * @see https://node-postgres.com/apis/pool#error
 */
export function postgresPool(url: string, max = 8): Pool {
  const pool = new Pool({ connectionString: url, max });
  pool.on('error', () => undefined);
  return pool;
}
