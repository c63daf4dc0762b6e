/**
 * @fieldseal/core: field encryption without any database in it. Formats, keyrings, the field cipher and blind indexes.
 *
 * @module
 */
export type { EngineName } from './aead/engine.ts';
export { blindIndexTerm, blindIndexTerms, type IndexedValue } from './blind-index.ts';
export { type Cell, cellTextPrefix, decodeCell, HEADER_BYTES, NONCE_BYTES, TAG_BYTES, TEXT_PREFIX } from './cell.ts';
export type { BoundColumn } from './context.ts';
export type { CacheOptions } from './dek-cache/cache-options.ts';
export type { ChangeFeed, SharedCache, SharedEntry } from './dek-cache/shared-cache.ts';
export {
  DEFAULT_KEYRING_PATH,
  type Environment,
  environmentOpeners,
  keyringPath,
  openEnvironmentKeyring,
} from './environment.ts';
export { ERROR_CODES, type ErrorCode, type ErrorDetails, FieldsealError, isFieldsealError } from './errors.ts';
export type {
  CacheAction,
  CacheEvent,
  Channels,
  CipherEvent,
  FailureEvent,
  KeyringEvent,
  WearEvent,
} from './events.ts';
export { type CellField, FieldCipher, type PlainField, type StoredField } from './field-cipher.ts';
export type { ColumnType, FieldSpec, IndexSpec, NormalizerName } from './field-spec.ts';
export type { KeyPurpose, KeyWrapper, WrapContext } from './kek/key-wrapper.ts';
export { fileKeyStore } from './key-store/file.ts';
export type { KeyStore } from './key-store/key-store.ts';
export type { KeySeries, KeyStatus, KeysetRecord, KeyVersion } from './key-store/keyset-record.ts';
export { memoryKeyStore } from './key-store/memory.ts';
export { type CreateKeyringOptions, createKeyring } from './keyring/create-keyring.ts';
export {
  formatRawKey,
  formatRecoveryKey,
  generateRawKey,
  generateRecoveryKey,
  parseRawKey,
  parseRecoveryKey,
} from './keyring/key-text.ts';
export { DataKey, IndexRoot, type KeySource, type KeyView } from './keyring/key-view.ts';
export type { ViewCounts } from './keyring/key-views.ts';
export {
  APPLICATION_SCOPE,
  type CacheStats,
  type Keyring,
  type KeyringDescription,
  type OpenKeyringOptions,
  openKeyring,
} from './keyring/keyring.ts';
export type { SharingStats } from './keyring/keyset-sharing.ts';
export { passphrase, rawKey, recoveryKey, type Slot, type SlotOpener, type SlotParams } from './keyring/slot.ts';
export { type KeyringStorage, keyringFile, keyringMemory } from './keyring/storage.ts';
export { DESTROY_WAIT_MS } from './keyset.ts';
export { NORMALIZER_NAMES } from './normalizer.ts';
export { SecretBytes } from './secret-bytes.ts';
export { isSuite, SUITES, type Suite, type SuiteId, XAES_256_GCM, XCHACHA20_POLY1305 } from './suite.ts';
export { canonicalText, MAX_PAD, VALUE_TYPES, type ValueType } from './value.ts';
