/** The tpm2-tools of this machine, or unpacked from Debian packages into .cache/services/tpm2-tools: their package would bring udev along. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = [
  'tpm2-tools',
  'libtss2-esys-3.0.2-0',
  'libtss2-fapi1',
  'libtss2-mu0',
  'libtss2-rc0',
  'libtss2-sys1',
  'libtss2-tcti-cmd0',
  'libtss2-tcti-swtpm0',
  'libtss2-tctildr0',
  'libefivar1',
  'libjson-c5',
  'libcurl4',
];
/**
 * How to run the tools: their program, and the variables that it needs.
 *
 * @param {string} root - the repository
 */
export function findTools(root) {
  const installed = run('tpm2', ['getrandom', '--version'], {});
  if (installed.status === 0) return { program: 'tpm2', env: {}, source: 'installed' };
  const folder = join(root, '.cache', 'services', 'tpm2-tools');
  if (!existsSync(folder)) unpack(folder);
  const libraries = readdirSync(join(folder, 'usr', 'lib')).filter((name) => name.includes('-linux-'));
  const path = libraries.map((name) => join(folder, 'usr', 'lib', name)).join(':');
  return {
    program: join(folder, 'usr', 'bin', 'tpm2'),
    env: { LD_LIBRARY_PATH: path },
    source: 'unpacked from Debian packages',
  };
}

function unpack(folder) {
  const scratch = `${folder}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const sandbox = process.getuid?.() === 0 ? ['-o', 'APT::Sandbox::User=root'] : [];
  must(run('apt-get', [...sandbox, 'download', '-q', ...PACKAGES], { cwd: scratch }), 'apt-get');
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

function run(program, args, options) {
  return spawnSync(program, args, { encoding: 'utf8', ...options });
}
