/**
 * Hashes and key derivations of the TPM (part 1, 11.4.10), all with SHA-256.
 *
 * @module
 */
import { createHash, createHmac } from 'node:crypto';
import { u32 } from './bytes.ts';

/** SHA-256 of the parts joined. */
export function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** HMAC-SHA256 of the parts joined. */
export function hmac(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const code = createHmac('sha256', key);
  for (const part of parts) code.update(part);
  return code.digest();
}

/** KDFa: SP 800-108 in counter mode. `bits` is a multiple of 8. */
export function kdfa(key: Uint8Array, label: string, u: Uint8Array, v: Uint8Array, bits: number): Buffer {
  const blocks: Buffer[] = [];
  for (let counter = 1; blocks.length * 256 < bits; counter++)
    blocks.push(hmac(key, u32(counter), labelBytes(label), u, v, u32(bits)));
  return Buffer.concat(blocks).subarray(0, bits / 8);
}

/** KDFe: SP 800-56A, 256 bits. The coordinates are as long as the curve's field. */
export function kdfe(secret: Uint8Array, label: string, partyU: Uint8Array, partyV: Uint8Array): Buffer {
  return sha256(u32(1), secret, labelBytes(label), partyU, partyV);
}

/** Labels carry the NUL of a C string. */
function labelBytes(label: string): Buffer {
  return Buffer.from(`${label}\0`);
}
