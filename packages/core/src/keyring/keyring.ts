import { type CacheOptions, type CachePolicy, cachePolicy } from '../dek-cache/cache-options.ts';
import type { SharedCache } from '../dek-cache/shared-cache.ts';
import { FieldsealError, isFieldsealError } from '../errors.ts';
import { type KeyringEvent, publish } from '../events.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import type { KeyStore } from '../key-store/key-store.ts';
import type { KeySeries, KeysetRecord } from '../key-store/keyset-record.ts';
import { replaceRecord } from '../key-store/memory.ts';
import * as keyset from '../keyset.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { announce, announceRefusal } from './announce.ts';
import { authenticateDocument, type KeyringDocument, parseDocument } from './document.ts';
import { KekRing, newKeyset, newKeyVersion } from './kek-ring.ts';
import type { KeySource, KeyView } from './key-view.ts';
import { type KeyOpener, KeyViews, type ViewCounts } from './key-views.ts';
import { KeysetReader } from './keyset-reader.ts';
import { KeysetSharing, type SharingStats } from './keyset-sharing.ts';
import { LiveDocument } from './live-document.ts';
import type { SlotOpener } from './slot.ts';
import { addSlot, openAny, removeSlot } from './slot-changes.ts';
import type { KeyringStorage } from './storage.ts';

/** Scope of keys that serve the whole application. */
export const APPLICATION_SCOPE = '';

/** What the cache of keys did since the keyring was opened. */
export interface CacheStats extends ViewCounts {
  /** The shared cache; null where there is none. */
  readonly shared: SharingStats | null;
}

/** How often a change is tried again when other writers come first. */
const ATTEMPTS = 20;

/** Options of {@link openKeyring}. */
export interface OpenKeyringOptions {
  readonly storage: KeyringStorage;
  /** Tried in order; the first that opens a slot wins. */
  readonly openers: readonly SlotOpener[];
  /** The key store that was given when the keyring was created. */
  readonly keyStore?: KeyStore;
  /** The KEKs outside the keyring that its keys were wrapped by. They are asked when keys are made or unwrapped, and not for opening. */
  readonly keks?: readonly KeyWrapper[];
  /** Bounds of the cache of unwrapped keys; `none` keeps no key beyond the query that asked for it. */
  readonly cache?: CacheOptions | 'none';
}

/**
 * Opens a keyring.
 *
 * @throws ERR_KEYRING_MISSING when there is none, ERR_KEYRING_LOCKED when no opener fits, ERR_KEYRING_DAMAGED when it was altered,
 * ERR_KEYRING_IO when it cannot be read
 */
export async function openKeyring(options: OpenKeyringOptions): Promise<Keyring> {
  const { storage, openers } = options;
  const text = await storage.read();
  if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `there is no keyring at ${storage.label}`);
  const { document, mac } = parseDocument(text);
  const opened = await openAny(document, openers);
  if (opened === null) {
    announceRefusal('ERR_KEYRING_LOCKED');
    throw new FieldsealError('ERR_KEYRING_LOCKED', `the keyring at ${storage.label} could not be opened`);
  }
  const { root } = opened;
  try {
    authenticateDocument(document, mac, root);
    const keyring = new Keyring(options, text, document, root);
    announce('open', keyring);
    return keyring;
  } catch (error) {
    root.wipe();
    // Options that cannot be served are no try to break in.
    if (isFieldsealError(error, 'ERR_KEYRING_DAMAGED')) announceRefusal('ERR_KEYRING_DAMAGED');
    throw error;
  }
}

/** What a keyring tells about itself. None of it is secret. */
export interface KeyringDescription {
  readonly id: string;
  readonly generation: number;
  readonly created: string;
  readonly slots: readonly { readonly id: string; readonly type: string; readonly created: string }[];
  readonly keks: readonly { readonly id: string; readonly created: string }[];
  readonly keysets: readonly KeysetRecord[];
}

/**
 * An open keyring: the only place where wrapped keys become usable ones. Everything it changes is stored before it takes effect.
 *
 * Make one with createKeyring or {@link openKeyring}, and {@link close} it to wipe its keys.
 */
export class Keyring implements KeySource {
  readonly #keyStore: KeyStore;
  readonly #root: SecretBytes;
  readonly #live: LiveDocument;
  readonly #keks: KekRing;
  readonly #reader: KeysetReader;
  readonly #views: KeyViews;
  readonly #sharing: KeysetSharing | undefined;

  /** @internal */
  constructor(options: OpenKeyringOptions, text: string, document: KeyringDocument, root: SecretBytes) {
    const outside = options.keyStore !== undefined;
    const policy = cachePolicy(options.cache, outside);
    this.#live = new LiveDocument(options.storage, root, text, document);
    this.#keyStore = options.keyStore ?? {
      load: (scope) => this.#loadInside(scope),
      save: (record, expected) => this.#saveInside(record, expected),
    };
    this.#root = root;
    this.#keks = new KekRing(options.keks);
    this.#sharing = policy.shared === undefined ? undefined : this.#share(policy, policy.shared, document, outside);
    this.#reader = new KeysetReader(this.#live, this.#keyStore, outside ? this.#sharing?.tier : undefined);
    this.#views = new KeyViews(this.#reader, policy, this.#opener(), this.#sharing?.group);
  }

  /** Id of the keyring, 16 hexadecimal digits. */
  get id(): string {
    return this.#live.current.id;
  }

  /** Number of changes, from 1, as of the last reading. */
  get generation(): number {
    return this.#live.current.generation;
  }

  peek(scope: string, keyIds?: Iterable<string>): KeyView | undefined {
    return this.#views.peek(scope, keyIds);
  }

  resolve(scope: string, keyIds?: Iterable<string>): Promise<KeyView> {
    return this.#views.resolve(scope, keyIds);
  }

  resolveMany(wanted: ReadonlyMap<string, Iterable<string>>): Promise<ReadonlyMap<string, KeyView>> {
    return this.#views.resolveMany(wanted);
  }

  /** What the cache of keys did since the keyring was opened. */
  cacheStats(): CacheStats {
    return { ...this.#views.counts, shared: this.#sharing?.stats ?? null };
  }

  /** Makes the keys of a scope if it has none yet, and returns its view. Whoever races, one keyset is made. */
  async addScope(scope: string): Promise<KeyView> {
    if ((await this.#keyStore.load(scope)) === null) {
      await this.#keyStore.save(await newKeyset(this.#keks, this.#live.current, this.#root, scope), null);
    }
    return (await this.#views.load(scope, false)).view;
  }

  /** Adds an enabled DEK version, which decrypts and does not encrypt yet. Returns its key id. */
  async addKey(scope: string = APPLICATION_SCOPE): Promise<string> {
    const key = await newKeyVersion(this.#keks, this.#live.current, this.#root, scope, 'data');
    await this.#changeSeries('add', scope, key.keyId, (series) => keyset.addVersion(series, key));
    return key.keyId;
  }

  /** Makes an enabled version the primary, once every instance has it (see {@link resolve}). */
  promote(keyId: string, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#changeSeries('promote', scope, keyId, (series) => keyset.promote(series, keyId));
  }

  /** {@link addKey} and {@link promote} at once: for a single process. In a fleet, cells of the new key would reach instances before the key. */
  async rotate(scope: string = APPLICATION_SCOPE): Promise<string> {
    const keyId = await this.addKey(scope);
    await this.promote(keyId, scope);
    return keyId;
  }

  /** Stops a version from decrypting, reversibly. Throws ERR_KEY_STATUS for the primary. */
  disable(keyId: string, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#changeSeries('disable', scope, keyId, (series) => keyset.disable(series, keyId));
  }

  /** Lets a disabled version decrypt again. */
  enable(keyId: string, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#changeSeries('enable', scope, keyId, (series) => keyset.enable(series, keyId));
  }

  /** Asks for the destruction of a disabled version after `waitMs` ms, seven days at least. */
  scheduleDestroy(keyId: string, waitMs?: number, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#changeSeries('schedule-destroy', scope, keyId, (series) =>
      keyset.scheduleDestroy(series, keyId, Date.now(), waitMs),
    );
  }

  /** Takes {@link scheduleDestroy} back. */
  cancelDestroy(keyId: string, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#changeSeries('cancel-destroy', scope, keyId, (series) => keyset.cancelDestroy(series, keyId));
  }

  /**
   * Destroys a disabled version for good, after its waiting time. What it encrypted can never be read again.
   *
   * @param census - `rows`: how many cells of this key are left, which must be 0
   */
  destroy(keyId: string, census: { readonly rows: number }, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#changeSeries('destroy', scope, keyId, (series) =>
      keyset.destroy(series, keyId, Date.now(), census.rows),
    );
  }

  /**
   * Adds a way to open the keyring.
   *
   * @param proof - the recovery key, to prove that recovery works before the keyring depends on something new
   * @returns id of the slot
   * @throws ERR_KEYRING_SLOT when the proof opens no recovery slot
   */
  async addSlot(opener: SlotOpener, proof: SlotOpener): Promise<string> {
    const slotId = await addSlot(this.#live, this.#root, opener, proof);
    announce('add-slot', this, slotId);
    return slotId;
  }

  /**
   * Removes a way to open the keyring.
   *
   * @throws ERR_KEYRING_SLOT for an unknown slot, the last recovery slot, or the last slot that is not for recovery
   */
  async removeSlot(slotId: string): Promise<void> {
    await removeSlot(this.#live, slotId);
    announce('remove-slot', this, slotId);
  }

  /** Statuses, ids, times and wrapped keys; no secret. Reads the storage again first. */
  async describe(scopes: readonly string[] = [APPLICATION_SCOPE]): Promise<KeyringDescription> {
    await this.#live.reload();
    const { id, generation, created, slots, keks } = this.#live.current;
    const keysets = await Promise.all(scopes.map((scope) => this.#reader.stored(scope)));
    return {
      id,
      generation,
      created,
      slots: slots.map((slot) => ({ id: slot.id, type: slot.type, created: slot.created })),
      keks: keks.map((kek) => ({ id: kek.id, created: kek.created })),
      keysets,
    };
  }

  /** Wipes all keys. Queries that still run fail with ERR_KEY_WIPED. */
  close(): void {
    if (this.#root.wiped) return;
    this.#sharing?.close();
    this.#views.close();
    this.#keks.wipe();
    this.#root.wipe();
    announce('close', this);
  }

  async #changeSeries(
    action: KeyringEvent['action'],
    scope: string,
    keyId: string,
    step: (series: KeySeries) => KeySeries,
  ): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.#live.reload();
      const record = await this.#reader.stored(scope);
      const next = { ...record, generation: record.generation + 1, data: step(record.data) };
      if (!(await this.#keyStore.save(next, record.generation))) continue;
      this.#sharing?.changing(scope);
      await this.#views.load(scope, false);
      await this.#sharing?.announce(scope, next.generation);
      announce(action, this, keyId);
      return;
    }
    throw new FieldsealError('ERR_KEYRING_BUSY', 'other writers kept changing the keyset');
  }

  #opener(): KeyOpener {
    return {
      unwrap: (kekId, wrapped, context) =>
        this.#keks.get(this.#live.current, this.#root, kekId).unwrap(wrapped, context),
      alive: () => void this.#root.expose(),
      share: (keyset, view) => this.#sharing?.share(keyset, view),
      stale: () => publish('fieldseal:cache', { action: 'stale', keyringId: this.id, scopes: 1 }),
    };
  }

  #share(policy: CachePolicy, cache: SharedCache, document: KeyringDocument, outside: boolean): KeysetSharing {
    const listener = {
      changed: (scope: string, generation: number) => this.#views.changed(scope, generation),
      anything: () => this.#views.anything(),
    };
    const kek = (): KeyWrapper => this.#keks.newest(this.#live.current, this.#root);
    return new KeysetSharing({ cache, policy, root: this.#root, document, outside, listener, kek });
  }

  async #loadInside(scope: string): Promise<KeysetRecord | null> {
    return this.#live.current.keysets.find((record) => record.scope === scope) ?? null;
  }

  async #saveInside(record: KeysetRecord, expected: number | null): Promise<boolean> {
    let saved = false;
    await this.#live.change((document) => {
      const keysets = replaceRecord(document.keysets, record, expected);
      saved = keysets !== null;
      return keysets === null ? null : { ...document, keysets };
    });
    return saved;
  }
}
