import type { ReadKeyset, SharedTier } from '../dek-cache/shared-tier.ts';
import { FieldsealError } from '../errors.ts';
import { observed, publish } from '../events.ts';
import type { KeyStore } from '../key-store/key-store.ts';
import { type KeysetRecord, parseKeysetRecord } from '../key-store/keyset-record.ts';
import type { LiveDocument } from './live-document.ts';

/** Scopes that a key store is asked for at once. */
const MOST_AT_ONCE = 1000;

/** Scopes whose newest generation is remembered: more than any cache holds, and some megabytes. */
const MAX_FLOORS = 100_000;

/** A reading that others of the same turn of the event loop share. */
interface Reading {
  readonly scope: string;
  /** Whether a shared cache may answer. */
  shared: boolean;
  readonly promise: Promise<FoundKeyset>;
  readonly resolve: (keyset: FoundKeyset) => void;
  readonly reject: (error: unknown) => void;
}

/** A keyset and where it came from. */
export interface FoundKeyset extends ReadKeyset {
  readonly shared: boolean;
}

/**
 * Reads keysets, from a shared cache first where there is one. What is asked for in one turn of the event loop is read in one round trip.
 * A keyset of another scope, or older than the last one seen, is refused.
 */
export class KeysetReader {
  readonly #live: LiveDocument;
  readonly #keyStore: KeyStore;
  readonly #tier: SharedTier | undefined;
  /** Newest generation seen of each scope's keyset. */
  readonly #floors = new Map<string, number>();
  #waiting = new Map<string, Reading>();

  /** @param tier - undefined where nothing is shared, or the keys lie in the keyring, which is as near as any cache */
  constructor(live: LiveDocument, keyStore: KeyStore, tier: SharedTier | undefined) {
    this.#live = live;
    this.#keyStore = keyStore;
    this.#tier = tier;
  }

  /**
   * The keyset of a scope.
   *
   * @param shared - whether a shared cache may answer; otherwise the key store is asked
   * @throws ERR_KEY_UNKNOWN when it has none, ERR_KEY_STORE for another one than it should be
   */
  read(scope: string, shared: boolean): Promise<FoundKeyset> {
    const waiting = this.#waiting.get(scope);
    if (waiting !== undefined) {
      waiting.shared &&= shared;
      return waiting.promise;
    }
    let settle: Pick<Reading, 'resolve' | 'reject'> | undefined;
    const promise = new Promise<FoundKeyset>((resolve, reject) => {
      settle = { resolve, reject };
    });
    // After all promises that are settled now have called back: their callers ask in the same turn.
    if (this.#waiting.size === 0) void Promise.resolve().then(() => process.nextTick(() => void this.#readAll()));
    this.#waiting.set(scope, { scope, shared, promise, ...(settle as Pick<Reading, 'resolve' | 'reject'>) });
    return promise;
  }

  /** The stored keyset of a scope, read from the key store alone. */
  async stored(scope: string): Promise<KeysetRecord> {
    for (;;) {
      const floor = this.#floor(scope);
      const record = this.#checked(scope, await this.#keyStore.load(scope), floor);
      if (record !== null) return record;
    }
  }

  /** Notes that a keyset has at least this generation. */
  raise(scope: string, generation: number): void {
    if (generation <= this.#floor(scope)) return;
    if (this.#floors.size >= MAX_FLOORS) this.#floors.delete(this.#floors.keys().next().value as string);
    this.#floors.set(scope, generation);
  }

  #floor(scope: string): number {
    return this.#floors.get(scope) ?? 0;
  }

  async #readAll(): Promise<void> {
    const readings = [...this.#waiting.values()];
    this.#waiting = new Map();
    const rest = new Set(readings);
    try {
      if (this.#tier !== undefined) {
        const scopes = readings.filter(({ shared }) => shared).map(({ scope }) => scope);
        const found = await this.#tier.fetch(scopes, (scope) => this.#floor(scope));
        for (const reading of readings) {
          const keyset = found.get(reading.scope);
          if (keyset === undefined) continue;
          rest.delete(reading);
          this.raise(reading.scope, keyset.record.generation);
          reading.resolve({ ...keyset, shared: true });
        }
      }
      if (rest.size === 0) return;
      await this.#live.reload();
      const left = [...rest];
      for (let from = 0; from < left.length; from += MOST_AT_ONCE)
        await this.#fromStore(left.slice(from, from + MOST_AT_ONCE));
    } catch (error) {
      for (const reading of rest) reading.reject(error);
    }
  }

  async #fromStore(readings: readonly Reading[]): Promise<void> {
    if (observed('fieldseal:cache'))
      publish('fieldseal:cache', { action: 'read', keyringId: this.#live.current.id, scopes: readings.length });
    const readAt = Date.now(); // before it is read: the keyset is at least as old
    const { loadMany } = this.#keyStore;
    const scopes = readings.map(({ scope }) => scope);
    const floors = scopes.map((scope) => this.#floor(scope));
    const many =
      loadMany === undefined || scopes.length === 1
        ? undefined
        : await loadMany.call(this.#keyStore, scopes).catch(() => undefined); // one by one, so that a damaged record harms no other scope
    const settle = async ({ scope, resolve, reject }: Reading, at: number): Promise<void> => {
      try {
        const stored = many === undefined ? await this.#keyStore.load(scope) : (many.get(scope) ?? null);
        const record = this.#checked(scope, stored, floors[at] as number) ?? (await this.stored(scope));
        resolve({ record, readAt, shared: false });
      } catch (error) {
        reject(error);
      }
    };
    await Promise.all(readings.map(settle));
  }

  /**
   * The record if it is one of this scope; null when a newer one was announced while it was read, so that it is to be read again.
   *
   * @param floor - the newest generation that was known when the reading began: the key store must not show an older one
   */
  #checked(scope: string, stored: KeysetRecord | null, floor: number): KeysetRecord | null {
    if (stored === null)
      throw new FieldsealError('ERR_KEY_UNKNOWN', scope === '' ? 'the keyring holds no keys' : 'the scope has no keys');
    const record = parseKeysetRecord(stored);
    if (record.scope !== scope)
      throw new FieldsealError('ERR_KEY_STORE', 'the key store gave the keyset of another scope');
    if (record.generation < floor)
      throw new FieldsealError('ERR_KEY_STORE', 'the key store gave an older state of a keyset than before');
    this.raise(scope, record.generation);
    return record.generation < this.#floor(scope) ? null : record;
  }
}
