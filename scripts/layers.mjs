/**
 * Who may import whom. Packages import only the packages of ours that stand here beside them; inside core a file imports only
 * lower levels, or files of its own folder. Cycles inside a folder are Biome's to find.
 */
import { readFileSync } from 'node:fs';
import { dirname, posix } from 'node:path';

/** By folder under packages/. A package that is missing here is an error: name it when it comes. */
const PACKAGES = {
  core: { name: '@fieldseal/core', imports: [] },
  'prisma-extension': { name: '@fieldseal/prisma', imports: ['@fieldseal/core'] },
  'tpm-sealer': { name: '@fieldseal/tpm', imports: ['@fieldseal/core'] },
  cache: { name: '@fieldseal/cache', imports: ['@fieldseal/core'] },
  backup: { name: '@fieldseal/backup', imports: ['@fieldseal/core'] },
  monitor: { name: '@fieldseal/monitor', imports: ['@fieldseal/core'] },
  bullmq: { name: '@fieldseal/bullmq', imports: ['@fieldseal/core'] },
  migrate: { name: '@fieldseal/migrate', imports: ['@fieldseal/core'] },
  dashboard: { name: '@fieldseal/dashboard', imports: ['@fieldseal/core', '@fieldseal/monitor'] },
  testkit: { name: '@fieldseal/testkit', imports: ['@fieldseal/core'] },
  cli: { name: 'fieldseal', imports: ['@fieldseal/'] },
  bench: { name: '@fieldseal/bench', imports: ['@fieldseal/'] },
};

/** Files and folders of packages/core/src, lowest first. */
const CORE_LEVELS = [
  [
    'errors',
    'database-fault',
    'events',
    'actor',
    'canonical-json',
    'suite',
    'decimal',
    'padding',
    'serial',
    'file-lock',
  ],
  ['bytes', 'secret-bytes', 'atomic-file', 'use-policy'],
  ['kdf', 'legacy-reader', 'context', 'value', 'normalizer'],
  ['cell', 'field-spec'],
  ['aead', 'batch-tally', 'read-watch'],
  ['kek', 'key-store'],
  ['dek-cache'],
  ['keyset', 'rotation-advice'],
  ['shredding'],
  ['keyring'],
  ['field-keys', 'key-prefixes'],
  ['field-cipher', 'blind-index', 'environment'],
  ['jobs'],
  ['index', 'internal', 'kek-providers'],
];

const SOURCE = /^packages\/([^/]+)\/src\/(.+)$/;
const OURS = /^(@fieldseal\/|fieldseal(\/|$))/;
/** Statements begin a line, which tells them from code that the sources write as text. */
const SPECIFIER = /^(?:import|export|\})(?:[^'"`;]*\bfrom)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/**
 * Every import that breaks the rules, as one line each.
 *
 * @param {readonly string[]} files - paths from the root, of which only sources of packages are looked at
 * @param {(file: string) => string} read
 */
export function layerViolations(files, read = (file) => readFileSync(file, 'utf8')) {
  return files.flatMap((file) => {
    const [, folder, inside] = SOURCE.exec(file) ?? [];
    if (folder === undefined || !/\.[cm]?tsx?$/.test(file)) return [];
    const rule = PACKAGES[folder];
    if (rule === undefined) return [`${file}: packages/${folder} has no entry in scripts/layers.mjs`];
    const specifiers = [...read(file).matchAll(SPECIFIER)].map(([, named, dynamic]) => named ?? dynamic);
    const broken = specifiers.map(
      (specifier) => packageProblem(specifier, file, folder, rule) ?? coreProblem(specifier, folder, inside),
    );
    return broken.filter((problem) => problem !== undefined).map((problem) => `${file}: ${problem}`);
  });
}

function packageProblem(specifier, file, folder, rule) {
  if (OURS.test(specifier)) {
    const allowed = rule.imports.some((name) =>
      name.endsWith('/') ? specifier.startsWith(name) : isWithin(specifier, name),
    );
    return allowed ? undefined : `${rule.name} must not import ${specifier}`;
  }
  if (!specifier.startsWith('.')) return undefined;
  const target = posix.join(dirname(file), specifier);
  return target.startsWith(`packages/${folder}/src/`) ? undefined : `${specifier} leaves the sources of the package`;
}

function isWithin(specifier, name) {
  return specifier === name || specifier.startsWith(`${name}/`);
}

function coreProblem(specifier, folder, inside) {
  if (folder !== 'core' || !specifier.startsWith('.')) return undefined;
  const from = unitOf(inside);
  const to = unitOf(posix.join(dirname(inside), specifier));
  const [upper, lower] = [levelOf(from), levelOf(to)];
  if (upper < 0 || lower < 0) return `${upper < 0 ? from : to} has no level in scripts/layers.mjs`;
  if (from === to || lower < upper) return undefined;
  return `${from} (level ${upper}) must not import ${to} (level ${lower})`;
}

/** The folder under src, or the file without its ending. */
function unitOf(path) {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '');
}

function levelOf(unit) {
  return CORE_LEVELS.findIndex((level) => level.includes(unit));
}
