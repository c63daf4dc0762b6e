import {
  createKeyring,
  generateRawKey,
  type Keyring,
  keyringMemory,
  memoryKeyStore,
  openKeyring,
  rawKey,
} from '@fieldseal/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type BackupTarget,
  createBackup,
  keyStoreSource,
  restoreBackup,
  rowSource,
  type StoredRow,
  signingKey,
  verifyBackup,
} from '../src/index.ts';
import { memoryRows, rowOf } from './memory-rows.ts';
import { code, making, opening, openSandbox, type Sandbox } from './sandbox.ts';

const keyStore = memoryKeyStore();
let sandbox: Sandbox;
let name = '';
let ids: Record<string, string>;
const rows = (): StoredRow[] => [
  rowOf('1', 'cell of a', { scope: 'a', keyId: ids['a'] as string }),
  rowOf('2', 'cell of b', { scope: 'b', keyId: ids['b'] as string }),
  rowOf('3', null),
  rowOf('4', 'cell of b, unnamed', { keyId: ids['b'] as string }),
];

beforeAll(async () => {
  sandbox = await openSandbox({ keyStore });
  for (const scope of ['a', 'b']) await sandbox.keyring.addScope(scope);
  const idOf = async (scope: string) => (await sandbox.keyring.resolve(scope)).primary.keyId;
  ids = { a: await idOf('a'), b: await idOf('b') };
  const port = memoryRows({ User: rows(), Note: [rowOf('9', 'cell', { scope: 'a', keyId: ids['a'] as string })] });
  const made = await createBackup({ ...making(sandbox), sources: [keyStoreSource(keyStore), rowSource(port)] });
  name = made.name;
});
afterAll(() => sandbox.remove());

const restore = (more: Partial<Parameters<typeof restoreBackup>[0]>) =>
  restoreBackup({ ...opening(sandbox), name, ...more });

it('opens rows of every scope with the keysets that it holds, and finds those that it lacks', async () => {
  const found: string[] = [];
  const openSample = async (keyring: Keyring) => {
    const views = await keyring.resolveMany(new Map([...'ab'].map((scope) => [scope, [ids[scope] as string]])));
    for (const [scope, { primary }] of views) found.push(`${scope} ${primary.keyId}`);
    await expect(keyring.resolve('c')).rejects.toMatchObject({ code: 'ERR_KEY_UNKNOWN' });
    return { opened: views.size, failed: 0 };
  };
  const verdict = await verifyBackup({ ...opening(sandbox), name, level: 2, openSample });
  expect(verdict).toMatchObject({ faults: [], rowsOpened: 2 });
  expect(found).toEqual([`a ${ids['a']}`, `b ${ids['b']}`]);
});

it('brings everything back into empty places, once it is told to', async () => {
  const [keyring, store, port] = [keyringMemory(), memoryKeyStore(), memoryRows({ User: [], Note: [] })];
  const places = { keyring, keyStore: store, rows: port };
  const plan = await restore(places);
  expect(plan).toMatchObject({
    applied: false,
    keyring: { action: 'create' },
    keysets: { created: 3 },
    rows: { inserted: 5 },
  });
  expect([await keyring.read(), await store.load('a'), port.written]).toEqual([null, null, []]);
  expect(await restore({ ...places, apply: true })).toMatchObject({
    applied: true,
    keyring: { action: 'create' },
    keysets: { created: 3 },
    rows: { inserted: 5, conflicts: 0 },
  });
  expect([...(port.tables.get('User')?.values() ?? [])]).toEqual(rows());
  const back = await openKeyring({ storage: keyring, openers: sandbox.openers, keyStore: store });
  expect((await back.resolve('b')).primary.keyId).toBe(ids['b']);
  back.close();
  expect(await restore({ ...places, apply: true })).toMatchObject({
    keyring: { action: 'none' },
    keysets: { unchanged: 3 },
    rows: { inserted: 0, unchanged: 5 },
  });
});

describe('selects', () => {
  it.each([
    ['scopes, by their names and by the keys of cells', { scopes: ['b'] }, ['User 2', 'User 4']],
    ['models', { models: ['Note'] }, ['Note 9']],
    ['keys', () => ({ keyIds: [ids['a'] as string] }), ['User 1', 'Note 9']],
    ['scopes of a model', { scopes: ['a'], models: ['User'] }, ['User 1']],
    ['a scope that is not there', { scopes: ['c'] }, []],
  ])('%s', async (_, select, wanted) => {
    const port = memoryRows({ User: [], Note: [] });
    const store = memoryKeyStore();
    await restore({
      rows: port,
      keyStore: store,
      select: typeof select === 'function' ? select() : select,
      apply: true,
    });
    const found = [...port.tables].flatMap(([model, table]) => [...table.values()].map(({ key }) => `${model} ${key}`));
    expect(found).toEqual(wanted);
    if (wanted[0] === 'User 2') {
      expect(await store.load('a')).toBe(null);
      expect((await store.load('b'))?.scope).toBe('b');
    }
  });

  it('refuses a model that the database does not have, unless it is not wanted', async () => {
    await expect(restore({ rows: memoryRows({ User: [] }), apply: true })).rejects.toEqual(code('ERR_OPTIONS'));
    await restore({ rows: memoryRows({ User: [] }), apply: true, select: { models: ['User'] } });
  });
});

describe('a row that is there and differs', () => {
  const later = '2026-06-01T00:00:00.000Z';
  const there = () => [
    rowOf('1', 'newer', { at: later }),
    rowOf('2', 'older', { at: '2025-01-01T00:00:00.000Z' }),
    rowOf('7', 'another'),
  ];
  const emails = (port: ReturnType<typeof memoryRows>) =>
    Object.fromEntries(
      [...(port.tables.get('User')?.values() ?? [])].map(({ key, columns }) => [key, columns['email']]),
    );
  const only = { select: { models: ['User'] }, apply: true };

  it('stops everything by default, before anything is written', async () => {
    const port = memoryRows({ User: there() });
    const keyring = keyringMemory();
    await expect(restore({ rows: port, keyring, ...only })).rejects.toEqual(code('ERR_BACKUP_ROLLBACK'));
    expect([port.written, await keyring.read()]).toEqual([[], null]);
  });

  it.each([
    ['skip', { 1: 'newer', 2: 'older' }, { kept: 2, overwritten: 0 }],
    ['overwrite', { 1: 'cell of a', 2: 'cell of b' }, { kept: 0, overwritten: 2 }],
    ['newer', { 1: 'newer', 2: 'cell of b' }, { kept: 1, overwritten: 1 }],
  ] as const)('%s', async (onConflict, wanted, counts) => {
    const port = memoryRows({ User: there() });
    const { rows: done } = await restore({ rows: port, onConflict, newerBy: 'updated', ...only });
    expect(done).toMatchObject({ conflicts: 2, inserted: 2, ...counts });
    expect(emails(port)).toEqual({ ...wanted, 3: null, 4: 'cell of b, unnamed', 7: 'another' });
  });

  it('refuses `newer` by a column that there is not, instead of keeping everything', async () => {
    const port = memoryRows({ User: [rowOf('1', 'newer', { at: later })] });
    const wanted = restore({ rows: port, onConflict: 'newer', newerBy: 'updatedAt', ...only });
    await expect(wanted).rejects.toEqual(code('ERR_OPTIONS'));
  });

  it('refuses `newer` without the column of the time', async () => {
    await expect(restore({ rows: memoryRows({ User: [] }), onConflict: 'newer', ...only })).rejects.toEqual(
      code('ERR_OPTIONS'),
    );
  });
});

it('goes on after a database that failed half-way', async () => {
  let calls = 0;
  const port = memoryRows({ User: [], Note: [] }, () => {
    if (++calls === 2) throw new Error('the connection is gone');
  });
  await expect(restore({ rows: port, apply: true })).rejects.toThrow('the connection is gone');
  expect(await restore({ rows: port, apply: true })).toMatchObject({ rows: { inserted: 1, unchanged: 4 } });
});

describe('refuses before anything is written', () => {
  const untouched = async (attempt: (places: object) => Promise<unknown>, wanted: string) => {
    const [keyring, store, port] = [keyringMemory(), memoryKeyStore(), memoryRows({ User: [], Note: [] })];
    await expect(attempt({ keyring, keyStore: store, rows: port, apply: true })).rejects.toEqual(code(wanted));
    expect([await keyring.read(), await store.load('a'), port.written]).toEqual([null, null, []]);
  };
  it.each([
    ['another signer', { keys: [signingKey(generateRawKey()).public] }, 'ERR_BACKUP_SIGNATURE'],
    ['no identity', { identities: [] }, 'ERR_BACKUP_LOCKED'],
    ['an identity that is none', { identities: ['AGE-SECRET-KEY-1NONE'] }, 'ERR_BACKUP_LOCKED'],
    ['a key that does not open the keyring', { openers: [rawKey(generateRawKey())] }, 'ERR_KEYRING_LOCKED'],
    ['a backup that is not there', { name: '00000009-20260101T000000.000Z.tar.age' }, 'ERR_BACKUP_TARGET'],
  ])('%s', (_, more, wanted) => untouched((places) => restore({ ...places, ...more }), wanted));

  it('a keyring of another application', async () => {
    const keyring = keyringMemory();
    await createKeyring({ storage: keyring, openers: sandbox.openers });
    const before = await keyring.read();
    const port = memoryRows({ User: [], Note: [] });
    await expect(restore({ keyring, rows: port, apply: true })).rejects.toEqual(code('ERR_KEYRING_DAMAGED'));
    expect([await keyring.read(), port.written]).toEqual([before, []]);
  });

  it('an archive that is replaced after its signature was checked, by one for the same recipient', async () => {
    const other = await openSandbox();
    const forged = await createBackup({ ...making(other), recipients: [sandbox.recipient] });
    for (const honest of [1, 2]) {
      let reads = 0;
      const target: BackupTarget = {
        ...sandbox.target,
        read: (file) =>
          file === name && ++reads > honest ? other.target.read(forged.name) : sandbox.target.read(file),
      };
      await untouched(
        (places) => restore({ ...places, target, openers: [...sandbox.openers, ...other.openers] }),
        'ERR_BACKUP_SIGNATURE',
      );
    }
    other.remove();
  });
});
