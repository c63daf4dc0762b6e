import { createCipheriv, createHash } from 'node:crypto';

const ZEROS = Buffer.alloc(1 << 12);

/**
 * Evenly distributed 32-bit numbers that are the same for the same seed: the key stream of AES-128 in counter mode, so that experiments can
 * be repeated. Nothing secret is made of them.
 *
 * @param seed - any text
 */
export function seededNumbers(seed: string): () => number {
  const key = createHash('sha256').update(seed).digest().subarray(0, 16);
  const stream = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  let block = Buffer.alloc(0);
  let at = 0;
  return () => {
    if (at === block.length) {
      block = stream.update(ZEROS);
      at = 0;
    }
    at += 4;
    return block.readUInt32LE(at - 4);
  };
}
