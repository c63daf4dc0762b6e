import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fieldseal, parsed, scratch } from './harness.ts';

const folder = scratch();
afterAll(folder.remove);

const DATASOURCE = 'datasource db {\n  provider = "sqlite"\n}\n';
const MODEL = `model Patient {
  id         String  @id
  /// @encrypted
  email      String
  /// @blindIndex(of: email)
  emailIndex String?
}
`;
let file = '';
let split = '';

beforeAll(() => {
  file = folder.path('schema.prisma');
  writeFileSync(file, DATASOURCE + MODEL);
  split = folder.path('split');
  mkdirSync(folder.path('split/models'), { recursive: true });
  writeFileSync(folder.path('split/base.prisma'), DATASOURCE);
  writeFileSync(folder.path('split/models/patient.prisma'), MODEL);
  writeFileSync(folder.path('split/README.md'), 'model Broken {');
});

test('prints triggers for SQLite, one statement a line', async () => {
  const { code, stdout, stderr } = await fieldseal(['constraints', '--schema', file]);
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout.trimEnd().split('\n')).toHaveLength(4);
  expect(stdout).toMatch(
    /^CREATE TRIGGER "fieldseal_email_\w{8}_insert" BEFORE INSERT ON "Patient" WHEN NEW."email" /m,
  );
});

test('prints the same for a folder', async () => {
  const whole = await fieldseal(['constraints', '--schema', file]);
  expect((await fieldseal(['constraints', '--schema', split])).stdout).toBe(whole.stdout);
});

test('prints constraints for the database that is named, and their removal', async () => {
  const { stdout } = await fieldseal(['constraints', '--schema', file, '--provider', 'postgresql']);
  expect(stdout).toMatch(/^ALTER TABLE "Patient" ADD CONSTRAINT "fieldseal_email_\w{8}" CHECK \(.+\) NOT VALID;$/m);
  expect(stdout).toMatch(/^-- These check .+\nALTER TABLE "Patient" VALIDATE CONSTRAINT "fieldseal_email_/m);
  const drop = ['constraints', '--schema', file, '--provider', 'postgresql', '--drop'];
  expect((await fieldseal(drop)).stdout.match(/DROP CONSTRAINT IF EXISTS/g)).toHaveLength(2);
  expect((await fieldseal(drop)).stdout).not.toContain('ADD');
});

test('gives statements without comments as JSON', async () => {
  const run = await fieldseal(['constraints', '--schema', file, '--provider', 'postgresql', '--json']);
  const { schema, provider, statements } = parsed(run);
  expect([schema, provider]).toEqual([file, 'postgresql']);
  expect(statements).toHaveLength(4);
  expect(JSON.stringify(statements)).not.toContain('--');
});

test('says when there is nothing to do', async () => {
  const path = folder.path('plain.prisma');
  writeFileSync(path, `${DATASOURCE}model A {\n  id Int @id\n}\n`);
  const { code, stdout, stderr } = await fieldseal(['constraints', '--schema', path]);
  expect([code, stdout]).toEqual([0, '']);
  expect(stderr).toContain('no encrypted field');
});

test.each([
  ['a file that is not there', 'nothing.prisma', 'ERR_FILE_IO', 6],
  ['a folder without a schema', 'empty', 'ERR_FILE_IO', 6],
  ['a schema without a datasource', 'split/models', 'ERR_FILE_IO', 6],
  ['an annotation that is wrong', 'wrong.prisma', 'ERR_SCHEMA', 1],
  ['a database without constraints', 'mongo.prisma', 'ERR_OPTIONS', 2],
])('refuses %s', async (_, name, code, exit) => {
  mkdirSync(folder.path('empty'), { recursive: true });
  writeFileSync(folder.path('wrong.prisma'), DATASOURCE + MODEL.replace('@encrypted', '@encypted'));
  writeFileSync(folder.path('mongo.prisma'), DATASOURCE.replace('sqlite', 'mongodb') + MODEL);
  const outcome = await fieldseal(['constraints', '--schema', folder.path(name)]);
  expect(outcome.code).toBe(exit);
  expect(outcome.stdout).toBe('');
  expect(outcome.stderr).toContain(`[${code}]`);
});

test('refuses a provider that it does not know', async () => {
  const { code, stderr } = await fieldseal(['constraints', '--schema', file, '--provider', 'postgres']);
  expect(code).toBe(2);
  expect(stderr).toContain('Did you mean postgresql?');
});
