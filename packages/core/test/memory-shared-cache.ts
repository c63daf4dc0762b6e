import type { SharedCache } from '../src/dek-cache/shared-cache.ts';

/** A shared cache in memory that tests can look into, break and lie with. */
export interface MemorySharedCache extends SharedCache {
  readonly texts: Map<string, string>;
  readonly counts: Map<string, number>;
  /** Calls so far. */
  readonly calls: { get: number; put: number; announce: number; count: number };
  /** What every call waits for; rejects to break the cache. */
  barrier: () => Promise<void>;
  /** Loses announcements, which are counted all the same. */
  deaf: boolean;
  /** Sends a message as anybody may who can reach the cache. */
  forge(text: string, count: number): void;
}

/** @param listening - whether announcements are heard, as in Redis; otherwise they are only counted, as in keyv */
export function memorySharedCache(listening = true): MemorySharedCache {
  const texts = new Map<string, string>();
  const counts = new Map<string, number>();
  const listeners = new Set<(text: string, count: number) => void>();
  const calls = { get: 0, put: 0, announce: 0, count: 0 };
  const cache: MemorySharedCache = {
    texts,
    counts,
    calls,
    barrier: async () => {},
    deaf: false,
    forge: (text, count) => {
      for (const heard of listeners) heard(text, count);
    },
    get: async (keys) => {
      calls.get++;
      await cache.barrier();
      return keys.map((key) => texts.get(key) ?? null);
    },
    put: async (entries, replace) => {
      calls.put++;
      await cache.barrier();
      for (const { key, text } of entries) if (replace || !texts.has(key)) texts.set(key, text);
    },
    changes: {
      announce: async (channel, text) => {
        calls.announce++;
        await cache.barrier();
        const count = (counts.get(channel) ?? 0) + 1;
        counts.set(channel, count);
        if (!cache.deaf) for (const heard of listeners) heard(text, count);
      },
      count: async (channel) => {
        calls.count++;
        await cache.barrier();
        return counts.get(channel) ?? 0;
      },
      ...(listening && {
        listen: (_channel: string, heard: (text: string, count: number) => void, joined: () => void) => {
          listeners.add(heard);
          joined();
          return () => void listeners.delete(heard);
        },
      }),
    },
  };
  return cache;
}
