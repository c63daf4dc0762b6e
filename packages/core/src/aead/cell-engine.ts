import type { Cell } from '../cell.ts';
import type { SuiteId } from '../suite.ts';
import type { NoncePool } from './nonce-pool.ts';

/** A plaintext that becomes a cell. */
export interface SealJob {
  /** 32 bytes, borrowed for the call. */
  readonly key: Uint8Array;
  /** What is authenticated; null for the header alone. */
  readonly aad: Uint8Array | null;
  /** Bytes, which are never changed, or the text of an unpadded String (spec/format.md §3), well-formed. */
  readonly plaintext: Uint8Array | string;
  /** Whether the cell is wanted as text; else as bytes. */
  readonly text: boolean;
}

/** A cell that is to be opened. */
export interface OpenJob {
  /** 32 bytes, borrowed for the call. */
  readonly key: Uint8Array;
  readonly cell: Cell;
  /** What is authenticated; null for the header alone. */
  readonly aad: Uint8Array | null;
  /** Whether the field is a String: its plaintext may then come as text. */
  readonly text: boolean;
}

/** The text of a cell that is to be opened at once. */
export interface ReadJob extends Omit<OpenJob, 'cell'> {
  readonly stored: string;
  /** The header that the cell must have, which is that of the key: no other cell is tried under it. 9 bytes. */
  readonly header: Uint8Array;
}

/** Makes, reads and opens whole cells, in batches and synchronously. Every engine gives the same cells. */
export interface CellEngine {
  /** Cells of plaintexts under one suite and header, in order, each with a fresh nonce. */
  seal(suite: SuiteId, header: Uint8Array, jobs: readonly SealJob[], nonces: NoncePool): (string | Uint8Array)[];
  /** The cells that these texts are, in order; null for one that `decodeCell` has to judge. */
  parse(texts: readonly string[]): (Cell | null)[];
  /**
   * What the cells hold, in order: null for one that does not open, whatever the reason. Bytes are the caller's to wipe; text is given only
   * for a String without padding, in valid UTF-8.
   */
  open(jobs: readonly OpenJob[]): (string | Uint8Array | null)[];
  /**
   * What the cells of these texts hold, as {@link open} gives it; null also for a text that is no cell or has another header, and
   * for one that stands beside such a text. Reading them again by {@link parse} and {@link open} tells what is wrong.
   */
  read(jobs: readonly ReadJob[]): (string | Uint8Array | null)[];
}
