/**
 * Everything that can be said about the project without running it: types, lint, layers, style, unused code, and the packages as
 * npm users will get them. Prints a line per step, then all failures in full.
 *
 *     npm run check            all steps
 *     npm run check -- lint    only the steps whose name contains the word
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { layerViolations } from './layers.mjs';
import { manifestViolations } from './manifest-rules.mjs';
import { ruleViolations } from './source-rules.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
process.chdir(ROOT);

const bin = (path) => join('node_modules', path);
const TOOLS = {
  tsc: bin('typescript/bin/tsc'),
  biome: bin('@biomejs/biome/bin/biome'),
  knip: bin('knip/bin/knip.js'),
  publint: bin('publint/src/cli.js'),
  attw: bin('@arethetypeswrong/cli/dist/index.js'),
};

/** Each resolves to what is wrong; an empty text is success. */
const STEPS = [
  ['types', () => tool('tsc', '-b', ...typeProjects())],
  ['lint, format, import cycles', () => tool('biome', 'ci', '--colors=off', '--error-on-warnings', '.')],
  ['layers', () => layerViolations(projectFiles()).join('\n')],
  ['source rules', () => ruleViolations(projectFiles()).join('\n')],
  ['tables of the documentation', () => output(process.execPath, ['scripts/docs.mjs', '--check'])],
  ['manifests', () => manifestViolations(projectFiles()).join('\n')],
  ['kernel', () => output(process.execPath, ['packages/core/kernel/build.mjs', '--check'])],
  ['unused code and dependencies', () => tool('knip', '--no-progress')],
  ...publicPackages().map(({ folder, manifest }) => [
    `package ${manifest.name}`,
    () => packedPackage(folder, manifest),
  ]),
];

/** The whole tree, and the tests, which nothing refers to because they emit nothing. */
function typeProjects() {
  const tests = ['packages', 'examples'].flatMap((group) =>
    readdirSync(group).map((name) => join(group, name, 'test')),
  );
  return ['.', ...tests.filter((folder) => existsSync(join(folder, 'tsconfig.json')))];
}

/** Files under version control or about to be. */
function projectFiles() {
  const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { encoding: 'utf8' });
  const files = stdout.split('\n').filter((file) => file !== '' && existsSync(file));
  if (files.length === 0) throw new Error('git lists no files: the checks read the list from git');
  return files;
}

function publicPackages() {
  const folders = readdirSync('packages').map((name) => join('packages', name));
  const all = folders.filter((folder) => existsSync(join(folder, 'package.json')));
  return all
    .map((folder) => ({ folder, manifest: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) }))
    .filter(({ manifest }) => !manifest.private);
}

/** Packs a package once, and lets both tools look at what was packed. */
async function packedPackage(folder, manifest) {
  const scratch = mkdtempSync(join(tmpdir(), 'fieldseal-pack-'));
  try {
    const packing = await output('npm', [
      'pack',
      `./${folder}`,
      '--pack-destination',
      scratch,
      '--ignore-scripts',
      '--silent',
    ]);
    if (packing !== '') return packing;
    const archive = join(scratch, readdirSync(scratch)[0]);
    const found = [await tool('publint', 'run', archive, '--strict')];
    // A package that only brings a command has no types.
    if (manifest.exports?.['.'] !== undefined)
      found.push(await tool('attw', archive, '--profile', 'esm-only', '--no-color'));
    return found.filter((text) => text !== '').join('\n');
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function tool(name, ...args) {
  return output(process.execPath, [TOOLS[name], ...args]);
}

/** Resolves to nothing if the program succeeds, else to all that it said. */
function output(program, args) {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: process.platform === 'win32' && program === 'npm',
  });
  const chunks = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => chunks.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      const text = Buffer.concat(chunks).toString().trim();
      resolve(code === 0 ? '' : text || `${program} ended with ${code ?? signal}`);
    });
  });
}

const word = process.argv[2] ?? '';
const chosen = STEPS.filter(([name]) => name.includes(word));
const failures = [];
for (const [name, run] of chosen) {
  const started = performance.now();
  const problem = await Promise.resolve()
    .then(run)
    .catch((error) => error.stack);
  const time = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  process.stdout.write(`check: ${problem === '' ? 'ok    ' : 'FAILED'} ${name} (${time})\n`);
  if (problem !== '') failures.push(`--- ${name}\n${problem}\n`);
}
if (chosen.length === 0) failures.push(`no step is called like "${word}"\n`);
process.stderr.write(failures.map((failure) => `\n${failure}`).join(''));
process.exitCode = failures.length === 0 ? 0 : 1;
