import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setImmediate as turn } from 'node:timers/promises';
import type { CacheOptions } from '../src/dek-cache/cache-options.ts';
import type { CacheEvent } from '../src/events.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { type CountingStore, countingStore } from './counting-store.ts';
import { type MemorySharedCache, memorySharedCache } from './memory-shared-cache.ts';
import { type TestKeyring, testKeyring } from './test-keyring.ts';

const opened: Keyring[] = [];
let events: CacheEvent[] = [];
const listen = (event: unknown) => void events.push(event as CacheEvent);

/** A keyring that several processes open, as far as it can tell. */
export interface SharedFleet extends TestKeyring {
  readonly keyStore: CountingStore;
  readonly shared: MemorySharedCache;
  /** Opens the keyring as another process would. */
  open(cache?: CacheOptions): Promise<Keyring>;
}

/** Begins to keep the events of caches. */
export function watchCaches(): void {
  events = [];
  subscribe('fieldseal:cache', listen);
}

/** Ends that, and closes every keyring of every fleet. */
export function closeFleets(): void {
  unsubscribe('fieldseal:cache', listen);
  for (const keyring of opened.splice(0)) keyring.close();
}

/** How often something happened to a cache since {@link watchCaches}. */
export function count(action: CacheEvent['action']): number {
  return events.filter((event) => event.action === action).length;
}

/** A keyring with keys in a store that counts readings, and a cache that all who open it share. */
export async function sharedFleet(options: { listening?: boolean; inside?: boolean } = {}): Promise<SharedFleet> {
  const keyStore = countingStore();
  const outside = options.inside === true ? {} : { keyStore };
  const shared = memorySharedCache(options.listening);
  const ring = await testKeyring(outside);
  for (const scope of ['acme', 'other']) await ring.keyring.addScope(scope);
  keyStore.readings.splice(0);
  const open = async (cache: CacheOptions = {}) => {
    const keyring = await openKeyring({
      storage: ring.storage,
      openers: [ring.opener],
      ...outside,
      cache: { shared, ...cache },
    });
    opened.push(keyring);
    return keyring;
  };
  opened.push(ring.keyring);
  return { ...ring, keyStore, shared, open };
}

/** Lets what runs in the background come to its end. */
export async function settle(): Promise<void> {
  for (let turns = 0; turns < 30; turns++) await turn();
}
