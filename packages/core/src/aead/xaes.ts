/**
 * Key derivation of XAES-256-GCM (C2SP, github.com/C2SP/C2SP/blob/main/XAES-256-GCM.md): the first half of the nonce picks an AES-256-GCM
 * key by a CMAC-based KDF (NIST SP 800-108r1), the second half is the nonce under it.
 *
 * @module
 */

/** Encrypts whole 16-byte blocks under one AES-256 key, each by itself. */
export type BlockCipher = (blocks: Uint8Array) => Uint8Array;

/** Bytes of the nonce that select the key; the rest is the AES-GCM nonce. */
export const XAES_KEY_NONCE_BYTES = 12;

/** Bytes of an AES-256-GCM key. */
const KEY = 32;

/**
 * The AES-256-GCM keys for 24-byte nonces under one key, one behind the other: the key schedule is computed once for all. The caller wipes
 * them.
 */
export function xaesKeys(aes: BlockCipher, nonces: readonly Uint8Array[]): Uint8Array {
  const subkey = doubled(aes(new Uint8Array(16)));
  const blocks = new Uint8Array(KEY * nonces.length);
  for (const [index, nonce] of nonces.entries()) {
    for (const counter of [1, 2]) {
      const at = KEY * index + 16 * (counter - 1);
      blocks.set([0, counter, 0x58, 0], at); // counter(2) ‖ "X" ‖ 0
      blocks.set(nonce.subarray(0, XAES_KEY_NONCE_BYTES), at + 4);
      for (let i = 0; i < 16; i++) blocks[at + i] = (blocks[at + i] as number) ^ (subkey[i] as number);
    }
  }
  subkey.fill(0);
  const keys = aes(blocks);
  blocks.fill(0);
  return keys;
}

/** Doubling in GF(2^128), the first CMAC subkey (NIST SP 800-38B §6.1), in place and without a branch on secret bits. */
function doubled(block: Uint8Array): Uint8Array {
  const carry = (block[0] as number) >> 7;
  for (let i = 0; i < 15; i++) block[i] = ((block[i] as number) << 1) | ((block[i + 1] as number) >> 7);
  block[15] = ((block[15] as number) << 1) ^ (0x87 & -carry);
  return block;
}
