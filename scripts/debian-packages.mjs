/** Programs of Debian packages without installing them, for the jobs that need more than the tests do. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/**
 * How to run programs: installed ones, or those of Debian packages that are unpacked into .cache/services.
 *
 * @param {string} root - the repository
 * @param {{ name: string, packages: readonly string[], probe: readonly string[] }} wanted - name of the folder below .cache/services;
 * packages with the libraries that a minimal Debian lacks; a command that ends with 0 when the programs run
 * @returns {{ env: Record<string, string>, folder: string | undefined, source: string }} the variables that the programs need, PATH among
 * them, and where the packages were unpacked
 */
export function debianTools(root, { name, packages, probe }) {
  const runs = (env) => run(probe[0], probe.slice(1), { env: { ...process.env, ...env } }).status === 0;
  if (runs({})) return { env: {}, folder: undefined, source: 'installed' };
  const folder = join(root, '.cache', 'services', name);
  if (!existsSync(folder)) unpackPackages(folder, packages);
  const env = {
    PATH: [join(folder, 'usr', 'bin'), join(folder, 'usr', 'sbin'), process.env['PATH']].join(':'),
    LD_LIBRARY_PATH: libraryFolders(join(folder, 'usr')).join(':'),
  };
  if (!runs(env)) throw new Error(`${probe[0]} does not run from the unpacked Debian packages ${packages.join(', ')}`);
  return { env, folder, source: 'unpacked from Debian packages' };
}

/**
 * Downloads and unpacks packages into a folder, which is there only when all went well.
 *
 * @param {string} folder
 * @param {readonly string[]} packages - with all that they need and a small Debian lacks
 */
export function unpackPackages(folder, packages) {
  const scratch = `${folder}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  const download = () => run('apt-get', [...sandbox, 'download', '-q', ...packages], { cwd: scratch });
  let result = download();
  if (result.status !== 0 && sandbox.length > 0) {
    // The lists of a fresh container are empty.
    run('apt-get', ['update', '-q']);
    result = download();
  }
  must(result, 'apt-get');
  for (const file of readdirSync(scratch).filter((name) => name.endsWith('.deb'))) {
    must(run('dpkg-deb', ['-x', file, '.'], { cwd: scratch }), 'dpkg-deb');
    rmSync(join(scratch, file));
  }
  renameSync(scratch, folder);
}

/** What a program printed; throws when it failed. */
export function must({ error, status, stdout, stderr }, what) {
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${what} ended with ${status}: ${String(stderr).trim() || String(stdout).trim()}`);
  return stdout;
}

/** Runs a program, and gives what it printed as text. */
export function run(program, args, options = {}) {
  return spawnSync(program, args, { encoding: 'utf8', ...options });
}

/** Folders below `prefix` where Debian puts libraries. */
export function libraryFolders(prefix) {
  const lib = join(prefix, 'lib');
  if (!existsSync(lib)) return [];
  return [
    lib,
    ...readdirSync(lib)
      .filter((name) => name.includes('-linux-'))
      .map((name) => join(lib, name)),
  ];
}
