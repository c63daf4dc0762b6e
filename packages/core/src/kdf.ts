/**
 * Key derivation (spec/format.md §2, and the slots of a keyring): HKDF-SHA256 (RFC 5869) with an empty salt, since every input key is
 * uniformly random. All labels stand in {@link LABELS}; none is built elsewhere.
 *
 * @module
 */
import { hkdfSync } from 'node:crypto';
import { pae, toHex, utf8 } from './bytes.ts';
import { SecretBytes } from './secret-bytes.ts';

/** Domain separation: a key made under one label says nothing about a key made under another. */
export const LABELS = {
  /** Names a DEK and commits to it; checked at every unwrap. */
  keyId: 'fieldseal/v1/key-id',
  /** One encryption key per suite, model and field, so that a cell opens in its own field only. */
  field: 'fieldseal/v1/field',
  /** One HMAC key per blind index. */
  index: 'fieldseal/v1/index',
  /** One HMAC key per blind index of another kind than plain equality (spec/format.md §7). */
  indexKind: 'fieldseal/v1/index-kind',
  /** AAD of a DEK under a KEK. */
  dek: 'fieldseal/v1/dek',
  /** AAD of a KEK under the root key of a keyring. */
  kek: 'fieldseal/v1/kek',
  /** KEK from a raw key of the environment, and the name of that KEK. */
  rawKek: 'fieldseal/v1/raw-kek',
  /** Wraps KEKs: from the root key of a keyring. */
  kekWrapping: 'fieldseal/v1/keyring-kek',
  /** Authenticates the keyring document: from its root key. */
  keyringMac: 'fieldseal/v1/keyring-mac',
  /** Authenticates records of an outside key store: from the root key of the keyring. */
  recordMac: 'fieldseal/v1/record-mac',
  /** Ed25519 seed that signs receipts of shredded scopes: from the root key of the keyring. */
  receiptSeed: 'fieldseal/v1/receipt-seed',
  /** Slot key from a secret of full entropy, and AAD of the root key in a slot. */
  slot: 'fieldseal/v1/slot',
  /** Seals what a keyring keeps in a shared cache: from its root key. */
  cacheSealing: 'fieldseal/v1/cache-seal',
  /** Names the entries of a shared cache, so that no scope can be read from them: from the root key. */
  cacheNaming: 'fieldseal/v1/cache-name',
  /** AAD of an entry of a shared cache. */
  cacheEntry: 'fieldseal/v1/cache-entry',
  /** AAD of a DEK under a group key of a shared cache. */
  cacheKey: 'fieldseal/v1/cache-key',
} as const;

/** Bytes of a DEK, KEK, root key, field key and index key. */
export const KEY_BYTES = 32;

/** Bytes of a key id. */
export const KEY_ID_BYTES = 8;

/** Key id of a DEK or an index root, as 16 hexadecimal digits. */
export function deriveKeyId(key: SecretBytes): string {
  return toHex(hkdf(key, utf8(LABELS.keyId), KEY_ID_BYTES));
}

/** Key that encrypts one field under one suite. `model` and `field` are schema names or the stable names of an annotation. */
export function deriveFieldKey(dek: SecretBytes, suite: number, model: string, field: string): SecretBytes {
  return SecretBytes.take(hkdf(dek, pae(LABELS.field, Uint8Array.of(suite), model, field), KEY_BYTES));
}

/** HMAC key of one blind index, from the index root. */
export function deriveIndexKey(root: SecretBytes, model: string, field: string, indexName: string): SecretBytes {
  return SecretBytes.take(hkdf(root, pae(LABELS.index, model, field, indexName), KEY_BYTES));
}

/**
 * HMAC key of a blind index of another kind than plain equality, from the index root.
 *
 * @param names - model and field of each source, in the order of the index
 */
export function deriveKindKey(
  root: SecretBytes,
  kind: string,
  indexName: string,
  names: readonly string[],
): SecretBytes {
  return SecretBytes.take(hkdf(root, pae(LABELS.indexKind, kind, indexName, ...names), KEY_BYTES));
}

/** A 32-byte key for one purpose inside the keyring. */
export function deriveKeyringKey(key: SecretBytes, label: string, ...context: readonly string[]): SecretBytes {
  return SecretBytes.take(hkdf(key, pae(label, ...context), KEY_BYTES));
}

function hkdf(key: SecretBytes, info: Uint8Array, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key.expose(), new Uint8Array(0), info, length));
}
