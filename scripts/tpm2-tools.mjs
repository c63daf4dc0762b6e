/** The tpm2-tools of this machine, or unpacked from Debian packages into .cache/services/tpm2-tools: their package would bring udev along. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { libraryFolders, run, unpackPackages } from './debian-packages.mjs';

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
  const installed = run('tpm2', ['getrandom', '--version']);
  if (installed.status === 0) return { program: 'tpm2', env: {}, source: 'installed' };
  const folder = join(root, '.cache', 'services', 'tpm2-tools');
  if (!existsSync(folder)) unpackPackages(folder, PACKAGES);
  const path = libraryFolders(join(folder, 'usr')).join(':');
  return {
    program: join(folder, 'usr', 'bin', 'tpm2'),
    env: { LD_LIBRARY_PATH: path },
    source: 'unpacked from Debian packages',
  };
}
