/** Behaviour of a cipher suite, as data. */
export interface Suite {
  /** Name of the AEAD. */
  readonly name: string;
  /**
   * Messages that one key may encrypt. Both suites draw nonces of 192 random bits, which allow far more (2^80 messages at a
   * collision chance of 2^-33); the bound keeps the count exact in a JavaScript number.
   */
  readonly maxMessages: number;
}

/** Identifier of a suite: the first byte of a cell and of a wrapped key. */
export type SuiteId = 0x11 | 0x12;

/** XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), the default. */
export const XCHACHA20_POLY1305 = 0x11;

/** XAES-256-GCM (C2SP), for policies that allow AES only. */
export const XAES_256_GCM = 0x12;

/** The suites of format version 1. 0x13 to 0x1f are reserved. */
export const SUITES: Readonly<Record<SuiteId, Suite>> = {
  [XCHACHA20_POLY1305]: { name: 'XChaCha20-Poly1305', maxMessages: 2 ** 48 },
  [XAES_256_GCM]: { name: 'XAES-256-GCM', maxMessages: 2 ** 48 },
};

/** Whether a byte names a known suite. */
export function isSuite(byte: unknown): byte is SuiteId {
  return byte === XCHACHA20_POLY1305 || byte === XAES_256_GCM;
}
