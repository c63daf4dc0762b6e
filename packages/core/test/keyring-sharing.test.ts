import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LocalKek } from '../src/kek/local-kek.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { closeFleets, count, type SharedFleet, settle, sharedFleet, watchCaches } from './shared-fleet.ts';

beforeEach(watchCaches);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  closeFleets();
});

async function entries({ shared, open }: SharedFleet, ...scopes: string[]): Promise<[string, string][]> {
  const keyring = await open();
  for (const scope of scopes) await keyring.resolve(scope);
  await settle();
  return [...shared.texts];
}

describe('a cache that processes share', () => {
  it('spares the second process the key store', async () => {
    const ring = await sharedFleet();
    const [one, two] = [await ring.open(), await ring.open()];
    const view = await one.resolve('acme');
    await settle();
    ring.keyStore.readings.splice(0);
    const other = await two.resolve('acme');
    expect([other.primary.keyId, [...other.statuses]]).toEqual([view.primary.keyId, [...view.statuses]]);
    expect(ring.keyStore.readings).toEqual([]);
    expect(two.cacheStats().shared).toEqual({ hits: 1, misses: 0, refused: 0, failures: 0, open: false });
    expect(count('shared')).toBeGreaterThan(0);
  });

  it('is asked once for many scopes, and the key store once for what it lacks', async () => {
    const ring = await sharedFleet();
    await entries(ring, 'acme');
    const keyring = await ring.open();
    ring.keyStore.readings.splice(0);
    ring.shared.calls.get = 0;
    await keyring.resolveMany(new Map(['acme', 'other', ''].map((scope) => [scope, []])));
    expect(ring.keyStore.readings).toEqual([['other', '']]);
    expect(ring.shared.calls.get).toBe(1);
  });

  it('holds nothing readable', async () => {
    const ring = await sharedFleet();
    const record = await ring.keyStore.load('acme');
    for (const [key, text] of await entries(ring, 'acme')) {
      const seen = `${key} ${text} ${Buffer.from(text, 'base64url').toString('latin1')}`;
      for (const secret of ['acme', record?.data.primary, record?.data.versions[0]?.wrapped])
        expect(seen).not.toContain(secret);
    }
  });

  it('is not asked for a key id that is unknown: another instance may have added it a moment ago', async () => {
    const ring = await sharedFleet();
    const [one, two] = [await ring.open(), await ring.open()];
    await one.resolve('acme');
    await settle();
    await two.resolve('acme');
    ring.shared.deaf = true;
    const added = await ring.keyring.addKey('acme'); // by a process that shares nothing
    expect((await two.resolve('acme', [added])).keys.has(added)).toBe(true);
    const three = await ring.open();
    expect((await three.resolve('acme', [added])).keys.has(added)).toBe(true);
  });

  it('may have been written by a process that knows a newer KEK', async () => {
    const ring = await sharedFleet();
    await entries(ring, 'acme');
    const keyring = await ring.open();
    vi.spyOn(LocalKek.prototype, 'unwrap').mockRejectedValueOnce(new Error('not this one'));
    ring.keyStore.readings.splice(0);
    expect((await keyring.resolve('acme')).scope).toBe('acme');
    expect(ring.keyStore.readings).toEqual([['acme']]);
  });

  it('gets nothing of keys that lie in the keyring, but carries the news of them', async () => {
    const ring = await sharedFleet({ inside: true });
    const [one, two] = [await ring.open(), await ring.open()];
    const old = (await one.resolve('acme')).primary.keyId;
    await two.resolve('acme');
    await one.rotate('acme');
    await one.disable(old, 'acme');
    await settle();
    expect([ring.shared.texts.size, ring.shared.calls.put, two.peek('acme')?.keys.has(old)]).toEqual([0, 0, false]);
  });

  it('leaves no timer behind when the keyring is closed', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const ring = await sharedFleet();
    const keyring = await ring.open();
    ring.shared.barrier = () => Promise.reject(new Error('down'));
    for (let at = 0; at < 10; at++) await keyring.resolve(at % 2 === 0 ? 'acme' : 'other', [`${at}123456789abcdef`]);
    closeFleets();
    watchCaches();
    expect(vi.getTimerCount()).toBe(0);
    ring.shared.forge('late', 1);
    await settle();
  });
});

describe('an entry that lies', () => {
  type Lie = (texts: [string, string][]) => [string, string][];
  const swapped: Lie = (all) => all.map(([key], at) => [key, all[(at + 1) % all.length]?.[1] ?? '']);
  it.each<[string, Lie]>([
    ['is no text of ours', (all) => all.map(([key]) => [key, 'poison'])],
    ['is empty', (all) => all.map(([key]) => [key, ''])],
    ['is the plain record', (all) => all.map(([key]) => [key, '{"readAt":0,"record":{}}'])],
    [
      'was changed in one bit',
      (all) => all.map(([key, text]) => [key, text.replace(/^./, (digit) => (digit === 'A' ? 'B' : 'A'))]),
    ],
    ['was cut', (all) => all.map(([key, text]) => [key, text.slice(0, -4)])],
    ['is that of another scope', swapped],
  ])('and %s is a miss, an event, and written over', async (_what, lie) => {
    const ring = await sharedFleet();
    const truth = await entries(ring, 'acme', 'other');
    const keyring = await ring.open();
    for (const [key, text] of lie(truth)) ring.shared.texts.set(key, text);
    ring.keyStore.readings.splice(0);
    expect((await keyring.resolve('acme')).primary.keyId).toBe((await ring.keyring.resolve('acme')).primary.keyId);
    expect([ring.keyStore.readings.length > 0, count('refused'), keyring.cacheStats().shared?.refused]).toEqual([
      true,
      1,
      1,
    ]);
    await settle();
    const next = await ring.open();
    await next.resolve('acme');
    expect(next.cacheStats().shared).toMatchObject({ hits: 1, refused: 0 });
  });

  it('and comes from another keyring is a miss', async () => {
    const [ring, foreign] = [await sharedFleet(), await sharedFleet()];
    const [[key = ''] = []] = await entries(ring, 'acme');
    const [[, text = ''] = []] = await entries(foreign, 'acme');
    ring.shared.texts.set(key, text);
    const keyring = await ring.open();
    await keyring.resolve('acme');
    expect(keyring.cacheStats().shared).toMatchObject({ hits: 0, refused: 1 });
  });

  it.each([
    ['older than a minute, as one that is put back', 66_000, 1],
    ['a little older than a minute', 61_000, 0],
    ['of the future', -6000, 1],
  ])('and is %s is a miss', async (_what, ms, refused) => {
    const ring = await sharedFleet();
    vi.useFakeTimers({ toFake: ['Date'] });
    await entries(ring, 'acme');
    vi.setSystemTime(Date.now() + ms);
    const keyring = await ring.open();
    ring.keyStore.readings.splice(0);
    await keyring.resolve('acme');
    expect(ring.keyStore.readings).toHaveLength(1);
    expect(keyring.cacheStats().shared).toMatchObject({ hits: 0, misses: 1, refused });
  });

  it('and is an older state than one that was seen brings no disabled key back', async () => {
    const ring = await sharedFleet();
    const [[key = '', old = ''] = []] = await entries(ring, 'acme');
    const [one, two] = [await ring.open(), await ring.open({ maxScopes: 1 })];
    const first = (await one.resolve('acme')).primary.keyId;
    await two.resolve('acme');
    await one.rotate('acme');
    await one.disable(first, 'acme');
    await settle();
    ring.shared.texts.set(key, old);
    await two.resolve('other'); // takes the only place
    expect(two.peek('acme')).toBeUndefined();
    expect([(await two.resolve('acme')).keys.has(first), two.cacheStats().shared?.refused]).toEqual([false, 1]);
  });

  describe('and is older than a change that another process makes meanwhile', () => {
    /** A process has read a keyset and not gone on; then another one disables its primary. Resolves to the key id, and lets the first go on. */
    async function overtaken(
      ring: SharedFleet,
      told: boolean,
    ): Promise<{ first: string; late: Keyring; reading: Promise<unknown> }> {
      const [slow, fast] = [await ring.open(), await ring.open()];
      const first = (await fast.resolve('acme')).primary.keyId;
      await settle();
      ring.shared.texts.clear();
      let go = (): void => {};
      const { load } = ring.keyStore;
      ring.keyStore.load = async (scope) => {
        const record = await load(scope);
        await new Promise<void>((resolve) => {
          go = resolve;
        });
        return record;
      };
      const reading = slow.resolve('acme');
      await settle();
      ring.keyStore.load = load;
      ring.shared.deaf = !told;
      await fast.rotate('acme');
      await fast.disable(first, 'acme');
      go();
      return { first, late: slow, reading };
    }

    it('does not replace the new one', async () => {
      const ring = await sharedFleet();
      const { first, reading } = await overtaken(ring, false);
      await reading;
      await settle();
      const other = await ring.open();
      expect((await other.resolve('acme')).keys.has(first)).toBe(false);
      expect(other.cacheStats().shared?.hits).toBe(1);
    });

    it('is read again by a process that was told', async () => {
      const ring = await sharedFleet();
      const { first, late, reading } = await overtaken(ring, true);
      await reading;
      expect(late.peek('acme')?.keys.has(first)).toBe(false);
      expect(late.peek('acme')?.statuses.get(first)).toBe('disabled');
    });
  });
});

describe('a shared cache that is away', () => {
  it.each([
    ['fails', () => Promise.reject(new Error('down'))],
    ['hangs', () => new Promise<void>(() => {})],
  ])('and %s fails nothing, and is asked five times at most', async (_what, barrier) => {
    const ring = await sharedFleet();
    for (let at = 0; at < 50; at++) await ring.keyring.addScope(`tenant-${at}`);
    const keyring = await ring.open({ budgetMs: 5 });
    await settle();
    Object.assign(ring.shared.calls, { get: 0, put: 0, announce: 0, count: 0 });
    ring.shared.barrier = barrier;
    for (let at = 0; at < 50; at++) expect((await keyring.resolve(`tenant-${at}`)).scope).toBe(`tenant-${at}`);
    const { get, put } = ring.shared.calls;
    expect(get + put).toBeLessThanOrEqual(10);
    expect(keyring.cacheStats().shared?.open).toBe(true);
    expect([count('opened'), count('closed')]).toEqual([1, 0]);
    ring.shared.barrier = async () => {};
    await vi.waitFor(() => expect(keyring.cacheStats().shared?.open).toBe(false), 5000);
    expect(count('closed')).toBe(1);
  });

  it('when the keyring is opened fails nothing either', async () => {
    const ring = await sharedFleet();
    ring.shared.barrier = () => Promise.reject(new Error('down'));
    const keyring = await ring.open();
    expect((await keyring.resolve('acme')).scope).toBe('acme');
    const id = await keyring.addKey('acme');
    expect((await keyring.resolve('acme')).keys.has(id)).toBe(true);
  });

  it('and gives too little, or what is no text, is a miss', async () => {
    const ring = await sharedFleet();
    await entries(ring, 'acme');
    for (const answer of [[], [7], [{}], [undefined], [['x']]]) {
      const keyring = await ring.open();
      ring.shared.get = async () => answer as unknown as string[];
      expect((await keyring.resolve('acme')).scope).toBe('acme');
    }
  });
});
