/**
 * What a shared secret opens, so that shares alone open the archive and the keyring:
 *
 *     slot key      = HKDF-SHA256(secret, salt = "", info = "fieldseal/v1/share-slot"), 20 bytes: a recovery key of the keyring
 *     age identity  = HKDF-SHA256(secret, salt = "", info = "fieldseal/v1/share-age"), 32 bytes: an X25519 key (age-encryption.org/v1)
 *
 * A recovery slot rather than a raw key: whoever has the shares can then add a key for the application, and does not need a second secret.
 *
 * @module
 */
import { hkdfSync } from 'node:crypto';
import { recoveryKey, SecretBytes, type SlotOpener } from '@fieldseal/core';
import { bech32 } from '@scure/base';

const SLOT_BYTES = 20;
const IDENTITY_BYTES = 32;

/** Opens the slot of a shared secret. It holds a key of its own, not the secret, which stays the caller's. */
export function shareOpener(secret: SecretBytes): SlotOpener {
  return recoveryKey(derived(secret, 'fieldseal/v1/share-slot', SLOT_BYTES));
}

/** The age identity of a shared secret, as text, which is what age takes: keep it no longer than it is used. */
export function shareIdentity(secret: SecretBytes): string {
  const key = derived(secret, 'fieldseal/v1/share-age', IDENTITY_BYTES);
  try {
    return bech32.encodeFromBytes('AGE-SECRET-KEY-', key.expose()).toUpperCase();
  } finally {
    key.wipe();
  }
}

function derived(secret: SecretBytes, info: string, bytes: number): SecretBytes {
  return SecretBytes.take(new Uint8Array(hkdfSync('sha256', secret.expose(), '', info, bytes)));
}
