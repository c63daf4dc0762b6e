import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { newCluster, type PostgresCluster, serveCluster } from './local-postgres.ts';
import type { PostgresService } from './postgres.ts';
import { executeOnPostgres, POSTGRES_STATEMENTS } from './postgres-statements.ts';
import { scratchFolder } from './scratch-folder.ts';
import { giveTo } from './server-user.ts';
import type { ServiceOptions } from './service-source.ts';
import { tcpProxy } from './tcp-proxy.ts';
import { withDatabases } from './throwaway-databases.ts';

/** A PostgreSQL server with a standby that has every commit before it is acknowledged. Its URLs lead to the server that is primary now. */
export interface PostgresPair extends Omit<PostgresService, 'dataDirectory'> {
  /** Kills the primary as kill -9 does and promotes the standby. Resolves when that takes connections; connections are refused meanwhile. */
  failOver(): Promise<void>;
}

/** As on a real server, but for what a crash of the whole machine would cost. */
const SETTINGS = ['fsync=off', 'wal_level=replica'];

/**
 * Starts the pair from programs of this machine: a failover needs both servers in hand, so that no URL and no container can stand for them.
 *
 * @throws SourceUnavailable if there are no programs; Error if they fail
 */
export async function startPostgresPair({ env = process.env }: ServiceOptions = {}): Promise<PostgresPair> {
  const first = newCluster(env);
  const second = copied(first);
  // Named on the command line, so that the standby waits for none of its own once it is promoted.
  const primary = await serveCluster(first, [...SETTINGS, 'synchronous_standby_names=*']);
  const proxy = await tcpProxy(primary.port);
  const from = `primary_conninfo=host=127.0.0.1 port=${primary.port} user=postgres`;
  const standby = await serveCluster(second, [...SETTINGS, from], /ready to accept read-only connections/).catch(
    async (error: unknown) => {
      await Promise.all([proxy.close(), primary.stop()]);
      throw error;
    },
  );
  const pair = {
    url: urlOf(proxy.port),
    source: 'local' as const,
    failOver: async () => {
      await primary.kill();
      await proxy.mode('refuse');
      await executeOnPostgres(urlOf(standby.port), 'SELECT pg_promote(true, 30)');
      proxy.target = standby.port;
      await proxy.mode('pass');
    },
    stop: async () => {
      await proxy.close();
      await Promise.all([primary.stop(), standby.stop()]);
    },
  };
  return withDatabases(pair, POSTGRES_STATEMENTS);
}

/** A standby of a cluster that was not served yet: the same files, and the order to follow. */
function copied({ folder: original, dataDirectory: from, program, user }: PostgresCluster): PostgresCluster {
  const folder = scratchFolder('postgres', user);
  const dataDirectory = join(folder, 'data');
  const { status, stderr } = spawnSync('cp', ['-R', from, dataDirectory], { encoding: 'utf8', ...user });
  if (status !== 0) {
    for (const left of [original, folder]) rmSync(left, { recursive: true, force: true });
    throw new Error(`the cluster could not be copied: ${stderr}`);
  }
  const signal = join(dataDirectory, 'standby.signal');
  writeFileSync(signal, '');
  giveTo(user, signal);
  return { folder, dataDirectory, program, user };
}

function urlOf(port: number): string {
  return `postgresql://postgres@127.0.0.1:${port}/postgres`;
}
