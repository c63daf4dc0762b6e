/**
 * Keys under keys (spec/format.md §5): wrapped = suite(1) ‖ nonce(24) ‖ ciphertext(32) ‖ tag(16).
 *
 * @module
 */
import { selectEngine } from '../aead/engines.ts';
import { NoncePool } from '../aead/nonce-pool.ts';
import { concat, pae } from '../bytes.ts';
import { keyIdBytes, NONCE_BYTES, TAG_BYTES } from '../cell.ts';
import { decryptError, FieldsealError } from '../errors.ts';
import { KEY_BYTES, LABELS } from '../kdf.ts';
import { SecretBytes } from '../secret-bytes.ts';
import { isSuite, type SuiteId } from '../suite.ts';
import type { WrapContext } from './key-wrapper.ts';

/** Bytes of a wrapped 32-byte key. */
export const WRAPPED_KEY_BYTES: number = 1 + NONCE_BYTES + KEY_BYTES + TAG_BYTES;

const nonces = new NoncePool();

/**
 * AAD of a wrapped DEK or index root.
 *
 * @param kekId - id of the wrapping key
 */
export function dekAad(kekId: string, context: WrapContext): Uint8Array {
  return pae(LABELS.dek, kekId, keyIdBytes(context.keyId), context.scope, context.purpose);
}

/** Wraps a 32-byte key under another. `nonce` is for known-answer tests only; it must never repeat under a key. */
export function wrapKey(
  under: SecretBytes,
  suite: SuiteId,
  key: SecretBytes,
  aad: Uint8Array,
  nonce: Uint8Array = nonces.take(),
): Uint8Array {
  if (key.length !== KEY_BYTES) throw new FieldsealError('ERR_KEY_INVALID', `a key has ${KEY_BYTES} bytes`);
  const [sealed] = selectEngine().encrypt([{ suite, key: under.expose(), nonce, aad, data: key.expose() }]);
  return concat(Uint8Array.of(suite), nonce, sealed as Uint8Array);
}

/**
 * Unwraps a key; the result is the caller's to wipe.
 *
 * @throws ERR_DECRYPT when the bytes have another form, or `under` and `aad` are not what they were wrapped with
 */
export function unwrapKey(under: SecretBytes, wrapped: Uint8Array, aad: Uint8Array, keyId?: string): SecretBytes {
  const [suite] = wrapped;
  if (wrapped.length !== WRAPPED_KEY_BYTES || !isSuite(suite)) throw decryptError({ keyId });
  const nonce = wrapped.subarray(1, 1 + NONCE_BYTES);
  const data = wrapped.subarray(1 + NONCE_BYTES);
  const [key] = selectEngine().decrypt([{ suite, key: under.expose(), nonce, aad, data }]);
  if (key == null) throw decryptError({ keyId });
  return SecretBytes.take(key);
}
