/**
 * SoftHSM 2 and pkcs11js, for the job that tries PKCS #11. An installed SoftHSM is used, or the Debian package is unpacked into
 * .cache/services/softhsm; pkcs11js is compiled in .cache/pkcs11js, which takes a compiler and Python. Nothing is installed system-wide.
 */
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { libraryFolders, must, run, unpackPackages } from './debian-packages.mjs';

const LIBRARY = join('softhsm', 'libsofthsm2.so');
const PKCS11JS = 'pkcs11js@2.1.7';

/**
 * Path of the library: that of TEST_SOFTHSM_LIBRARY, an installed one, or the unpacked one.
 *
 * @param {string} root - the repository
 */
export function findSofthsm(root) {
  const given = process.env.TEST_SOFTHSM_LIBRARY;
  if (given) return given;
  const installed = libraryUnder('/usr');
  if (installed !== undefined) return installed;
  const folder = join(root, '.cache', 'services', 'softhsm');
  if (!existsSync(folder)) unpackPackages(folder, ['libsofthsm2']);
  const unpacked = libraryUnder(join(folder, 'usr'));
  if (unpacked === undefined) throw new Error('the package libsofthsm2 holds no libsofthsm2.so');
  return unpacked;
}

function libraryUnder(prefix) {
  return libraryFolders(prefix)
    .map((folder) => join(folder, LIBRARY))
    .find(existsSync);
}

/**
 * The module pkcs11js, compiled for this Node.
 *
 * @param {string} root - the repository
 */
export function loadPkcs11js(root) {
  const folder = join(root, '.cache', `pkcs11js-${process.versions.modules}`);
  const module = join(folder, 'node_modules', 'pkcs11js');
  if (!existsSync(join(module, 'build', 'Release', 'pkcs11.node'))) compile(folder, module);
  return createRequire(join(folder, 'package.json'))('pkcs11js');
}

function compile(folder, module) {
  mkdirSync(folder, { recursive: true });
  // Without a manifest of its own npm would look for one in the folders above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--no-audit', '--no-fund', '--ignore-scripts', '--save-exact', '--silent'];
  must(run('npm', ['install', '--prefix', folder, ...flags, PKCS11JS], { cwd: folder }), 'npm install');
  const prefix = headersPrefix();
  // Without headers on this machine node-gyp fetches those of this version.
  const nodedir = prefix === undefined ? [] : [`--nodedir=${prefix}`];
  must(run(process.execPath, [nodeGyp(), 'rebuild', ...nodedir], { cwd: module }), 'node-gyp');
}

/** Where the headers of this very version of Node lie. */
function headersPrefix() {
  const [major, minor] = process.versions.node.split('.');
  return [dirname(dirname(realpathSync(process.execPath))), '/usr', '/usr/local'].find((prefix) => {
    const file = join(prefix, 'include', 'node', 'node_version.h');
    const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
    return text.includes(`NODE_MAJOR_VERSION ${major}\n`) && text.includes(`NODE_MINOR_VERSION ${minor}\n`);
  });
}

/** The node-gyp that npm brings along. */
function nodeGyp() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const npm = join(folder, 'npm');
    if (!existsSync(npm)) continue;
    const path = join(dirname(dirname(realpathSync(npm))), 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
    if (existsSync(path)) return path;
  }
  throw new Error('npm, which brings node-gyp along, is not in the PATH');
}
