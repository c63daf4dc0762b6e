import { cpSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isProgram, programOnPath, unpackedService } from './program-path.ts';
import { type ServerProgram, unpackedProgram } from './server-program.ts';
import { mayEnter, type ServerUser } from './server-user.ts';
import type { ServiceEnvironment } from './service-source.ts';

/** A MariaDB server, and what makes its data folder. */
export interface MariadbProgram extends ServerProgram {
  /** The script `mariadb-install-db`. */
  readonly installer: string;
  /** The folder that the server calls basedir: its messages and the installer's SQL are below. */
  readonly prefix: string;
}

/** Debian keeps the server out of the PATH of ordinary users. */
const INSTALLED = [
  '/usr/sbin/mariadbd',
  '/usr/local/sbin/mariadbd',
  '/opt/homebrew/opt/mariadb/bin/mariadbd',
  '/usr/local/opt/mariadb/bin/mariadbd',
];

/** Where packages and archives put the installer, below the prefix. */
const INSTALLERS = ['bin/mariadb-install-db', 'scripts/mariadb-install-db'];

/**
 * The MariaDB of this machine: the `mariadbd` that TEST_MARIADB_BIN names, else one in PATH, of the distribution or Homebrew,
 * else the one that the set-up unpacked at or above `from`. Undefined if there is none with its installer.
 */
export function findMariadbProgram(env: ServiceEnvironment, from: string = process.cwd()): MariadbProgram | undefined {
  const named = env['TEST_MARIADB_BIN'];
  if (named) return installedMariadb(named);
  const candidates = [programOnPath('mariadbd', env), ...INSTALLED];
  for (const path of candidates) {
    const program = path === undefined ? undefined : installedMariadb(path);
    if (program !== undefined) return program;
  }
  const unpacked = unpackedService('mariadb', from);
  return unpacked === undefined ? undefined : unpackedMariadb(unpacked);
}

/** The MariaDB in a folder that Debian packages were unpacked into, or undefined. */
export function unpackedMariadb(folder: string): MariadbProgram | undefined {
  return withInstaller(unpackedProgram(folder, 'usr/sbin/mariadbd'), join(folder, 'usr'));
}

/**
 * The same programs in a place where the server's user can run them: a copy if it cannot enter their folder, as in a closed
 * home.
 *
 * @param scratch - where the copy is made
 */
export function runnableMariadb(
  program: MariadbProgram,
  user: ServerUser | undefined,
  scratch: string,
): MariadbProgram {
  if (program.libraryFolders.length === 0 || mayEnter(user, dirname(program.path))) return program;
  const copy = join(scratch, 'programs');
  cpSync(dirname(program.prefix), copy, { recursive: true, verbatimSymlinks: true });
  return unpackedMariadb(copy) ?? program;
}

function installedMariadb(path: string): MariadbProgram | undefined {
  if (!isProgram(path)) return undefined;
  const prefix = dirname(dirname(realpathSync(path)));
  return withInstaller({ path, libraryFolders: [] }, prefix);
}

function withInstaller(server: ServerProgram | undefined, prefix: string): MariadbProgram | undefined {
  const installer = INSTALLERS.map((path) => join(prefix, path)).find(isProgram);
  return server === undefined || installer === undefined ? undefined : { ...server, installer, prefix };
}
