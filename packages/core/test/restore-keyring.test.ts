import { expect, it } from 'vitest';
import {
  createKeyring,
  formatRawKey,
  generateRawKey,
  type Keyring,
  keyringMemory,
  memoryKeyStore,
  openKeyring,
  rawKey,
  restoreKeyring,
  restoreKeysets,
} from '../src/index.ts';
import type { KeySeries, KeysetRecord } from '../src/key-store/keyset-record.ts';
import { unionKeyset } from '../src/keyring/restore-keyring.ts';

const key = formatRawKey(generateRawKey());
const openers = [rawKey(key)];
const fresh = async () => {
  const storage = keyringMemory();
  const { keyring, recovery } = await createKeyring({ storage, openers });
  recovery.wipe();
  return { storage, keyring };
};
const textOf = async (storage: { read(): Promise<string | null> }) => (await storage.read()) as string;
const statuses = async (keyring: Keyring) => Object.fromEntries((await keyring.resolve('')).statuses);
const code = (wanted: string) => expect.objectContaining({ code: wanted });

it('creates a keyring where none is left, which opens with the keys it had', async () => {
  const { storage, keyring } = await fresh();
  const archived = await textOf(storage);
  const place = keyringMemory();
  expect(await restoreKeyring({ storage: place, archived, openers, dryRun: true })).toMatchObject({ action: 'create' });
  expect(await place.read()).toBe(null);
  expect(await restoreKeyring({ storage: place, archived, openers })).toMatchObject({
    action: 'create',
    generation: 1,
  });
  const back = await openKeyring({ storage: place, openers });
  expect(await statuses(back)).toEqual(await statuses(keyring));
});

it('adds to an older state what the backup has, and keeps what is newer', async () => {
  const { storage, keyring } = await fresh();
  const old = await textOf(storage);
  const second = await keyring.rotate();
  const archived = await textOf(storage);
  const first = [...(await keyring.resolve('')).statuses.keys()].find((id) => id !== second) as string;
  await keyring.disable(first);
  const newest = await textOf(storage);

  const lost = keyringMemory(old);
  expect(await restoreKeyring({ storage: lost, archived, openers })).toMatchObject({
    action: 'merge',
    added: [second],
  });
  expect(await statuses(await openKeyring({ storage: lost, openers }))).toEqual({
    [first]: 'enabled',
    [second]: 'enabled',
  });

  const kept = keyringMemory(newest);
  expect(await restoreKeyring({ storage: kept, archived, openers })).toMatchObject({ action: 'none', added: [] });
  expect(await kept.read()).toBe(newest);
  expect(await restoreKeyring({ storage: kept, archived, openers, allowRollback: true })).toMatchObject({
    action: 'merge',
    added: [],
  });
  expect(await statuses(await openKeyring({ storage: kept, openers }))).toEqual({
    [first]: 'enabled',
    [second]: 'enabled',
  });
});

it('never drops a version that only the present state has, not by a rollback either', async () => {
  const { storage, keyring } = await fresh();
  const archived = await textOf(storage);
  const second = await keyring.rotate();
  await restoreKeyring({ storage, archived, openers, allowRollback: true });
  expect(await statuses(await openKeyring({ storage, openers }))).toMatchObject({ [second]: 'enabled' });
});

it('leaves a disabled key disabled', async () => {
  const { storage, keyring } = await fresh();
  const archived = await textOf(storage);
  const first = (await keyring.resolve('')).primary.keyId;
  await keyring.rotate();
  await keyring.disable(first);
  expect(await restoreKeyring({ storage, archived, openers })).toMatchObject({ action: 'none' });
  expect((await statuses(await openKeyring({ storage, openers })))[first]).toBe('disabled');
});

it('two states that went apart become one, with a new number for the second DEK of the same number', async () => {
  const { storage, keyring } = await fresh();
  const fork = keyringMemory(await textOf(storage));
  const other = await openKeyring({ storage: fork, openers });
  const [here, there] = [await keyring.rotate(), await other.rotate()];
  await restoreKeyring({ storage, archived: await textOf(fork), openers });
  const joined = await openKeyring({ storage, openers });
  expect(await statuses(joined)).toMatchObject({ [here]: 'enabled', [there]: 'enabled' });
});

it('refuses another keyring, a changed one, and one that does not open', async () => {
  const [one, two] = [await fresh(), await fresh()];
  const archived = await textOf(two.storage);
  await expect(restoreKeyring({ storage: one.storage, archived, openers })).rejects.toEqual(
    code('ERR_KEYRING_DAMAGED'),
  );
  const changed = archived.replace('"generation": 1', '"generation": 9');
  await expect(restoreKeyring({ storage: keyringMemory(), archived: changed, openers })).rejects.toEqual(
    code('ERR_KEYRING_DAMAGED'),
  );
  const stranger = [rawKey(generateRawKey())];
  await expect(restoreKeyring({ storage: keyringMemory(), archived, openers: stranger })).rejects.toEqual(
    code('ERR_KEYRING_LOCKED'),
  );
});

it('restores keysets of an outside store: missing ones and missing versions, of the wanted scopes alone', async () => {
  const [storage, keyStore] = [keyringMemory(), memoryKeyStore()];
  const { keyring, recovery } = await createKeyring({ storage, openers, keyStore });
  recovery.wipe();
  for (const scope of ['a', 'b', 'c']) await keyring.addScope(scope);
  const saved = await Promise.all(['', 'a', 'b', 'c'].map((scope) => keyStore.load(scope)));
  await keyring.rotate('a');
  const later = await keyStore.load('a');
  async function* records(list: readonly unknown[]) {
    yield* list;
  }
  const empty = memoryKeyStore();
  const options = { storage, openers, keyStore: empty };
  const wanted = (scope: string) => scope !== 'c';
  expect(await restoreKeysets({ ...options, records: records(saved), wanted, dryRun: true })).toMatchObject({
    created: 3,
  });
  expect(await empty.load('a')).toBe(null);
  expect(await restoreKeysets({ ...options, records: records(saved), wanted })).toEqual({
    created: 3,
    merged: 0,
    unchanged: 0,
    skipped: 1,
  });
  expect(await empty.load('c')).toBe(null);
  expect(await restoreKeysets({ ...options, records: records([later]) })).toMatchObject({ merged: 1 });
  expect(await restoreKeysets({ ...options, records: records(saved), wanted })).toMatchObject({ unchanged: 3 });
  expect((await empty.load('a'))?.data.versions).toHaveLength(2);
  const forged = { ...(saved[1] as object), generation: 99 };
  await expect(restoreKeysets({ ...options, records: records([forged]) })).rejects.toEqual(code('ERR_KEY_STORE'));
});

it('a backup brings no key back to a scope that was shredded, whichever state is newer', async () => {
  const [storage, keyStore] = [keyringMemory(), memoryKeyStore()];
  const { keyring, recovery } = await createKeyring({ storage, openers, keyStore });
  recovery.wipe();
  await keyring.addScope('a');
  await keyring.rotate('a');
  const alive = (await keyStore.load('a')) as KeysetRecord;
  const shred = {
    requested: alive.data.versions[0]?.created ?? '',
    destroyAfter: '2026-01-01T00:00:00.000Z',
    enabled: [],
    census: null,
  };
  const none = (series: KeySeries): KeySeries => ({
    ...series,
    versions: series.versions.slice(0, 1).map((version) => ({ ...version, status: 'destroyed', wrapped: null })),
    primary: series.versions[0]?.keyId ?? '',
  });
  const dead: KeysetRecord = {
    ...alive,
    data: none(alive.data),
    index: none(alive.index),
    shred: { ...shred, destroyed: shred.destroyAfter },
  };
  for (const generation of [1, 9]) {
    const destroyed = { ...dead, generation };
    expect(unionKeyset(destroyed, alive)).toBe(null);
    expect(unionKeyset(alive, destroyed)).toMatchObject({
      data: { versions: [{ status: 'destroyed' }] },
      shred: { destroyed: shred.destroyAfter },
    });
  }
});

it('an index root that comes back is as new to other processes as one that was just added', async () => {
  const { storage, keyring } = await fresh();
  const keysetOf = async () =>
    (JSON.parse(await textOf(storage)) as { keysets: KeysetRecord[] }).keysets[0] as KeysetRecord;
  const old = await keysetOf();
  await keyring.addIndexRoot();
  const { index, ...rest } = await keysetOf();
  const before = new Date().toISOString();
  const joined = unionKeyset(old, { ...rest, index: { ...index, since: '2020-01-01T00:00:00.000Z' } });
  expect(joined?.index.versions).toHaveLength(2);
  expect((joined?.index.since ?? '') >= before).toBe(true);
});
