import type { ErrorCode } from './errors.ts';
import type { FieldSpec } from './field-spec.ts';

/** A cell that was opened, as the one who watches sees it: still encrypted. */
export interface WatchedCell {
  readonly spec: FieldSpec;
  /** As the column gives it: text, or the bytes of a Bytes column. */
  readonly stored: unknown;
}

/**
 * Watches what a cipher opens, from outside: honey cells and breakers are made of it. It never sees a plaintext or a key. All of it is called
 * once per batch, in the calls of the query, and has to be quick.
 */
export interface ReadWatch {
  /**
   * Before a batch is opened. Whatever it throws refuses the batch: no value of it is opened. A batch may be asked about twice.
   *
   * @param count - number of stored values. Not the values themselves: nobody knows yet whether they are cells
   */
  admit?(count: number): void;
  /** The whole batch was opened. */
  opened?(cells: readonly WatchedCell[]): void;
  /** A value of a batch was refused; it may be one to encrypt. */
  failed?(code: ErrorCode): void;
}
