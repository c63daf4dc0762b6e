/** What another system encrypted: text, or bytes. */
export type LegacyPlaintext = string | Uint8Array;

/**
 * Opens values that another system encrypted, while rows move from it to Fieldseal. It only reads.
 *
 * A reader never guesses: what it does not open is an error, and never plaintext.
 */
export interface LegacyReader {
  /** Names the format and everything that decides how it is read, without any secret: workers of one job must agree on it. */
  readonly format: string;
  /** Whether a stored value has the form of this format. Needs no key. */
  recognizes(stored: LegacyPlaintext): boolean;
  /**
   * The plaintext of a value that is recognized.
   *
   * @throws ERR_DECRYPT when it does not open, ERR_KEY_UNKNOWN when it names a key that is not given, ERR_CELL_FORMAT when it is damaged
   * in its form, ERR_VALUE when what is in it cannot be served
   */
  open(stored: LegacyPlaintext): LegacyPlaintext;
}

/** The same for a system that is asked over a network, many values at a time. */
export interface RemoteLegacyReader {
  readonly format: string;
  recognizes(stored: LegacyPlaintext): boolean;
  /**
   * For each value its plaintext, or the error that lies in it, in the same order. Rejects when nothing can be opened now, as when the
   * system is away.
   */
  openAll(stored: readonly LegacyPlaintext[]): Promise<readonly (LegacyPlaintext | Error)[]>;
}
