import { randomFillSync } from 'node:crypto';
import { copyBytes } from '../bytes.ts';
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
    const nonce = new Uint8Array(NONCE_BYTES);
    this.fill(nonce, 0, NONCE_BYTES);
    return nonce;
  }

  /** Writes fresh nonces to `target`, one after another; from `from` to `to` there is room for a whole number of them. */
  fill(target: Uint8Array, from: number, to: number): void {
    const now = performance.now();
    if (now - this.#used > IDLE_MS) this.clear();
    this.#used = now;
    const pool = this.#pool;
    for (let at = from; at < to; ) {
      if (this.#next >= pool.length) {
        randomFillSync(pool);
        this.#next = 0;
      }
      const count = Math.min(to - at, pool.length - this.#next);
      copyBytes(target, at, pool, this.#next, this.#next + count);
      this.#next += count;
      at += count;
    }
  }

  /** Throws away what is left. */
  clear(): void {
    this.#next = this.#pool.length;
  }
}
