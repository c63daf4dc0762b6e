import { type CachePolicy, cachePolicy } from '../dek-cache/cache-options.ts';
import type { SharedCache } from '../dek-cache/shared-cache.ts';
import { FieldsealError } from '../errors.ts';
import { type KeyringEvent, publish } from '../events.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import type { KeyStore } from '../key-store/key-store.ts';
import type { Census, KeySeries, KeysetRecord } from '../key-store/keyset-record.ts';
import * as keyset from '../keyset.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import {
  cancelShredRecord,
  destroyRestoredRecord,
  destroyShreddedRecord,
  shreddedError,
  shredRecord,
} from '../shredding.ts';
import { announce } from './announce.ts';
import { authenticatedStore, authenticateRecords } from './authenticated-store.ts';
import type { KeyringDocument } from './document.ts';
import { documentKeyStore } from './document-key-store.ts';
import { changeIndex, type IndexStep, nextIndexStep } from './index-rotation.ts';
import { KekRing, newKeyset, newKeyVersion } from './kek-ring.ts';
import { APPLICATION_SCOPE, type KeySource, type KeyView } from './key-view.ts';
import { type KeyOpener, KeyViews } from './key-views.ts';
import { describeDocument, type KeyringDescription } from './keyring-description.ts';
import type { CacheStats, OpenKeyringOptions } from './keyring-options.ts';
import { KeysetReader } from './keyset-reader.ts';
import { KeysetSharing } from './keyset-sharing.ts';
import { LiveDocument } from './live-document.ts';
import {
  countByKek,
  type RemoveKekOptions,
  type RewrapOptions,
  type RewrapProgress,
  rewrapKeys,
  withoutKek,
} from './rewrap.ts';
import { receiptPublicKey, type ShredReceipt, shredReceipt, verifyShredReceipt } from './shred-receipt.ts';
import type { SlotOpener } from './slot.ts';
import { addSlot, removeSlot } from './slot-changes.ts';

/** How often a change is tried again when other writers come first. */
const ATTEMPTS = 20;

/**
 * An open keyring: the only place where wrapped keys become usable ones. Everything it changes is stored before it takes effect.
 *
 * Make one with createKeyring or openKeyring, and {@link close} it to wipe its keys.
 */
export class Keyring implements KeySource {
  readonly #keyStore: KeyStore;
  readonly #outside: KeyStore | undefined;
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
    this.#outside = options.keyStore;
    this.#keyStore =
      options.keyStore === undefined
        ? documentKeyStore(this.#live)
        : authenticatedStore(options.keyStore, root, () => this.#live.current.recordMac !== undefined);
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
   * Adds an enabled index root to a scope: from now on terms of it are searched for there, and second columns get them.
   * {@link promoteIndexRoot} is next. Each scope is rotated by itself.
   *
   * @returns its key id
   * @throws ERR_KEY_STATUS while two are enabled, ERR_KEY_UNKNOWN for a scope without keys, ERR_KEY_DISABLED or ERR_KEY_DESTROYED for one that is shredded
   */
  async addIndexRoot(scope: string = APPLICATION_SCOPE): Promise<string> {
    const key = await newKeyVersion(this.#keks, this.#live.current, this.#root, scope, 'index');
    await this.#change(
      'add-index-root',
      scope,
      (record) => changeIndex(record, (series) => keyset.addIndexVersion(series, key, Date.now())),
      key.keyId,
    );
    return key.keyId;
  }

  /**
   * Makes an index root the one that terms are written under and that names unique rows.
   *
   * @param step - its `rows`: how many rows have no term of this root in a second column
   * @throws ERR_INDEX_ROTATION before its time
   */
  promoteIndexRoot(keyId: string, step: IndexStep, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#stepIndex('promote-index-root', scope, keyId, step, keyset.promoteIndexVersion);
  }

  /**
   * Takes an index root out of use that is not the primary: the old one at the end of a rotation, or the new one to give a rotation up.
   *
   * @param step - its `rows`: how many rows have a value and no term of the primary
   * @throws ERR_INDEX_ROTATION before its time, ERR_KEY_STATUS for the primary
   */
  retireIndexRoot(keyId: string, step: IndexStep, scope: string = APPLICATION_SCOPE): Promise<void> {
    return this.#stepIndex('retire-index-root', scope, keyId, step, keyset.retireIndexVersion);
  }

  /**
   * Shreds a scope: no key of it is given out from now on, here at once and elsewhere as with {@link disable}. {@link cancelShred} takes it
   * back until {@link destroyShredded} has destroyed the keys.
   *
   * @param options - `waitMs`: time until the keys may be destroyed, in ms; seven days by default and at least
   * @throws ERR_KEY_STATUS when it is being shredded or was, ERR_OPTIONS for the scope of the whole application
   */
  async shred(scope: string, options: { readonly waitMs?: number } = {}): Promise<void> {
    if (scope === APPLICATION_SCOPE)
      throw new FieldsealError('ERR_OPTIONS', 'the keys of the whole application are not shredded', {
        hint: 'Destroy the keyring and every way to open it instead.',
      });
    await this.#change('shred', scope, (record) => shredRecord(record, Date.now(), options.waitMs));
  }

  /** Takes {@link shred} back. What was enabled before is enabled again. */
  async cancelShred(scope: string): Promise<void> {
    await this.#change('cancel-shred', scope, cancelShredRecord);
  }

  /**
   * Destroys all keys of a scope for good, after the waiting time of {@link shred}.
   *
   * @param census - the cells that can never be read again, counted after `shred`; it goes into the receipt
   * @returns a signed statement of what was destroyed
   */
  async destroyShredded(scope: string, census: Census | null = null): Promise<ShredReceipt> {
    const record = await this.#change('destroy-shredded', scope, (stored) =>
      destroyShreddedRecord(stored, Date.now(), census),
    );
    return shredReceipt(this.id, record, this.#root);
  }

  /** The receipt of a scope that was shredded, once more. Throws ERR_KEY_STATUS when it was not. */
  async shredReceipt(scope: string): Promise<ShredReceipt> {
    return shredReceipt(this.id, await this.#reader.stored(scope), this.#root);
  }

  /**
   * Destroys the keys of a scope again, after a backup of the key store has brought them back.
   *
   * @param receipt - what {@link destroyShredded} of this keyring returned, as parsed JSON
   * @throws ERR_OPTIONS when this keyring did not sign it, ERR_KEY_STATUS when it is of other keys than are stored, or they are destroyed
   */
  async applyReceipt(receipt: unknown): Promise<void> {
    if (!verifyShredReceipt(receipt, this.receiptKey))
      throw new FieldsealError('ERR_OPTIONS', 'the receipt was changed, or another keyring signed it');
    await this.#change('destroy-shredded', receipt.scope, (record) => destroyRestoredRecord(record, receipt));
  }

  /** Public key of the receipts of this keyring, for verifyShredReceipt. */
  get receiptKey(): string {
    return receiptPublicKey(this.#root);
  }

  /** All scopes that have keys. Throws ERR_KEY_STORE when the key store cannot list them. */
  scopes(): AsyncIterable<string> {
    const { scopes } = this.#keyStore;
    if (scopes === undefined) throw new FieldsealError('ERR_KEY_STORE', 'the key store cannot list its scopes');
    return scopes.call(this.#keyStore);
  }

  /**
   * Gives every record of the outside key store an authentication code, and refuses records without one from then on. For keyrings from before
   * there were codes; all processes must run a version that knows them.
   *
   * @returns how many records got one
   */
  async authenticateRecords(): Promise<number> {
    await this.#live.reload();
    const count = this.#outside === undefined ? 0 : await authenticateRecords(this.#outside, this.#root);
    if (this.#outside !== undefined)
      await this.#live.change((document) => (document.recordMac === 1 ? null : { ...document, recordMac: 1 }));
    return count;
  }

  /** Counts the keys of all scopes by the KEK that wraps them. Destroyed ones are not counted. */
  async kekCensus(): Promise<ReadonlyMap<string, number>> {
    await this.#live.reload();
    return countByKek(this.#keyStore);
  }

  /**
   * Wraps all keys again under the newest KEK, which `addKek` made, while the application runs: keys and cells stay as they are. It may be stopped
   * at any time, and run in several processes. Throws ERR_KEY_STORE when the key store cannot list its scopes.
   */
  async rewrap(options: RewrapOptions = {}): Promise<RewrapProgress> {
    await this.#live.reload();
    const kek = (id: string): KeyWrapper => this.#keks.get(this.#live.current, this.#root, id);
    const newest = this.#keks.newest(this.#live.current, this.#root);
    const done = await rewrapKeys({ store: this.#keyStore, newest, kek }, options);
    announce('rewrap', this, newest.id);
    return done;
  }

  /**
   * Takes a KEK out of the keyring, for good, that no key is under any more.
   *
   * @throws ERR_KEY_STATUS for the newest KEK, while a key is under it, and for 25 hours after its successor was added, unless every process was
   * started again since
   */
  async removeKek(kekId: string, options: RemoveKekOptions = {}): Promise<void> {
    const left = (await this.kekCensus()).get(kekId) ?? 0;
    await this.#live.change((document) => withoutKek(document, kekId, left, options));
    announce('remove-kek', this, kekId);
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
    const keysets = await Promise.all(scopes.map((scope) => this.#reader.stored(scope)));
    return describeDocument(this.#live.current, keysets);
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
    const next = (record: KeysetRecord): KeysetRecord => {
      const shredded = shreddedError(record);
      if (shredded !== undefined) throw shredded;
      return { ...record, data: step(record.data) };
    };
    await this.#change(action, scope, next, keyId);
  }

  /** Takes a step of a rotation of index roots, if no other was taken since it was found to be due. */
  async #stepIndex(
    action: KeyringEvent['action'],
    scope: string,
    keyId: string,
    step: IndexStep,
    change: (series: KeySeries, keyId: string, now: number) => KeySeries,
  ): Promise<void> {
    await this.#live.reload();
    const { index } = await this.#reader.stored(scope);
    await this.#change(action, scope, await nextIndexStep(index, keyId, step, change), keyId);
  }

  /** Stores the next state of a keyset, takes it over, and tells other processes. Returns it. */
  async #change(
    action: KeyringEvent['action'],
    scope: string,
    step: (record: KeysetRecord) => KeysetRecord,
    subject?: string,
  ): Promise<KeysetRecord> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      await this.#live.reload();
      const record = await this.#reader.stored(scope);
      const next = { ...step(record), generation: record.generation + 1 };
      if (!(await this.#keyStore.save(next, record.generation))) continue;
      this.#sharing?.changing(scope);
      if (next.shred === undefined) await this.#views.load(scope, false);
      else await this.#drop(scope);
      await this.#sharing?.announce(scope, next.generation);
      announce(action, this, subject ?? next.data.primary);
      return next;
    }
    throw new FieldsealError('ERR_KEYRING_BUSY', 'other writers kept changing the keyset');
  }

  /** Wipes the keys of a scope that is shredded, those too that a reading under way since before brings. */
  async #drop(scope: string): Promise<void> {
    this.#views.revoke(scope);
    await this.#views.load(scope, false).catch(() => undefined); // it fails, because the scope is shredded
    this.#views.revoke(scope);
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
}
