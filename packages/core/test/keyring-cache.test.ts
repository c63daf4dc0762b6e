import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { CacheOptions } from '../src/dek-cache/cache-options.ts';
import type { CacheEvent } from '../src/events.ts';
import { FieldCipher } from '../src/field-cipher.ts';
import { LocalKek } from '../src/kek/local-kek.ts';
import type { KeyView } from '../src/keyring/key-view.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { type CountingStore, countingStore } from './counting-store.ts';
import { codeOfPromise } from './error-code.ts';
import { fieldSpec } from './field-specs.ts';
import { type TestKeyring, testKeyring } from './test-keyring.ts';

const cipher = new FieldCipher();
const UNKNOWN = '0123456789abcdef';

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

interface Fleet extends TestKeyring {
  readonly keyStore: CountingStore;
  /** Opens the keyring as another process would. */
  open(cache?: CacheOptions | 'none'): Promise<Keyring>;
}

/** A keyring of some scopes, whose keys lie in a store that counts readings. */
async function fleet(...scopes: string[]): Promise<Fleet> {
  const keyStore = countingStore();
  const ring = await testKeyring({ keyStore });
  for (const scope of scopes) await ring.keyring.addScope(scope);
  keyStore.readings.splice(0);
  const open = (cache: CacheOptions | 'none' = {}) =>
    openKeyring({ storage: ring.storage, openers: [ring.opener], keyStore, cache });
  return { ...ring, keyStore, open };
}

function encrypt(view: KeyView, value = 'ada'): string {
  return cipher.encrypt(view, [{ spec: fieldSpec(), value, binding: null }])[0] as string;
}

const tenants = (count: number): string[] => Array.from({ length: count }, (_, at) => `tenant-${at}`);

describe('the options of the cache', () => {
  it.each([
    ['maxScopes', 0],
    ['maxScopes', Number.NaN],
    ['maxAgeMs', 999],
    ['maxAgeMs', 86_400_001],
    ['maxAgeMs', Number.POSITIVE_INFINITY],
    ['refreshMs', -1],
    ['maxUses', 2 ** 32 + 1],
    ['maxBytes', 0],
    ['pollMs', 10],
    ['budgetMs', 0],
    ['budgetMs', '25' as unknown as number],
  ])('refuse %s: %s', async (name, value) => {
    const { open } = await fleet();
    expect(await codeOfPromise(open({ [name]: value }))).toBe('ERR_OPTIONS');
  });
});

describe('cached keys', () => {
  it('are bounded in number: those that leave are wiped, and are read again when they are asked for', async () => {
    const { open, keyStore } = await fleet(...tenants(20));
    const keyring = await open({ maxScopes: 5 });
    const views = [];
    for (const scope of tenants(20)) views.push(await keyring.resolve(scope));
    expect(keyring.cacheStats()).toMatchObject({ scopes: 5, evictions: 15, misses: 20 });
    const [first] = views as [KeyView, ...KeyView[]];
    expect(keyring.peek('tenant-0')).toBeUndefined();
    await vi.waitFor(() => expect([first.primary.key.wiped, first.indexRoot.key.wiped]).toEqual([true, true]), 5000);
    keyStore.readings.splice(0);
    const again = await keyring.resolve('tenant-0');
    expect([again.primary.keyId, again.primary === first.primary]).toEqual([first.primary.keyId, false]);
    expect(keyStore.readings).toEqual([['tenant-0']]);
    expect(encrypt(again)).toMatch(/^fs1:/);
  });

  it('can be used by whoever was given them, though they leave the cache before he gets to it', async () => {
    const { open } = await fleet(...tenants(10));
    const keyring = await open({ maxScopes: 1 });
    const cells = await Promise.all(
      tenants(10).map(async (scope) => {
        const view = keyring.peek(scope) ?? (await keyring.resolve(scope));
        for (let turns = 0; turns < 5; turns++) await turn();
        return encrypt(view);
      }),
    );
    expect(new Set(cells.map((cell) => cell.slice(0, 16))).size).toBe(10);
    const views = await keyring.resolveMany(new Map(tenants(10).map((scope) => [scope, []])));
    for (const view of views.values()) encrypt(view);
  });

  it('are never used beyond their age, which use does not extend, and are wiped though nobody asks', async () => {
    const { open, keyStore } = await fleet('acme');
    const keyring = await open();
    const view = await keyring.resolve('acme');
    keyStore.barrier = () => Promise.reject(new Error('the store is down'));
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    for (let second = 0; second < 300; second += 10) {
      expect(keyring.peek('acme')).toBe(view);
      vi.advanceTimersByTime(10_000);
    }
    vi.advanceTimersByTime(1);
    expect(keyring.peek('acme')).toBeUndefined();
    await expect(keyring.resolve('acme')).rejects.toThrow('the store is down');
  });

  it('are unwrapped again before their age ends, so that no key outlives what its KEK allows', async () => {
    const { open } = await fleet('acme');
    const keyring = await open();
    const first = await keyring.resolve('acme');
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    const unwraps = vi.spyOn(LocalKek.prototype, 'unwrap');
    for (let minute = 1; minute <= 4; minute++) {
      vi.advanceTimersByTime(61_000);
      keyring.peek('acme');
      await vi.waitFor(() => expect(keyring.cacheStats().refreshes).toBe(minute));
      await turn();
      expect(unwraps).toHaveBeenCalledTimes(minute < 4 ? 0 : 2);
    }
    const view = keyring.peek('acme');
    expect([view?.primary.keyId, view?.primary === first.primary]).toEqual([first.primary.keyId, false]);
    await vi.waitFor(() => expect(first.primary.key.wiped).toBe(true), 5000);
    expect(encrypt(view as KeyView)).toMatch(/^fs1:/);
  });

  it.each([
    ['messages', { maxUses: 3 }, 'ada'],
    ['bytes', { maxBytes: 30 }, 'ada'],
  ])('are read again when they have encrypted enough %s', async (_what, bound, value) => {
    const { open, keyStore } = await fleet('acme');
    const keyring = await open(bound);
    await keyring.resolve('acme');
    for (let round = 0; round < 3; round++) {
      for (let at = 0; at < 4; at++) {
        const view = keyring.peek('acme');
        expect(view).toBeDefined();
        encrypt(view as KeyView, value);
      }
      expect(keyring.peek('acme')).toBeUndefined();
      await keyring.resolve('acme');
    }
    expect(keyStore.readings).toHaveLength(4);
    expect(keyring.peek('acme')?.primary.messages).toBe(12);
  });

  it('keep the count of what they encrypted when they leave and come back', async () => {
    const { open } = await fleet(...tenants(2));
    const keyring = await open({ maxScopes: 1 });
    (await keyring.resolve('tenant-0')).primary.count(2 ** 20);
    await keyring.resolve('tenant-1');
    expect((await keyring.resolve('tenant-0')).primary.messages).toBe(2 ** 20);
  });

  it('are none at all where that is asked for', async () => {
    const { open, keyStore } = await fleet('acme');
    const keyring = await open('none');
    const view = await keyring.resolve('acme');
    encrypt(view);
    expect([keyring.peek('acme'), keyring.cacheStats().scopes]).toEqual([undefined, 0]);
    await keyring.resolve('acme');
    expect(keyStore.readings).toHaveLength(2);
    await vi.waitFor(() => expect(view.primary.key.wiped).toBe(true), 5000);
  });

  it('are wiped by closing, those that had left the cache too', async () => {
    const { open } = await fleet(...tenants(3));
    const keyring = await open({ maxScopes: 1 });
    const views = await Promise.all(tenants(3).map((scope) => keyring.resolve(scope)));
    keyring.close();
    expect(views.map(({ primary, indexRoot }) => [primary.key.wiped, indexRoot.key.wiped])).toEqual(
      Array(3).fill([true, true]),
    );
    expect(await codeOfPromise(keyring.resolve('tenant-0'))).toBe('ERR_KEY_WIPED');
  });

  it('are not kept when the keyring is closed while they are read', async () => {
    const { open, keyStore } = await fleet('acme');
    const keyring = await open();
    let go = (): void => {};
    keyStore.barrier = () =>
      new Promise((resolve) => {
        go = resolve;
      });
    const resolving = codeOfPromise(keyring.resolve('acme'));
    await vi.waitFor(() => expect(keyStore.readings).toHaveLength(1));
    keyring.close();
    go();
    expect(await resolving).toBe('ERR_KEY_WIPED');
    expect(keyring.cacheStats().scopes).toBe(0);
  });
});

describe('misses', () => {
  it('of one scope, ten thousand at once, unwrap each key once', async () => {
    const { open, keyStore } = await fleet('acme');
    const keyring = await open();
    const unwraps = vi.spyOn(LocalKek.prototype, 'unwrap');
    const views = await Promise.all(Array.from({ length: 10_000 }, () => keyring.resolve('acme')));
    expect([new Set(views).size, keyStore.readings.length, unwraps.mock.calls.length]).toEqual([1, 1, 2]);
  });

  it('of many scopes in one turn cost one round trip', async () => {
    const { open, keyStore } = await fleet(...tenants(100));
    const keyring = await open();
    const views = await keyring.resolveMany(new Map(tenants(100).map((scope) => [scope, []])));
    expect([...views.keys()]).toEqual(tenants(100));
    expect([...views].every(([scope, view]) => view.scope === scope)).toBe(true);
    expect(keyStore.readings).toEqual([tenants(100)]);
    await keyring.resolveMany(new Map(tenants(100).map((scope) => [scope, []])));
    expect(keyStore.readings).toHaveLength(1);
  });

  it('of many scopes are one error when one has no keys, and the others are cached all the same', async () => {
    const { open, keyStore } = await fleet(...tenants(3));
    const keyring = await open();
    const wanted = new Map([...tenants(3), 'nobody'].map((scope) => [scope, []]));
    expect(await codeOfPromise(keyring.resolveMany(wanted))).toBe('ERR_KEY_UNKNOWN');
    expect(tenants(3).every((scope) => keyring.peek(scope) !== undefined)).toBe(true);
    expect(keyStore.readings).toHaveLength(1);
  });

  it('work with a store that loads one scope at a time', async () => {
    const { keyStore, storage, opener } = await fleet(...tenants(5));
    const { load, save } = keyStore;
    const keyring = await openKeyring({ storage, openers: [opener], keyStore: { load, save } });
    expect((await keyring.resolveMany(new Map(tenants(5).map((scope) => [scope, []])))).size).toBe(5);
    expect(keyStore.readings).toHaveLength(5);
  });

  it('of a scope without keys are remembered for two seconds, and forgotten when the scope is made', async () => {
    const { open, keyStore } = await fleet();
    const keyring = await open();
    for (let at = 0; at < 50; at++) expect(await codeOfPromise(keyring.resolve('nobody'))).toBe('ERR_KEY_UNKNOWN');
    expect(keyStore.readings).toHaveLength(1);
    await keyring.addScope('nobody');
    expect((await keyring.resolve('nobody')).scope).toBe('nobody');
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    expect(await codeOfPromise(keyring.resolve('other'))).toBe('ERR_KEY_UNKNOWN');
    await (await open()).addScope('other');
    expect(await codeOfPromise(keyring.resolve('other'))).toBe('ERR_KEY_UNKNOWN');
    vi.advanceTimersByTime(2001);
    expect((await keyring.resolve('other')).scope).toBe('other');
  });

  it('of a store that fails are tried again by the next query', async () => {
    const { open, keyStore } = await fleet(...tenants(3));
    const keyring = await open();
    keyStore.barrier = () => Promise.reject(new Error('the store is down'));
    await expect(keyring.resolveMany(new Map(tenants(3).map((scope) => [scope, []])))).rejects.toThrow(
      'the store is down',
    );
    keyStore.barrier = async () => {};
    expect((await keyring.resolve('tenant-1')).scope).toBe('tenant-1');
  });

  it('of an id that nobody has cost one reading in two seconds', async () => {
    const { open, keyStore } = await fleet('acme');
    const keyring = await open();
    for (let at = 0; at < 50; at++) expect((await keyring.resolve('acme', [UNKNOWN])).keys.has(UNKNOWN)).toBe(false);
    expect(keyStore.readings).toHaveLength(1);
  });
});

describe('a refresh', () => {
  it('is made once per interval, though the keys that it keeps are older than it', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    const { open, keyStore } = await fleet('acme');
    const keyring = await open({ maxAgeMs: 60_000, refreshMs: 10_000 });
    await keyring.resolve('acme');
    for (let second = 1; second <= 35; second++) {
      vi.advanceTimersByTime(1000);
      for (let query = 0; query < 20; query++) {
        keyring.peek('acme');
        await turn();
      }
    }
    expect(keyStore.readings.length).toBeLessThanOrEqual(4); // one at first, and three refreshes
    expect(keyStore.readings.length).toBeGreaterThanOrEqual(3);
  });

  it('that fails is tried again after a second, not by every query, and is reported', async () => {
    const { open, keyStore } = await fleet('acme');
    const keyring = await open();
    const view = await keyring.resolve('acme');
    keyStore.barrier = () => Promise.reject(new Error('the store is down'));
    const events: CacheEvent[] = [];
    const listen = (event: unknown) => void events.push(event as CacheEvent);
    subscribe('fieldseal:cache', listen);
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    vi.advanceTimersByTime(61_000);
    keyStore.readings.splice(0);
    for (let step = 0; step < 30; step++) {
      expect(keyring.peek('acme')).toBe(view);
      vi.advanceTimersByTime(100);
      await turn();
    }
    unsubscribe('fieldseal:cache', listen);
    expect(keyStore.readings).toHaveLength(3);
    const stale = events.filter(({ action }) => action === 'stale');
    expect(stale).toEqual(Array(3).fill({ action: 'stale', keyringId: keyring.id, scopes: 1 }));
  });

  it('survives that the view it started from leaves the cache meanwhile', async () => {
    const { open, keyStore } = await fleet(...tenants(2));
    const keyring = await open({ maxScopes: 1 });
    await keyring.resolve('tenant-0');
    vi.useFakeTimers({ toFake: ['performance', 'Date'] });
    vi.advanceTimersByTime(61_000);
    const { unwrap } = LocalKek.prototype;
    const adding = await open();
    await adding.addKey('tenant-0');
    let go = (): void => {};
    vi.spyOn(LocalKek.prototype, 'unwrap').mockImplementationOnce(async function (this: LocalKek, ...all) {
      await new Promise<void>((resolve) => {
        go = resolve;
      });
      return unwrap.apply(this, all);
    });
    keyring.peek('tenant-0'); // begins to read again, and waits for the new key
    keyStore.readings.splice(0);
    await vi.waitFor(() => expect(keyStore.readings).toHaveLength(1));
    for (let at = 0; at < 5; at++) await turn();
    await keyring.resolve('tenant-1'); // takes the place of the view
    go();
    await vi.waitFor(() => expect(keyring.peek('tenant-0')?.keys.size).toBe(2));
    vi.useRealTimers();
    await new Promise((resolve) => setTimeout(resolve, 2100)); // what had left the cache is wiped by now
    expect(encrypt(keyring.peek('tenant-0') as KeyView)).toMatch(/^fs1:/);
  });
});
