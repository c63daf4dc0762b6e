/**
 * Exports of the kernel. It has no imports, no state of its own besides the memory, and never grows it. Addresses are not checked here: the
 * host lays out every batch (src/aead/simd/).
 */
import { DESCRIPTORS, DESCRIPTOR_BYTES, SLOTS } from './layout';
import { decodeText, encodeText } from './base64url';
import { lengthOf, textOf, verdictOf } from './descriptor';
import { macAll, prepareKeys } from './hmac';
import { findNonAscii, process, stampAll } from './xchacha';

/** Encrypts n records in place, and writes their tags. */
export function seal(n: usize): void {
  process(n, false);
}

/** Decrypts n records in place; a verdict of FAILED leaves the record as it is. */
export function open(n: usize): void {
  process(n, true);
}

/** Reads n texts into their slots, decrypts them there and says which are not plain ASCII; false when a text is not canonical, and then none is. */
export function read(n: usize): bool {
  for (let i: usize = 0; i < n; i++) {
    const d = DESCRIPTORS + i * DESCRIPTOR_BYTES;
    decodeText(d);
    if (verdictOf(d) != 0) return false;
  }
  process(n, true);
  findNonAscii(n);
  return true;
}

/** Says which of n opened records are not plain ASCII behind their first byte. */
export function scan(n: usize): void {
  findNonAscii(n);
}

/** Writes one header, and a nonce each, in front of n records. */
export function stamp(n: usize, header: usize, nonces: usize): void {
  stampAll(n, header, nonces);
}

/** Reads n texts into their slots. */
export function decode(n: usize): void {
  for (let i: usize = 0; i < n; i++) decodeText(DESCRIPTORS + i * DESCRIPTOR_BYTES);
}

/** Writes the texts of n sealed cells, of those that want one. */
export function encode(n: usize): void {
  for (let i: usize = 0; i < n; i++) {
    const d = DESCRIPTORS + i * DESCRIPTOR_BYTES;
    if (textOf(d) != 0) encodeText(d, lengthOf(d) + 49);
  }
}

/** Prepares n HMAC keys. */
export function keys(n: usize): void {
  prepareKeys(n);
}

/** Computes n MACs. */
export function macs(n: usize): void {
  macAll(n);
}

/** Overwrites working state and keys from `secrets` up to `secretsEnd`, and the slots up to `slotsEnd`. */
export function wipe(secrets: usize, secretsEnd: usize, slotsEnd: usize): void {
  memory.fill(secrets, 0, secretsEnd - secrets);
  memory.fill(SLOTS, 0, slotsEnd - SLOTS);
}
