import { type CacheAction, observed, publish } from '../events.ts';
import { type KeysetRecord, parseKeysetRecord } from '../key-store/keyset-record.ts';
import type { CachePolicy } from './cache-options.ts';
import { type ChangeListener, ChangeWatch } from './change-watch.ts';
import { Circuit } from './circuit.ts';
import type { SharedBox } from './shared-box.ts';
import type { SharedCache } from './shared-cache.ts';

/** A keyset as it was read from a key store. */
export interface ReadKeyset {
  readonly record: KeysetRecord;
  /** When it was read from the key store, in ms since the Unix epoch, by whichever process did. */
  readonly readAt: number;
  /** DEKs under a group key, where the KEK is remote. */
  readonly group?: GroupWrapped | undefined;
}

/** Keys wrapped under a group key. */
export interface GroupWrapped {
  /** Key id of the group key. */
  readonly id: string;
  /** base64url by key id. */
  readonly keys: Readonly<Record<string, string>>;
}

/** How far ahead the clock of another process may be, in ms. */
const CLOCK_SKEW_MS = 5000;

/** What an entry turned out to be: nothing of use, or nothing that should be there. */
type Unusable = 'expired' | 'refused';

/** Scopes whose entries were refused, and are to be written over. */
const MAX_REFUSED = 1000;

/** What a shared cache did for this process. */
export interface SharedStats {
  hits: number;
  misses: number;
  /** Entries and announcements that this keyring did not make, or that were too old. */
  refused: number;
  failures: number;
}

/**
 * Keysets in a cache that many processes use, sealed. It only ever saves a reading of the key store: whatever is wrong with an entry, or with
 * the cache, there is none.
 *
 * An entry is good until its keyset would be read again anyway, counted from the reading of the key store; so an old one that is put back
 * brings a disabled key back for no longer than that.
 */
export class SharedTier {
  readonly #cache: SharedCache;
  readonly #box: SharedBox;
  readonly #lifeMs: number;
  readonly #circuit: Circuit;
  readonly #watch: ChangeWatch;
  readonly #keyringId: string;
  readonly #refused = new Set<string>();
  /** Counts since the keyring was opened. */
  readonly stats: SharedStats = { hits: 0, misses: 0, refused: 0, failures: 0 };

  /** @param box - becomes this object's */
  constructor(
    cache: SharedCache,
    policy: CachePolicy,
    box: SharedBox,
    keyringId: string,
    listener: Omit<ChangeListener, 'refused'>,
  ) {
    this.#cache = cache;
    this.#box = box;
    this.#lifeMs = policy.refreshMs;
    this.#keyringId = keyringId;
    const channel = box.common('changes');
    this.#circuit = new Circuit(policy.budgetMs, () => cache.changes.count(channel), {
      failed: () => {
        this.stats.failures++;
        this.#publish('failed', 0);
      },
      opened: () => this.#publish('opened', 0),
      closed: () => {
        this.#publish('closed', 0);
        void this.#watch.poll();
      },
    });
    this.#watch = new ChangeWatch(cache.changes, this.#circuit, box, policy.pollMs, {
      ...listener,
      refused: () => this.#refuse(),
    });
  }

  /** Whether the cache was given up for now. */
  get open(): boolean {
    return this.#circuit.open;
  }

  /** Puts and gets through the same circuit breaker, for what is not a keyset. Never rejects. */
  get circuit(): Circuit {
    return this.#circuit;
  }

  /**
   * Keysets that the cache has, by scope. Never rejects.
   *
   * @param floor - the newest generation that was seen of a scope
   */
  async fetch(scopes: readonly string[], floor: (scope: string) => number): Promise<Map<string, ReadKeyset>> {
    const found = new Map<string, ReadKeyset>();
    if (scopes.length === 0) return found;
    const names = scopes.map((scope) => this.#box.name(scope));
    const texts = await this.#circuit.run(() => this.#cache.get(names), []);
    if (this.#circuit.open) return found;
    for (const [at, scope] of scopes.entries()) {
      const text = texts[at];
      if (text == null) continue;
      const keyset = this.#opened(names[at] as string, text, scope, floor(scope));
      if (typeof keyset === 'object') found.set(scope, keyset);
      if (keyset !== 'refused') continue;
      if (this.#refused.size < MAX_REFUSED) this.#refused.add(scope);
      this.#refuse();
    }
    this.stats.hits += found.size;
    this.stats.misses += scopes.length - found.size;
    if (found.size > 0) this.#publish('shared', found.size);
    return found;
  }

  /** Keeps a keyset that was read from the key store. `changed`: by this process, so that what is there is older. */
  async keep(keyset: ReadKeyset, changed: boolean): Promise<void> {
    const { scope } = keyset.record;
    const ttlMs = Math.floor(keyset.readAt + this.#lifeMs - Date.now());
    if (ttlMs <= 0) return;
    // An entry that is there stays: a process that read the store before a change, and writes after it, would bring the old keyset back.
    const replace = this.#refused.delete(scope) || changed;
    const key = this.#box.name(scope);
    const text = this.#box.seal(key, keyset);
    await this.#circuit.run(() => this.#cache.put([{ key, text, ttlMs }], replace), undefined);
  }

  /** Tells all processes that a keyset changed. */
  announce(scope: string, generation: number): Promise<void> {
    return this.#watch.announce(scope, generation);
  }

  /** Ends its timers and wipes its keys. */
  close(): void {
    this.#watch.stop();
    this.#circuit.stop();
    this.#box.wipe();
  }

  #opened(name: string, text: unknown, scope: string, floor: number): ReadKeyset | Unusable {
    const content = this.#box.open(name, text) as ReadKeyset | null;
    if (content === null) return 'refused';
    const age = Date.now() - content.readAt;
    // Written so that it also refuses an age that is no number.
    if (!(age >= -CLOCK_SKEW_MS && age <= this.#lifeMs + CLOCK_SKEW_MS)) return 'refused';
    if (age > this.#lifeMs) return 'expired';
    try {
      const record = parseKeysetRecord(content.record);
      return record.scope === scope && record.generation >= floor ? { ...content, record } : 'refused';
    } catch {
      return 'refused'; // another version of this package may write what this one does not read
    }
  }

  #refuse(): void {
    this.stats.refused++;
    this.#publish('refused', 1);
  }

  #publish(action: CacheAction, scopes: number): void {
    if (observed('fieldseal:cache')) publish('fieldseal:cache', { action, keyringId: this.#keyringId, scopes });
  }
}
