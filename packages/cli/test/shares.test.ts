import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { decodeCell, FieldCipher, type Keyring, keyringFile, openKeyring, rawKey } from '@fieldseal/core';
import { generateX25519Identity, identityToRecipient } from 'age-encryption';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Project, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

let project: Project;
let target: Target;
let keyring: Keyring;
let recovery = '';
let publicKey = '';
let set: Record<string, unknown>;
const holders = ['Ada', 'Bob', 'Eve'];

beforeAll(async () => {
  project = new Project();
  const init = parsed(await fieldseal(['init', '--keyring', 'keyring.json', '--json'], project.env));
  recovery = String(init['recoveryKey']);
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  const key = parsed(await fieldseal(['backup', 'key', '--json']));
  project.env['FIELDSEAL_BACKUP_KEY'] = String(key['key']);
  publicKey = String(key['publicKey']);
  project.write('fieldseal.pub', publicKey);
  project.schema(schemaOf('sqlite'));
  target = await openTarget('sqlite', project);
  await target.reset();
  keyring = await openKeyring({
    storage: keyringFile('keyring.json'),
    openers: [rawKey(project.env['FIELDSEAL_KEY'] as string)],
  });
  const lines: string[] = ['# holders'];
  for (const name of holders) {
    const identity = await generateX25519Identity();
    project.write(`${name}.txt`, `${identity}\n`);
    lines.push(`${await identityToRecipient(identity)} ${name}`);
  }
  project.write('holders.txt', lines.join('\n'));
});
afterAll(async () => {
  keyring.close();
  await target.close();
  project.remove();
});

const run = (argv: readonly string[], env: Record<string, string> = project.env, stdin = '') =>
  fieldseal(['shares', ...argv], env, stdin);
const file = () => `out/shares-${set['setId']}.json`;
const pageOf = (index: number) => `out/share-${set['setId']}-${index}.html.age`;
const proofOf = async (index: number): Promise<string> => {
  const argv = [
    'verify',
    '--set',
    file(),
    '--share',
    pageOf(index),
    '--identity',
    `${holders[index - 1]}.txt`,
    '--json',
  ];
  return String(parsed(await run(argv, {}))['proof']);
};

it('splits, and writes an encrypted page for every holder', async () => {
  const argv = ['split', '--threshold', '2', '--holders', 'holders.txt', '--out', 'out', '--json'];
  expect((await run(argv)).code).toBe(3); // the recovery key is not at hand
  const outcome = await run(argv, { ...project.env, FIELDSEAL_RECOVERY_KEY: recovery });
  expect(outcome.code).toBe(0);
  set = parsed(outcome);
  expect(readdirSync('out').sort()).toEqual(
    [1, 2, 3]
      .map((at) => pageOf(at).slice(4))
      .concat(file().slice(4))
      .sort(),
  );
  for (const name of readdirSync('out')) {
    if (name.endsWith('.age')) expect(statSync(`out/${name}`).mode & 0o077).toBe(0);
    expect(readFileSync(`out/${name}`).includes('fieldseal-share:')).toBe(false);
  }
  expect((await keyring.describe()).slots.map(({ id }) => id)).toContain(set['slot']);
});

it('is active only by the proofs of all holders', async () => {
  const proofs = [await proofOf(1), await proofOf(2)];
  const argv = ['activate', '--set', file(), '--json'];
  expect(parsed(await run(argv, project.env, proofs.join('\n')))).toMatchObject({
    error: { code: 'ERR_SHARES_MISSING' },
  });
  proofs.push(await proofOf(3));
  expect(await run(argv, project.env, `proofs: ${proofs.join(', ')}\n`)).toMatchObject({ code: 0 });
  expect(JSON.parse(readFileSync(file(), 'utf8'))).toMatchObject({ active: expect.stringContaining('T') });
});

it('a set that was changed, or signed by somebody else, changes nothing and is on no page', async () => {
  const signed = JSON.parse(readFileSync(file(), 'utf8')) as Record<string, unknown>;
  const other = parsed(await fileAndKey());
  const proofs = (await Promise.all([1, 2, 3].map(proofOf))).join('\n');
  const changes: [string, Record<string, unknown>][] = [
    ['recipient', { ...signed, recipient: 'age1qqqq' }],
    ['slot', { ...signed, slot: 'another' }],
    ['unsigned', (({ signature: _, ...rest }) => rest)(signed)],
    ['signature', { ...signed, signature: Buffer.alloc(64, 1).toString('base64') }],
    ['none', { ...signed, signature: '' }],
  ];
  const activate = (path: string, ...more: string[]) =>
    run(['activate', '--set', path, '--json', ...more], project.env, proofs);
  for (const [name, content] of changes) {
    project.write(`${name}.json`, JSON.stringify(content));
    expect(parsed(await activate(`${name}.json`))).toMatchObject({ error: { code: 'ERR_BACKUP_SIGNATURE' } });
    project.write(`older-${name}.json`, JSON.stringify({ ...content, setId: '0123456789abcdef' }));
    const replacing = ['--replaces', `older-${name}.json`, '--keyring', 'keyring.json'];
    expect(parsed(await activate(file(), ...replacing))).toMatchObject({ error: { code: 'ERR_BACKUP_SIGNATURE' } });
    const sheet = await fieldseal(
      ['backup', 'sheet', '--set', `${name}.json`, '--keyring', 'keyring.json'],
      project.env,
    );
    expect(sheet.code).toBe(12);
    expect(readFileSync(`${name}.json`, 'utf8')).toBe(JSON.stringify(content));
  }
  expect(parsed(await activate(file(), '--public-key', 'other.pub'))).toMatchObject({
    error: { code: 'ERR_BACKUP_SIGNATURE' },
  });
  expect((await activate('unsigned.json', '--allow-unsigned')).code).toBe(0);
  expect(JSON.parse(readFileSync('unsigned.json', 'utf8'))).toHaveProperty('signature');
  expect((await activate('recipient.json', '--allow-unsigned')).code).toBe(12);
  expect(other['publicKey']).not.toBe(publicKey);

  async function fileAndKey() {
    const key = await fieldseal(['backup', 'key', '--json']);
    project.write('other.pub', String(parsed(key)['publicKey']));
    return key;
  }
});

it('total loss: with the archive and two shares, and nothing else, the rows open again', async () => {
  const ours = await sealed(keyring);
  await target.run(`INSERT INTO "patients" ("patient_id", "email") VALUES ('a', '${ours.text('ada@example.com')}')`);
  const created = await fieldseal(['backup', 'create', '--rows', '--recipient', String(set['recipient'])], project.env);
  expect(created).toMatchObject({ code: 0, stderr: '' });

  rmSync('keyring.json');
  await target.reset();
  // Neither a key nor a recovery key nor the key that signs: what is left are backups, the public key, the set and the pages.
  const left = { DATABASE_URL: project.env['DATABASE_URL'] as string };
  const pages = await Promise.all(
    [1, 3].map(async (at) => {
      const argv = ['verify', '--set', file(), '--share', pageOf(at), '--identity', `${holders[at - 1]}.txt`];
      expect((await run(argv, left)).code).toBe(0);
      return textOf(at);
    }),
  );
  const argv = ['combine', '--set', file(), '--backup', 'latest', '--public-key', 'fieldseal.pub', '--rows'];
  const own = [...argv, '--keyring', 'keyring.json'];
  expect(parsed(await run([...own, '--json'], left, pages.join('\n')))).toMatchObject({
    restored: { action: 'create', applied: false, rows: { inserted: 1 } },
  });
  const done = await run([...own, '--apply', '--new-key', '--json'], left, pages.join('\n'));
  expect(done.code).toBe(0);
  const { key, restored } = parsed(done) as { key: { value: string }; restored: object };
  expect(restored).toMatchObject({ action: 'create', applied: true, rows: { inserted: 1 } });
  for (const page of pages) expect(done.stdout + done.stderr).not.toContain(page);

  const back = await openKeyring({ storage: keyringFile('keyring.json'), openers: [rawKey(key.value)] });
  const [cell] = await stored();
  const spec = {
    model: 'Patient',
    field: 'email',
    context: { model: 'Patient', field: 'email' },
    column: 'String',
    type: 'String',
    pad: null,
  } as const;
  const view = await back.resolve('');
  expect(
    new FieldCipher().decrypt(view, [
      { spec, cell: decodeCell(cell as string), stored: cell as string, binding: null },
    ]),
  ).toEqual(['ada@example.com']);
  back.close();
});

it.each([
  ['too few shares', async () => [await textOf(1)], 'ERR_SHARES_MISSING'],
  ['a share given twice', async () => [await textOf(1), await textOf(1)], 'ERR_SHARE'],
  ['what is no share', async () => ['hello', 'world'], 'ERR_SHARE'],
  ['nothing', async () => [], 'ERR_SHARES_MISSING'],
])('combines nothing from %s', async (_, of, wanted) => {
  const before = readFileSync('keyring.json', 'utf8');
  const argv = ['combine', '--set', file(), '--new-key', '--keyring', 'keyring.json', '--json'];
  const outcome = await run(argv, {}, (await of()).join('\n'));
  expect(parsed(outcome)).toMatchObject({ error: { code: wanted } });
  expect(outcome.code).toBe(12);
  expect(readFileSync('keyring.json', 'utf8')).toBe(before);
});

it.each([
  ['nothing that is wanted', ['combine', '--set', 'out']],
  ['a new key for a keyring that is not restored', ['combine', '--set', 'out', '--backup', 'latest', '--new-key']],
  ['no set', ['verify']],
  ['no threshold', ['split', '--holders', 'holders.txt']],
])('refuses %s', async (_, argv) => {
  expect((await run(argv)).code).toBe(2);
});

it('a newer set takes the place of the older one, once it is active', async () => {
  const env = { ...project.env, FIELDSEAL_RECOVERY_KEY: recovery };
  const older = file();
  const slot = set['slot'];
  set = parsed(await run(['split', '--threshold', '3', '--holders', 'holders.txt', '--out', 'out', '--json'], env));
  const proofs = await Promise.all([1, 2, 3].map(proofOf));
  const argv = ['activate', '--set', file(), '--replaces', older, '--json'];
  expect((await run(argv, project.env, proofs.slice(1).join('\n'))).code).toBe(12);
  expect(readFileSync('keyring.json', 'utf8')).toContain(String(slot));
  expect(parsed(await run(argv, project.env, proofs.join('\n')))).toMatchObject({ removed: slot });
  expect(readFileSync('keyring.json', 'utf8')).not.toContain(String(slot));
});

it('a set is replaced where the keys lie in a key store, which is not needed for that', async () => {
  const made = ['init', '--keyring', 'outside.json', '--key-store', 'keys.json', '--json'];
  const { recoveryKey } = parsed(await fieldseal(made, project.env));
  const env = { ...project.env, FIELDSEAL_KEYRING: 'outside.json', FIELDSEAL_RECOVERY_KEY: String(recoveryKey) };
  const argv = ['split', '--threshold', '2', '--holders', 'holders.txt', '--out', 'out', '--json'];
  const older = parsed(await run(argv, env));
  set = parsed(await run(argv, env));
  const proofs = (await Promise.all([1, 2, 3].map(proofOf))).join('\n');
  const replaces = `out/shares-${older['setId']}.json`;
  const active = await run(['activate', '--set', file(), '--replaces', replaces, '--json'], env, proofs);
  expect(parsed(active)).toMatchObject({ removed: older['slot'] });
});

/** The text of a share as its holder finds it on the page. */
async function textOf(index: number): Promise<string> {
  const { openText } = await import('@fieldseal/backup');
  const page = await openText(readFileSync(pageOf(index)), [readFileSync(`${holders[index - 1]}.txt`, 'utf8').trim()]);
  return /fieldseal-share:1:[\w-]+/.exec(page)?.[0] ?? '';
}

async function stored(): Promise<readonly unknown[]> {
  const { PrismaLibSql } = await import('@prisma/adapter-libsql');
  const adapter = await new PrismaLibSql({ url: project.env['DATABASE_URL'] as string }).connect();
  const { rows } = await adapter.queryRaw({ sql: 'SELECT "email" FROM "patients"', args: [], argTypes: [] });
  await adapter.dispose();
  return rows.flat();
}
