import type { StoredTerms } from '../blind-index/index-terms.ts';
import type { BoundColumn } from '../context.ts';
import type { FieldSpec, IndexSpec } from '../field-spec.ts';
import type { SqlDatabase, SqlSession } from './sql.ts';

/** What names a row: the canonical texts of the columns of its key, in the order of the key. */
export type RowKey = readonly string[];

/** Plaintext of a field that is not encrypted in every row. */
export interface PlaintextCodec {
  /** Whether a stored value is plaintext. Whatever begins as a cell does is none, so that a damaged cell is never taken for data. */
  is(stored: unknown): boolean;
  /** The value that the cipher encrypts. Throws ERR_VALUE_TYPE when it is not of the field's type. */
  read(stored: unknown): unknown;
  /** What the column stores for a value that the cipher decrypted. */
  write(value: unknown): unknown;
  /** Names what the values were written by, where that is not plaintext: workers of one job must agree on it. */
  readonly origin?: string;
}

/** How the cells of a field are written. */
export interface CellForm {
  readonly spec: FieldSpec;
  /** Places in {@link JobRow.bound} of the columns that the cell is bound to; empty for none. */
  readonly bind: readonly number[];
}

/** An index with the places of its terms in {@link JobRow.terms}. */
export interface JobIndex {
  readonly spec: IndexSpec;
  readonly at: number;
  /** The column that has the terms of index roots of even versions, where `at` has those of odd ones only; null for an index of one column. */
  readonly second: { readonly spec: IndexSpec; readonly at: number } | null;
  /** Places of its fields in {@link RowSource.fields}. */
  readonly sources: readonly number[];
}

/** A field that a job works on. */
export interface JobField {
  /** How its cells are to be. */
  readonly form: CellForm;
  /** How they were until now, or null where nothing but the key changes. */
  readonly before: CellForm | null;
  /** Whether the column is a list, whose elements are cells. */
  readonly list: boolean;
  /** Whether plaintext is allowed in it (`mode: migrating`). */
  readonly migrating: boolean;
  /** Whether the application writes plaintext to it (`mode: leaving`), so that no job encrypts it. */
  readonly leaving: boolean;
  /** The longest cell that the column takes, in characters or bytes, or null. */
  readonly limit: number | null;
  /** Its indexes that no job here can write: over a field that the job leaves out, or with a table of terms that does not point to the row's key. */
  readonly outOfReach: readonly string[];
  /** Its indexes; one over several fields is that of the first of them. */
  readonly indexes: readonly JobIndex[];
  readonly plaintext: PlaintextCodec;
}

/** A row as a job reads it. */
export interface JobRow {
  readonly key: RowKey;
  /** Whose keys its cells are under; the empty text for the application's. */
  readonly scope: string;
  /** What the columns of the job's fields hold: text, bytes, a parsed JSON value, a list of such, or null. */
  readonly cells: readonly unknown[];
  readonly terms: readonly StoredTerms[];
  /** Columns that cells are bound to; null where the column is NULL. */
  readonly bound: readonly (BoundColumn | null)[];
  /** The same as the source read it. Only the source looks into it, to compare it when the row is written. */
  readonly witness: unknown;
}

/** New content of a row. What stays as it is stands in it as it was. */
export interface RowChange {
  readonly row: JobRow;
  readonly cells: readonly unknown[];
  readonly terms: readonly StoredTerms[];
}

/** Rows that a pass looks for: those that the job may have left. */
export type Pending =
  | { readonly what: 'all' }
  /** Rows with a value that is not a cell whose text begins so (`fs1:` and the header), or whose bytes do. */
  | { readonly what: 'other-keys'; readonly prefix: string; readonly header: Uint8Array }
  /** Rows with a value that does not begin as a cell does. */
  | { readonly what: 'plaintext' }
  /** Rows with a value that begins as a cell does. */
  | { readonly what: 'cells' };

/** Rows behind `after`, which is left out, up to `upTo`, which is not; null for no end. */
export interface RowRange {
  readonly after: RowKey | null;
  readonly upTo: RowKey | null;
}

/** How many values of a field are under a key. */
export interface CensusLine {
  readonly field: string;
  /** Key id, `plaintext`, or `damaged` for what begins as a cell and is none. */
  readonly key: string;
  readonly values: number;
}

/**
 * The rows of one model, in the order of a key that never changes. Implementations pass the contract suite of @fieldseal/testkit.
 *
 * A source writes nothing but the columns of the job's fields and of their terms: no trigger of an ORM, no `updatedAt`.
 */
export interface RowSource {
  readonly model: string;
  /** The scope of all its rows; null where each row names its own. */
  readonly scope: string | null;
  readonly fields: readonly JobField[];
  readonly database: SqlDatabase;
  /** Ends of ranges of about `rows` rows each, in order, with the number of rows in them; the last has no end. */
  ranges(rows: number): AsyncIterable<{ readonly upTo: RowKey | null; readonly rows: number }>;
  /** Up to `limit` rows of a range, in the order of the key. A row that fits `pending` is never left out; others may come too. */
  read(session: SqlSession, range: RowRange, limit: number, pending: Pending): Promise<readonly JobRow[]>;
  /**
   * Compare-and-swap: writes each change if the row still holds what was read, and returns how many did. A row that was changed or
   * deleted meanwhile stays as it is.
   */
  swap(session: SqlSession, changes: readonly RowChange[]): Promise<number>;
  /** Counts the values of every field by key. Elements of lists are counted one by one. */
  census(session: SqlSession): Promise<readonly CensusLine[]>;
  /** Digest (SHA-256, hexadecimal) of all columns that no job writes, over all rows in the order of the key. */
  fingerprint(session: SqlSession): Promise<string>;
}
