import { existsSync, readFileSync } from 'node:fs';
import { openText } from '@fieldseal/backup';
import { environmentOpeners, fileKeyStore, keyringFile, openKeyring } from '@fieldseal/core';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { Project, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

let project: Project;
let target: Target;
let ours: Sealed;
let recipient = '';
let keyId = '';

beforeAll(async () => {
  project = new Project();
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  const keyring = await project.keyring();
  keyId = (await keyring.resolve('')).primary.keyId;
  target = await openTarget('sqlite', project);
  ours = await sealed(keyring);
  project.schema(schemaOf('sqlite'));
  const { key } = parsed(await fieldseal(['backup', 'key', '--json']));
  project.env['FIELDSEAL_BACKUP_KEY'] = String(key);
  const identity = await generateX25519Identity();
  recipient = await identityToRecipient(identity);
  project.write('identity.txt', `${identity}\n`);
});
beforeEach(async () => {
  await target.reset();
  for (const id of ['a', 'b']) await insert(id, ours.text(`${id}@example.com`));
});
afterAll(async () => {
  await target.close();
  project.remove();
});

const insert = (id: string, email: string) =>
  target.run(`INSERT INTO "patients" ("patient_id", "email") VALUES ('${id}', '${email}')`);
const json = async (...argv: string[]) => {
  const outcome = await fieldseal(['backup', ...argv, '--json'], project.env);
  return { code: outcome.code, ...parsed(outcome) };
};
const create = (...more: string[]) => json('create', '--recipient', recipient, ...more);
const restore = (...more: string[]) => json('restore', 'latest', '--identity', 'identity.txt', '--rows', ...more);

it('rows go into a backup, and those that are lost come back, once it is told to', async () => {
  expect(await create('--rows')).toMatchObject({ code: 0 });
  await target.run(`DELETE FROM "patients" WHERE "patient_id" = 'b'`);
  expect(await json('restore', 'latest', '--identity', 'identity.txt')).toMatchObject({
    leftOut: [expect.stringContaining('2 rows in this backup are left out')],
  });
  expect(await restore()).toMatchObject({ code: 0, applied: false, leftOut: [], rows: { inserted: 1, unchanged: 1 } });
  expect(await restore('--apply')).toMatchObject({ code: 0, applied: true, rows: { inserted: 1, unchanged: 1 } });
  expect(await restore('--apply')).toMatchObject({ rows: { inserted: 0, unchanged: 2 } });
});

it('a choice that fits no row is told of', async () => {
  await create('--rows');
  const argv = ['backup', 'restore', 'latest', '--identity', 'identity.txt', '--rows', '--key', '0000000000000000'];
  expect((await fieldseal(argv, project.env)).stdout).toContain('None of the 2 rows in this backup was chosen');
  await target.run(`UPDATE "patients" SET "email" = 'other' WHERE "patient_id" = 'a'`);
  const whole = argv.slice(0, -2);
  const differs = 'Rows that differ from the backup: 1.';
  expect((await fieldseal(whole, project.env)).stdout).toContain(differs);
  expect((await fieldseal([...whole, '--on-conflict', 'skip'], project.env)).stdout).not.toContain(differs);
});

it('rows that point to a model that is not in the backup are warned of', async () => {
  await target.run('ALTER TABLE "patients" ADD COLUMN "clinicId" TEXT');
  await target.run('CREATE TABLE "Clinic" ("id" TEXT NOT NULL PRIMARY KEY)');
  const field = '  clinicId String?\n  clinic Clinic? @relation(fields: [clinicId], references: [id])\n';
  project.schema(
    `${schemaOf('sqlite').replace('  @@index', `${field}  @@index`)}model Clinic {\n  id String @id\n  patients Patient[]\n}\n`,
  );
  const warned = await fieldseal(['backup', 'create', '--rows', '--recipient', recipient], project.env);
  expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining('Patient points to Clinic') });
  const whole = ['backup', 'create', '--rows', '--models', 'Clinic,Patient', '--recipient', recipient];
  expect(await fieldseal(whole, project.env)).toMatchObject({
    code: 0,
    stderr: expect.not.stringContaining('points to'),
  });
  project.schema(schemaOf('sqlite'));
  await target.run('DROP TABLE "Clinic"');
});

it('a row that differs stops everything, unless it is said what happens to it', async () => {
  await create('--rows', '--models', 'Patient');
  await target.run(`UPDATE "patients" SET "email" = 'other' WHERE "patient_id" = 'a'`);
  expect(await restore()).toMatchObject({ code: 0, rows: { conflicts: 1 } });
  expect(await restore('--apply')).toMatchObject({ code: 12, error: { code: 'ERR_BACKUP_ROLLBACK' } });
  expect(await restore('--apply', '--on-conflict', 'skip')).toMatchObject({ rows: { kept: 1 } });
  expect(await restore('--apply', '--on-conflict', 'newer')).toMatchObject({ error: { code: 'ERR_OPTIONS' } });
  const newer = ['--on-conflict', 'newer', '--newer-by', 'phone'];
  expect(await restore('--apply', ...newer)).toMatchObject({ rows: { kept: 1 } });
  expect(await restore('--apply', '--on-conflict', 'overwrite')).toMatchObject({ rows: { overwritten: 1 } });
  expect(await restore('--apply')).toMatchObject({ rows: { unchanged: 2 } });
});

it('chooses by model, scope and key', async () => {
  await create('--rows');
  await target.run('DELETE FROM "patients"');
  expect(await restore('--scope', 'another', '--apply')).toMatchObject({ rows: { inserted: 0, skipped: 2 } });
  expect(await restore('--key', '0011223344556677', '--apply')).toMatchObject({ rows: { skipped: 2 } });
  expect(await restore('--key', keyId, '--model', 'Patient', '--apply')).toMatchObject({ rows: { inserted: 2 } });
});

it.each([
  ['a model that the schema does not have', ['create', '--rows', '--models', 'Nobody'], 'ERR_OPTIONS'],
  ['a choice without rows', ['restore', 'latest', '--model', 'Patient'], 'ERR_USAGE'],
  ['a policy that is none', ['restore', 'latest', '--rows', '--on-conflict', 'merge'], 'ERR_USAGE'],
  ['no database', ['create', '--rows', '--url-env', 'NO_URL'], 'ERR_USAGE'],
])('refuses %s', async (_, argv, code) => {
  const more = argv[0] === 'create' ? ['--recipient', recipient] : ['--identity', 'identity.txt'];
  expect(await json(...argv, ...more)).toMatchObject({ error: { code } });
});

it('does not tear rows from terms that have a table of their own', async () => {
  project.write(
    'searched.prisma',
    `datasource db {\n  provider = "sqlite"\n}
model Letter {
  id    String @id
  /// @encrypted
  text  String
  /// @blindIndex(of: text, kind: ngram, n: 3, normalize: [lowercase])
  words LetterWord[]
}
model LetterWord {
  id       Int    @id @default(autoincrement())
  term     String
  letter   Letter @relation(fields: [letterId], references: [id], onDelete: Cascade)
  letterId String
  @@index([term])
  @@index([letterId])
}\n`,
  );
  for (const choice of [
    ['--scope', 'a'],
    ['--key', keyId],
    ['--on-conflict', 'skip'],
  ])
    expect(await restore('--schema', 'searched.prisma', ...choice)).toMatchObject({ error: { code: 'ERR_USAGE' } });
});

it('the keys of a key store go along', async () => {
  const store = ['--keyring', 'other.json', '--key-store', 'keys.json'];
  await fieldseal(['init', ...store], project.env);
  await fieldseal(['keys', 'add', '--scope', 'tenant', ...store], project.env);
  const to = ['--to', 'others'];
  expect(await create(...store, ...to)).toMatchObject({ code: 0 });
  const lost = ['--keyring', 'new.json', '--key-store', 'new-keys.json'];
  const back = await json('restore', 'latest', '--identity', 'identity.txt', ...lost, ...to, '--apply');
  expect(back).toMatchObject({ code: 0, action: 'create', keysets: { merged: 0 } });
  expect((back as { keysets?: { created: number } }).keysets?.created).toBeGreaterThan(0);
});

it('exports plaintext for its recipients alone, and only when that is said', async () => {
  await target.run(
    `UPDATE "patients" SET "phone" = '${ours.text('+48 1')}', "email_index" = 'term' WHERE "patient_id" = 'a'`,
  );
  const argv = ['export', '--model', 'Patient', '--recipient', recipient, '--out', 'rows.age'];
  expect(await json(...argv)).toMatchObject({ error: { code: 'ERR_USAGE' } });
  expect(await json(...argv, '--decrypt')).toMatchObject({ error: { code: 'ERR_DECRYPT' } }); // that was a cell of another column
  expect(existsSync('rows.age')).toBe(false);
  await target.run(`UPDATE "patients" SET "phone" = NULL`);
  expect(await json(...argv, '--decrypt')).toMatchObject({ code: 0, rows: 2 });
  const sealed = readFileSync('rows.age');
  expect(sealed.includes('a@example.com')).toBe(false);
  const text = await openText(sealed, [readFileSync('identity.txt', 'utf8').trim()]);
  const rows = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(rows).toMatchObject([
    { patient_id: 'a', email: 'a@example.com', phone: null },
    { patient_id: 'b', email: 'b@example.com' },
  ]);
  expect(rows[0]).not.toHaveProperty('email_index');
  expect(await json(...argv, '--decrypt')).toMatchObject({ code: 6 }); // it is there
  const nobody = [...argv.slice(0, 3), '--recipient', 'age1qq', '--out', 'none.age', '--decrypt'];
  expect(await json(...nobody)).toMatchObject({ error: { code: 'ERR_BACKUP_RECIPIENT' } });
  expect(existsSync('none.age')).toBe(false);
});

it('exports each row under the keys of its own scope', async () => {
  const store = ['--keyring', 'tenants.json', '--key-store', 'tenants-keys.json'];
  await fieldseal(['init', ...store], project.env);
  const keyring = await openKeyring({
    storage: keyringFile('tenants.json'),
    openers: environmentOpeners(project.env),
    keyStore: fileKeyStore('tenants-keys.json'),
  });
  await target.run('DELETE FROM "patients"');
  await target.run(`ALTER TABLE "patients" ADD COLUMN "tenant" TEXT NOT NULL DEFAULT ''`);
  const put = async (id: string, tenant: string, keys: string) => {
    const { text } = await sealed(keyring, keys);
    await target.run(
      `INSERT INTO "patients" ("patient_id", "tenant", "email") VALUES ('${id}', '${tenant}', '${text(`${id}@x`)}')`,
    );
  };
  for (const tenant of ['acme', 'globex']) {
    await keyring.addScope(tenant);
    await put(`1${tenant}`, tenant, tenant);
    await put(`2${tenant}`, tenant, tenant);
  }
  const encrypted = '  /// @encrypted\n  email';
  project.write('tenants.prisma', schemaOf('sqlite').replace(encrypted, `  /// @scope\n  tenant String\n${encrypted}`));
  const run = (out: string, ...more: string[]) => {
    const to = ['--model', 'Patient', '--recipient', recipient, '--out', out, '--decrypt'];
    return json('export', '--schema', 'tenants.prisma', ...store, ...to, ...more);
  };
  const exported = async (out: string) => {
    const text = await openText(readFileSync(out), [readFileSync('identity.txt', 'utf8').trim()]);
    return [...text.matchAll(/"email":"([^"]*)"/g)].map(([, email]) => email);
  };
  expect(await run('tenants.age')).toMatchObject({ code: 0, rows: 4 });
  expect(await exported('tenants.age')).toEqual(['1acme@x', '1globex@x', '2acme@x', '2globex@x']);
  expect(await run('acme.age', '--scope', 'acme')).toMatchObject({ code: 0, rows: 2 });
  expect(await exported('acme.age')).toEqual(['1acme@x', '2acme@x']);
  // A cell that was moved to another tenant, and a tenant without keys, stop it; a single scope does not see them.
  await put('3', 'acme', 'globex');
  expect(await run('moved.age')).toMatchObject({ error: { code: 'ERR_SCOPE_MISMATCH' } });
  await target.run(`UPDATE "patients" SET "tenant" = 'nobody' WHERE "patient_id" = '3'`);
  expect(await run('moved.age')).toMatchObject({ error: { code: 'ERR_KEY_UNKNOWN' } });
  expect(existsSync('moved.age')).toBe(false);
  expect(await run('globex.age', '--scope', 'globex')).toMatchObject({ code: 0, rows: 2 });
  expect(
    await json(
      'export',
      '--scope',
      'acme',
      '--model',
      'Patient',
      '--recipient',
      recipient,
      '--out',
      'no.age',
      '--decrypt',
    ),
  ).toMatchObject({
    error: { code: 'ERR_OPTIONS' },
  });
  expect(existsSync('no.age')).toBe(false);
  keyring.close();
});
