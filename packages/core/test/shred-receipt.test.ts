import { createPublicKey, verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { canonicalJson } from '../src/canonical-json.ts';
import type { KeysetRecord } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { type ShredReceipt, verifyShredReceipt } from '../src/keyring/shred-receipt.ts';
import { DESTROY_WAIT_MS } from '../src/keyset.ts';
import { destroyRestoredRecord } from '../src/shredding.ts';
import { codeOf, codeOfPromise } from './error-code.ts';
import { type TestKeyring, testKeyring } from './test-keyring.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.parse('2026-06-01T00:00:00Z') });
});

afterEach(() => {
  vi.useRealTimers();
});

async function shredded(): Promise<{ ring: TestKeyring; receipt: ShredReceipt }> {
  const ring = await testKeyring();
  const { keyring } = ring;
  await keyring.addScope('Zażółć');
  await keyring.rotate('Zażółć');
  await keyring.shred('Zażółć');
  vi.advanceTimersByTime(DESTROY_WAIT_MS);
  const { data } = (await keyring.describe(['Zażółć'])).keysets[0] as KeysetRecord;
  const entries = [{ field: 'Patient.email', keyId: data.primary, cells: 3 }];
  const receipt = await keyring.destroyShredded('Zażółć', { counted: new Date().toISOString(), entries });
  return { ring, receipt };
}

describe('a receipt', () => {
  it('says what was destroyed and when', async () => {
    const { ring, receipt } = await shredded();
    expect(receipt).toMatchObject({
      format: 'fieldseal-shred-receipt/1',
      keyringId: ring.keyring.id,
      scope: 'Zażółć',
      requested: '2026-06-01T00:00:00.000Z',
      destroyAfter: '2026-06-08T00:00:00.000Z',
      destroyed: '2026-06-08T00:00:00.000Z',
      census: { entries: [{ field: 'Patient.email', cells: 3 }] },
      publicKey: ring.keyring.receiptKey,
    });
    expect(receipt.keys.map(({ purpose, version }) => [purpose, version])).toEqual([
      ['data', 1],
      ['data', 2],
      ['index', 1],
    ]);
    expect(JSON.stringify(receipt)).not.toMatch(/wrapped|mac/);
  });

  it('is checked by whoever knows the public key, also by nothing of ours', async () => {
    const { receipt } = await shredded();
    const read = JSON.parse(JSON.stringify(receipt)) as ShredReceipt;
    expect(verifyShredReceipt(read, receipt.publicKey)).toBe(true);
    const { signature, ...signed } = read;
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: receipt.publicKey }, format: 'jwk' });
    expect(verify(null, Buffer.from(canonicalJson(signed)), key, Buffer.from(signature, 'base64url'))).toBe(true);
  });

  it('is the same whoever makes it again', async () => {
    const { ring, receipt } = await shredded();
    const other = await openKeyring({ storage: ring.storage, openers: [ring.opener] });
    vi.advanceTimersByTime(1000);
    expect(await other.shredReceipt('Zażółć')).toEqual(receipt);
    expect(other.receiptKey).toBe(receipt.publicKey);
  });

  it('is refused when any member was changed, added or taken away', async () => {
    const { receipt } = await shredded();
    const valid = (change: object): boolean => verifyShredReceipt({ ...receipt, ...change }, receipt.publicKey);
    expect(valid({})).toBe(true);
    const [entry] = receipt.census?.entries ?? [];
    for (const change of [
      { format: 'fieldseal-shred-receipt/2' },
      { keyringId: '0000000000000000' },
      { scope: 'acme' },
      { keys: receipt.keys.slice(1) },
      { keys: [...receipt.keys].reverse() },
      { requested: '2026-05-01T00:00:00.000Z' },
      { destroyAfter: receipt.requested },
      { destroyed: '2026-06-09T00:00:00.000Z' },
      { census: null },
      { census: { ...receipt.census, entries: [{ ...entry, cells: 4 }] } },
      { publicKey: `A${receipt.publicKey.slice(1)}` },
      { signature: '' },
      { signature: receipt.signature.slice(1) },
      { signature: `${receipt.signature}=` },
      { signature: `${receipt.signature.startsWith('A') ? 'B' : 'A'}${receipt.signature.slice(1)}` },
      { signature: 1 },
      { more: 1 },
      { keys: undefined },
      { scope: 1n },
    ])
      expect(valid(change)).toBe(false);
    for (const nothing of [null, undefined, 1, 'receipt', [], {}])
      expect(verifyShredReceipt(nothing, receipt.publicKey)).toBe(false);
  });

  it('is refused under another key, even when it brings that key along', async () => {
    const { receipt } = await shredded();
    const stranger = await shredded();
    const forged = { ...receipt, publicKey: stranger.receipt.publicKey };
    for (const key of [receipt.publicKey, stranger.receipt.publicKey])
      expect(verifyShredReceipt(forged, key)).toBe(false);
    expect(verifyShredReceipt(stranger.receipt, receipt.publicKey)).toBe(false);
    for (const key of ['', 'A', `${receipt.publicKey}=`, 'A'.repeat(43), '_'.repeat(43)])
      expect(verifyShredReceipt({ ...receipt, publicKey: key }, key)).toBe(false);
  });

  it('destroys again what a backup of the key store brought back, and nothing else', async () => {
    const inner = memoryKeyStore();
    let restored: KeysetRecord | null = null;
    const keyStore = {
      load: async (scope: string) => (scope === 'acme' ? restored : null) ?? inner.load(scope),
      save: async (record: KeysetRecord, expected: number | null) => {
        if (restored === null || record.scope !== 'acme') return inner.save(record, expected);
        restored = record;
        return true;
      },
    };
    const ring = await testKeyring({ keyStore });
    await ring.keyring.addScope('acme');
    const backup = await inner.load('acme');
    await ring.keyring.shred('acme');
    vi.advanceTimersByTime(DESTROY_WAIT_MS);
    const receipt = await ring.keyring.destroyShredded('acme');
    expect(await codeOfPromise(ring.keyring.applyReceipt(receipt))).toBe('ERR_KEY_STATUS');
    const open = () => openKeyring({ storage: ring.storage, openers: [ring.opener], keyStore });
    restored = backup;
    expect((await (await open()).resolve('acme')).keys.size).toBe(1);
    const stranger = await shredded();
    for (const bad of [null, {}, { ...receipt, scope: 'other' }, { ...receipt, keys: [] }, stranger.receipt])
      expect(await codeOfPromise((await open()).applyReceipt(bad))).toBe('ERR_OPTIONS');
    const after = await open();
    await after.applyReceipt(JSON.parse(JSON.stringify(receipt)));
    expect(await codeOfPromise(after.resolve('acme'))).toBe('ERR_KEY_DESTROYED');
    expect(await after.shredReceipt('acme')).toEqual(receipt);
    expect(JSON.stringify(await keyStore.load('acme'))).not.toContain(backup?.data.versions[0]?.wrapped);
  });

  it('does not destroy keys that it does not name', async () => {
    const { ring, receipt } = await shredded();
    const record = (await ring.keyring.describe(['Zażółć'])).keysets[0] as KeysetRecord;
    const revived = cancelled(record);
    expect(codeOf(() => destroyRestoredRecord(revived, receipt))).toBe('none');
    expect(codeOf(() => destroyRestoredRecord(revived, { ...receipt, keys: receipt.keys.slice(1) }))).toBe(
      'ERR_KEY_STATUS',
    );
    expect(codeOf(() => destroyRestoredRecord({ ...revived, scope: 'other' }, receipt))).toBe('ERR_KEY_STATUS');
  });
});

function cancelled({ shred: _, ...record }: KeysetRecord): KeysetRecord {
  return record;
}
