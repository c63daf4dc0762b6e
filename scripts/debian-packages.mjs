/** Programs of Debian packages without installing them, for the jobs that need more than the tests do. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

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
  for (const file of readdirSync(scratch).filter((name) => name.endsWith('.deb')))
    must(run('dpkg-deb', ['-x', file, '.'], { cwd: scratch }), 'dpkg-deb');
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
  return [
    lib,
    ...readdirSync(lib)
      .filter((name) => name.includes('-linux-'))
      .map((name) => join(lib, name)),
  ];
}
