import { readdirSync, renameSync } from 'node:fs';
import type { Keyring } from '@fieldseal/core';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Project, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

let project: Project;
let target: Target;
let ours: Sealed;
let recipient = '';
let keyring: Keyring;

beforeAll(async () => {
  project = new Project();
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  target = await openTarget('sqlite', project);
  keyring = await project.keyring();
  ours = await sealed(keyring);
  project.schema(schemaOf('sqlite'));
  project.env['FIELDSEAL_BACKUP_KEY'] = String(parsed(await fieldseal(['backup', 'key', '--json']))['key']);
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  project.write('identity.txt', `${identity}\n`);
});
beforeEach(async () => {
  await target.reset();
  for (const id of ['a', 'b', 'c']) await insert(id, ours.text(`${id}@example.com`));
});
afterAll(async () => {
  await target.close();
  project.remove();
});

const insert = (id: string, email: string) =>
  target.run(`INSERT INTO "patients" ("patient_id", "email") VALUES ('${id}', '${email}')`);
type Answer = { code: number } & Record<string, unknown>;
const json = async (...argv: string[]): Promise<Answer> => {
  const outcome = await fieldseal(['backup', ...argv, '--json'], project.env);
  return { code: outcome.code, ...parsed(outcome) };
};
const create = () => json('create', '--recipient', recipient, '--rows', '--models', 'Patient');
const verify = (...more: string[]) => json('verify', 'latest', '--identity', 'identity.txt', ...more);

/** A database with the tables of the schema and no rows. */
async function scratch(name: string): Promise<Target> {
  const url = `file:${project.folder}/${name}.db`;
  project.env['SCRATCH_URL'] = url;
  const opened = await openTarget('sqlite', project, url);
  await opened.reset();
  return opened;
}

it('level 2 opens a sample of live rows with the keyring of the backup, and tells rows that it does not open', async () => {
  await create();
  expect(await verify('--level', '2', '--rows')).toMatchObject({ code: 0, level: 2, rowsOpened: 3, faults: [] });
  expect(await verify('--level', '2', '--rows', '--sample', '2')).toMatchObject({ rowsOpened: 2 });
  expect((await verify('--level', '2'))['unchecked']).toEqual([expect.stringContaining('no sample of rows')]);
  await keyring.rotate();
  await insert('new', (await sealed(keyring)).text('new@example.com'));
  expect(await verify('--level', '2', '--rows')).toMatchObject({
    code: 12,
    rowsOpened: null,
    faults: [{ level: 2, code: 'ERR_DECRYPT', message: '1 of 4 rows do not open with the keyring of the backup' }],
  });
  await create();
  expect(await verify('--level', '2', '--rows')).toMatchObject({ code: 0, rowsOpened: 4 });
});

it('level 3 restores all rows into an empty database, and a drill says so in its evidence', async () => {
  await create();
  const into = await scratch('scratch');
  expect(await verify('--level', '3', '--scratch-url-env', 'SCRATCH_URL')).toMatchObject({
    code: 0,
    level: 3,
    faults: [],
  });
  const again = await verify('--level', '3', '--scratch-url-env', 'SCRATCH_URL');
  expect(again).toMatchObject({ code: 2, error: { message: 'the scratch database has rows of Patient' } });
  await into.reset();
  const drill = await json('drill', '--identity', 'identity.txt', '--rows', '--scratch-url-env', 'SCRATCH_URL');
  expect(drill).toMatchObject({ code: 0, format: 'fieldseal-drill/1', level: 3, rowsOpened: 3, faults: [] });
  await into.run('DELETE FROM "patients"');
  await into.run(
    `CREATE TRIGGER gone AFTER INSERT ON "patients" BEGIN DELETE FROM "patients" WHERE "patient_id" = 'b'; END`,
  );
  const lost = await verify('--level', '3', '--scratch-url-env', 'SCRATCH_URL');
  expect(lost).toMatchObject({ code: 12, faults: [{ level: 3 }] });
  await into.close();
});

it.each([
  ['level 3 without a place', ['--level', '3']],
  ['a scratch database that is that of the application', ['--level', '3', '--scratch-url-env', 'DATABASE_URL']],
  ['a sample that is none', ['--level', '2', '--rows', '--sample', 'some']],
])('refuses %s, and changes nothing', async (_, more) => {
  await create();
  expect(await verify(...more)).toMatchObject({ code: 2, error: { code: 'ERR_USAGE' } });
});

it('a backup is known by a time, and one under another time than it was signed with is refused', async () => {
  const folder = `${project.folder}/fieldseal-backups`;
  const first = await create();
  const between = new Date().toISOString();
  await new Promise((resolve) => setTimeout(resolve, 10));
  const second = await create();
  expect(await verify()).toMatchObject({ name: second['name'] });
  expect(await json('verify', between)).toMatchObject({ code: 0, name: first['name'] });
  expect(await json('verify', '2020-01-01')).toMatchObject({ code: 2, error: { code: 'ERR_USAGE' } });
  const restored = await json('restore', between, '--identity', 'identity.txt');
  expect(restored).toMatchObject({ code: 0, applied: false, backup: { sequence: first['sequence'] } });
  const name = second['name'] as string;
  const later = name.replace(/-\d{8}T/, '-20990101T');
  for (const file of readdirSync(folder).filter((each) => each.startsWith(name)))
    renameSync(`${folder}/${file}`, `${folder}/${file.replace(name, later)}`);
  expect(await json('verify', later)).toMatchObject({ code: 12, faults: [{ level: 0, code: 'ERR_BACKUP_SIGNATURE' }] });
  for (const file of readdirSync(folder).filter((each) => each.startsWith(later)))
    renameSync(`${folder}/${file}`, `${folder}/${file.replace(later, name)}`);
});

it('the key that signs is replaced, and backups of both are verified', async () => {
  const folder = 'other-backups';
  const made = async () => parsed(await fieldseal(['backup', 'key', '--json'])) as Record<string, string>;
  const [old, next] = [await made(), await made()];
  project.write('old.pub', String(old['publicKey']));
  project.write('next.pub', String(next['publicKey']));
  const own = project.env['FIELDSEAL_BACKUP_KEY'] as string;
  const at = ['--to', folder, '--recipient', recipient];
  try {
    project.env['FIELDSEAL_BACKUP_KEY'] = old['key'] as string;
    const first = await json('create', ...at);
    project.env['FIELDSEAL_BACKUP_KEY'] = next['key'] as string;
    expect(await json('create', ...at)).toMatchObject({ code: 12, error: { code: 'ERR_BACKUP_SIGNATURE' } });
    const second = await json('create', ...at, '--public-key', 'old.pub');
    expect(second).toMatchObject({ code: 0, sequence: 2 });
    for (const { name } of [first, second] as unknown as { name: string }[]) {
      expect(await json('verify', name, '--to', folder, '--public-key', 'old.pub,next.pub')).toMatchObject({ code: 0 });
      const alone = name === first['name'] ? 'next.pub' : 'old.pub';
      expect(await json('verify', name, '--to', folder, '--public-key', alone)).toMatchObject({ code: 12 });
    }
  } finally {
    project.env['FIELDSEAL_BACKUP_KEY'] = own;
  }
});
