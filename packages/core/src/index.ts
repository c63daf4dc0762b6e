/**
 * @fieldseal/core: field encryption without any database in it. Formats, keyrings, the field cipher and blind indexes.
 *
 * @module
 */
export { currentActor, withActor } from './actor.ts';
export type { EngineName } from './aead/engine.ts';
export { MAX_BUCKETS, RANGE_TYPES, type RangeSearch } from './blind-index/buckets.ts';
export {
  DEFAULT_BITS,
  defineIndex,
  EXACT_BITS,
  type IndexDefinition,
  isExact,
  MAX_PARTITIONS,
} from './blind-index/define-index.ts';
export { blindIndexTerm, blindIndexTerms, type IndexedValue } from './blind-index/equality-terms.ts';
export {
  type IndexSearch,
  type RowToIndex,
  type SearchTerms,
  type StoredTerms,
  searchTerms,
  serves,
  storedTerms,
} from './blind-index/index-terms.ts';
export { indexedText } from './blind-index/pieces.ts';
export { type Cell, cellTextPrefix, decodeCell, HEADER_BYTES, NONCE_BYTES, TAG_BYTES, TEXT_PREFIX } from './cell.ts';
export type { BoundColumn } from './context.ts';
export type { CacheOptions } from './dek-cache/cache-options.ts';
export type { ChangeFeed, SharedCache, SharedEntry } from './dek-cache/shared-cache.ts';
export {
  DEFAULT_KEYRING_PATH,
  type Environment,
  type EnvironmentKeyringOptions,
  environmentKeks,
  environmentOpeners,
  environmentVaultKek,
  keyringPath,
  openEnvironmentKeyring,
} from './environment.ts';
export { ERROR_CODES, type ErrorCode, type ErrorDetails, FieldsealError, isFieldsealError } from './errors.ts';
export {
  type BackupEvent,
  type CacheAction,
  type CacheEvent,
  type Channels,
  type CipherEvent,
  type DenialEvent,
  type FailureEvent,
  type FieldCount,
  type HoneyEvent,
  type JobEvent,
  type KekEvent,
  type KeyringEvent,
  observed,
  publish,
  type SearchEvent,
  type WearEvent,
} from './events.ts';
export { type CellField, FieldCipher, type PlainField, type StoredField } from './field-cipher.ts';
export type { ColumnType, FieldSpec, IndexKind, IndexSpec, RangeSpec } from './field-spec.ts';
export type { KeyPurpose, KeyWrapper, WrapContext, WrapOptions } from './kek/key-wrapper.ts';
export { fileKeyStore } from './key-store/file.ts';
export { type KeyStore, loadKeysets, type RecordChange, saveKeysets } from './key-store/key-store.ts';
export type {
  Census,
  CensusEntry,
  KeySeries,
  KeyStatus,
  KeysetRecord,
  KeyVersion,
  ShredState,
} from './key-store/keyset-record.ts';
export { memoryKeyStore } from './key-store/memory.ts';
export { type SqlKeyStoreOptions, sqlKeyStore } from './key-store/sql.ts';
export {
  type MariadbLike,
  mariadbClient,
  type PgLike,
  pgClient,
  type SqlClient,
  type SqlDialect,
  type SqliteLike,
  type SqlRow,
  type SqlValue,
  sqliteClient,
} from './key-store/sql-client.ts';
export { KEY_STORE_TABLE, keyStoreTable } from './key-store/sql-schema.ts';
export { type AddKekOptions, addKek } from './keyring/add-kek.ts';
export { type CreateKeyringOptions, createKeyring } from './keyring/create-keyring.ts';
export { INDEX_WAIT_MS, type IndexStep } from './keyring/index-rotation.ts';
export {
  formatRawKey,
  formatRecoveryKey,
  generateRawKey,
  generateRecoveryKey,
  parseRawKey,
  parseRecoveryKey,
} from './keyring/key-text.ts';
export {
  APPLICATION_SCOPE,
  DataKey,
  IndexRoot,
  indexRootOf,
  type KeySource,
  type KeyView,
} from './keyring/key-view.ts';
export type { ViewCounts } from './keyring/key-views.ts';
export type { Keyring } from './keyring/keyring.ts';
export type { KeyringDescription } from './keyring/keyring-description.ts';
export type { CacheStats, OpenKeyringOptions } from './keyring/keyring-options.ts';
export type { SharingStats } from './keyring/keyset-sharing.ts';
export { openKeyring } from './keyring/open-keyring.ts';
export {
  type KeyringRestoration,
  type RestoreKeyringOptions,
  restoreKeyring,
} from './keyring/restore-keyring.ts';
export {
  type KeysetsRestoration,
  type RestoreKeysetsOptions,
  restoreKeysets,
} from './keyring/restore-keysets.ts';
export type { FailedKey, RemoveKekOptions, RewrapOptions, RewrapProgress } from './keyring/rewrap.ts';
export { type ShredReceipt, verifyShredReceipt } from './keyring/shred-receipt.ts';
export { passphrase, rawKey, recoveryKey, type Slot, type SlotOpener, type SlotParams } from './keyring/slot.ts';
export { type KeyringStorage, keyringFile, keyringMemory } from './keyring/storage.ts';
export { DESTROY_WAIT_MS } from './keyset.ts';
export {
  type LegacyPlace,
  type LegacyPlaintext,
  type LegacyReader,
  legacyStored,
  openLegacy,
  type RemoteLegacyReader,
  unrecognized,
} from './legacy-reader.ts';
export {
  checkNormalizers,
  foldsCase,
  isCustomNormalizer,
  NORMALIZER_NAMES,
  NORMALIZERS,
  type Normalizer,
  type Normalizers,
  parseNormalizer,
} from './normalizer.ts';
export type { ReadWatch, WatchedCell } from './read-watch.ts';
export { ROTATE_AFTER_DAYS, type RotationReason, rotationReason } from './rotation-advice.ts';
export { SecretBytes } from './secret-bytes.ts';
export { isSuite, SUITES, type Suite, type SuiteId, XAES_256_GCM, XCHACHA20_POLY1305 } from './suite.ts';
export { type FieldUse, type KeyUse, type RateLimiter, UsePolicy, type UsePolicyOptions } from './use-policy.ts';
export { canonicalText, MAX_PAD, VALUE_TYPES, type ValueType } from './value.ts';
