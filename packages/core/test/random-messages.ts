import { createHash } from 'node:crypto';
import type { AeadMessage } from '../src/aead/engine.ts';
import type { SuiteId } from '../src/suite.ts';

/** A stream of bytes from a seed, so that a failure can be repeated. */
export class SeededBytes {
  readonly #seed: string;
  #count = 0;
  #block = new Uint8Array(0);
  #used = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      if (this.#used === this.#block.length) {
        this.#block = createHash('sha512')
          .update(`${this.#seed} ${this.#count++}`)
          .digest();
        this.#used = 0;
      }
      const count = Math.min(length - at, this.#block.length - this.#used);
      bytes.set(this.#block.subarray(this.#used, this.#used + count), at);
      this.#used += count;
      at += count;
    }
    return bytes;
  }

  /** A whole number below `limit`, which is at most 65 536. */
  below(limit: number): number {
    const [high = 0, low = 0] = this.bytes(2);
    return (high * 256 + low) % limit;
  }
}

/** A message with random key, nonce and data, and up to 90 bytes of AAD. */
export function randomMessage(source: SeededBytes, length: number, suite: SuiteId = 0x11): AeadMessage {
  return {
    suite,
    key: source.bytes(32),
    nonce: source.bytes(24),
    aad: source.bytes(source.below(91)),
    data: source.bytes(length),
  };
}
