import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fromBase64Url, toBase64Url } from '../src/bytes.ts';
import { FieldCipher } from '../src/field-cipher.ts';
import { LocalKek } from '../src/kek/local-kek.ts';
import type { KeyStore } from '../src/key-store/key-store.ts';
import type { KeysetRecord } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { DESTROY_WAIT_MS } from '../src/keyset.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { codeOfPromise } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';
import { keyringWithoutCodes, type TestKeyring, testKeyring } from './test-keyring.ts';

const cipher = new FieldCipher();

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.parse('2026-06-01T00:00:00Z') });
});

afterEach(() => {
  vi.useRealTimers();
});

async function encrypt({ keyring }: TestKeyring, value: string, scope = ''): Promise<string> {
  const [cell] = cipher.encrypt(await keyring.resolve(scope), [{ spec: fieldSpec(), value, binding: null }]);
  return cell as string;
}

async function decrypt({ keyring }: Pick<TestKeyring, 'keyring'>, stored: string, scope = ''): Promise<unknown> {
  const fields = cipher.parse([{ spec: fieldSpec(), stored, binding: null }]);
  const view = await keyring.resolve(
    scope,
    fields.map(({ cell }) => cell.keyId),
  );
  return cipher.decrypt(view, fields)[0];
}

/** A keyring that was rotated once, and a cell of its first key. */
async function rotated(): Promise<{ ring: TestKeyring; old: string; cell: string; next: string }> {
  const ring = await testKeyring();
  const old = (await ring.keyring.resolve('')).primary.keyId;
  const cell = await encrypt(ring, 'ada');
  return { ring, old, cell, next: await ring.keyring.rotate() };
}

describe('the versions of a key', () => {
  it('decrypt side by side; the primary encrypts', async () => {
    const { ring, old, cell, next } = await rotated();
    const third = await ring.keyring.addKey();
    const cells = [cell, await encrypt(ring, 'bob')];
    await ring.keyring.promote(third);
    cells.push(await encrypt(ring, 'eve'));
    expect(
      cells.map((one) => cipher.parse([{ spec: fieldSpec(), stored: one, binding: null }])[0]?.cell.keyId),
    ).toEqual([old, next, third]);
    expect(await Promise.all(cells.map((one) => decrypt(ring, one)))).toEqual(['ada', 'bob', 'eve']);
    expect((await ring.keyring.resolve('')).keys.size).toBe(3);
  });

  it('can be disabled and enabled again', async () => {
    const { ring, old, cell } = await rotated();
    await ring.keyring.disable(old);
    expect(await codeOfPromise(decrypt(ring, cell))).toBe('ERR_KEY_DISABLED');
    await ring.keyring.enable(old);
    expect(await decrypt(ring, cell)).toBe('ada');
  });

  it('are wiped from memory when they are disabled', async () => {
    const { ring, old } = await rotated();
    const fieldKey = (await ring.keyring.resolve('')).keys.get(old)?.fieldKey('Patient', 'notes');
    await ring.keyring.disable(old);
    expect(fieldKey?.wiped).toBe(true);
  });

  it('are destroyed after their waiting time only, and with no cell left', async () => {
    const { ring, old, cell } = await rotated();
    const { keyring } = ring;
    expect(await codeOfPromise(keyring.destroy(old, { rows: 0 }))).toBe('ERR_KEY_STATUS');
    await keyring.disable(old);
    expect(await codeOfPromise(keyring.scheduleDestroy(old, 1000))).toBe('ERR_KEY_STATUS');
    await keyring.scheduleDestroy(old);
    vi.advanceTimersByTime(DESTROY_WAIT_MS - 1);
    expect(await codeOfPromise(keyring.destroy(old, { rows: 0 }))).toBe('ERR_KEY_STATUS');
    vi.advanceTimersByTime(1);
    expect(await codeOfPromise(keyring.destroy(old, { rows: 1 }))).toBe('ERR_KEY_STATUS');
    await keyring.destroy(old, { rows: 0 });
    expect(await codeOfPromise(decrypt(ring, cell))).toBe('ERR_KEY_DESTROYED');
    expect(await codeOfPromise(keyring.enable(old))).toBe('ERR_KEY_STATUS');
    const { data } = (await keyring.describe()).keysets[0] as KeysetRecord;
    expect(data.versions[0]).toMatchObject({ keyId: old, status: 'destroyed', wrapped: null });
  });

  it('survive when their destruction is cancelled', async () => {
    const { ring, old, cell } = await rotated();
    await ring.keyring.disable(old);
    await ring.keyring.scheduleDestroy(old);
    await ring.keyring.cancelDestroy(old);
    vi.advanceTimersByTime(2 * DESTROY_WAIT_MS);
    expect(await codeOfPromise(ring.keyring.destroy(old, { rows: 0 }))).toBe('ERR_KEY_STATUS');
    await ring.keyring.enable(old);
    expect(await decrypt(ring, cell)).toBe('ada');
  });

  it('cannot lose their primary, nor be what they are not', async () => {
    const { ring, old, next } = await rotated();
    expect(await codeOfPromise(ring.keyring.disable(next))).toBe('ERR_KEY_STATUS');
    await ring.keyring.disable(old);
    expect(await codeOfPromise(ring.keyring.promote(old))).toBe('ERR_KEY_STATUS');
    expect(await codeOfPromise(ring.keyring.promote('0000000000000000'))).toBe('ERR_KEY_UNKNOWN');
    expect(await codeOfPromise(ring.keyring.promote(next, 'acme'))).toBe('ERR_KEY_UNKNOWN');
  });
});

describe('scopes', () => {
  it('have keys of their own', async () => {
    const ring = await testKeyring();
    const [acme, other] = [await ring.keyring.addScope('acme'), await ring.keyring.addScope('other')];
    expect(new Set([acme, other, await ring.keyring.resolve('')].map(({ primary }) => primary.keyId)).size).toBe(3);
    const cell = await encrypt(ring, 'ada', 'acme');
    expect(await decrypt(ring, cell, 'acme')).toBe('ada');
    expect(await codeOfPromise(decrypt(ring, cell, ''))).toBe('ERR_KEY_UNKNOWN');
    expect(await codeOfPromise(decrypt(ring, cell, 'other'))).toBe('ERR_SCOPE_MISMATCH');
  });

  it('are made once, whoever asks first', async () => {
    const ring = await testKeyring();
    const other = await openKeyring({ storage: ring.storage, openers: [ring.opener] });
    const views = await Promise.all(
      [ring.keyring, other, ring.keyring, other].map((keyring) => keyring.addScope('acme')),
    );
    expect(new Set(views.map(({ primary }) => primary.keyId)).size).toBe(1);
  });

  it('rotate by themselves', async () => {
    const ring = await testKeyring();
    await ring.keyring.addScope('acme');
    const before = (await ring.keyring.resolve('')).primary.keyId;
    const next = await ring.keyring.rotate('acme');
    expect((await ring.keyring.resolve('acme')).primary.keyId).toBe(next);
    expect((await ring.keyring.resolve('')).primary.keyId).toBe(before);
  });

  it('without keys are reported', async () => {
    const ring = await testKeyring();
    expect(await codeOfPromise(ring.keyring.resolve('acme'))).toBe('ERR_KEY_UNKNOWN');
    expect(await codeOfPromise(ring.keyring.describe(['', 'acme']))).toBe('ERR_KEY_UNKNOWN');
    expect(ring.keyring.peek('acme')).toBeUndefined();
  });
});

/** Opens a keyring whose key store gives back what `alter` makes of it. Its records have no authentication codes: wrapping has to find it. */
async function tampered(alter: (record: KeysetRecord) => KeysetRecord | null): Promise<string> {
  const inner = memoryKeyStore();
  const { storage, opener } = await keyringWithoutCodes(inner);
  const keyStore: KeyStore = {
    load: async (scope) => {
      const record = await inner.load(scope);
      return record === null ? null : alter(structuredClone(record));
    },
    save: (record, expected) => inner.save(record, expected),
  };
  const keyring = await openKeyring({ storage, openers: [opener], keyStore });
  return codeOfPromise(keyring.resolve(''));
}

function withVersion(
  record: KeysetRecord,
  series: 'data' | 'index',
  change: Partial<KeysetRecord['data']['versions'][0]>,
): KeysetRecord {
  const { primary, versions } = record[series];
  const changed = versions.map((version) => ({ ...version, ...change }));
  return { ...record, [series]: { primary: change.keyId ?? primary, versions: changed } };
}

describe('a key store that lies', () => {
  it.each<[string, (record: KeysetRecord) => KeysetRecord | null, string]>([
    ['gives nothing', () => null, 'ERR_KEY_UNKNOWN'],
    ['gives what is no record', (record) => ({ ...record, generation: 0 }), 'ERR_KEY_STORE'],
    ['gives another key id', (record) => withVersion(record, 'data', { keyId: '0000000000000000' }), 'ERR_DECRYPT'],
    [
      'gives another key',
      (record) => withVersion(record, 'data', { wrapped: record.index.versions[0]?.wrapped ?? null }),
      'ERR_DECRYPT',
    ],
    ['gives a DEK as index root', (record) => ({ ...record, index: record.data }), 'ERR_KEY_STORE'],
    ['gives an index root as DEK', (record) => ({ ...record, data: record.index }), 'ERR_KEY_STORE'],
    [
      'exchanges DEK and index root',
      (record) => ({ ...record, data: record.index, index: record.data }),
      'ERR_DECRYPT',
    ],
    ['gives no base64url', (record) => withVersion(record, 'data', { wrapped: '!' }), 'ERR_KEY_STORE'],
    ['gives too short a key', (record) => withVersion(record, 'index', { wrapped: 'AAAA' }), 'ERR_DECRYPT'],
    ['names an unknown KEK', (record) => withVersion(record, 'data', { kekId: 'kek-0' }), 'ERR_KEY_STORE'],
  ])('and %s is found out', async (_what, alter, code) => {
    expect(await tampered((record) => record)).toBe('none');
    expect(await tampered(alter)).toBe(code);
  });

  it('and gives the keyset of another scope is found out', async () => {
    const inner = memoryKeyStore();
    const keyStore: KeyStore = {
      load: (scope) => inner.load(scope),
      save: (record, expected) => inner.save(record, expected),
    };
    const { storage, opener, keyring } = await testKeyring({ keyStore });
    await keyring.addScope('acme');
    const swapped: KeyStore = { ...keyStore, load: () => inner.load('acme') };
    const other = await openKeyring({ storage, openers: [opener], keyStore: swapped });
    expect(await codeOfPromise(other.resolve(''))).toBe('ERR_KEY_STORE');
    expect(await codeOfPromise(other.resolve('acme'))).toBe('none');
  });

  it('and gives the keyset of another scope under the name of this one is found out', async () => {
    const inner = memoryKeyStore();
    const { storage, opener } = await keyringWithoutCodes(inner);
    const first = await openKeyring({ storage, openers: [opener], keyStore: inner });
    await first.addScope('acme');
    const load = async () => {
      const { mac: _, ...record } = (await inner.load('acme')) as KeysetRecord;
      return { ...record, scope: '' };
    };
    const renamed = await openKeyring({ storage, openers: [opener], keyStore: { load, save: inner.save } });
    expect(await codeOfPromise(renamed.resolve(''))).toBe('ERR_DECRYPT');
  });

  it('and goes back to an older state is found out', async () => {
    const inner = memoryKeyStore();
    let rolledBack: KeysetRecord | null = null;
    const load = async (scope: string) => rolledBack ?? inner.load(scope);
    const { keyring } = await testKeyring({ keyStore: { ...inner, load } });
    const old = await inner.load('');
    const first = (await keyring.resolve('')).primary.keyId;
    await keyring.rotate();
    await keyring.disable(first);
    rolledBack = old;
    expect(await codeOfPromise(keyring.resolve('', ['0123456789abcdef']))).toBe('ERR_KEY_STORE');
    expect(keyring.peek('')?.keys.has(first)).toBe(false);
  });

  it('with a key that its id does not commit to is found out, even when it was wrapped under the right KEK', async () => {
    // A KEK that leaks, or a faulty remote one, could wrap a key under an id that is not its own.
    const { storage, opener } = await testKeyring();
    const keyring = await openKeyring({ storage, openers: [opener] });
    const other = SecretBytes.take(new Uint8Array(32).fill(7));
    const unwrap = vi.spyOn(LocalKek.prototype, 'unwrap').mockResolvedValue(other);
    try {
      expect(await codeOfPromise(keyring.resolve(''))).toBe('ERR_KEY_STORE');
      expect(other.wiped).toBe(true);
    } finally {
      unwrap.mockRestore();
    }
    expect(await codeOfPromise(keyring.resolve(''))).toBe('none');
  });

  it('and alters one bit of a wrapped key is found out', async () => {
    const flip = (text: string | null): string => {
      const bytes = fromBase64Url(text ?? '') as Uint8Array;
      bytes[40] = (bytes[40] as number) ^ 1;
      return toBase64Url(bytes);
    };
    for (const series of ['data', 'index'] as const) {
      expect(
        await tampered((record) =>
          withVersion(record, series, { wrapped: flip(record[series].versions[0]?.wrapped ?? null) }),
        ),
      ).toBe('ERR_DECRYPT');
    }
  });
});

describe('describe', () => {
  it('tells ids, statuses and times', async () => {
    const { ring, old, next } = await rotated();
    await ring.keyring.disable(old);
    const description = await ring.keyring.describe();
    expect(description).toMatchObject({
      id: ring.keyring.id,
      generation: ring.keyring.generation,
      created: '2026-06-01T00:00:00.000Z',
    });
    expect(description.slots.map(({ type }) => type)).toEqual(['rawKey', 'recoveryKey']);
    expect(description.slots.every((slot) => !('wrapped' in slot))).toBe(true);
    expect(description.keks).toEqual([{ id: expect.stringMatching(/^kek-/), created: expect.any(String) }]);
    expect(description.keysets[0]?.data).toMatchObject({
      primary: next,
      versions: [{ status: 'disabled' }, { status: 'enabled' }],
    });
  });
});
