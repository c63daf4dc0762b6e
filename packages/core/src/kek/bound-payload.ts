/**
 * Binds a key to its context inside what a key service encrypts, for services that authenticate no context themselves, or may not:
 * payload = key(32) ‖ SHA-256(AAD)(32). The service must detect changes of its ciphertext (AES-GCM, RSA-OAEP, AES-KW do).
 *
 * @module
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { decryptError } from '../errors.ts';
import { KEY_BYTES } from '../kdf.ts';
import { SecretBytes } from '../secret-bytes.ts';

const DIGEST_BYTES = 32;

/** Bytes of a payload. */
export const PAYLOAD_BYTES: number = KEY_BYTES + DIGEST_BYTES;

/** The payload of a key; the caller's to wipe. */
export function bindPayload(key: SecretBytes, aad: Uint8Array): SecretBytes {
  const payload = new Uint8Array(PAYLOAD_BYTES);
  payload.set(key.expose());
  payload.set(digest(aad), KEY_BYTES);
  return SecretBytes.take(payload);
}

/**
 * The key in a payload, which it wipes.
 *
 * @throws ERR_DECRYPT when the payload was bound to another context
 */
export function openPayload(payload: SecretBytes, aad: Uint8Array, keyId: string): SecretBytes {
  try {
    const bytes = payload.expose();
    if (bytes.length !== PAYLOAD_BYTES || !timingSafeEqual(bytes.subarray(KEY_BYTES), digest(aad)))
      throw decryptError({ keyId });
    return SecretBytes.copy(bytes.subarray(0, KEY_BYTES));
  } finally {
    payload.wipe();
  }
}

function digest(aad: Uint8Array): Uint8Array {
  return createHash('sha256').update(aad).digest();
}
