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

/** Texts of cells that are to be opened at once: columns, with an item for each, since an object for each would take as long as opening it. */
export interface ReadBatch {
  readonly stored: readonly string[];
  /** 32 bytes each, borrowed for the call. */
  readonly keys: readonly Uint8Array[];
  /** The header that each cell must have, which is that of its key: no other cell is tried under it. 9 bytes each. */
  readonly headers: readonly Uint8Array[];
  /** What is authenticated; null for the header alone. */
  readonly aads: readonly (Uint8Array | null)[];
  /** Whether the field is a String: its plaintext may then come as text. */
  readonly text: readonly boolean[];
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
   * What the cells of these texts hold, as {@link open} gives it. Null for one that does not open, is no cell or has another header, and for
   * any that stand beside such a text, or beside one that the engine does not take: {@link parse} and {@link open} tell what is wrong.
   */
  read(batch: ReadBatch): (string | Uint8Array | null)[];
}
