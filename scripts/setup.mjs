/**
 * Brings a checkout into the state that a command needs, and does nothing where it is there already:
 *
 *     node scripts/setup.mjs start|test|check [--quiet]
 *
 * `start` installs the packages, builds them and generates the example's Prisma client. `check` also generates the client that
 * the tests use, and `test` also makes the servers available that no npm package brings. It runs before `npm start`, `npm test` and `npm run check`.
 * With --quiet it prints only what fails.
 */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servicesForTests } from './setup-services.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = [20, 19];
const EXAMPLE = 'examples/quickstart';
const TESTED_SCHEMA = 'packages/prisma-extension';
const PURPOSES = {
  start: { schemas: [EXAMPLE], services: false },
  check: { schemas: [EXAMPLE, TESTED_SCHEMA], services: false },
  test: { schemas: [EXAMPLE, TESTED_SCHEMA], services: true },
};
/** Children neither look for updates nor report what they do. */
const ENVIRONMENT = { ...process.env, CHECKPOINT_DISABLE: '1', TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };

const [purpose, ...flags] = process.argv.slice(2);
const quiet = flags.includes('--quiet');

/** Something went wrong that the message explains fully. */
class SetupError extends Error {}

async function setUp() {
  const wanted = Object.hasOwn(PURPOSES, purpose ?? '') ? PURPOSES[purpose] : undefined;
  if (wanted === undefined) throw new SetupError('usage: node scripts/setup.mjs start|test|check [--quiet]');
  requireNode();
  const started = performance.now();
  const done = [];
  if (isInstallStale()) {
    say('installing packages: npm ci (replaces node_modules by what package-lock.json names; about half a minute)');
    await run('npm', ['ci', '--no-audit', '--no-fund']);
    done.push('packages');
  }
  // The Prisma generator is one of our packages, and the examples import what it writes: hence two builds around it.
  if (await build(builtPackages())) done.push('build');
  for (const folder of wanted.schemas) await run(process.execPath, ['scripts/generate.mjs', folder]);
  await build(['.']);
  if (wanted.services) done.push(...(await servicesForTests(ROOT, say)));
  const time = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  say(done.length === 0 ? `up to date (${time})` : `ready: ${done.join(', ')} (${time})`);
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new SetupError(`Node ${OLDEST_NODE.join('.')} or newer is needed; this is ${process.versions.node}`);
}

/** npm writes node_modules/.package-lock.json last, after everything is in place. */
function isInstallStale() {
  const installed = modified('node_modules/.package-lock.json');
  return installed === undefined || installed < modified('package-lock.json');
}

function modified(path) {
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.mtimeMs;
}

function builtPackages() {
  const names = readdirSync(join(ROOT, 'packages')).map((name) => `packages/${name}`);
  return names.filter((folder) => existsSync(join(ROOT, folder, 'tsconfig.json')));
}

/** Whether there was something to build. The compiler itself knows what is up to date. */
async function build(projects) {
  const before = newestBuild();
  await run(process.execPath, ['node_modules/typescript/bin/tsc', '-b', ...projects]);
  await run(process.execPath, ['scripts/bundle.mjs']);
  return newestBuild() !== before;
}

function newestBuild() {
  return Math.max(...builtPackages().map((folder) => modified(`${folder}/dist/.tsbuildinfo`) ?? 0));
}

/** Runs a program with its output on ours. With --quiet its output is kept back, and shown only if it fails. */
function run(program, args) {
  const output = quiet ? 'pipe' : 2; // everything goes where our own messages go
  const child = spawn(program, args, {
    cwd: ROOT,
    env: ENVIRONMENT,
    stdio: ['ignore', output, output],
    shell: process.platform === 'win32' && program === 'npm',
  });
  const kept = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => kept.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) return resolve();
      process.stderr.write(Buffer.concat(kept));
      reject(new SetupError(`\`${[program, ...args].join(' ')}\` ended with ${code ?? signal}`));
    });
  });
}

function say(text) {
  // Standard output is the command's own: `npm start -s -- --json`.
  if (!quiet) process.stderr.write(`set-up: ${text}\n`);
}

try {
  await setUp();
} catch (error) {
  process.stderr.write(`set-up: ${error instanceof SetupError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
