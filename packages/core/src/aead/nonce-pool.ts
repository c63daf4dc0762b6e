import { randomFillSync } from 'node:crypto';
import { NONCE_BYTES } from '../cell.ts';

/** Nonces per filling: one call of the system's generator costs as much as dozens of nonces, and a small pool is little to clone. */
const NONCES = 170;

/** A pool left alone for so long is thrown away, in ms: a snapshot of the process taken meanwhile must not hand it out twice. */
const IDLE_MS = 1000;

/**
 * Random nonces from a pool. Nonces are public and need only to be unique; what the pool must never do is hand one out twice.
 *
 * It is empty until the first use, moves forward only, and forgets what is left after a second of rest. A virtual machine that is cloned
 * while it encrypts still shares the pool, and perhaps the state of the generator behind it: no library can mend that.
 */
export class NoncePool {
  readonly #pool = new Uint8Array(NONCES * NONCE_BYTES);
  #next: number = this.#pool.length;
  #used = 0;

  /** A fresh 24-byte nonce, in memory of its own. */
  take(): Uint8Array {
    const now = performance.now();
    if (this.#next >= this.#pool.length || now - this.#used > IDLE_MS) {
      randomFillSync(this.#pool);
      this.#next = 0;
    }
    this.#used = now;
    const nonce = this.#pool.slice(this.#next, this.#next + NONCE_BYTES);
    this.#next += NONCE_BYTES;
    return nonce;
  }

  /** Throws away what is left. */
  clear(): void {
    this.#next = this.#pool.length;
  }
}
