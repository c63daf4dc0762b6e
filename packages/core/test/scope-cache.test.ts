import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RetiredKeys } from '../src/dek-cache/retired-keys.ts';
import { ScopeCache } from '../src/dek-cache/scope-cache.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'performance', 'setInterval', 'clearInterval'], now: 1_000_000 });
});

afterEach(() => {
  vi.useRealTimers();
});

function cacheOf(capacity: number, maxAgeMs = 1000): { cache: ScopeCache<string>; dropped: string[] } {
  const dropped: string[] = [];
  return { cache: new ScopeCache(capacity, maxAgeMs, (value) => dropped.push(value)), dropped };
}

function fill(cache: ScopeCache<string>, ...scopes: string[]): void {
  for (const scope of scopes) cache.set(scope, scope, Date.now());
}

describe('ScopeCache', () => {
  it('gives what was set, and nothing else', () => {
    const { cache } = cacheOf(10);
    fill(cache, 'a');
    expect(cache.get('a')?.value).toBe('a');
    expect([cache.get('b'), cache.get('')]).toEqual([undefined, undefined]);
  });

  it('never holds more than its capacity, and drops each that leaves once', () => {
    const { cache, dropped } = cacheOf(3);
    fill(cache, ...'abcdefgh');
    expect([cache.size, cache.evictions]).toEqual([3, 5]);
    expect(dropped.sort().join('')).toBe('abcde');
  });

  it('spares what was asked for since the hand passed, once', () => {
    const { cache, dropped } = cacheOf(3);
    fill(cache, 'a', 'b', 'c');
    cache.get('a');
    fill(cache, 'd');
    expect(dropped).toEqual(['b']);
    fill(cache, 'e', 'f');
    expect(dropped).toEqual(['b', 'c', 'd']);
    fill(cache, 'g');
    expect(dropped).toEqual(['b', 'c', 'd', 'e']); // the hand is behind a, which it comes to when it has passed all others
  });

  it('finds one to drop when all were asked for', () => {
    const { cache } = cacheOf(3);
    fill(cache, 'a', 'b', 'c');
    for (const scope of 'abc') cache.get(scope);
    fill(cache, 'd');
    expect([cache.size, cache.get('d')?.value]).toEqual([3, 'd']);
  });

  it('holds nothing with a capacity of zero', () => {
    const { cache, dropped } = cacheOf(0);
    fill(cache, 'a');
    expect([cache.size, cache.get('a'), dropped]).toEqual([0, undefined, ['a']]);
  });

  it('gives nothing that is too old, however often it was asked for', () => {
    const { cache } = cacheOf(3);
    fill(cache, 'a');
    for (let at = 0; at < 10; at++) {
      vi.advanceTimersByTime(100);
      expect(cache.get('a')?.age).toBe(100 * (at + 1));
    }
    vi.advanceTimersByTime(1);
    expect(cache.get('a')).toBeUndefined();
  });

  it('counts the age from when the value was made, not from when it came', () => {
    const { cache } = cacheOf(3);
    cache.set('a', 'a', Date.now() - 900);
    vi.advanceTimersByTime(101);
    expect(cache.get('a')).toBeUndefined();
    cache.set('a', 'b', Date.now());
    expect(cache.get('a')?.value).toBe('b');
  });

  it('counts the longer time when the wall clock is set back, or the monotonic one stands still', () => {
    const { cache } = cacheOf(3);
    fill(cache, 'a');
    const now = Date.now();
    vi.advanceTimersByTime(1001);
    vi.setSystemTime(now - 60_000);
    expect(cache.get('a')).toBeUndefined();
    fill(cache, 'b');
    vi.advanceTimersByTime(11); // awake again: the wall clock is read every ten milliseconds
    vi.setSystemTime(Date.now() + 1001);
    vi.advanceTimersByTime(11);
    expect(cache.get('b')).toBeUndefined();
  });

  it('drops what is too old though nobody asks, and leaves the rest', () => {
    const { cache, dropped } = cacheOf(3);
    fill(cache, 'a');
    vi.advanceTimersByTime(500);
    fill(cache, 'b');
    vi.advanceTimersByTime(700);
    expect(dropped).toEqual(['a']);
    vi.advanceTimersByTime(500);
    expect([dropped, cache.size, vi.getTimerCount()]).toEqual([['a', 'b'], 0, 0]);
  });

  it('does not drop what is replaced', () => {
    const { cache, dropped } = cacheOf(3);
    fill(cache, 'a', 'a', 'a');
    expect([cache.size, dropped]).toEqual([1, []]);
    cache.clear();
    expect([dropped, vi.getTimerCount()]).toEqual([['a'], 0]);
  });

  it('stays as it should among ten thousand random steps', () => {
    const { cache, dropped } = cacheOf(50, 1e9);
    const kept = new Set<string>();
    for (let step = 0, seed = 1; step < 10_000; step++) {
      seed = (seed * 48_271) % 2_147_483_647;
      const scope = String(seed % 200);
      if (step % 3 === 0) cache.get(scope);
      else if (cache.find(scope) === undefined) {
        fill(cache, scope);
        kept.add(scope);
      }
      for (const gone of dropped.splice(0)) if (!kept.delete(gone)) throw new Error(`${gone} left twice`);
      if (cache.size !== kept.size || cache.size > 50) throw new Error(`${cache.size} entries at step ${step}`);
    }
    expect([...kept].sort()).toEqual(cache.scopes().sort());
  });
});

describe('RetiredKeys', () => {
  const key = () => ({
    wiped: false,
    wipe(): void {
      this.wiped = true;
    },
  });

  it('wipes keys after a second at least and two at most', () => {
    const retired = new RetiredKeys();
    const [first, second] = [key(), key()];
    retired.add(first);
    vi.advanceTimersByTime(500);
    retired.add(second);
    vi.advanceTimersByTime(999);
    expect([first.wiped, second.wiped]).toEqual([false, false]);
    vi.advanceTimersByTime(501);
    expect([first.wiped, second.wiped]).toEqual([true, true]);
    vi.advanceTimersByTime(1000);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('wipes all at once when it is told to', () => {
    const retired = new RetiredKeys();
    const keys = [key(), key()];
    retired.add(keys[0] as { wipe(): void });
    vi.advanceTimersByTime(1000);
    retired.add(keys[1] as { wipe(): void });
    retired.wipe();
    expect([keys.map(({ wiped }) => wiped), vi.getTimerCount()]).toEqual([[true, true], 0]);
  });
});
