import type { CacheOptions } from '../dek-cache/cache-options.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import type { KeyStore } from '../key-store/key-store.ts';
import type { ViewCounts } from './key-views.ts';
import type { SharingStats } from './keyset-sharing.ts';
import type { SlotOpener } from './slot.ts';
import type { KeyringStorage } from './storage.ts';

/** Options of openKeyring. */
export interface OpenKeyringOptions {
  readonly storage: KeyringStorage;
  /** Tried in order; the first that opens a slot wins. */
  readonly openers: readonly SlotOpener[];
  /** The key store that was given when the keyring was created. */
  readonly keyStore?: KeyStore;
  /** Bounds of the cache of unwrapped keys; `none` keeps no key beyond the query that asked for it. */
  readonly cache?: CacheOptions | 'none';
  /** The KEKs outside the keyring that its keys were wrapped by. They are asked when keys are made or unwrapped, and not for opening. */
  readonly keks?: readonly KeyWrapper[];
}

/** What the cache of keys did since the keyring was opened. */
export interface CacheStats extends ViewCounts {
  /** The shared cache; null where there is none. */
  readonly shared: SharingStats | null;
}
