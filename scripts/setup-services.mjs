/**
 * Makes servers available to the tests without installing anything system-wide: Debian packages are downloaded and unpacked into
 * .cache/services, where the testkit looks. It is not needed where a server is named, a container engine is announced, or the
 * program is installed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const PROGRAMS = '../packages/testkit/dist/services';

/** What servers link besides. Every Debian that has a package manager holds most of them, small ones lack some. */
const LIBRARIES = [
  'libssl3',
  'libsystemd0',
  'libcap2',
  'libgcrypt20',
  'libgpg-error0',
  'liblzma5',
  'libzstd1',
  'liblz4-1',
];

/**
 * `folder` is below .cache/services; `url` and `bin` are the variables that name a server or a program instead. One without `url` only runs
 * as a program of this machine. `libraries` are fetched one by one, and only where the server does not run without them. `program` loads the
 * testkit's ways to find the server.
 */
const SERVICES = [
  {
    name: 'Redis',
    folder: 'redis',
    url: 'TEST_REDIS_URL',
    bin: 'TEST_REDIS_BIN',
    packages: ['redis-server', 'redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1'],
    libraries: LIBRARIES,
    program: async () => {
      const { findRedisProgram, unpackedRedis } = await import(`${PROGRAMS}/redis-program.js`);
      return { find: findRedisProgram, unpacked: unpackedRedis };
    },
  },
  {
    name: 'MariaDB',
    folder: 'mariadb',
    url: 'TEST_MARIADB_URL',
    bin: 'TEST_MARIADB_BIN',
    // The client's package holds my_print_defaults, which the installer calls.
    packages: ['mariadb-server-core', 'mariadb-client-core', 'libaio1', 'libnuma1', 'liburing2'],
    libraries: [...LIBRARIES, 'libpcre2-8-0', 'libstdc++6', 'zlib1g'],
    program: async () => {
      const { findMariadbProgram, unpackedMariadb } = await import(`${PROGRAMS}/mariadb-program.js`);
      return { find: findMariadbProgram, unpacked: unpackedMariadb };
    },
  },
  {
    name: 'swtpm',
    folder: 'swtpm',
    bin: 'TEST_SWTPM_BIN',
    packages: ['swtpm', 'swtpm-libs', 'libtpms0', 'libglib2.0-0', 'libseccomp2'],
    libraries: [...LIBRARIES, 'libpcre2-8-0', 'libffi8', 'zlib1g'],
    program: async () => {
      const { findSwtpmProgram, unpackedSwtpm } = await import(`${PROGRAMS}/swtpm-program.js`);
      return { find: findSwtpmProgram, unpacked: unpackedSwtpm };
    },
  },
];
const LISTS = '/var/lib/apt/lists';

/**
 * Names of the servers that were unpacked now. A failure is told and otherwise left to the tests, which then say what they miss.
 *
 * @param {string} root - the repository
 * @param {(text: string) => void} say
 */
export async function servicesForTests(root, say) {
  const { hasDockerEngine } = await import(`${PROGRAMS}/docker-engine.js`);
  const env = process.env;
  const forced = env['TEST_SERVICES'];
  const elsewhere = forced === 'url' || forced === 'docker' || (!forced && hasDockerEngine(env));
  const done = [];
  for (const service of SERVICES) {
    const given = service.url !== undefined && (elsewhere || (!forced && env[service.url]));
    if (given || env[service.bin]) continue;
    const { find, unpacked } = await service.program();
    if (find(env, root) !== undefined) continue;
    const problem = obtain(service, join(root, '.cache', 'services', service.folder), unpacked, say);
    if (problem === undefined) done.push(service.name);
    else say(`no ${service.name} was unpacked for the tests: ${problem}`);
  }
  return done;
}

/** Unpacks a server into `target`; returns what went wrong, if anything. */
function obtain(service, target, unpacked, say) {
  if (process.env['TEST_SERVICES_INSTALL'] === 'never') return 'TEST_SERVICES_INSTALL=never';
  if (run('apt-get', ['--version']).status !== 0) return 'this system has no apt-get';
  const { name, packages } = service;
  say(`unpacking ${name} for the tests into .cache/services (${packages.join(' ')}; nothing is installed)`);
  const scratch = `${target}.part`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const problem = unpack(service, scratch, () => works(unpacked(scratch)));
    if (problem !== undefined) return problem;
    // Renamed only when complete, so that an interrupted set-up leaves nothing that looks like a server.
    rmSync(target, { recursive: true, force: true });
    renameSync(scratch, target);
    return undefined;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function unpack({ name, packages, libraries }, folder, isComplete) {
  const problem = fetch(folder, packages);
  if (problem !== undefined) return problem;
  if (!isComplete()) for (const library of libraries) fetch(folder, [library]);
  return isComplete() ? undefined : `the unpacked ${name} does not run on this system`;
}

/** Whether the program runs, with the libraries that were unpacked beside it. */
function works(program) {
  if (program === undefined) return false;
  const env = { ...process.env, LD_LIBRARY_PATH: program.libraryFolders.join(':') };
  return run(program.path, ['--version'], { env }).status === 0;
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
