/** A row as the database holds it: cells stay cells. */
export interface StoredRow {
  /** Values of the key, as texts, in the order of the key. */
  readonly key: readonly string[];
  /** Every column by its name in the database, as text, or null. */
  readonly columns: Readonly<Record<string, string | null>>;
  /** The tenant of the row, where its model names one. */
  readonly scope?: string;
  /** Key ids of its cells, each once. */
  readonly keyIds: readonly string[];
}

/** A row to be written, and what is there now; null for nothing. */
export interface StoredRowChange {
  readonly row: StoredRow;
  readonly before: StoredRow | null;
}

/** Whole rows of a database, by model, for backups. */
export interface RowPort {
  readonly models: readonly string[];
  /** All rows of a model, each once, without holding them in memory. */
  read(model: string): AsyncIterable<StoredRow>;
  /** The rows with these keys, in any order; those that are not there are left out. */
  find(model: string, keys: readonly (readonly string[])[]): Promise<readonly StoredRow[]>;
  /**
   * Writes rows whole, all of them or none.
   *
   * @throws ERR_ROW_REFUSED when the database does not take a row as it is, or a row is another one meanwhile than `before` says
   */
  write(model: string, changes: readonly StoredRowChange[]): Promise<void>;
}
