/** What the micro benchmarks do with a candidate. Each function is called with a whole batch. */
export interface Codec {
  /** Batches that are tried; a candidate that takes one value at a time has `[1]`. */
  readonly batches: readonly number[];
  /** Texts to what a database stores, and back. */
  readonly cipher?: {
    encrypt(texts: readonly string[]): Stored | Promise<Stored>;
    decrypt(stored: Stored): readonly string[] | Promise<readonly string[]>;
  };
  /** Terms of a blind index. */
  index?(texts: readonly string[]): readonly string[];
}

/** Values as a database stores them. */
export type Stored = readonly unknown[];

/** A codec of a candidate that takes one value at a time, without waiting. */
export function single(encrypt: (text: string) => unknown, decrypt: (stored: never) => string): Codec {
  return {
    batches: [1],
    cipher: {
      encrypt: (texts) => [encrypt(texts[0] as string)],
      decrypt: (stored) => [decrypt(stored[0] as never)],
    },
  };
}

/** A codec of a candidate that takes one value at a time and makes its caller wait. */
export function singleAsync(
  encrypt: (text: string) => Promise<unknown>,
  decrypt: (stored: never) => Promise<string>,
): Codec {
  return {
    batches: [1],
    cipher: {
      encrypt: async (texts) => [await encrypt(texts[0] as string)],
      decrypt: async (stored) => [await decrypt(stored[0] as never)],
    },
  };
}
