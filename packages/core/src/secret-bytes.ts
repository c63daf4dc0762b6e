import { randomFillSync, timingSafeEqual } from 'node:crypto';
import { FieldsealError } from './errors.ts';

/**
 * The only holder of key bytes. It shows nothing when it is logged, inspected or made JSON (the bytes are a private member, which
 * util.inspect does not see), and it can be wiped.
 *
 * Wiping is best effort: JavaScript cannot promise that the engine or the operating system kept no other copy.
 */
export class SecretBytes {
  #bytes: Uint8Array | null;

  private constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Takes ownership of `bytes`: the caller must not use or keep them afterwards, since {@link wipe} overwrites them. */
  static take(bytes: Uint8Array): SecretBytes {
    return new SecretBytes(bytes);
  }

  /** Random bytes of the system's generator, in memory of their own. */
  static random(length: number): SecretBytes {
    return new SecretBytes(randomFillSync(new Uint8Array(length)));
  }

  /** Copies `bytes`, which stay the caller's to wipe. */
  static copy(bytes: Uint8Array): SecretBytes {
    return new SecretBytes(Uint8Array.from(bytes));
  }

  /** Number of bytes; 0 after {@link wipe}. */
  get length(): number {
    return this.#bytes?.length ?? 0;
  }

  /** Whether {@link wipe} was called. */
  get wiped(): boolean {
    return this.#bytes === null;
  }

  /**
   * The bytes themselves, not a copy. The name is there to be searched for: every use is a place where a key is in the open.
   *
   * @throws ERR_KEY_WIPED after {@link wipe}
   */
  expose(): Uint8Array {
    if (this.#bytes === null) throw new FieldsealError('ERR_KEY_WIPED', 'the key was wiped from memory');
    return this.#bytes;
  }

  /** Compares in constant time for equal lengths. */
  equals(other: SecretBytes): boolean {
    const [a, b] = [this.expose(), other.expose()];
    return a.length === b.length && timingSafeEqual(a, b);
  }

  /** Overwrites the bytes with zeros and forgets them. Calling it again does nothing. */
  wipe(): void {
    this.#bytes?.fill(0);
    this.#bytes = null;
  }

  /** Never the bytes. */
  toString(): string {
    return '[secret]';
  }

  /** Never the bytes. */
  toJSON(): string {
    return '[secret]';
  }
}
