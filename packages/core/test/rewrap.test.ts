import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FieldCipher } from '../src/field-cipher.ts';
import { LocalKek } from '../src/kek/local-kek.ts';
import { fileKeyStore } from '../src/key-store/file.ts';
import type { KeyStore } from '../src/key-store/key-store.ts';
import type { KeysetRecord } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { addKek } from '../src/keyring/add-kek.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { rewrapKeys } from '../src/keyring/rewrap.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { XCHACHA20_POLY1305 } from '../src/suite.ts';
import { codeOfPromise } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';
import { storedDocument, type TestKeyring, testKeyring } from './test-keyring.ts';

const SCOPES = Array.from({ length: 23 }, (_, at) => `tenant-${at}`);
const spec = fieldSpec();
const cipher = new FieldCipher();

async function filled(
  keyStore?: KeyStore,
): Promise<TestKeyring & { cells: Map<string, string>; open: () => Promise<Keyring> }> {
  const ring = await testKeyring(keyStore === undefined ? {} : { keyStore });
  const cells = new Map<string, string>();
  for (const scope of ['', ...SCOPES]) {
    const view = scope === '' ? await ring.keyring.resolve('') : await ring.keyring.addScope(scope);
    cells.set(scope, cipher.encrypt(view, [{ spec, value: `of ${scope}`, binding: null }])[0] as string);
  }
  const from = { storage: ring.storage, openers: [ring.opener], ...(keyStore === undefined ? {} : { keyStore }) };
  return { ...ring, cells, open: () => openKeyring(from) };
}

/** What a process that has just been started reads. */
async function expectReadable({ cells, open }: Awaited<ReturnType<typeof filled>>): Promise<void> {
  const keyring = await open();
  for (const [scope, cell] of cells)
    expect(cipher.decrypt(await keyring.resolve(scope), cipher.parse([{ spec, stored: cell, binding: null }]))).toEqual(
      [`of ${scope}`],
    );
  keyring.close();
}

const KEYS = 2 * (SCOPES.length + 1);

describe.each<[string, () => KeyStore | undefined]>([
  ['the keyring itself', () => undefined],
  ['a store in memory', () => memoryKeyStore()],
  ['a file', () => fileKeyStore(join(mkdtempSync(join(tmpdir(), 'fieldseal-')), 'keys.json'))],
])('keys in %s', (_, store) => {
  it('are wrapped again under the newest KEK, and open what they did; the old one can go', async () => {
    const ring = await filled(store());
    const [old] = [...(await ring.keyring.kekCensus()).keys()] as [string];
    const kek = await addKek({ storage: ring.storage, openers: [ring.opener] });
    expect(await codeOfPromise(ring.keyring.removeKek(old, { everyProcessKnows: true }))).toBe('ERR_KEY_STATUS');
    const told: number[] = [];
    const done = await ring.keyring.rewrap({ batch: 5, progress: ({ rewrapped }) => void told.push(rewrapped) });
    expect(done).toEqual({ scopes: SCOPES.length + 1, rewrapped: KEYS, conflicts: 0, failed: [] });
    expect(told.slice(0, 2)).toEqual([10, 20]);
    expect(await ring.keyring.kekCensus()).toEqual(new Map([[kek, KEYS]]));
    await expectReadable(ring);
    expect(await codeOfPromise(ring.keyring.removeKek(old))).toBe('ERR_KEY_STATUS');
    await ring.keyring.removeKek(old, { everyProcessKnows: true });
    expect((await storedDocument(ring.storage)).keks.map(({ id }) => id)).toEqual([kek]);
    await expectReadable(ring);
    expect((await ring.keyring.rewrap()).rewrapped).toBe(0);
  });
});

/** A store in which something happens between reading and writing. */
function interrupted(happen: (records: ReadonlyMap<string, KeysetRecord>) => Promise<void>): KeyStore {
  const inner = memoryKeyStore();
  return {
    ...inner,
    loadMany: async (scopes) => {
      const found = new Map<string, KeysetRecord>();
      for (const scope of scopes) {
        const record = await inner.load(scope);
        if (record !== null) found.set(scope, record);
      }
      await happen(found);
      return found;
    },
  };
}

describe('while keys are wrapped again', () => {
  it('changes of others are kept, and their keysets are looked at again', async () => {
    let other: Keyring | undefined;
    const added: string[] = [];
    const ring = await filled(
      interrupted(async (records) => {
        if (other === undefined || added.length > 2) return;
        const scope = [...records.keys()].find((name) => name.startsWith('tenant')) ?? '';
        const own = other;
        added.push(await own.addKey(scope));
      }),
    );
    other = await ring.open();
    await addKek({ storage: ring.storage, openers: [ring.opener] });
    const done = await ring.keyring.rewrap({ batch: 100 });
    expect(done.conflicts).toBeGreaterThan(0);
    expect(done.rewrapped).toBeGreaterThanOrEqual(KEYS);
    expect([...(await ring.keyring.kekCensus()).values()]).toEqual([KEYS + added.length]);
    await expectReadable(ring);
    const reader = await ring.open();
    const ids = (await reader.describe(SCOPES)).keysets.flatMap(({ data }) => data.versions.map(({ keyId }) => keyId));
    expect(ids).toEqual(expect.arrayContaining(added));
  });

  it('two at once do the same work once, and a stopped one is taken up', async () => {
    const ring = await filled(memoryKeyStore());
    await addKek({ storage: ring.storage, openers: [ring.opener] });
    const stop = new AbortController();
    const first = await ring.keyring.rewrap({ batch: 3, signal: stop.signal, progress: () => stop.abort() });
    expect(first.rewrapped).toBeLessThan(KEYS);
    const other = await ring.open();
    await Promise.all([ring.keyring.rewrap({ batch: 3 }), other.rewrap({ batch: 4 })]);
    expect([...(await ring.keyring.kekCensus()).values()]).toEqual([KEYS]);
    await expectReadable(ring);
  });

  it('keys of a process that knows the old KEK only are met by the next run, and shredded scopes stay shredded', async () => {
    const keyStore = memoryKeyStore();
    const ring = await filled(keyStore);
    const behind = await ring.open();
    await ring.keyring.shred('tenant-3');
    const kek = await addKek({ storage: ring.storage, openers: [ring.opener] });
    await ring.keyring.rewrap();
    await behind.addScope('late');
    expect((await ring.keyring.kekCensus()).size).toBe(2);
    expect((await ring.keyring.rewrap()).rewrapped).toBe(2);
    expect([...(await ring.keyring.kekCensus()).keys()]).toEqual([kek]);
    expect(await codeOfPromise((await ring.open()).resolve('tenant-3'))).toBe('ERR_KEY_DISABLED');
    await ring.keyring.cancelShred('tenant-3');
    await expectReadable(ring);
  });

  it('a key that its KEK does not open stays as it is, and is listed', async () => {
    const keyStore = memoryKeyStore();
    const ring = await testKeyring({ keyStore });
    await ring.keyring.addScope('a');
    await ring.keyring.addScope('b');
    const [a, b] = [(await keyStore.load('a')) as KeysetRecord, (await keyStore.load('b')) as KeysetRecord];
    // Without codes a store may be changed: the wrapping is bound to scope and key id all the same.
    const [own, foreign] = [a.data.versions[0], b.data.versions[0]];
    const swapped = { ...own, wrapped: foreign?.wrapped } as KeysetRecord['data']['versions'][number];
    const forged = { ...a, data: { ...a.data, versions: [swapped] } };
    const store: KeyStore = { ...keyStore, loadMany: async () => new Map([['a', forged]]) };
    const kek = (id: string) => new LocalKek(id, SecretBytes.random(32), XCHACHA20_POLY1305);
    const done = await rewrapKeys({ store, newest: kek('new'), kek });
    expect(done.rewrapped).toBe(0);
    expect(done.failed.map(({ code }) => code)).toEqual(['ERR_DECRYPT', 'ERR_DECRYPT']);
    expect(await keyStore.load('a')).toEqual(a);
  });

  it('a store that cannot list its scopes is refused, and so is the removal of a KEK that is none', async () => {
    const { load, save } = memoryKeyStore();
    const ring = await testKeyring({ keyStore: { load, save } });
    expect(await codeOfPromise(ring.keyring.rewrap())).toBe('ERR_KEY_STORE');
    expect(await codeOfPromise(ring.keyring.kekCensus())).toBe('ERR_KEY_STORE');
    const { keyring } = await testKeyring();
    expect(await codeOfPromise(keyring.removeKek('kek-00000000', { everyProcessKnows: true }))).toBe('ERR_OPTIONS');
  });
});
