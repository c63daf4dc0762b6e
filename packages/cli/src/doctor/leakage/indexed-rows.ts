/**
 * Reads the rows of an index: its terms, and the values behind them. Values are decrypted row by row, turned into labels and dropped.
 *
 * @module
 */
import {
  type BoundColumn,
  canonicalText,
  FieldCipher,
  type FieldSpec,
  type IndexSpec,
  isFieldsealError,
  type KeyView,
} from '@fieldseal/core';
import type { BoundFieldMap, EncryptedFieldMap, IndexMap } from '@fieldseal/prisma/internal';
import type { Database, Row } from '../database.ts';
import type { Dialect, Statement } from '../dialect.ts';
import { tableOf } from '../row-counts.ts';
import type { NamedModel } from '../structure-check.ts';
import { type LabelledTerm, Labeller } from './labels.ts';
import { ObservationBuilder } from './observations.ts';

/** A field that an index is made of. */
export interface IndexSource {
  readonly spec: FieldSpec;
  /** Fields of the row that its cells are bound to. */
  readonly bind: readonly (readonly [field: string, map: BoundFieldMap])[];
}

/** An index of a model, and what it is made of. */
export interface IndexedColumn {
  readonly model: NamedModel;
  readonly map: IndexMap;
  readonly spec: IndexSpec;
  readonly sources: readonly IndexSource[];
}

/** What was read. */
export interface IndexedRows {
  /** Rows with a value, or where the terms themselves are read, with a term. */
  readonly rows: number;
  /** Rows of each term, in no order. */
  readonly termCounts: Iterable<number>;
  /** Terms with the labels of their values; null without a key. */
  readonly observed: ObservationBuilder | null;
  /** Rows whose cells do not open, which are left out. */
  readonly unreadable: number;
}

/** More than any cell has. */
const WHOLE = 2 ** 31 - 1;

/**
 * Reads the first rows that the database gives. Terms of kinds that have one a row are those that are stored; of kinds that have many, which
 * may lie in another table, they are made anew from the values.
 *
 * @param view - null when the keyring cannot be opened: then stored terms alone are counted
 * @throws DatabaseProblem
 */
export async function readIndex(
  database: Database,
  column: IndexedColumn,
  view: KeyView | null,
  limit: number,
): Promise<IndexedRows> {
  const { many } = column.spec;
  if (many && view === null) return { rows: 0, termCounts: [], observed: null, unreadable: 0 };
  const stored = await database.rows(selectRows(database.dialect, column, view !== null, limit));
  const counts = new Map<string, number>();
  const observed = view === null ? null : new ObservationBuilder();
  const reader = view === null ? null : new RowReader(view, column);
  let unreadable = 0;
  for (const [at, row] of stored.entries()) {
    if (!many) count(counts, String(row[0]));
    if (reader === null) continue;
    const labelled = reader.read(many ? row : row.slice(1));
    if (labelled === null) unreadable++;
    for (const { term, label } of labelled ?? []) {
      if (many) count(counts, term);
      observed?.add(at, many ? term : String(row[0]), label);
    }
  }
  return { rows: stored.length, termCounts: counts.values(), observed, unreadable };
}

function count(counts: Map<string, number>, term: string): void {
  counts.set(term, (counts.get(term) ?? 0) + 1);
}

/** The stored term, if it is one, then the cells of the sources, each with the columns that it is bound to. */
function selectRows(
  dialect: Dialect,
  { model: { map, columnOf }, map: index, spec, sources }: IndexedColumn,
  values: boolean,
  limit: number,
): Statement {
  const cells = sources.flatMap((source) => {
    const { dbName, column } = map.encrypted[source.spec.field] as EncryptedFieldMap;
    const cell = dialect.quote(dbName);
    const bound = source.bind.map(([field]) => dialect.text(dialect.quote(columnOf.get(field) ?? field)));
    return [column === 'Bytes' ? dialect.head(column, cell, WHOLE) : dialect.value(column, cell), ...bound];
  });
  const first = spec.many ? cells[0] : dialect.quote(index.dbName);
  const columns = [...(spec.many ? [] : [first]), ...(values ? cells : [])];
  return {
    sql: `SELECT ${columns.join(', ')} FROM ${tableOf(dialect, map)} WHERE ${first} IS NOT NULL LIMIT ${limit}`,
    args: [],
  };
}

/** Decrypts the cells of rows. */
class RowReader {
  readonly #cipher = new FieldCipher();
  readonly #view: KeyView;
  readonly #column: IndexedColumn;
  readonly #labeller: Labeller;

  constructor(view: KeyView, column: IndexedColumn) {
    this.#labeller = new Labeller(view, column.spec);
    this.#view = view;
    this.#column = column;
  }

  /** Null for a row that does not open. */
  read(row: Row): readonly LabelledTerm[] | null {
    const { sources } = this.#column;
    try {
      let at = 0;
      const fields = sources.map((source) => {
        const [stored, ...bound] = row.slice(at, at + 1 + source.bind.length);
        at += 1 + source.bind.length;
        const binding = source.bind.length === 0 ? null : bindingOf(source.bind, bound);
        return { spec: source.spec, stored: storedCell(source.spec, stored), binding };
      });
      if (fields.some(({ stored }) => stored === null)) return null;
      const values = this.#cipher.read(this.#view, fields);
      return values === null ? null : this.#labeller.of(values);
    } catch (error) {
      if (isFieldsealError(error)) return null;
      throw error;
    }
  }
}

function storedCell({ column }: FieldSpec, stored: unknown): unknown {
  return column === 'Bytes' && stored !== null ? Buffer.from(String(stored), 'hex') : (stored ?? null);
}

/** Bound values come as text, and are canonical as their own types. */
function bindingOf(bind: IndexSource['bind'], values: readonly unknown[]): readonly BoundColumn[] {
  return bind.map(([field, { type }], at): BoundColumn => {
    const text = String(values[at]);
    return [field, canonicalText(type, type === 'Int' ? Number(text) : type === 'BigInt' ? BigInt(text) : text)];
  });
}
