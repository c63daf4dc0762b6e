/**
 * Runs the Prisma generators of a package or an example, and does nothing while their output is up to date:
 *
 *     node scripts/generate.mjs <folder>
 *
 * The folder's package.json lists the schemas: "fieldseal": { "schemas": ["prisma/sqlite/schema.prisma", …] }. No network is used.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** Something went wrong that the message explains fully. */
class GenerateError extends Error {}

function main(argument) {
  if (argument === undefined) throw new GenerateError('usage: node scripts/generate.mjs <folder>');
  const folder = resolve(argument);
  const name = relative(ROOT, folder).split('\\').join('/');
  const schemas = schemasOf(folder);
  const fingerprint = fingerprintOf(folder, schemas);
  const stamp = join(ROOT, '.cache/generate', `${name.replaceAll('/', '-')}.sha256`);
  const outputs = schemas.flatMap((schema) => outputsOf(join(folder, schema)));
  const current =
    existsSync(stamp) && readFileSync(stamp, 'utf8') === fingerprint && outputs.every((output) => newestIn(output) > 0);
  if (current) return say(`${name} is up to date`);
  const started = performance.now();
  // Some file systems keep whole seconds only.
  const begun = Date.now() - 2000;
  for (const schema of schemas) generate(folder, schema);
  // The exit code alone is not trusted: some of Prisma's failures leave it at 0.
  const missing = outputs.find((output) => newestIn(output) < begun);
  if (missing !== undefined) throw new GenerateError(`prisma generate wrote nothing to ${relative(ROOT, missing)}`);
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, fingerprint);
  say(`${name}: ${schemas.length} schemas in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

function schemasOf(folder) {
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) throw new GenerateError(`there is no package.json in ${folder}`);
  const schemas = JSON.parse(readFileSync(manifest, 'utf8')).fieldseal?.schemas;
  if (!Array.isArray(schemas) || schemas.length === 0) {
    throw new GenerateError(`${manifest} lists no schemas: "fieldseal": { "schemas": ["prisma/schema.prisma"] }`);
  }
  const missing = schemas.find((schema) => !existsSync(join(folder, schema)));
  if (missing !== undefined) throw new GenerateError(`${manifest} lists ${missing}, which does not exist`);
  return schemas;
}

/** Everything that the output depends on: the schemas, Prisma, and our generator with the schema reader that it uses. */
function fingerprintOf(folder, schemas) {
  const hash = createHash('sha256');
  const add = (name, content) => hash.update(`${name}\0${content.length}\0`).update(content);
  for (const schema of schemas) add(schema, readFileSync(join(folder, schema)));
  for (const name of ['prisma', '@prisma/client']) add(name, versionOf(folder, name));
  for (const part of ['generator', 'schema']) {
    const source = join(ROOT, 'packages/prisma-extension/dist', part);
    if (!existsSync(source))
      throw new GenerateError('packages/prisma-extension is not built: run `npx tsc -b packages/prisma-extension`');
    for (const file of readdirSync(source)
      .filter((file) => file.endsWith('.js'))
      .sort())
      add(file, readFileSync(join(source, file)));
  }
  return hash.digest('hex');
}

function versionOf(folder, name) {
  return JSON.parse(readFileSync(createRequire(join(folder, 'package.json')).resolve(`${name}/package.json`), 'utf8'))
    .version;
}

/** Folders that the generators of a schema write to. */
function outputsOf(schema) {
  const matches = readFileSync(schema, 'utf8').matchAll(/^\s*output\s*=\s*"([^"]+)"/gm);
  return [...matches].map(([, path]) => resolve(dirname(schema), path));
}

/** When the newest file of a folder was written, in ms since the Unix epoch; 0 when there is none. */
function newestIn(folder) {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  return Math.max(0, ...names.map((name) => statSync(join(folder, name)).mtimeMs));
}

function generate(folder, schema) {
  const prisma = createRequire(join(folder, 'package.json')).resolve('prisma/build/index.js');
  const child = spawnSync(process.execPath, [prisma, 'generate', '--schema', schema], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: [join(ROOT, 'node_modules/.bin'), process.env.PATH].join(delimiter),
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      // `generate` needs no schema engine and yet downloads one before it starts, unless this names a file that exists.
      PRISMA_SCHEMA_ENGINE_BINARY: process.env.PRISMA_SCHEMA_ENGINE_BINARY || process.execPath,
    },
  });
  if (child.error !== undefined) throw new GenerateError(`prisma could not be started: ${child.error.message}`);
  if (child.status === 0) return;
  process.stderr.write(child.stdout + child.stderr);
  throw new GenerateError(
    `prisma generate failed for ${schema} of ${basename(folder)} (${child.status ?? child.signal})`,
  );
}

function say(text) {
  process.stderr.write(`generate: ${text}\n`);
}

try {
  main(process.argv[2]);
} catch (error) {
  process.stderr.write(`generate: ${error instanceof GenerateError ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
