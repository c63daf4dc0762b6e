import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { onFreePort } from './free-port.ts';
import { findPostgresPrograms } from './postgres-programs.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { type ServerUser, unprivilegedUser } from './server-user.ts';
import type { ServiceEnvironment } from './service-source.ts';

/** A PostgreSQL server of this machine in a folder of its own. */
export interface LocalPostgres extends Pick<ServerProcess, 'stop'> {
  readonly url: string;
  readonly dataDirectory: string;
}

/** A cluster that is to be served. */
export interface PostgresCluster {
  /** Folder of the server, which is removed when it stops. */
  readonly folder: string;
  readonly dataDirectory: string;
  /** The program `postgres`. */
  readonly program: string;
  readonly user: ServerUser | undefined;
}

/** Nothing here needs to outlive the test, so durability is traded for speed. */
const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

const READY = /database system is ready to accept connections/;

const INITDB = ['-U', 'postgres', '--auth=trust', '--no-sync', '-E', 'UTF8', '--locale=C'];

/**
 * Starts PostgreSQL from programs on this machine, as `nobody` if the tests run as root.
 *
 * @throws SourceUnavailable if there are no programs; Error if they fail
 */
export async function startLocalPostgres(env: ServiceEnvironment): Promise<LocalPostgres> {
  const cluster = newCluster(env);
  const { port, stop } = await serveCluster(cluster, SETTINGS);
  return { url: `postgresql://postgres@127.0.0.1:${port}/postgres`, dataDirectory: cluster.dataDirectory, stop };
}

/**
 * An empty cluster, not served yet.
 *
 * @throws SourceUnavailable if there are no programs; Error if initdb fails
 */
export function newCluster(env: ServiceEnvironment): PostgresCluster {
  const user = unprivilegedUser();
  const folder = scratchFolder('postgres', user);
  try {
    const programs = findPostgresPrograms(env, user, folder);
    const dataDirectory = join(folder, 'data');
    initialise(join(programs, 'initdb'), dataDirectory, folder, user);
    return { folder, dataDirectory, program: join(programs, 'postgres'), user };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Serves a cluster on a free port, and waits until its output says that it is ready. Where it never does, the folder is removed. */
export function serveCluster(
  { folder, dataDirectory, program, user }: PostgresCluster,
  settings: readonly string[],
  ready: RegExp = READY,
): Promise<ServerProcess & { readonly port: number }> {
  return onFreePort(async (port) => {
    const all = [...settings, 'listen_addresses=127.0.0.1', `port=${port}`].flatMap((setting) => ['-c', setting]);
    const server = await startServer({
      program,
      args: ['-D', dataDirectory, '-k', '', ...all],
      folder,
      ready,
      failure: /FATAL/,
      // SIGTERM would wait until every client has gone.
      stopSignal: 'SIGINT',
      env: serverEnvironment(),
      user,
    });
    return { ...server, port };
  }).catch((error: unknown) => {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  });
}

function initialise(initdb: string, dataDirectory: string, cwd: string, user: ServerUser | undefined): void {
  const { error, status, stderr } = spawnSync(initdb, ['-D', dataDirectory, ...INITDB], {
    cwd,
    encoding: 'utf8',
    env: serverEnvironment(),
    ...user,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`initdb ended with ${status}: ${stderr.trim().split('\n').at(-1)}`);
}

/** Without the caller's PG* variables, which point at another server, and with messages in the language that is waited for. */
function serverEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('LC_'));
  return { ...Object.fromEntries(kept), LC_ALL: 'C' };
}
