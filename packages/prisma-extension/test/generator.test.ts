import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { emitSchemaMap } from '../src/generator/emit.ts';
import type { EncryptedFieldMap, ModelMap } from '../src/schema/schema-map.ts';

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

describe('the generator', () => {
  it('writes the schema map as plain data', () => {
    const { status, output } = generate('model User {\n  id String @id\n  /// @encrypted\n  email String\n}');
    expect(output).toContain('Fieldseal schema map');
    expect(status).toBe(0);
    const text = readFileSync(join(folder, 'out', 'fieldseal-schema.ts'), 'utf8');
    const email: EncryptedFieldMap = {
      column: 'String',
      type: 'String',
      pad: null,
      context: { model: 'User', field: 'email' },
    };
    const user: ModelMap = {
      fields: { id: 'String', email: 'String' },
      encrypted: { email },
      indexes: {},
      compounds: {},
    };
    expect(text).toBe(emitSchemaMap({ format: 'fieldseal-schema/1', models: { User: user } }));
  });

  it.each([
    [
      'a mistyped annotation',
      'model User {\n  id String @id\n  /// @encypted\n  email String\n}',
      'did you mean @encrypted',
    ],
    ['an encrypted id', 'model User {\n  id String @id /// @encrypted\n}', 'User.id'],
    [
      'what this version does not serve',
      'model User {\n  id String @id\n  /// @encrypted(type: Int)\n  age String\n}',
      'not supported by this version',
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
