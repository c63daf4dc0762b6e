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

/** The 32-byte AES-256-GCM key for a 24-byte nonce. The caller wipes it. */
export function xaesKey(aes: BlockCipher, nonce: Uint8Array): Uint8Array {
  const subkey = doubled(aes(new Uint8Array(16)));
  const blocks = new Uint8Array(32);
  for (const counter of [1, 2]) {
    const block = blocks.subarray(16 * (counter - 1), 16 * counter);
    block.set([0, counter, 0x58, 0]); // counter(2) ‖ "X" ‖ 0
    block.set(nonce.subarray(0, XAES_KEY_NONCE_BYTES), 4);
    for (let i = 0; i < 16; i++) block[i] = (block[i] as number) ^ (subkey[i] as number);
  }
  subkey.fill(0);
  const key = aes(blocks);
  blocks.fill(0);
  return key;
}

/** Doubling in GF(2^128), the first CMAC subkey (NIST SP 800-38B §6.1), in place and without a branch on secret bits. */
function doubled(block: Uint8Array): Uint8Array {
  const carry = (block[0] as number) >> 7;
  for (let i = 0; i < 15; i++) block[i] = ((block[i] as number) << 1) | ((block[i + 1] as number) >> 7);
  block[15] = ((block[15] as number) << 1) ^ (0x87 & -carry);
  return block;
}
