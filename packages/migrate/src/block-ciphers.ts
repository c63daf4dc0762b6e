/**
 * The ciphers that several formats share. All of node:crypto; they return null for what does not open.
 *
 * @module
 */
import { createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { SecretBytes } from '@fieldseal/core';

/** Bytes of a tag of AES-GCM. Shorter ones are refused: they can be forged. */
export const GCM_TAG = 16;

/** Opens AES-GCM with a tag of 16 bytes; null when the tag is wrong or too short. */
export function openGcm(
  key: SecretBytes,
  iv: Uint8Array,
  ciphertext: Uint8Array,
  tag: Uint8Array,
  aad?: Uint8Array,
): Buffer | null {
  if (tag.length !== GCM_TAG || iv.length === 0) return null;
  const cipher = createDecipheriv('aes-256-gcm', key.expose(), iv, { authTagLength: GCM_TAG });
  cipher.setAuthTag(tag);
  if (aad !== undefined) cipher.setAAD(aad);
  try {
    return Buffer.concat([cipher.update(ciphertext), cipher.final()]);
  } catch {
    return null;
  }
}

/** Decrypts AES-CBC with PKCS #7 padding; null when the padding is wrong. It is authenticated by nothing here. */
export function openCbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer | null {
  if (iv.length !== 16 || ciphertext.length === 0 || ciphertext.length % 16 !== 0) return null;
  const cipher = createDecipheriv(`aes-${key.length * 8}-cbc`, key, iv);
  try {
    return Buffer.concat([cipher.update(ciphertext), cipher.final()]);
  } catch {
    return null;
  }
}

/** HKDF (RFC 5869) into a key of its own. */
export function hkdfKey(
  digest: 'sha256' | 'sha384',
  key: SecretBytes,
  salt: string | Uint8Array,
  info: string | Uint8Array,
  length: number,
): SecretBytes {
  return SecretBytes.take(new Uint8Array(hkdfSync(digest, key.expose(), salt, info, length)));
}

/** HMAC of pieces, one after the other. */
export function hmac(digest: 'sha256' | 'sha384', key: SecretBytes, ...pieces: readonly Uint8Array[]): Buffer {
  const mac = createHmac(digest, key.expose());
  for (const piece of pieces) mac.update(piece);
  return mac.digest();
}
