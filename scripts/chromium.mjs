/** Finds a Chromium for the test of the dashboard, without installing anything. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { libraryFolders, must, run, unpackPackages } from './debian-packages.mjs';

const PACKAGE = 'chromium-headless-shell';
/** Data that has to lie beside the program, even where the package is installed. */
const BESIDE = 'chromium-common';
const PROGRAMS = ['/usr/lib/chromium/chromium', '/usr/lib/chromium/chromium-headless-shell'];

/**
 * An installed Chromium (`TEST_CHROMIUM_BIN`, or Debian's), or Debian's headless one, unpacked with what it links into .cache/services/chromium.
 *
 * @param {string} root - the repository
 * @returns {{ path: string, env: Record<string, string>, source: string }}
 */
export function findChromium(root) {
  const named = process.env['TEST_CHROMIUM_BIN'];
  if (named) return { path: named, env: {}, source: 'TEST_CHROMIUM_BIN' };
  const installed = PROGRAMS.find((path) => existsSync(path));
  if (installed !== undefined) return { path: installed, env: {}, source: 'installed' };
  const target = join(root, '.cache', 'services', 'chromium');
  if (!existsSync(target)) unpack(target);
  const path = PROGRAMS.map((program) => join(target, program)).find((program) => existsSync(program));
  if (path === undefined) throw new Error(`${PACKAGE} holds no program where it is expected`);
  const found = ['usr', ''].flatMap((folder) => libraryFolders(join(target, folder)));
  // PulseAudio keeps a library to itself, where its others look for it when they are installed.
  const libraries = found.flatMap((folder) => [folder, join(folder, 'pulseaudio')]);
  // Where the system has fonts, its own are used.
  const unpackedFonts = existsSync(join(target, 'etc/fonts'));
  const fonts = unpackedFonts
    ? { FONTCONFIG_PATH: join(target, 'etc/fonts'), XDG_DATA_HOME: join(target, 'usr/share') }
    : {};
  return { path, env: { LD_LIBRARY_PATH: libraries.join(':'), ...fonts }, source: 'unpacked' };
}

function unpack(target) {
  // Which packages an installation would bring, without any: what is there already is not unpacked again.
  // (--print-uris would leave out what apt has downloaded before.)
  const list = () => run('apt-get', ['install', '--simulate', '-qq', '--no-install-recommends', PACKAGE]);
  let listed = list();
  if (listed.status !== 0 && process.getuid?.() === 0) {
    run('apt-get', ['update', '-q']);
    listed = list();
  }
  const needed = [...must(listed, 'apt-get').matchAll(/^Inst ([a-z0-9.+-]+) /gm)].map(([, name]) => name);
  const names = [...new Set([...needed, BESIDE])];
  console.log(
    `unpacking ${PACKAGE} and ${names.length - 1} packages that it needs into .cache/services; nothing is installed`,
  );
  unpackPackages(target, names);
}
