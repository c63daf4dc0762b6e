import { fromBase64Url } from '../bytes.ts';
import type { CachePolicy } from '../dek-cache/cache-options.ts';
import type { GroupKey } from '../dek-cache/group-key.ts';
import { RetiredKeys } from '../dek-cache/retired-keys.ts';
import { ScopeCache } from '../dek-cache/scope-cache.ts';
import { FieldsealError, isFieldsealError } from '../errors.ts';
import { deriveKeyId } from '../kdf.ts';
import type { KeyPurpose, WrapContext } from '../kek/key-wrapper.ts';
import type { KeySeries, KeyVersion } from '../key-store/keyset-record.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { shreddedError } from '../shredding.ts';
import { DataKey, IndexRoot, type KeySource, type KeyView } from './key-view.ts';
import type { FoundKeyset, KeysetReader } from './keyset-reader.ts';
import { MissingKeys } from './missing-keys.ts';

/** How long a refresh that failed is not tried again, in ms. */
const RETRY_MS = 1000;

/** Messages from which the count of a key is kept when the key leaves the cache; less does not matter beside its limit of 2^48. */
const COUNTED_MESSAGES = 2 ** 20;

/** What is cached for a scope. */
interface Held {
  readonly view: KeyView;
  readonly generation: number;
  /** Whether a shared cache gave the keyset. */
  readonly shared: boolean;
  /** When the keyset was read from the key store, in ms since the Unix epoch. */
  readonly readAt: number;
  /** When each key was unwrapped, in ms since the Unix epoch, by key id. */
  readonly born: ReadonlyMap<string, number>;
  /** What the primary had encrypted when the keyset was read. */
  readonly messages: number;
  readonly bytes: number;
  /** When it may be read again, by the monotonic clock, in ms. */
  retryAt: number;
}

/** A load that waits for the one before it. */
interface NextLoad {
  shared: boolean;
  readonly promise: Promise<Held>;
}

/** What {@link KeyViews} needs of the keyring. */
export interface KeyOpener {
  /** Unwraps a DEK or an index root by its KEK; the result is the caller's to wipe. */
  unwrap(kekId: string, wrapped: Uint8Array, context: WrapContext): Promise<SecretBytes>;
  /** Throws ERR_KEY_WIPED when the keyring was closed. */
  alive(): void;
  /** Keeps a keyset that was read from the key store where other processes find it. It does not throw, and takes its time. */
  share(keyset: FoundKeyset, view: KeyView | null): void;
  /** Says that a refresh failed. */
  stale(): void;
}

/** Counts of a cache since the keyring was opened. */
export interface ViewCounts {
  /** Scopes whose keys are in memory. */
  readonly scopes: number;
  /** Views that were given at once, or not. */
  readonly hits: number;
  readonly misses: number;
  /** Views that were read again in the background. */
  readonly refreshes: number;
  /** Scopes that had to go because there was no room. */
  readonly evictions: number;
}

/** The unwrapped keys of an open keyring by scope: a cache bounded in number, age and use. */
export class KeyViews implements KeySource {
  readonly #reader: KeysetReader;
  readonly #policy: CachePolicy;
  readonly #opener: KeyOpener;
  readonly #group: GroupKey | undefined;
  readonly #cache: ScopeCache<Held>;
  readonly #retired = new RetiredKeys();
  readonly #loading = new Map<string, Promise<Held>>();
  readonly #next = new Map<string, NextLoad>();
  readonly #missing = new MissingKeys();
  /** Messages that this process encrypted under keys that left the cache. */
  readonly #worn = new Map<string, number>();
  #hits = 0;
  #misses = 0;
  #refreshes = 0;

  constructor(reader: KeysetReader, policy: CachePolicy, opener: KeyOpener, group: GroupKey | undefined) {
    this.#reader = reader;
    this.#policy = policy;
    this.#opener = opener;
    this.#group = group;
    this.#cache = new ScopeCache(policy.maxScopes, policy.maxAgeMs, (held) => this.#retire(held));
  }

  get counts(): ViewCounts {
    const { size: scopes, evictions } = this.#cache;
    return { scopes, hits: this.#hits, misses: this.#misses, refreshes: this.#refreshes, evictions };
  }

  peek(scope: string, keyIds?: Iterable<string>): KeyView | undefined {
    const held = this.#usable(scope);
    if (held === undefined) return undefined;
    const { view } = held;
    if (keyIds !== undefined) for (const keyId of keyIds) if (!view.statuses.has(keyId)) return undefined;
    this.#hits++;
    return view;
  }

  async resolve(scope: string, keyIds: Iterable<string> = []): Promise<KeyView> {
    const wanted = [...keyIds];
    const running = this.#loading.get(scope);
    if (running !== undefined) await running.catch(() => undefined); // whoever asked for it gets the error
    const known = this.peek(scope, wanted);
    if (known !== undefined) return known;
    const isKnown = ({ statuses }: KeyView) =>
      wanted.every((keyId) => statuses.has(keyId) || this.#missing.has(scope, keyId));
    const current = this.#usable(scope)?.view;
    if (current !== undefined && isKnown(current)) return current;
    this.#misses++;
    if (current === undefined && this.#missing.has(scope)) throw unknownScope();
    // Another instance may have added a key since a shared cache was told of the keyset: only the key store knows.
    let { view, shared } = await this.load(scope, current === undefined);
    if (shared && !isKnown(view)) view = (await this.load(scope, false)).view;
    for (const keyId of wanted) if (!view.statuses.has(keyId)) this.#missing.add(scope, keyId);
    return view;
  }

  async resolveMany(wanted: ReadonlyMap<string, Iterable<string>>): Promise<ReadonlyMap<string, KeyView>> {
    // The reader asks for all that is missing in one round trip.
    const views = [...wanted].map(async ([scope, keyIds]) => [scope, await this.resolve(scope, keyIds)] as const);
    return new Map(await Promise.all(views));
  }

  /**
   * Loads of one scope follow each other, so that no key is unwrapped twice, and whoever asks while one runs shares the next: it starts later,
   * and so sees what was stored before.
   *
   * @param shared - whether a shared cache may answer
   */
  load(scope: string, shared: boolean): Promise<Held> {
    const waiting = this.#next.get(scope);
    if (waiting !== undefined) {
      waiting.shared &&= shared;
      return waiting.promise;
    }
    const start = (): Promise<Held> => {
      const asked = this.#next.get(scope)?.shared ?? shared;
      this.#next.delete(scope);
      const loading = this.#read(scope, asked).finally(() => {
        if (this.#loading.get(scope) === loading) this.#loading.delete(scope);
      });
      this.#loading.set(scope, loading);
      return loading;
    };
    const running = this.#loading.get(scope);
    if (running === undefined) return start();
    const promise = running.then(start, start);
    this.#next.set(scope, { shared, promise });
    return promise;
  }

  /** Another process made a new generation of a keyset: what is cached is read again, in the background. */
  changed(scope: string, generation: number): void {
    this.#reader.raise(scope, generation);
    this.#missing.forget(scope);
    const held = this.#cache.find(scope)?.value;
    if (held !== undefined && held.generation < generation) this.#refresh(scope, held, true);
  }

  /** Any keyset may have changed: all that is cached is read again, in the background. */
  anything(): void {
    for (const scope of this.#cache.scopes()) {
      const held = this.#cache.find(scope)?.value;
      if (held !== undefined) this.#refresh(scope, held, false);
    }
  }

  /** Wipes the keys of a scope at once. */
  revoke(scope: string): void {
    const view = this.#cache.take(scope)?.view;
    for (const key of view?.keys.values() ?? []) key.wipe();
    for (const root of view?.indexRoots ?? []) root.wipe();
  }

  /** Wipes everything. */
  close(): void {
    this.#cache.clear();
    this.#retired.wipe();
  }

  /** What is held of a scope, unless it is too old or its key was used too much; read again in the background where it is time for that. */
  #usable(scope: string): Held | undefined {
    const entry = this.#cache.get(scope);
    if (entry === undefined) return undefined;
    const held = entry.value;
    const { primary } = held.view;
    if (primary.messages - held.messages > this.#policy.maxUses || primary.bytes - held.bytes > this.#policy.maxBytes)
      return undefined;
    if (entry.age > this.#policy.refreshMs && this.#isDue(held)) this.#refresh(scope, held, true);
    return held;
  }

  /** Whether it is time to read again: counted from the last reading, since keys that it kept are older. A clock that was set back does not count. */
  #isDue({ readAt, retryAt }: Held): boolean {
    const since = Date.now() - readAt;
    return (since < 0 || since > this.#policy.refreshMs) && performance.now() >= retryAt;
  }

  #refresh(scope: string, held: Held, shared: boolean): void {
    this.#refreshes++;
    held.retryAt = performance.now() + RETRY_MS;
    this.load(scope, shared).catch(() => this.#opener.stale());
  }

  async #read(scope: string, shared: boolean): Promise<Held> {
    try {
      const keyset = await this.#reader.read(scope, shared);
      this.#missing.forget(scope);
      try {
        return await this.#take(keyset);
      } catch (error) {
        this.#opener.alive();
        // It was sealed by a process that has the root key, and yet does not open: the key store may know a KEK that came since.
        if (!keyset.shared) throw error;
        return await this.#take(await this.#reader.read(scope, false));
      }
    } catch (error) {
      if (isFieldsealError(error, 'ERR_KEY_UNKNOWN')) this.#missing.add(scope);
      throw error;
    }
  }

  /** Unwraps what is new; keys that are known already are kept, ones that are no longer enabled are wiped. */
  async #take(keyset: FoundKeyset): Promise<Held> {
    const { scope, generation, data, index } = keyset.record;
    const shredded = shreddedError(keyset.record);
    if (shredded !== undefined) {
      this.revoke(scope);
      if (!keyset.shared) this.#opener.share(keyset, null);
      throw shredded;
    }
    const enabled = data.versions.filter(({ status }) => status === 'enabled');
    const roots = enabledRoots(index);
    for (;;) {
      const before = this.#cache.find(scope)?.value;
      const born = new Map<string, number>();
      const old = ({ keyId }: KeyVersion): boolean => !this.#young(before, keyId, born);
      const opened = await this.#unwrapAll(keyset, enabled.filter(old), roots.filter(old), born);
      try {
        this.#opener.alive(); // the keyring may have been closed meanwhile
        // What was to be kept may have left the cache meanwhile, and is wiped soon.
        if (this.#cache.find(scope)?.value !== before) continue;
        const keys = new Map<string, DataKey>();
        for (const { keyId, suite } of enabled) {
          const known = before?.view.keys.get(keyId);
          const dek = opened.get(keyId);
          const key = dek && new DataKey(keyId, suite, dek, known?.messages ?? this.#worn.get(keyId));
          keys.set(keyId, key ?? (known as DataKey));
        }
        const indexRoots = roots.map(({ keyId, version }) => {
          const root = opened.get(keyId);
          const known = before?.view.indexRoots.find((other) => other.keyId === keyId);
          return root === undefined ? (known as IndexRoot) : new IndexRoot(keyId, version, root);
        });
        opened.clear(); // they belong to the view
        const statuses = new Map(data.versions.map((version) => [version.keyId, version.status]));
        const primary = keys.get(data.primary) as DataKey;
        const view: KeyView = {
          scope,
          primary,
          indexRoot: indexRoots[0] as IndexRoot,
          indexRoots,
          keys,
          statuses,
        };
        const { messages, bytes } = primary;
        const { readAt, shared } = keyset;
        const held: Held = { view, generation, shared, readAt, born, messages, bytes, retryAt: 0 };
        if (before !== undefined) this.#discard(before, view);
        this.#cache.set(scope, held, Math.min(readAt, ...born.values()));
        if (!shared) this.#opener.share(keyset, view);
        return held;
      } finally {
        for (const key of opened.values()) key.wipe();
      }
    }
  }

  /** Unwraps versions all at once, for a KEK may be far away; by key id. When one fails, the others are wiped. */
  async #unwrapAll(
    keyset: FoundKeyset,
    data: readonly KeyVersion[],
    index: readonly KeyVersion[],
    born: Map<string, number>,
  ): Promise<Map<string, SecretBytes>> {
    const opened = new Map<string, SecretBytes>();
    const open = async (purpose: KeyPurpose, version: KeyVersion): Promise<void> => {
      opened.set(version.keyId, await this.#unwrap(keyset, purpose, version, born));
    };
    const work = [...data.map((version) => open('data', version)), ...index.map((version) => open('index', version))];
    const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
    if (failed === undefined) return opened;
    for (const key of opened.values()) key.wipe();
    throw failed.reason;
  }

  /** Whether a key was unwrapped so lately that it is kept until the next refresh; if so, its birth is noted. */
  #young(before: Held | undefined, keyId: string, born: Map<string, number>): boolean {
    const since = before?.born.get(keyId) ?? 0;
    if (Date.now() - since >= this.#policy.maxAgeMs - this.#policy.refreshMs) return false;
    born.set(keyId, since);
    return true;
  }

  /** Wipes the keys of an old view that its successor does not have: at once those that were revoked, later those that were unwrapped again. */
  #discard(before: Held, after: KeyView): void {
    for (const key of before.view.keys.values()) {
      if (after.keys.get(key.keyId) === key) continue;
      if (after.keys.has(key.keyId)) this.#retired.add(key);
      else key.wipe();
    }
    for (const root of before.view.indexRoots) if (!after.indexRoots.includes(root)) this.#retired.add(root);
  }

  #retire({ view }: Held): void {
    for (const key of view.keys.values()) {
      if (key.messages >= COUNTED_MESSAGES) this.#worn.set(key.keyId, key.messages);
      this.#retired.add(key);
    }
    for (const root of view.indexRoots) this.#retired.add(root);
  }

  /** Unwraps a key and checks that it is the one that its id commits to. */
  async #unwrap(
    { record: { scope }, group }: FoundKeyset,
    purpose: KeyPurpose,
    { keyId, kekId, wrapped }: KeyVersion,
    born: Map<string, number>,
  ): Promise<SecretBytes> {
    born.set(keyId, Date.now());
    const shared = group === undefined ? undefined : await this.#group?.unwrap(group, { keyId, scope, purpose });
    if (shared !== undefined) return shared;
    const bytes = fromBase64Url(wrapped ?? '');
    if (bytes === null) throw new FieldsealError('ERR_KEY_STORE', 'a wrapped key is not base64url', { keyId });
    const key = await this.#opener.unwrap(kekId, bytes, { keyId, scope, purpose });
    if (deriveKeyId(key) === keyId) return key;
    key.wipe();
    throw new FieldsealError('ERR_KEY_STORE', 'a key does not match its key id', { keyId });
  }
}

/** Enabled index roots, the primary first. */
function enabledRoots({ primary, versions }: KeySeries): KeyVersion[] {
  const enabled = versions.filter(({ status }) => status === 'enabled');
  return enabled.sort((a, b) => Number(b.keyId === primary) - Number(a.keyId === primary));
}

function unknownScope(): FieldsealError {
  return new FieldsealError('ERR_KEY_UNKNOWN', 'the scope had no keys a moment ago');
}
