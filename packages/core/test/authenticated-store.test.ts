import { describe, expect, it } from 'vitest';
import type { KeyStore } from '../src/key-store/key-store.ts';
import type { KeySeries, KeyStatus, KeysetRecord } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { codeOfPromise } from './error-code.ts';
import { keyringWithoutCodes, storedDocument, storedText, type TestKeyring, testKeyring } from './test-keyring.ts';

/** A store that whoever attacks it has in his hands. */
interface OwnedStore {
  readonly keyStore: KeyStore;
  /** What is stored of a scope. */
  stored(scope: string): Promise<KeysetRecord>;
  /** Gives this record from now on. */
  put(record: unknown): void;
}

function ownedStore(): OwnedStore {
  const inner = memoryKeyStore();
  const forged = new Map<string, KeysetRecord>();
  return {
    keyStore: {
      load: async (scope) => forged.get(scope) ?? inner.load(scope),
      save: (record, expected) => inner.save(record, expected),
      ...(inner.scopes === undefined ? {} : { scopes: inner.scopes }),
    },
    stored: async (scope) => (await inner.load(scope)) as KeysetRecord,
    put: (record) => forged.set((record as KeysetRecord).scope, record as KeysetRecord),
  };
}

/** Opens the keyring as a process does that has seen nothing yet. */
function fresh(ring: Pick<TestKeyring, 'storage' | 'opener'>, keyStore: KeyStore): Promise<Keyring> {
  return openKeyring({ storage: ring.storage, openers: [ring.opener], keyStore });
}

/** A scope whose first key is disabled and whose second is the primary, in a store of records with codes. */
async function scopeWithDisabledKey(): Promise<{ ring: TestKeyring; store: OwnedStore; old: string; next: string }> {
  const store = ownedStore();
  const ring = await testKeyring({ keyStore: store.keyStore });
  const { primary } = await ring.keyring.addScope('acme');
  const next = await ring.keyring.rotate('acme');
  await ring.keyring.disable(primary.keyId, 'acme');
  return { ring, store, old: primary.keyId, next };
}

function withStatus(series: KeySeries, keyId: string, status: KeyStatus): KeySeries {
  return { ...series, versions: series.versions.map((one) => (one.keyId === keyId ? { ...one, status } : one)) };
}

const last = (text: string): string => (text.endsWith('A') ? 'B' : 'A');

describe('whoever writes to the key store', () => {
  type Forgery = (record: KeysetRecord, keys: { old: string; next: string; other: KeysetRecord }) => unknown;
  it.each<[string, Forgery]>([
    ['enable a key', (record, { old }) => ({ ...record, data: withStatus(record.data, old, 'enabled') })],
    [
      'enable and promote a key',
      (record, { old }) => ({ ...record, data: { ...withStatus(record.data, old, 'enabled'), primary: old } }),
    ],
    [
      'disable a key',
      (record, { next, old }) => ({ ...record, data: withStatus({ ...record.data, primary: old }, next, 'disabled') }),
    ],
    ['raise the generation', (record) => ({ ...record, generation: record.generation + 1 })],
    ['lower the generation', (record) => ({ ...record, generation: 1 })],
    [
      'leave a version out',
      (record) => ({ ...record, data: { ...record.data, versions: record.data.versions.slice(1) } }),
    ],
    [
      'bring a destruction forward',
      (record) => ({
        ...record,
        data: {
          ...record.data,
          versions: record.data.versions.map((one) => ({ ...one, destroyAfter: '2020-01-01T00:00:00.000Z' })),
        },
      }),
    ],
    [
      'begin to shred',
      (record, { old, next }) => ({
        ...record,
        data: withStatus(record.data, next, 'disabled'),
        index: withStatus(record.index, record.index.primary, 'disabled'),
        shred: {
          requested: '2020-01-01T00:00:00.000Z',
          destroyAfter: '2020-01-09T00:00:00.000Z',
          enabled: [old],
          destroyed: null,
          census: null,
        },
      }),
    ],
    ['take the code away', ({ mac: _, ...record }) => record],
    [
      'take the code away and enable a key',
      ({ mac: _, ...record }, { old }) => ({ ...record, data: withStatus(record.data, old, 'enabled') }),
    ],
    ['use the code of another record', (record, { other }) => ({ ...record, mac: other.mac })],
    ['give the record of another scope', (record, { other }) => ({ ...other, scope: record.scope })],
    [
      'change the code',
      (record) => ({ ...record, mac: `${record.mac?.slice(0, -2)}${last(record.mac?.slice(0, -1) ?? '')}A` }),
    ],
    ['shorten the code', (record) => ({ ...record, mac: record.mac?.slice(0, -4) })],
    ['empty the code', (record) => ({ ...record, mac: '1.' })],
    ['name another version of the code', (record) => ({ ...record, mac: `2${record.mac?.slice(1)}` })],
    ['spell the code otherwise', (record) => ({ ...record, mac: `${record.mac}=` })],
    ['put a number in place of the code', (record) => ({ ...record, mac: 1 })],
  ])('cannot %s', async (_what, forge) => {
    const { ring, store, old, next } = await scopeWithDisabledKey();
    await ring.keyring.addScope('other');
    const keyring = await fresh(ring, store.keyStore);
    expect(await codeOfPromise(keyring.resolve('acme'))).toBe('none');
    store.put(forge(await store.stored('acme'), { old, next, other: await store.stored('other') }));
    const another = await fresh(ring, store.keyStore);
    expect(await codeOfPromise(another.resolve('acme'))).toBe('ERR_KEY_STORE');
    expect(await codeOfPromise(another.addScope('acme'))).toBe('ERR_KEY_STORE');
    expect(await codeOfPromise(another.describe(['acme']))).toBe('ERR_KEY_STORE');
    expect(await codeOfPromise(another.promote(next, 'acme'))).toBe('ERR_KEY_STORE');
  });

  it('cannot bring in the records of another keyring', async () => {
    const { ring, store } = await scopeWithDisabledKey();
    const stranger = ownedStore();
    await (await testKeyring({ keyStore: stranger.keyStore })).keyring.addScope('acme');
    store.put(await stranger.stored('acme'));
    expect(await codeOfPromise((await fresh(ring, store.keyStore)).resolve('acme'))).toBe('ERR_KEY_STORE');
  });

  it('can put a whole older record back before a process that has seen nothing newer, and no other', async () => {
    const store = ownedStore();
    const ring = await testKeyring({ keyStore: store.keyStore });
    await ring.keyring.addScope('acme');
    const before = structuredClone(await store.stored('acme'));
    await ring.keyring.rotate('acme');
    store.put(before);
    expect(await codeOfPromise(ring.keyring.resolve('acme', ['0123456789abcdef']))).toBe('ERR_KEY_STORE');
    expect(await codeOfPromise((await fresh(ring, store.keyStore)).resolve('acme'))).toBe('none');
  });

  it('cannot make the keyring forget that codes are needed', async () => {
    const { ring } = await scopeWithDisabledKey();
    expect((await storedDocument(ring.storage)).recordMac).toBe(1);
    const text = await storedText(ring.storage);
    const { recordMac: _, ...rest } = JSON.parse(text) as { recordMac: unknown };
    await ring.storage.replace(text, JSON.stringify(rest));
    expect(await codeOfPromise(fresh(ring, memoryKeyStore()))).toBe('ERR_KEYRING_DAMAGED');
  });
});

describe('records from before there were codes', () => {
  it('are read, get a code when they change, and then need it', async () => {
    const store = ownedStore();
    const ring = await keyringWithoutCodes(store.keyStore);
    const keyring = await fresh(ring, store.keyStore);
    expect((await keyring.resolve('')).keys.size).toBe(1);
    expect((await store.stored('')).mac).toBeUndefined();
    const next = await keyring.addKey();
    const changed = await store.stored('');
    expect(changed.mac).toMatch(/^1\.[\w-]{43}$/);
    store.put({ ...changed, data: { ...changed.data, primary: next } });
    expect(await codeOfPromise((await fresh(ring, store.keyStore)).resolve(''))).toBe('ERR_KEY_STORE');
  });

  it('all get one at once, and are refused without one from then on', async () => {
    const store = ownedStore();
    const ring = await keyringWithoutCodes(store.keyStore);
    const keyring = await fresh(ring, store.keyStore);
    await keyring.addScope('acme'); // has a code already
    const { mac: _, ...bare } = await store.stored('');
    expect(await keyring.authenticateRecords()).toBe(1);
    expect(await keyring.authenticateRecords()).toBe(0);
    expect((await store.stored('')).mac).toMatch(/^1\./);
    const other = await fresh(ring, store.keyStore);
    expect(await codeOfPromise(other.resolve(''))).toBe('none');
    store.put({ ...bare, generation: 9 });
    for (const one of [keyring, await fresh(ring, store.keyStore)])
      expect(await codeOfPromise(one.resolve('', ['0123456789abcdef']))).toBe('ERR_KEY_STORE');
  });

  it('keep what another writer did meanwhile', async () => {
    const store = ownedStore();
    const ring = await keyringWithoutCodes(store.keyStore);
    const [writer, other] = [await fresh(ring, store.keyStore), await fresh(ring, store.keyStore)];
    const [, keyId] = await Promise.all([writer.authenticateRecords(), other.addKey()]);
    const { data, mac } = await store.stored('');
    expect(data.versions.map((version) => version.keyId)).toContain(keyId);
    expect(mac).toMatch(/^1\./);
  });

  it('are not touched where one has a wrong code, or the store cannot list its scopes', async () => {
    const store = ownedStore();
    const ring = await keyringWithoutCodes(store.keyStore);
    const keyring = await fresh(ring, store.keyStore);
    store.put({ ...(await store.stored('')), mac: `1.${'A'.repeat(43)}` });
    expect(await codeOfPromise(keyring.authenticateRecords())).toBe('ERR_KEY_STORE');
    expect((await storedDocument(ring.storage)).recordMac).toBeUndefined();
    const { load, save } = memoryKeyStore();
    const unlisted = await testKeyring({ keyStore: { load, save } });
    expect(await codeOfPromise(unlisted.keyring.authenticateRecords())).toBe('ERR_KEY_STORE');
  });

  it('inside a keyring need none', async () => {
    const { keyring, storage } = await testKeyring();
    expect(await keyring.authenticateRecords()).toBe(0);
    expect((await storedDocument(storage)).keysets[0]?.mac).toBeUndefined();
    expect((await storedDocument(storage)).recordMac).toBeUndefined();
  });
});
