import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { KeyringEvent } from '../src/events.ts';
import { FieldCipher } from '../src/field-cipher.ts';
import type { KeyStore } from '../src/key-store/key-store.ts';
import type { Census, KeysetRecord } from '../src/key-store/keyset-record.ts';
import { keyIdsOf } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { DESTROY_WAIT_MS } from '../src/keyset.ts';
import { codeOfPromise } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';
import { type TestKeyring, testKeyring } from './test-keyring.ts';

const cipher = new FieldCipher();
const UNKNOWN = '0123456789abcdef';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance'], now: Date.parse('2026-06-01T00:00:00Z') });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A keyring with the scopes acme and other, where acme has three DEKs: a disabled one, an enabled one and the primary. */
interface Shop {
  readonly ring: TestKeyring;
  readonly keyStore: KeyStore | undefined;
  readonly disabled: string;
  readonly cell: string;
  decrypt(cell: string, ring?: TestKeyring['keyring']): Promise<unknown>;
  record(): Promise<KeysetRecord>;
}

async function shop(keyStore?: KeyStore): Promise<Shop> {
  const ring = await testKeyring(keyStore === undefined ? {} : { keyStore });
  const { keyring } = ring;
  await keyring.addScope('other');
  const disabled = (await keyring.addScope('acme')).primary.keyId;
  await keyring.rotate('acme');
  await keyring.rotate('acme');
  await keyring.disable(disabled, 'acme');
  const [cell] = cipher.encrypt(await keyring.resolve('acme'), [{ spec: fieldSpec(), value: 'ada', binding: null }]);
  return {
    ring,
    keyStore,
    disabled,
    cell: cell as string,
    decrypt: async (stored, from = keyring) => {
      const fields = cipher.parse([{ spec: fieldSpec(), stored, binding: null }]);
      const view = await from.resolve(
        'acme',
        fields.map((field) => field.cell.keyId),
      );
      return cipher.decrypt(view, fields)[0];
    },
    record: async () => (await keyring.describe(['acme'])).keysets[0] as KeysetRecord,
  };
}

function again({ ring, keyStore }: Shop): Promise<TestKeyring['keyring']> {
  const { storage, opener } = ring;
  return openKeyring({ storage, openers: [opener], ...(keyStore === undefined ? {} : { keyStore }) });
}

function census(record: KeysetRecord): Census {
  return {
    counted: new Date().toISOString(),
    entries: [{ field: 'Patient.email', keyId: record.data.primary, cells: 3 }],
  };
}

describe.each([
  ['inside the keyring', () => undefined],
  ['in a key store', memoryKeyStore],
])('a scope whose keys are %s', (_where, make) => {
  it('gives out no key once it is shredded, and wipes those in memory', async () => {
    const one = await shop(make());
    const { keyring } = one.ring;
    const view = await keyring.resolve('acme');
    const fieldKey = view.primary.fieldKey('Patient', 'notes');
    const indexKey = view.indexRoot.indexKey('Patient', 'email', 'exact');
    await keyring.shred('acme');
    expect(keyring.peek('acme')).toBeUndefined();
    expect([fieldKey.wiped, indexKey.wiped]).toEqual([true, true]);
    expect(await codeOfPromise(one.decrypt(one.cell))).toBe('ERR_KEY_DISABLED');
    expect(await codeOfPromise(keyring.addScope('acme'))).toBe('ERR_KEY_DISABLED');
    expect(await codeOfPromise(keyring.resolve('other'))).toBe('none');
    const { data, index, shred } = await one.record();
    expect([...data.versions, ...index.versions].map(({ status }) => status)).toEqual(Array(4).fill('disabled'));
    expect(shred?.enabled).not.toContain(one.disabled);
  });

  it('is closed in another process as soon as that reads it again', async () => {
    const one = await shop(make());
    const other = await again(one);
    expect(await one.decrypt(one.cell, other)).toBe('ada');
    await one.ring.keyring.shred('acme');
    expect(await codeOfPromise(other.resolve('acme', [UNKNOWN]))).toBe('ERR_KEY_DISABLED');
    expect(other.peek('acme')).toBeUndefined();
    expect(await codeOfPromise((await again(one)).resolve('acme'))).toBe('ERR_KEY_DISABLED');
  });

  it('is closed in another process that only writes, after a minute', async () => {
    const one = await shop(make());
    const other = await again(one);
    await other.resolve('acme');
    await one.ring.keyring.shred('acme');
    vi.advanceTimersByTime(61_000);
    other.peek('acme');
    await vi.waitFor(() => expect(other.peek('acme')).toBeUndefined());
  });

  it('is as it was when shredding is cancelled', async () => {
    const one = await shop(make());
    const before = await one.record();
    await one.ring.keyring.shred('acme');
    vi.advanceTimersByTime(2 * DESTROY_WAIT_MS);
    await one.ring.keyring.cancelShred('acme');
    const { generation, mac: _, ...after } = await one.record();
    const { mac: __, ...rest } = before;
    expect({ ...after, generation }).toEqual({ ...rest, generation: before.generation + 2 });
    expect(await one.decrypt(one.cell)).toBe('ada');
    expect(await codeOfPromise(one.ring.keyring.destroyShredded('acme'))).toBe('ERR_KEY_STATUS');
    expect(await codeOfPromise(one.ring.keyring.cancelShred('acme'))).toBe('ERR_KEY_STATUS');
  });

  it('loses its keys for good after the waiting time, and not before', async () => {
    const one = await shop(make());
    const { keyring } = one.ring;
    await keyring.shred('acme');
    vi.advanceTimersByTime(DESTROY_WAIT_MS - 1);
    expect(await codeOfPromise(keyring.destroyShredded('acme'))).toBe('ERR_KEY_STATUS');
    vi.advanceTimersByTime(1);
    await keyring.destroyShredded('acme');
    const record = await one.record();
    const versions = [...record.data.versions, ...record.index.versions];
    expect(versions.map(({ status, wrapped }) => [status, wrapped])).toEqual(Array(4).fill(['destroyed', null]));
    for (const work of [one.decrypt(one.cell), keyring.addScope('acme'), (await again(one)).resolve('acme')])
      expect(await codeOfPromise(work)).toBe('ERR_KEY_DESTROYED');
    for (const work of [keyring.cancelShred('acme'), keyring.shred('acme'), keyring.destroyShredded('acme')])
      expect(await codeOfPromise(work)).toBe('ERR_KEY_STATUS');
  });

  it('cannot be changed otherwise while it is shredded', async () => {
    const one = await shop(make());
    const { keyring } = one.ring;
    const { data } = await one.record();
    await keyring.shred('acme');
    const before = await one.record();
    for (const work of [
      keyring.addKey('acme'),
      keyring.enable(one.disabled, 'acme'),
      keyring.promote(data.primary, 'acme'),
      keyring.disable(data.primary, 'acme'),
      keyring.scheduleDestroy(one.disabled, DESTROY_WAIT_MS, 'acme'),
    ])
      expect(await codeOfPromise(work)).toBe('ERR_KEY_DISABLED');
    expect(await codeOfPromise(keyring.shred('acme'))).toBe('ERR_KEY_STATUS');
    expect(await one.record()).toEqual(before);
  });
});

describe('shredding', () => {
  it.each([0, -1, DESTROY_WAIT_MS - 1, Number.NaN, Number.POSITIVE_INFINITY, 1e300])(
    'refuses the waiting time %d',
    async (waitMs) => {
      const one = await shop();
      expect(await codeOfPromise(one.ring.keyring.shred('acme', { waitMs }))).toBe('ERR_KEY_STATUS');
      expect(await one.decrypt(one.cell)).toBe('ada');
    },
  );

  it('takes a longer waiting time', async () => {
    const { keyring } = (await shop()).ring;
    await keyring.shred('acme', { waitMs: 2 * DESTROY_WAIT_MS });
    vi.advanceTimersByTime(2 * DESTROY_WAIT_MS - 1);
    expect(await codeOfPromise(keyring.destroyShredded('acme'))).toBe('ERR_KEY_STATUS');
  });

  it('refuses the scope of the application, and one without keys', async () => {
    const { keyring } = (await shop()).ring;
    expect(await codeOfPromise(keyring.shred(''))).toBe('ERR_OPTIONS');
    expect(await codeOfPromise(keyring.shred('nobody'))).toBe('ERR_KEY_UNKNOWN');
    expect(await codeOfPromise(keyring.destroyShredded('acme'))).toBe('ERR_KEY_STATUS');
    expect(await codeOfPromise(keyring.shredReceipt('acme'))).toBe('ERR_KEY_STATUS');
  });

  it('wipes keys, too, that a reading brings which began before', async () => {
    const inner = memoryKeyStore();
    let hold: Promise<void> | undefined;
    const load = async (scope: string) => {
      const record = await inner.load(scope);
      if (scope === 'acme') await hold;
      return record;
    };
    const one = await shop({ load, save: inner.save });
    const { keyring } = one.ring;
    let release = (): void => undefined;
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const reading = keyring.resolve('acme', [UNKNOWN]).catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve)); // the reading has its record and waits
    const held = hold;
    hold = undefined;
    const shredding = keyring.shred('acme');
    await new Promise((resolve) => setImmediate(resolve));
    release();
    await Promise.all([held, reading, shredding]);
    expect(keyring.peek('acme')).toBeUndefined();
    expect(await codeOfPromise(one.decrypt(one.cell))).toBe('ERR_KEY_DISABLED');
  });

  it('takes a census of this scope and of the time since the request only', async () => {
    const one = await shop();
    const { keyring } = one.ring;
    const early = census(await one.record());
    vi.advanceTimersByTime(1000);
    await keyring.shred('acme');
    vi.advanceTimersByTime(DESTROY_WAIT_MS);
    const sound = census(await one.record());
    const [entry] = sound.entries;
    const foreign = (await keyring.describe(['other'])).keysets[0]?.data.primary;
    for (const [bad, code] of [
      [early, 'ERR_OPTIONS'],
      [{ ...sound, counted: '2036-01-01T00:00:00.000Z' }, 'ERR_OPTIONS'],
      [{ ...sound, entries: [{ ...entry, keyId: foreign }] }, 'ERR_OPTIONS'],
      [{ ...sound, entries: [{ ...entry, cells: -1 }] }, 'ERR_KEY_STORE'],
      [{ ...sound, entries: [{ ...entry, cells: 1.5 }] }, 'ERR_KEY_STORE'],
      [{ ...sound, entries: null }, 'ERR_KEY_STORE'],
      [{ ...sound, counted: 'today' }, 'ERR_KEY_STORE'],
    ] as const)
      expect(await codeOfPromise(keyring.destroyShredded('acme', bad as Census))).toBe(code);
    expect((await one.record()).shred?.destroyed).toBeNull();
    expect((await keyring.destroyShredded('acme', sound)).census).toEqual(sound);
  });

  it('is published, without the name of the scope', async () => {
    const one = await shop();
    const events: KeyringEvent[] = [];
    const hear = (event: unknown) => void events.push(event as KeyringEvent);
    subscribe('fieldseal:keyring', hear);
    const { keyring } = one.ring;
    await keyring.shred('acme');
    await keyring.cancelShred('acme');
    await keyring.shred('acme');
    vi.advanceTimersByTime(DESTROY_WAIT_MS);
    await keyring.destroyShredded('acme');
    unsubscribe('fieldseal:keyring', hear);
    const own = events.filter(({ action }) => action !== 'reload');
    expect(own.map(({ action }) => action)).toEqual(['shred', 'cancel-shred', 'shred', 'destroy-shredded']);
    expect(new Set(own.map(({ subject }) => subject))).toEqual(new Set([(await one.record()).data.primary]));
    expect(JSON.stringify(events)).not.toContain('acme');
  });

  it('keeps the ids of the keys reserved', async () => {
    const keyStore = memoryKeyStore();
    const one = await shop(keyStore);
    const ids = keyIdsOf(await one.record());
    await one.ring.keyring.shred('acme');
    vi.advanceTimersByTime(DESTROY_WAIT_MS);
    await one.ring.keyring.destroyShredded('acme');
    expect(keyIdsOf(await one.record())).toEqual(ids);
  });
});
