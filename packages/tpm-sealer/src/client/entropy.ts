import { createECDH, type ECDH, randomBytes } from 'node:crypto';

/** Where nonces, keys and secrets come from. Tests replay recorded exchanges with one that repeats itself. */
export interface Entropy {
  /** Unpredictable bytes. */
  bytes(length: number): Buffer;
}

/** The system's generator. */
export const systemEntropy: Entropy = { bytes: (length) => randomBytes(length) };

/** An ephemeral key on P-256. */
export function ephemeralKey(entropy: Entropy): ECDH {
  const key = createECDH('prime256v1');
  for (;;) {
    const scalar = entropy.bytes(32);
    try {
      key.setPrivateKey(scalar);
      return key;
    } catch {
      // Zero, or not below the order of the curve: once in 2^32.
    } finally {
      scalar.fill(0);
    }
  }
}
