/** A text to be kept in a shared cache. */
export interface SharedEntry {
  readonly key: string;
  readonly text: string;
  /** How long it may be kept, in ms. */
  readonly ttlMs: number;
}

/**
 * A cache that many processes use: Redis, say. It is trusted with nothing: entries are sealed under a key of the keyring, and it may lose,
 * change, exchange or hold back what it likes. It may also fail or hang, which costs no more than the budget of the cache policy.
 */
export interface SharedCache {
  /** The texts of keys, in order; null for one that is not there. May reject. */
  get(keys: readonly string[]): Promise<readonly (string | null)[]>;
  /** Keeps texts. Unless `replace` is set, a key that exists stays as it is, where the store can do that. May reject. */
  put(entries: readonly SharedEntry[], replace: boolean): Promise<void>;
  /** Tells processes of changes. */
  readonly changes: ChangeFeed;
}

/** How processes tell each other that a keyset changed. Messages may be lost, repeated or forged: the count finds the lost ones. */
export interface ChangeFeed {
  /** Changes the count of a channel, then tells all listeners the text and the new count. May reject. */
  announce(channel: string, text: string): Promise<void>;
  /** The count of a channel: another number after every announcement, and the next one where {@link listen} exists. May reject. */
  count(channel: string): Promise<number>;
  /**
   * Calls `heard` for each announcement, and `joined` whenever listening begins, again after a lost connection too. It does not throw.
   *
   * @returns a function that ends it
   */
  listen?(channel: string, heard: (text: string, count: number) => void, joined: () => void): () => void;
}
