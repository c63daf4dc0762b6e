import type { SuiteId } from '../suite.ts';
import type { CellEngine } from './cell-engine.ts';

/** One message of a batch. Every message has a key, a nonce and AAD of its own. */
export interface AeadMessage {
  readonly suite: SuiteId;
  /** 32 bytes, borrowed for the call. */
  readonly key: Uint8Array;
  /** 24 bytes, never used before under the key. */
  readonly nonce: Uint8Array;
  readonly aad: Uint8Array;
  /** Plaintext to encrypt, or ciphertext ‖ tag to decrypt. Never changed. */
  readonly data: Uint8Array;
}

/** Names of the engines. */
export type EngineName = 'noble' | 'native' | 'simd';

/**
 * Does the AEADs of spec/format.md §1 on batches, synchronously. All engines give the same bytes; they differ in speed only.
 */
export interface AeadEngine {
  readonly name: EngineName;
  /** Its own way to make and open whole cells, where it has one that is faster than message by message. */
  readonly cells?: CellEngine;
  /** Ciphertext ‖ tag of each message, in order. Does not throw on valid input. */
  encrypt(batch: readonly AeadMessage[]): Uint8Array[];
  /** Plaintext of each message, in order; null for one that fails authentication, whatever the reason. Does not throw. */
  decrypt(batch: readonly AeadMessage[]): (Uint8Array | null)[];
}
