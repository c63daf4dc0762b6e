import type { KeyStore } from '../src/key-store/key-store.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';

/** A key store in memory that counts its readings. */
export interface CountingStore extends KeyStore {
  /** Scopes of each reading, in order. */
  readonly readings: (readonly string[])[];
  /** What every reading waits for; rejects to break the store. */
  barrier: () => Promise<void>;
}

/** A key store that can load many scopes at once. */
export function countingStore(): CountingStore {
  const inner = memoryKeyStore();
  const store: CountingStore = {
    readings: [],
    barrier: async () => {},
    load: async (scope) => {
      store.readings.push([scope]);
      await store.barrier();
      return inner.load(scope);
    },
    loadMany: async (scopes) => {
      store.readings.push(scopes);
      await store.barrier();
      const records = await Promise.all(scopes.map((scope) => inner.load(scope)));
      return new Map(records.flatMap((record) => (record === null ? [] : [[record.scope, record]])));
    },
    save: (record, expected) => inner.save(record, expected),
  };
  return store;
}
