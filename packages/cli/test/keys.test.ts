import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createKeyring,
  DESTROY_WAIT_MS,
  FieldCipher,
  fileKeyStore,
  type Keyring,
  type KeysetRecord,
  keyringFile,
  rawKey,
  verifyShredReceipt,
} from '@fieldseal/core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Project, schemaOf } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, type Outcome, parsed } from './harness.ts';

let project: Project;
let target: Target;

beforeAll(async () => {
  project = new Project();
  project.schema(schemaOf('sqlite'));
  target = await openTarget('sqlite', project);
  project.env['DATABASE_URL'] = target.url;
});

afterAll(async () => {
  await target.close();
  project.remove();
});

let ring = 0;
let store = '';

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-06-01T00:00:00Z') });
  project.env['FIELDSEAL_KEYRING'] = join(project.folder, `keyring-${++ring}.json`);
  store = join(project.folder, `keys-${ring}.json`);
  await target.reset();
});

afterEach(() => {
  vi.useRealTimers();
});

const PATH = (): string => project.env['FIELDSEAL_KEYRING'] as string;
const KEY = (): ReturnType<typeof rawKey> => rawKey(project.env['FIELDSEAL_KEY'] as string);

/** A new keyring, whose keys lie in a file beside it if `outside` is set. */
async function newKeyring(outside = false): Promise<Keyring> {
  const options = {
    storage: keyringFile(PATH()),
    openers: [KEY()],
    ...(outside ? { keyStore: fileKeyStore(store) } : {}),
  };
  const { keyring, recovery } = await createKeyring(options);
  recovery.wipe();
  return keyring;
}

function keys(...argv: string[]): Promise<Outcome> {
  return fieldseal(['keys', ...argv], project.env);
}

async function json(...argv: string[]): Promise<Record<string, unknown>> {
  return parsed(await keys(...argv, '--json'));
}

async function codeOf(...argv: string[]): Promise<string> {
  const { error } = (await json(...argv)) as { error?: { code: string } };
  return error?.code ?? 'none';
}

async function record(keyring: Keyring, scope = ''): Promise<KeysetRecord> {
  return (await keyring.describe([scope])).keysets[0] as KeysetRecord;
}

/** Writes a row whose columns email and photo are under the primary of a scope. */
async function row(keyring: Keyring, id: string, scope = ''): Promise<void> {
  const view = await keyring.resolve(scope);
  const field = (name: string, column: 'String' | 'Bytes') => ({
    model: 'Patient',
    field: name,
    context: { model: 'Patient', field: name },
    column,
    type: column,
    pad: null,
  });
  const [email, photo] = new FieldCipher().encrypt(view, [
    { spec: field('email', 'String'), value: 'a', binding: null },
    { spec: field('photo', 'Bytes'), value: Buffer.from('b'), binding: null },
  ]);
  const bytes = Buffer.from(photo as Uint8Array).toString('hex');
  await target.run(
    `INSERT INTO "patients" ("patient_id", "email", "photo") VALUES ('${id}', '${email as string}', X'${bytes}')`,
  );
}

describe('keys list', () => {
  test('shows every scope of a key store, and no key', async () => {
    const keyring = await newKeyring(true);
    await keyring.addScope('acme');
    const { code, stdout } = await keys('list', '--key-store', store);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\(application\) +[0-9a-f]{16} +data +1 +enabled +primary +2026-06-01 00:00 +-$/m);
    expect(stdout).toMatch(/^acme +[0-9a-f]{16} +index +1 +enabled +primary/m);
    for (const secret of [...readFileSync(store, 'utf8').matchAll(/"(?:wrapped|mac)": ?"([^"]+)"/g)].map(
      ([, text]) => text as string,
    ))
      expect(stdout + JSON.stringify(await json('list', '--key-store', store))).not.toContain(secret);
  });

  test('shows one scope, or so many, and says that there are more', async () => {
    const keyring = await newKeyring();
    for (const scope of ['a', 'b', 'c']) await keyring.addScope(scope);
    expect(await json('list', '--scope', 'b')).toMatchObject({ keys: [{ scope: 'b' }, { scope: 'b' }], more: false });
    const { stdout } = await keys('list', '--limit', '2');
    expect(stdout).toContain('There are more scopes than 2');
    expect(stdout).not.toMatch(/^c /m);
    expect(await json('list')).toMatchObject({ more: false });
    expect(await codeOf('list', '--scope', 'nobody')).toBe('ERR_KEY_UNKNOWN');
    for (const [option, value] of [
      ['limit', '0'],
      ['limit', 'x'],
      ['rotate-after', '-1'],
      ['rotate-after', '1.5'],
    ] as const)
      expect(await codeOf('list', `--${option}=${value}`)).toBe('ERR_USAGE');
  });

  test('suggests rotation for an old primary, and for no other key', async () => {
    const keyring = await newKeyring();
    await keyring.addKey();
    expect((await keys('list')).stdout).not.toContain('suggested');
    vi.setSystemTime(Date.parse('2028-06-01T00:00:00Z'));
    const { stdout, stderr } = await keys('list');
    expect(stdout.match(/rotation suggested/g)).toHaveLength(1);
    expect(stdout).toMatch(/data +1 +enabled +primary .*rotation suggested$/m);
    expect(stderr).toContain('rotation is suggested for 1');
    expect((await keys('list', '--rotate-after', '800')).stdout).not.toContain('suggested');
    const { keys: rows } = (await json('list')) as { keys: { rotationSuggested: boolean }[] };
    expect(rows.map(({ rotationSuggested }) => rotationSuggested)).toEqual([true, false, false]);
  });
});

test('a key is added, promoted, disabled and enabled', async () => {
  const keyring = await newKeyring();
  const old = (await record(keyring)).data.primary;
  const { added } = (await json('add')) as { added: string };
  expect((await record(keyring)).data.primary).toBe(old);
  expect(await json('promote', added)).toEqual({ scope: '', promoted: added });
  expect(await json('disable', old)).toEqual({ scope: '', disabled: old });
  expect((await record(keyring)).data).toMatchObject({
    primary: added,
    versions: [{ status: 'disabled' }, { status: 'enabled' }],
  });
  expect(await json('enable', old)).toEqual({ scope: '', enabled: old });
  expect(await codeOf('disable', added)).toBe('ERR_KEY_STATUS');
  expect(await codeOf('promote', '0000000000000000')).toBe('ERR_KEY_UNKNOWN');
  expect(await codeOf('add', '--scope', 'nobody')).toBe('ERR_KEY_UNKNOWN');
  expect((await keys('promote')).code).toBe(2);
});

describe('keys destroy', () => {
  test('changes nothing without --yes, and counts before it destroys', async () => {
    const keyring = await newKeyring();
    const old = (await record(keyring)).data.primary;
    await row(keyring, 'one');
    expect(await codeOf('destroy', old, '--yes')).toBe('ERR_KEY_STATUS');
    await keyring.rotate();
    await keyring.disable(old);
    const before = readFileSync(PATH(), 'utf8');
    expect(await json('destroy', old)).toMatchObject({ action: 'schedule', done: false, destroyAfter: null });
    expect(readFileSync(PATH(), 'utf8')).toBe(before);
    expect(await json('destroy', old, '--yes')).toMatchObject({ done: true, destroyAfter: '2026-06-08T00:00:00.000Z' });
    expect(await codeOf('destroy', old, '--yes')).toBe('ERR_KEY_STATUS');
    vi.setSystemTime(Date.parse('2026-06-08T00:00:01Z'));
    expect((await keys('destroy', old, '--yes')).stderr).toContain('still holds 2 cells');
    await target.run(`UPDATE "patients" SET "email" = NULL`);
    expect(await codeOf('destroy', old, '--yes')).toBe('ERR_KEY_STATUS');
    await target.run(`DELETE FROM "patients"`);
    expect(await json('destroy', old)).toMatchObject({ action: 'destroy', done: false, fields: 5 });
    expect((await record(keyring)).data.versions[0]?.status).toBe('disabled');
    expect(await json('destroy', old, '--yes')).toMatchObject({ action: 'destroy', done: true });
    expect((await record(keyring)).data.versions[0]).toMatchObject({ status: 'destroyed', wrapped: null });
  });

  test('is taken back, and takes a longer time', async () => {
    const keyring = await newKeyring();
    const old = (await record(keyring)).data.primary;
    await keyring.rotate();
    await keyring.disable(old);
    for (const days of ['6', '-7', 'x', '7.5'])
      expect(await codeOf('destroy', old, `--wait-days=${days}`, '--yes')).toBe('ERR_USAGE');
    expect(await json('destroy', old, '--wait-days', '30', '--yes')).toMatchObject({
      destroyAfter: '2026-07-01T00:00:00.000Z',
    });
    expect(await json('cancel', '--key', old)).toEqual({ scope: '', cancelled: old });
    expect(await codeOf('cancel', '--key', old)).toBe('ERR_KEY_STATUS');
    expect(await codeOf('destroy', '0000000000000000')).toBe('ERR_KEY_UNKNOWN');
  });

  test.each<[string, () => Promise<void>, string, string[]]>([
    ['a missing column', () => target.run('ALTER TABLE "patients" DROP COLUMN "profile"'), 'ERR_DATABASE', []],
    ['a missing table', () => target.run('DROP TABLE "patients"'), 'ERR_DATABASE', []],
    ['a missing URL', async () => undefined, 'ERR_DATABASE', ['--url-env', 'NO_SUCH_VARIABLE']],
    ['a missing schema', async () => undefined, 'ERR_FILE_IO', ['--schema', 'nowhere.prisma']],
  ])('does not take %s for a count of zero', async (_what, damage, code, more) => {
    const keyring = await newKeyring();
    const old = (await record(keyring)).data.primary;
    await keyring.rotate();
    await keyring.disable(old);
    await keyring.scheduleDestroy(old);
    vi.setSystemTime(Date.now() + DESTROY_WAIT_MS);
    await damage();
    expect(await codeOf('destroy', old, '--yes', ...more)).toBe(code);
    expect((await record(keyring)).data.versions[0]?.status).toBe('disabled');
  });
});

test('keys census counts the cells of each key in each column', async () => {
  const keyring = await newKeyring();
  const old = (await record(keyring)).data.primary;
  await keyring.addScope('acme');
  await row(keyring, 'one');
  await row(keyring, 'two');
  await row(keyring, 'tenant', 'acme');
  const next = await keyring.rotate();
  await row(keyring, 'three');
  const { keys: counted, columns } = (await json('census')) as { keys: unknown[]; columns: number };
  expect(columns).toBe(5);
  expect(counted).toMatchObject([
    {
      keyId: old,
      primary: false,
      cells: 4,
      fields: [
        { field: 'Patient.email', cells: 2 },
        { field: 'Patient.photo', cells: 2 },
      ],
    },
    { keyId: next, primary: true, cells: 2, rotationSuggested: false },
  ]);
  const { stdout } = await keys('census', '--scope', 'acme');
  expect(stdout).toMatch(/^[0-9a-f]{16} +1 +enabled +primary +1 +Patient\.email$/m);
  expect((await keys('census', '--url-env', 'NO_SUCH_VARIABLE')).code).toBe(1);
});

describe('keys shred', () => {
  test('disables, waits, destroys, and gives a receipt that can be checked', async () => {
    const keyring = await newKeyring(true);
    const at = ['--key-store', store];
    await keyring.addScope('acme');
    await row(keyring, 'one', 'acme');
    await row(keyring, 'two');
    const before = readFileSync(store, 'utf8');
    expect(await json('shred', 'acme', ...at)).toMatchObject({ action: 'disable', done: false });
    expect(readFileSync(store, 'utf8')).toBe(before);
    expect(await json('shred', 'acme', '--yes', ...at)).toMatchObject({
      done: true,
      destroyAfter: '2026-06-08T00:00:00.000Z',
    });
    expect((await keys('list', ...at)).stdout).toContain('acme is being shredded');
    expect(await codeOf('shred', 'acme', '--yes', ...at)).toBe('ERR_KEY_STATUS');
    vi.setSystemTime(Date.parse('2026-06-09T00:00:00Z'));
    expect(await json('shred', 'acme', ...at)).toMatchObject({
      action: 'destroy',
      done: false,
      census: { entries: [{ cells: 1 }, { cells: 1 }] },
    });
    const file = join(project.folder, `receipt-${ring}.json`);
    // Where the receipt could not be kept, nothing is destroyed.
    for (const bad of [store, join(project.folder, 'nowhere', 'receipt.json')])
      expect(await codeOf('shred', 'acme', '--yes', '--receipt', bad, ...at)).toBe('ERR_FILE_IO');
    expect((await keys('list', ...at)).stdout).toContain('acme is being shredded');
    const { code, stdout } = await keys('shred', 'acme', '--yes', '--receipt', file, ...at);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/cells +2/)]);
    const receipt: unknown = JSON.parse(readFileSync(file, 'utf8'));
    expect(verifyShredReceipt(receipt, keyring.receiptKey)).toBe(true);
    expect(stdout).toContain(keyring.receiptKey);
    expect(await json('shred', 'acme', '--yes', ...at)).toMatchObject({ receipt });
    expect((await keys('shred', 'acme', '--receipt', file, ...at)).code).toBe(6);
    expect((await keys('list', ...at)).stdout).toContain('acme was shredded');
    expect(readFileSync(store, 'utf8').match(/"wrapped": "/g)).toHaveLength(2); // of the application's scope
    expect(await codeOf('cancel', '--scope', 'acme', ...at)).toBe('ERR_KEY_STATUS');
    writeFileSync(store, before); // a backup
    expect(await codeOf('shred', 'acme', '--from-receipt', join(project.folder, 'nowhere'), ...at)).toBe('ERR_FILE_IO');
    expect(await codeOf('shred', '', '--from-receipt', file, ...at)).toBe('ERR_USAGE');
    const changed = join(project.folder, `changed-${ring}.json`);
    writeFileSync(changed, readFileSync(file, 'utf8').replace(/"destroyed": "20/, '"destroyed": "21'));
    expect(await codeOf('shred', 'acme', '--from-receipt', changed, ...at)).toBe('ERR_OPTIONS');
    expect(await json('shred', 'acme', '--from-receipt', file, ...at)).toMatchObject({ done: false });
    expect(readFileSync(store, 'utf8')).toBe(before);
    expect(await json('shred', 'acme', '--from-receipt', file, '--yes', ...at)).toMatchObject({ done: true });
    expect(await json('shred', 'acme', ...at)).toMatchObject({ receipt });
  });

  test('is taken back', async () => {
    const keyring = await newKeyring();
    await keyring.addScope('acme');
    await keys('shred', 'acme', '--yes', '--wait-days', '14');
    expect((await record(keyring, 'acme')).shred?.destroyAfter).toBe('2026-06-15T00:00:00.000Z');
    expect(await json('cancel', '--scope', 'acme')).toEqual({ scope: 'acme', cancelled: 'shred' });
    expect((await record(keyring, 'acme')).shred).toBeUndefined();
    expect(await codeOf('cancel')).toBe('ERR_KEY_STATUS');
  });

  test('works without a database if it is told not to count', async () => {
    const keyring = await newKeyring();
    await keyring.addScope('acme');
    await keyring.shred('acme');
    vi.setSystemTime(Date.now() + DESTROY_WAIT_MS);
    const nowhere = ['--url-env', 'NO_SUCH_VARIABLE', '--yes'];
    expect(await codeOf('shred', 'acme', ...nowhere)).toBe('ERR_DATABASE');
    expect(await json('shred', 'acme', '--no-census', ...nowhere)).toMatchObject({ receipt: { census: null } });
  });

  test('refuses the whole application, and scopes without keys', async () => {
    await newKeyring();
    for (const more of [[], ['--yes']]) expect(await codeOf('shred', '', ...more)).toBe('ERR_USAGE');
    expect(await codeOf('shred', 'nobody', '--yes')).toBe('ERR_KEY_UNKNOWN');
  });
});

describe('a key store in a database', () => {
  test('is reached through the driver adapter of the project', async () => {
    const { sql } = (await json('table', 'sqlite')) as { sql: string };
    await target.run('DROP TABLE IF EXISTS "fieldseal_key"');
    await target.run(sql);
    const at = ['--key-store-url-env', 'DATABASE_URL'];
    expect((await fieldseal(['init', ...at], project.env)).code).toBe(0);
    expect(await json('list', ...at)).toMatchObject({ keys: [{ scope: '' }, { scope: '' }] });
    const { added } = (await json('add', ...at)) as { added: string };
    expect(await json('promote', added, ...at)).toEqual({ scope: '', promoted: added });
    expect((await keys('list', ...at)).stdout).toMatch(new RegExp(`${added} +data +2 +enabled +primary`));
    expect((await keys('list')).stderr).toMatch(/key store, which was not given .*\n.*--key-store-url-env/);
    expect((await fieldseal(['rewrap', 'work', '--json'], project.env)).stdout).toContain('ERR_KEY_STORE');
    expect((await fieldseal(['keyring', 'show', ...at], project.env)).stdout).toContain(added);
    expect(await codeOf('list', ...at, '--key-store-table', 'nothing')).toBe('ERR_KEY_STORE');
    expect(await codeOf('list', ...at, '--key-store', store)).toBe('ERR_USAGE');
    project.env['FIELDSEAL_KEYRING'] = join(project.folder, `second-${ring}.json`);
    expect((await fieldseal(['init', ...at], project.env)).code).toBe(7); // there are keys at the store already
    expect((await fieldseal(['init', ...at, '--key-store-table', 'nothing'], project.env)).code).toBe(1);
    expect(existsSync(PATH())).toBe(false);
  });

  test('is refused where its URL is missing, of another kind, or leads nowhere', async () => {
    await newKeyring();
    for (const [url, code] of [
      ['', 'ERR_USAGE'],
      ['mongodb://x', 'ERR_USAGE'],
      ['file:nowhere.db', 'ERR_DATABASE'],
    ] as const) {
      project.env['KEY_STORE_URL'] = url;
      expect(await codeOf('list', '--key-store-url-env', 'KEY_STORE_URL')).toBe(code);
    }
    expect(existsSync(join(project.folder, 'nowhere.db'))).toBe(false);
  });
});

test('keys table prints SQL or a model', async () => {
  expect((await keys('table', 'postgresql')).stdout).toMatch(/^CREATE TABLE IF NOT EXISTS "fieldseal_key" \(/);
  expect((await keys('table', 'mysql', '--table', 'secrets.keys')).stdout).toContain('`secrets`.`keys`');
  expect((await keys('table', 'mysql', '--prisma')).stdout).toMatch(
    /^model FieldsealKey \{\n {2}id String @id @db\.VarChar\(80\)\n/,
  );
  expect(await codeOf('table', 'oracle')).toBe('ERR_USAGE');
  expect(await codeOf('table', 'sqlite', '--table', 'a b')).toBe('ERR_OPTIONS');
  expect(await codeOf('table', 'sqlite', '--prisma', '--table', 'x')).toBe('ERR_USAGE');
});

test('every command has its help, and needs the key', async () => {
  await newKeyring();
  for (const name of ['list', 'add', 'promote', 'disable', 'enable', 'destroy', 'cancel', 'shred', 'census', 'table']) {
    const { code, stdout } = await keys(name, '--help');
    expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringContaining(`usage: fieldseal keys ${name}`)]);
  }
  const { code } = await fieldseal(['keys', 'list'], { FIELDSEAL_KEYRING: PATH() });
  expect(code).toBe(3);
});
