/**
 * Makes a Redis server available to the tests without installing anything system-wide: Debian packages are downloaded and
 * unpacked into .cache/services/redis, where the testkit looks. It is not needed where a server is named, a container engine is
 * announced, or a redis-server is installed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1'];
/** What the server links besides. Every Debian that has a package manager holds most of them, small ones lack some. */
const MORE_LIBRARIES = [
  'libssl3',
  'libsystemd0',
  'libcap2',
  'libgcrypt20',
  'libgpg-error0',
  'liblzma5',
  'libzstd1',
  'liblz4-1',
];
const LISTS = '/var/lib/apt/lists';

/**
 * Whether a server was unpacked now. A failure is told and otherwise left to the tests, which then say what they miss.
 *
 * @param {string} root - the repository
 * @param {(text: string) => void} say
 */
export async function redisForTests(root, say) {
  const testkit = await import('../packages/testkit/dist/services/redis-program.js');
  const { hasDockerEngine } = await import('../packages/testkit/dist/services/docker-engine.js');
  const env = process.env;
  const forced = env['TEST_SERVICES'];
  if (forced === 'url' || forced === 'docker' || (!forced && (env['TEST_REDIS_URL'] || hasDockerEngine(env))))
    return false;
  if (env['TEST_REDIS_BIN'] || testkit.findRedisProgram(env, root) !== undefined) return false;
  if (env['TEST_SERVICES_INSTALL'] === 'never') return notDone(say, 'TEST_SERVICES_INSTALL=never');
  if (run('apt-get', ['--version']).status !== 0) return notDone(say, 'this system has no apt-get');

  say(`unpacking Redis for the tests into .cache/services (${PACKAGES.join(' ')}; nothing is installed)`);
  const target = join(root, '.cache', 'services', 'redis');
  const scratch = `${target}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    return unpack(scratch, target, testkit.unpackedRedis, say);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function unpack(scratch, target, unpackedRedis, say) {
  const problem = fetch(scratch, PACKAGES);
  if (problem !== undefined) return notDone(say, problem);
  const works = () => {
    const program = unpackedRedis(scratch);
    const libraries = { LD_LIBRARY_PATH: program?.libraryFolders.join(':') };
    return (
      program !== undefined && run(program.path, ['--version'], { env: { ...process.env, ...libraries } }).status === 0
    );
  };
  if (!works()) for (const name of MORE_LIBRARIES) fetch(scratch, [name]);
  if (!works()) return notDone(say, 'the unpacked redis-server does not run on this system');
  // Renamed only when complete, so that an interrupted set-up leaves nothing that looks like a server.
  rmSync(target, { recursive: true, force: true });
  renameSync(scratch, target);
  return true;
}

/** Downloads and unpacks packages; returns what went wrong, if anything. */
function fetch(folder, names) {
  const isRoot = process.getuid?.() === 0;
  const options = isRoot ? ['-o', 'APT::Sandbox::User=root'] : [];
  const download = () => run('apt-get', [...options, 'download', '-q', ...names], { cwd: folder });
  if (isRoot && !hasLists()) run('apt-get', ['update', '-q']);
  const { status, stderr } = download();
  if (status !== 0) return `apt-get download failed: ${stderr.trim().split('\n').at(-1)}`;
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.deb'))) {
    if (run('dpkg-deb', ['-x', file, '.'], { cwd: folder }).status !== 0) return `dpkg-deb could not unpack ${file}`;
    rmSync(join(folder, file));
  }
  return undefined;
}

function hasLists() {
  try {
    return readdirSync(LISTS).some((name) => name.includes('_Packages'));
  } catch {
    return false;
  }
}

function run(program, args, options = {}) {
  return spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

function notDone(say, reason) {
  say(`no Redis was unpacked for the tests: ${reason}`);
  return false;
}
