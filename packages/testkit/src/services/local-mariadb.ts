import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { onFreePort } from './free-port.ts';
import { findMariadbProgram, type MariadbProgram, runnableMariadb } from './mariadb-program.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { libraryEnvironment } from './server-program.ts';
import { type ServerUser, unprivilegedUser } from './server-user.ts';
import { type ServiceEnvironment, SourceUnavailable } from './service-source.ts';

/** A MariaDB server of this machine in a folder of its own. */
export interface LocalMariadb extends Pick<ServerProcess, 'stop'> {
  readonly url: string;
  readonly dataDirectory: string;
}

/** The redo log keeps the size that it was made with. Leak tests read all of it: it is small. */
const STORAGE = ['--innodb-log-file-size=8M', '--innodb-flush-method=nosync', '--innodb-doublewrite=0'];

/** Nothing here needs to outlive the test, so durability is traded for speed. */
const SETTINGS = [
  ...STORAGE,
  '--innodb-flush-log-at-trx-commit=0',
  '--innodb-buffer-pool-dump-at-shutdown=0',
  '--skip-log-bin',
  '--bind-address=127.0.0.1',
  // The account root@127.0.0.1 is asked for, whatever the machine calls that address.
  '--skip-name-resolve',
  '--character-set-server=utf8mb4',
  '--collation-server=utf8mb4_unicode_ci',
];

const INSTALL = [...STORAGE, '--auth-root-authentication-method=normal', '--skip-test-db'];

/**
 * Starts MariaDB from programs on this machine, as `nobody` if the tests run as root.
 *
 * @throws SourceUnavailable if there are no programs; Error if they fail
 */
export async function startLocalMariadb(env: ServiceEnvironment): Promise<LocalMariadb> {
  const found = findMariadbProgram(env);
  if (found === undefined)
    throw new SourceUnavailable(
      'no mariadbd with its mariadb-install-db in TEST_MARIADB_BIN, PATH, /usr/sbin, Homebrew or .cache/services/mariadb',
    );
  const user = unprivilegedUser();
  const folder = scratchFolder('mariadb', user);
  try {
    const program = runnableMariadb(found, user, folder);
    const dataDirectory = join(folder, 'data');
    initialise(program, dataDirectory, folder, user);
    return await onFreePort((port) => serve(program, dataDirectory, folder, port, user));
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function serve(
  program: MariadbProgram,
  dataDirectory: string,
  folder: string,
  port: number,
  user: ServerUser | undefined,
): Promise<LocalMariadb> {
  const files = [`--socket=${join(folder, 'socket')}`, `--pid-file=${join(folder, 'pid')}`, `--tmpdir=${folder}`];
  const { stop } = await startServer({
    program: program.path,
    args: [...placesOf(program, dataDirectory), ...SETTINGS, ...files, `--port=${port}`],
    folder,
    ready: /ready for connections/,
    failure: /\[ERROR\]/,
    stopSignal: 'SIGTERM',
    env: libraryEnvironment(program),
    user,
  });
  return { url: `mariadb://root@127.0.0.1:${port}/mysql`, dataDirectory, stop };
}

function initialise(program: MariadbProgram, dataDirectory: string, cwd: string, user: ServerUser | undefined): void {
  const { error, status, stdout, stderr } = spawnSync(
    program.installer,
    [...placesOf(program, dataDirectory), ...INSTALL],
    // Its scratch files have fixed names: two servers that start at once must not share a folder for them.
    { cwd, encoding: 'utf8', env: { ...libraryEnvironment(program), TMPDIR: cwd }, ...user },
  );
  if (error !== undefined) throw error;
  if (status === 0) return;
  const lines = `${stderr}\n${stdout}`.split('\n').filter((line) => line.trim() !== '');
  const reason = lines.find((line) => /error/i.test(line)) ?? lines.at(-1);
  throw new Error(`mariadb-install-db ended with ${status}: ${reason}`);
}

/** `--no-defaults` must come first: no setting of the machine's own server holds here. */
function placesOf({ prefix }: MariadbProgram, dataDirectory: string): string[] {
  return ['--no-defaults', `--basedir=${prefix}`, `--datadir=${dataDirectory}`];
}
