import type { CachePolicy } from '../dek-cache/cache-options.ts';
import type { ChangeListener } from '../dek-cache/change-watch.ts';
import { GroupKey } from '../dek-cache/group-key.ts';
import { SharedBox } from '../dek-cache/shared-box.ts';
import type { SharedCache } from '../dek-cache/shared-cache.ts';
import { type ReadKeyset, type SharedStats, SharedTier } from '../dek-cache/shared-tier.ts';
import { publish } from '../events.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import { LocalKek } from '../kek/local-kek.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import type { KeyringDocument } from './document.ts';
import type { KeyView } from './key-view.ts';

/** What a keyring shares, and by what. */
export interface SharingOptions {
  readonly cache: SharedCache;
  readonly policy: CachePolicy;
  /** Root key of the keyring; stays the caller's. */
  readonly root: SecretBytes;
  readonly document: Pick<KeyringDocument, 'id' | 'suite'>;
  /** Whether keysets lie in a key store; those in the keyring are not put into the cache, only their changes are announced. */
  readonly outside: boolean;
  readonly listener: { changed(scope: string, generation: number): void; anything(): void };
  /** The KEK that wraps new keys. */
  readonly kek: () => KeyWrapper;
}

/** What the shared cache did for this process. */
export interface SharingStats extends Readonly<SharedStats> {
  /** Whether it was given up for now. */
  readonly open: boolean;
}

/** What an open keyring shares with other processes: keysets, wrapped, and the news that one changed. */
export class KeysetSharing {
  readonly tier: SharedTier;
  /** Only where the KEK is remote: with a local one, unwrapping costs microseconds. */
  readonly group: GroupKey;
  readonly #outside: boolean;
  readonly #kek: () => KeyWrapper;
  /** Scopes whose keyset this process changed: what the cache has of them is older. */
  readonly #changed = new Set<string>();
  #sharing: Promise<void> = Promise.resolve();

  constructor({ cache, policy, root, document, outside, listener, kek }: SharingOptions) {
    const box = new SharedBox(root, document.id, document.suite);
    const watched: Omit<ChangeListener, 'refused'> = {
      changed: listener.changed,
      anything: (missed) => {
        if (missed) publish('fieldseal:cache', { action: 'lost', keyringId: document.id, scopes: 0 });
        listener.anything();
      },
    };
    this.tier = new SharedTier(cache, policy, box, document.id, watched);
    this.group = new GroupKey(cache, this.tier.circuit, box, kek, document.suite);
    this.#outside = outside;
    this.#kek = kek;
  }

  get stats(): SharingStats {
    return { ...this.tier.stats, open: this.tier.open };
  }

  /**
   * Keeps a keyset that was read from the key store, with the keys that were unwrapped from it, of which a shredded scope has none. Takes its
   * time, and never throws.
   */
  share({ record, readAt }: ReadKeyset, view: KeyView | null): void {
    if (!this.#outside) return;
    const changed = this.#changed.delete(record.scope);
    this.#sharing = this.#keep({ record, readAt }, view, changed).catch(() => undefined); // the keyring may be closed meanwhile
  }

  /** Says that this process is about to read a keyset that it changed. */
  changing(scope: string): void {
    if (this.#outside) this.#changed.add(scope);
  }

  /** Tells other processes that a keyset changed; they are told what {@link share} was given before. */
  async announce(scope: string, generation: number): Promise<void> {
    await this.#sharing;
    await this.tier.announce(scope, generation);
  }

  /** Ends its timers and wipes its keys. */
  close(): void {
    this.tier.close();
    this.group.wipe();
  }

  async #keep(keyset: ReadKeyset, view: KeyView | null, changed: boolean): Promise<void> {
    await this.tier.keep(
      view === null || this.#kek() instanceof LocalKek ? keyset : await this.#grouped(keyset, view),
      changed,
    );
  }

  async #grouped(keyset: ReadKeyset, { scope, keys, indexRoots }: KeyView): Promise<ReadKeyset> {
    const data = [...keys.values()].map(({ keyId, key }) => [{ keyId, scope, purpose: 'data' }, key] as const);
    const index = indexRoots.map(({ keyId, key }) => [{ keyId, scope, purpose: 'index' }, key] as const);
    return { ...keyset, group: await this.group.wrap([...data, ...index]) };
  }
}
