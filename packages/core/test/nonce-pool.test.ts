import { afterEach, describe, expect, it, vi } from 'vitest';
import { NoncePool } from '../src/aead/nonce-pool.ts';
import { toHex } from '../src/bytes.ts';

/** Nonces of one filling. */
const FILLING = 170;

afterEach(() => {
  vi.useRealTimers();
});

/** A set of 64-bit prefixes in flat memory: open addressing, at most 60 % full, and no BigInt, which would take minutes. */
class PrefixSet {
  readonly #slots = new Uint32Array(2 ** 25);

  /** Whether the prefix was new. Zeros mark a free slot; a prefix of zeros has a chance of 2^-64. */
  add(nonce: Uint8Array): boolean {
    const slots = this.#slots;
    const high = word(nonce, 0);
    const low = word(nonce, 4);
    for (let at = (low & 0xffffff) * 2; ; at = (at + 2) & 0x1ffffff) {
      const foundHigh = slots[at];
      const foundLow = slots[at + 1];
      if (foundHigh === high && foundLow === low) return false;
      if (foundHigh === 0 && foundLow === 0) {
        slots[at] = high;
        slots[at + 1] = low;
        return true;
      }
    }
  }
}

/** Four bytes as a number. */
function word(bytes: Uint8Array, at: number): number {
  const joined =
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24);
  return joined >>> 0;
}

describe('NoncePool', () => {
  it('gives ten million nonces without a repeat', () => {
    const pool = new NoncePool();
    const seen = new PrefixSet();
    // Equal nonces have equal prefixes, so no repeated prefix means no repeated nonce. The converse fails by chance only:
    // ten million random 64-bit prefixes coincide once in 3·10^5 runs.
    let repeated = 0;
    for (let count = 0; count < 10_000_000; count++) {
      const nonce = pool.take();
      if (!seen.add(nonce)) repeated++;
    }
    expect(repeated).toBe(0);
  }, 120_000);

  it('gives 24 bytes in memory of their own', () => {
    const pool = new NoncePool();
    const [first, second] = [pool.take(), pool.take()];
    const before = toHex(second);
    first.fill(0);
    expect([first.length, first.buffer.byteLength]).toEqual([24, 24]);
    expect(toHex(second)).toBe(before);
  });

  it('fills a part of memory with whole nonces, across fillings, and touches nothing around it', () => {
    const pool = new NoncePool();
    const target = new Uint8Array(5000).fill(7);
    const seen = new Set<string>();
    for (let round = 0; round < 20; round++) {
      pool.fill(target, 100, 100 + 24 * 200);
      for (let at = 100; at < 4900; at += 24) seen.add(toHex(target.subarray(at, at + 24)));
      pool.fill(target, 100, 124);
      seen.add(toHex(target.subarray(100, 124)));
      seen.add(toHex(pool.take()));
    }
    expect(seen.size).toBe(20 * 202);
    expect([...target.subarray(0, 100), ...target.subarray(4900)].every((byte) => byte === 7)).toBe(true);
  });

  it('repeats nothing where one filling ends and the next begins', () => {
    const pool = new NoncePool();
    const nonces = Array.from({ length: 5 * FILLING }, () => toHex(pool.take()));
    expect(new Set(nonces).size).toBe(nonces.length);
    // A pool that is filled again in place, or not at all, would show the same bytes in the same place.
    for (let at = FILLING; at < nonces.length; at++) expect(nonces[at]).not.toBe(nonces[at - FILLING]);
  });

  it('fills anew after a second of rest, and not before', async () => {
    vi.useFakeTimers({ toFake: ['performance'], now: 5_000_000 });
    const crypto = await import('node:crypto');
    const filled = vi.fn();
    vi.doMock('node:crypto', () => ({
      ...crypto,
      randomFillSync: (bytes: Uint8Array) => {
        filled();
        return crypto.randomFillSync(bytes);
      },
    }));
    vi.resetModules();
    const { NoncePool: Watched } = await import('../src/aead/nonce-pool.ts');
    vi.doUnmock('node:crypto');

    const pool = new Watched();
    expect(filled).toHaveBeenCalledTimes(0);
    pool.take();
    expect(filled).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1000);
    pool.take();
    expect(filled).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1001);
    pool.take();
    expect(filled).toHaveBeenCalledTimes(2);
    pool.clear();
    pool.take();
    expect(filled).toHaveBeenCalledTimes(3);
    for (let count = 1; count < FILLING; count++) pool.take();
    expect(filled).toHaveBeenCalledTimes(3);
    pool.take();
    expect(filled).toHaveBeenCalledTimes(4);
  });
});
