import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { emitSchemaMap } from '../src/generator/emit.ts';
import { readSchemaMap } from '../src/schema/read-schema.ts';
import { generate as generateAll, schemaText, temporaryFolder } from './retype-harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'fieldseal-test-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const prisma = createRequire(import.meta.url).resolve('prisma/build/index.js');
const bin = fileURLToPath(new URL('../bin/fieldseal-generator.js', import.meta.url));

/** Runs `prisma generate` with our generator alone. */
function generate(models: string) {
  const path = join(folder, 'schema.prisma');
  const generator = `generator fieldseal {\n  provider = ${JSON.stringify(`node ${bin}`)}\n  output = "out"\n}\n`;
  writeFileSync(path, `${generator}datasource db {\n  provider = "sqlite"\n}\n${models}\n`);
  // Generating needs no schema engine, but Prisma insists that one exists.
  const env = { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: '1', NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [prisma, 'generate', '--schema', path], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { status, output: stdout + stderr };
}

const SCHEMA = 'model User {\n  id String @id\n  /// @encrypted\n  email String\n}';

describe('the generator', () => {
  it('writes the schema map as plain data', () => {
    const { status, output } = generate(SCHEMA);
    expect(output).toContain('Fieldseal schema map');
    expect(status).toBe(0);
    const text = readFileSync(join(folder, 'out', 'fieldseal-schema.ts'), 'utf8');
    expect(text).toBe(emitSchemaMap(readSchemaMap(SCHEMA)));
    expect(text).toContain('"email"');
  });

  it.each([
    [
      'a mistyped annotation',
      'model User {\n  id String @id\n  /// @encypted\n  email String\n}',
      'did you mean @encrypted',
    ],
    ['an encrypted id', 'model User {\n  id String @id /// @encrypted\n}', 'User.id'],
    [
      'a type that does not exist',
      'model User {\n  id String @id\n  /// @encrypted(type: Integer)\n  age String\n}',
      'there is no type Integer',
    ],
    [
      'an annotation that Prisma would drop',
      'model User {\n  id String @id\n  /// @encrypted\n}',
      'belongs to no field',
    ],
  ])('fails generation on %s', (_, models, message) => {
    const { status, output } = generate(models);
    expect(output).toContain(message);
    expect(status).not.toBe(0);
  });
});

describe('the generator beside clients', () => {
  const clients = temporaryFolder();
  const model = (file: string) => readFileSync(join(clients, file), 'utf8');

  it.each([
    ['its place above a client', { before: true }, 'the generator fieldseal stands above the generator js'],
    ['an unknown value of retype', { own: 'retype = "no"' }, 'retype is "true" or "false"'],
  ])('fails generation on %s', (_, options, message) => {
    const { status, output } = generateAll(clients, schemaText(SCHEMA, options));
    expect(output).toContain(message);
    expect(status).not.toBe(0);
    expect(existsSync(join(clients, 'map'))).toBe(false);
  });

  it('types both, or none with retype = "false", in any place then', () => {
    const off = schemaText(SCHEMA, { own: 'retype = "false"', before: true });
    expect(generateAll(clients, off)).toMatchObject({ status: 0 });
    expect(model('client/models/User.ts')).not.toContain('fieldseal');
    expect(generateAll(clients, schemaText(SCHEMA, { own: 'retype = "true"' }))).toMatchObject({ status: 0 });
    for (const file of ['client/models/User.ts', 'js/index.d.ts'])
      expect(model(file)).toMatch(/^\/\/ Retyped by the fieldseal generator/);
  });

  it('types the clients that are generated with it, and for the schema as it is then', () => {
    const other = SCHEMA.replace('@encrypted', '@encrypted(type: Int)');
    expect(generateAll(clients, schemaText(SCHEMA))).toMatchObject({ status: 0 });
    const names = ['--generator', 'fieldseal', '--generator', 'client'];
    expect(generateAll(clients, schemaText(other), ...names)).toMatchObject({ status: 0 });
    expect(model('client/models/User.ts')).toContain('email: number');
  });
});
