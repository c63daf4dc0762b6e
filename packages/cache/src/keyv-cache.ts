import { randomInt } from 'node:crypto';
import type { SharedCache } from '@fieldseal/core';

/** What is used of a Keyv, of version 5 or 6. */
export interface KeyvLike {
  get(key: string): Promise<unknown>;
  /** @param ttl - in ms */
  set(key: string, value: unknown, ttl?: number): Promise<unknown>;
}

/** Counts are numbers below this one, which randomInt allows. */
const COUNTS = 2 ** 47;

/**
 * A shared cache in any store that keyv knows.
 *
 * It can do less than Redis: keyv cannot tell anybody of a change, so that others see it when they next compare the count (5 s by default);
 * nor can it write only where nothing is, so that a process that is slow at the wrong moment can bring an entry back that is up to a minute old.
 */
export function keyvCache(keyv: KeyvLike): SharedCache {
  return {
    get: async (keys) => {
      const values = await Promise.all(keys.map((key) => keyv.get(key)));
      return values.map((value) => (typeof value === 'string' ? value : null));
    },
    put: async (entries, replace) => {
      for (const { key, text, ttlMs } of entries)
        if (replace || (await keyv.get(key)) === undefined) await keyv.set(key, text, ttlMs);
    },
    changes: {
      // keyv cannot count; a random number is another one as well.
      announce: async (channel) => void (await keyv.set(channel, randomInt(1, COUNTS))),
      count: async (channel) => Number((await keyv.get(channel)) ?? 0),
    },
  };
}
