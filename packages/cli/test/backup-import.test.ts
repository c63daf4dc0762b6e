import { readFileSync, writeFileSync } from 'node:fs';
import { openText, sealStream } from '@fieldseal/backup';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Project, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

let project: Project;
let target: Target;
let ours: Sealed;
let recipient = '';

beforeAll(async () => {
  project = new Project();
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  const keyring = await project.keyring();
  target = await openTarget('sqlite', project);
  ours = await sealed(keyring);
  project.schema(schemaOf('sqlite'));
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  project.write('identity.txt', `${identity}\n`);
});
beforeEach(async () => {
  await target.reset();
  for (const id of ['a', 'b', 'c'])
    await target.run(
      `INSERT INTO "patients" ("patient_id", "email") VALUES ('${id}', '${ours.text(`${id}@example.com`)}')`,
    );
});
afterAll(async () => {
  await target.close();
  project.remove();
});

const json = async (...argv: string[]) => {
  const outcome = await fieldseal(['backup', ...argv, '--json'], project.env);
  return { code: outcome.code, text: outcome.stdout + outcome.stderr, ...parsed(outcome) };
};
const exported = (out: string) =>
  json('export', '--model', 'Patient', '--recipient', recipient, '--out', out, '--decrypt');
const imported = (path: string, ...more: string[]) =>
  json('import', '--model', 'Patient', '--in', path, '--identity', 'identity.txt', ...more);
const emails = async () =>
  ((await exportedRows(`${Math.random()}.age`)) as { email: string }[]).map(({ email }) => email);
const exportedRows = async (out: string): Promise<unknown[]> => {
  await exported(out);
  const text = await openText(readFileSync(out), [readFileSync('identity.txt', 'utf8').trim()]);
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
};
const written = async (path: string, text: string) => {
  const bytes: Uint8Array[] = [];
  const lines = (async function* () {
    yield Buffer.from(text);
  })();
  for await (const chunk of await sealStream(lines, [recipient])) bytes.push(chunk);
  writeFileSync(path, Buffer.concat(bytes));
};

it('rows that were exported come back encrypted, once it is told to', async () => {
  expect(await exported('rows.age')).toMatchObject({ code: 0, rows: 3 });
  await target.run(`DELETE FROM "patients" WHERE "patient_id" <> 'a'`);
  const dry = { code: 0, applied: false, inserted: 2, kept: 1, overwritten: 0 };
  expect(await imported('rows.age')).toMatchObject(dry);
  expect(await emails()).toEqual(['a@example.com']);
  expect(await imported('rows.age', '--apply')).toMatchObject({ error: { code: 'ERR_ROW_REFUSED' } });
  expect(await emails()).toEqual(['a@example.com']);
  const skip = ['--on-conflict', 'skip', '--apply'];
  expect(await imported('rows.age', ...skip)).toMatchObject({ code: 0, applied: true, inserted: 2, kept: 1 });
  expect(await emails()).toEqual(['a@example.com', 'b@example.com', 'c@example.com']);
  expect(await imported('rows.age', ...skip)).toMatchObject({ inserted: 0, kept: 3 });
  expect(await imported('rows.age', '--on-conflict', 'overwrite', '--apply')).toMatchObject({ overwritten: 3 });
  const stored = await target.rows(`SELECT "email" FROM "patients"`);
  expect(JSON.stringify(stored)).not.toContain('example.com');
});

it('a file that is cut off, changed, or of somebody else writes nothing', async () => {
  await exported('whole.age');
  await target.run('DELETE FROM "patients"');
  const whole = readFileSync('whole.age');
  writeFileSync('cut.age', whole.subarray(0, -1));
  const flipped = Buffer.from(whole);
  flipped[flipped.length - 20] = (flipped.at(-20) as number) ^ 1;
  writeFileSync('flipped.age', flipped);
  for (const path of ['cut.age', 'flipped.age'])
    expect(await imported(path, '--apply')).toMatchObject({ error: { code: 'ERR_BACKUP_DAMAGED' } });
  project.write('other.txt', `${await generateX25519Identity()}\n`);
  expect(await imported('whole.age', '--apply', '--identity', 'other.txt')).toMatchObject({
    error: { code: 'ERR_BACKUP_LOCKED' },
  });
  expect(await imported('none.age', '--apply')).toMatchObject({ error: { code: 'ERR_FILE_IO' } });
  expect(await emails()).toEqual([]);
});

it.each<[string, string | object, string]>([
  ['is no JSON', '{"patient_id": "canary', 'ERR_OPTIONS'],
  ['lacks a value', { email: undefined }, 'ERR_OPTIONS'],
  ['has a value of another type', { email: 17 }, 'ERR_VALUE'],
  ['names an index', { email_index: 'x' }, 'ERR_OPTIONS'],
])('a line that %s stops everything before the first row, and is named by its number alone', async (_, line, code) => {
  const [row] = (await exportedRows(`before-${Math.random()}.age`)) as [object];
  await target.run('DELETE FROM "patients"');
  const broken = typeof line === 'string' ? line : JSON.stringify({ ...row, patient_id: 'canary', ...line });
  await written(`lines-${code}.age`, `${JSON.stringify(row)}\n\n${broken}\n`);
  const outcome = await imported(`lines-${code}.age`, '--apply');
  expect(outcome).toMatchObject({ error: { code, message: expect.stringContaining('line 3') } });
  expect(outcome.text).not.toContain('canary');
  expect(await emails()).toEqual([]);
});

it('says what it needs', async () => {
  expect(await json('import', '--model', 'Patient', '--in', 'x')).toMatchObject({ error: { code: 'ERR_USAGE' } });
  expect(await imported('x', '--scope', 'acme')).toMatchObject({ error: { code: 'ERR_OPTIONS' } });
});
