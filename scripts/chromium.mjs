/** Finds a Chromium for the test of the dashboard, without installing anything. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

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
  const libraries = ['usr/lib', 'lib'].flatMap((folder) => libraryFolders(join(target, folder)));
  // Where the system has fonts, its own are used.
  const unpackedFonts = existsSync(join(target, 'etc/fonts'));
  const fonts = unpackedFonts
    ? { FONTCONFIG_PATH: join(target, 'etc/fonts'), XDG_DATA_HOME: join(target, 'usr/share') }
    : {};
  return { path, env: { LD_LIBRARY_PATH: libraries.join(':'), ...fonts }, source: 'unpacked' };
}

/** Debian keeps libraries one folder deeper, by architecture. */
function libraryFolders(folder) {
  if (!existsSync(folder)) return [];
  const inner = readdirSync(folder).filter((name) => name.endsWith('-linux-gnu'));
  return [folder, ...inner.map((name) => join(folder, name))];
}

function unpack(target) {
  const scratch = `${target}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  const root = process.getuid?.() === 0;
  // Which packages an installation would bring, without any: what is there already is not unpacked again.
  const list = () => run('apt-get', ['install', '--print-uris', '-qq', '--no-install-recommends', PACKAGE]);
  let listed = list();
  if (listed.status !== 0 && root) {
    run('apt-get', ['update', '-q']);
    listed = list();
  }
  if (listed.status !== 0) throw new Error(`there is no Chromium, and apt-get knows none: ${listed.stderr.trim()}`);
  const needed = [...listed.stdout.matchAll(/^'\S+' ([a-z0-9.+-]+)_/gm)].map(([, name]) => name);
  const names = [...new Set([...needed, BESIDE])];
  console.log(
    `unpacking ${PACKAGE} and ${names.length - 1} packages that it needs into .cache/services; nothing is installed`,
  );
  const sandbox = root ? ['-o', 'APT::Sandbox::User=root'] : [];
  const download = run('apt-get', [...sandbox, 'download', '-q', ...names], { cwd: scratch });
  if (download.status !== 0) throw new Error(`apt-get download failed: ${download.stderr.trim()}`);
  for (const file of readdirSync(scratch).filter((name) => name.endsWith('.deb'))) {
    const unpacked = run('dpkg-deb', ['-x', file, '.'], { cwd: scratch });
    if (unpacked.status !== 0) throw new Error(`dpkg-deb could not unpack ${file}: ${unpacked.stderr.trim()}`);
    rmSync(join(scratch, file));
  }
  // Renamed only when complete, so that an interrupted run leaves nothing that looks like a browser.
  renameSync(scratch, target);
}

function run(program, args, options = {}) {
  return spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26, ...options });
}
