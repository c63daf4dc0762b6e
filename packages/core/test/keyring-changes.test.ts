import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Keyring } from '../src/keyring/keyring.ts';
import { codeOfPromise } from './error-code.ts';
import { closeFleets, count, settle, sharedFleet, watchCaches } from './shared-fleet.ts';

beforeEach(watchCaches);

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
  closeFleets();
});

describe('a change', () => {
  async function disabled(watchers: readonly Keyring[], by: Keyring): Promise<string> {
    const first = (await by.resolve('acme')).primary.keyId;
    for (const watcher of watchers) await watcher.resolve('acme');
    await settle();
    await by.rotate('acme');
    await settle();
    await by.disable(first, 'acme');
    await settle();
    return first;
  }

  it('is seen by all processes as soon as they are told', async () => {
    const ring = await sharedFleet();
    const watchers = [await ring.open(), await ring.open(), await ring.open()];
    const first = await disabled(watchers, await ring.open());
    for (const watcher of watchers) {
      const view = watcher.peek('acme');
      expect([view?.keys.has(first), view?.statuses.get(first), view?.primary.keyId === first]).toEqual([
        false,
        'disabled',
        false,
      ]);
    }
    expect(count('lost')).toBe(0);
  });

  it('wipes the key where it is seen', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open();
    const { primary } = await watcher.resolve('acme');
    await disabled([watcher], await ring.open());
    expect(primary.key.wiped).toBe(true);
  });

  it.each([true, false])('is seen at the next poll when nobody was told (listening: %s)', async (listening) => {
    const ring = await sharedFleet({ listening });
    const watcher = await ring.open({ pollMs: 100 });
    const changer = await ring.open({ pollMs: 60_000 });
    ring.shared.deaf = true;
    const first = await disabled([watcher], changer);
    await vi.waitFor(() => expect(watcher.peek('acme')?.keys.has(first)).toBe(false), 6000);
    expect(count('lost')).toBeGreaterThan(0);
  });

  it('is seen when the announcements were counted and then lost with all that the cache held', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open({ pollMs: 100 });
    const changer = await ring.open({ pollMs: 60_000 });
    await changer.addKey('other');
    await settle();
    ring.shared.deaf = true;
    const first = await disabled([watcher], changer);
    ring.shared.counts.clear();
    ring.shared.texts.clear();
    await vi.waitFor(() => expect(watcher.peek('acme')?.keys.has(first)).toBe(false), 6000);
  });

  it('that could not be announced is announced when the cache is back', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open({ pollMs: 100 });
    const changer = await ring.open({ pollMs: 100 });
    await watcher.resolve('acme');
    ring.shared.barrier = () => Promise.reject(new Error('down'));
    const first = await disabled([], changer);
    expect(watcher.peek('acme')?.keys.has(first)).toBe(true);
    ring.shared.barrier = async () => {};
    await vi.waitFor(() => expect(watcher.peek('acme')?.keys.has(first)).toBe(false), 6000);
  });

  it('that could not be announced, for the cache had been given up, is announced when that is taken back', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open();
    const changer = await ring.open({ pollMs: 60_000 });
    await watcher.resolve('acme');
    ring.shared.barrier = () => Promise.reject(new Error('down'));
    const first = await disabled([], changer);
    expect(changer.cacheStats().shared?.open).toBe(true);
    ring.shared.barrier = async () => {};
    await vi.waitFor(() => expect(watcher.peek('acme')?.keys.has(first)).toBe(false), 4000);
  });

  it('makes nobody read again who has seen it', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open({ pollMs: 50 });
    await disabled([watcher], await ring.open());
    const { refreshes } = watcher.cacheStats();
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([watcher.cacheStats().refreshes, count('lost')]).toEqual([refreshes, 0]);
  });

  it('of a scope that is not cached costs no reading', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open();
    await watcher.resolve('other');
    ring.keyStore.readings.splice(0);
    await (await ring.open()).addKey('acme');
    await settle();
    expect(watcher.cacheStats().refreshes).toBe(0);
  });

  it.each([
    ['nonsense', 'nonsense', 1],
    ['an empty text', '', 1],
  ])('that is forged as %s changes nothing, and is reported', async (_what, text, refused) => {
    const ring = await sharedFleet();
    const watcher = await ring.open();
    const view = await watcher.resolve('acme');
    ring.shared.forge(text, 1);
    await settle();
    expect([watcher.peek('acme') === view, watcher.cacheStats().shared?.refused]).toEqual([true, refused]);
  });

  it('that is repeated, or arrives after a later one, costs nothing', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open({ pollMs: 50 });
    const changer = await ring.open();
    const said: [string, number][] = [];
    const { announce } = ring.shared.changes;
    Object.assign(ring.shared.changes, {
      announce: async (channel: string, text: string) => {
        said.push([text, said.length + 1]);
        ring.shared.deaf = true;
        await announce(channel, text);
      },
    });
    await watcher.resolve('acme');
    await settle();
    await changer.addKey('acme');
    await changer.addKey('acme');
    for (const [text, at] of [...said].reverse()) ring.shared.forge(text, at);
    await settle();
    expect([watcher.peek('acme')?.keys.size, count('lost')]).toEqual([3, 0]);
    const { refreshes } = watcher.cacheStats();
    for (const [text, at] of [...said, ...said]) ring.shared.forge(text, at);
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect([watcher.cacheStats().refreshes, count('lost')]).toEqual([refreshes, 0]);
  });

  it('that the key store does not show yet is not taken for seen', async () => {
    const ring = await sharedFleet();
    const watcher = await ring.open({ maxScopes: 1 });
    await watcher.resolve('acme');
    const old = await ring.keyStore.load('acme');
    const first = await disabled([watcher], await ring.open());
    await watcher.resolve('other');
    ring.shared.texts.clear();
    ring.keyStore.load = async () => old; // a replica that lags
    expect(await codeOfPromise(watcher.resolve('acme'))).toBe('ERR_KEY_STORE');
    expect([old?.data.primary, watcher.peek('acme')]).toEqual([first, undefined]);
  });
});
