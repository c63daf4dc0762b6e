import { type RowToIndex, type StoredTerms, searchTerms, storedTerms } from '../blind-index/index-terms.ts';
import { type IndexRoot, indexRootOf, type KeyView } from '../keyring/key-view.ts';
import type { JobIndex } from './row-source.ts';
import { type RowValue, together } from './row-values.ts';

/** Terms that a column of a row is to have. */
interface WantedTerms {
  /** The value of the first field of the index, which the row is known by. */
  readonly value: RowValue;
  /** Place of the column among those of terms. */
  readonly at: number;
  /** Null where the column has none of this row. */
  readonly root: IndexRoot | null;
  readonly row: RowToIndex;
}

/**
 * Computes what a write would put beside the values of a batch that were opened, column by column: terms of the primary index root, and in second columns
 * those of the other one, or NULL.
 *
 * @param took - called with each; a column that a term of its value is in already, whichever partition it is of, gets what it holds
 */
export function termsOf(
  view: KeyView,
  values: readonly RowValue[],
  took: (value: RowValue, at: number, terms: StoredTerms) => void,
): void {
  const found = new Map(values.map((value) => [placeOf(value.at, value.column), value]));
  const wanted = values.flatMap((value) => {
    if (!value.opened || value.fault !== null) return [];
    return value.field.indexes.flatMap((index) => {
      const sources = index.sources.map((column) => found.get(placeOf(value.at, column)));
      // A value that did not open sets its row apart: nothing is written to it.
      if (sources.some((source) => source !== undefined && (!source.opened || source.fault !== null))) return [];
      const given = sources.map((source) => (source === undefined ? null : source.value));
      return columnsOf(view, index).map(([{ spec, at }, root]): WantedTerms => {
        return { value, at, root, row: { index: spec, values: given } };
      });
    });
  });
  together(
    wanted,
    (batch) => {
      const computed = computeAll(batch);
      for (const [at, terms] of computed.entries()) {
        const { value, at: column } = batch[at] as WantedTerms;
        took(value, column, terms);
      }
    },
    ({ value }, error) => value.blame(error),
  );
}

/** Whether a column holds these terms. */
export function sameTerms(a: StoredTerms, b: StoredTerms): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function placeOf(row: number, column: number): string {
  return `${row} ${column}`;
}

/** The columns of an index with the roots whose terms they have. */
function columnsOf(view: KeyView, index: JobIndex): (readonly [Pick<JobIndex, 'spec' | 'at'>, IndexRoot | null])[] {
  if (index.second === null) return [[index, view.indexRoot]];
  return [
    [index, indexRootOf(view, 'odd')],
    [index.second, indexRootOf(view, 'even')],
  ];
}

/** In one batch for each root. */
function computeAll(batch: readonly WantedTerms[]): StoredTerms[] {
  const computed = batch.map((): StoredTerms => null);
  for (const root of new Set(batch.map((wanted) => wanted.root))) {
    if (root === null) continue;
    const places = batch.flatMap((wanted, at) => (wanted.root === root && !isCurrent(wanted, root) ? [at] : []));
    const rows = places.map((at) => (batch[at] as WantedTerms).row);
    for (const [order, terms] of storedTerms(root, rows).entries()) computed[places[order] as number] = terms;
  }
  for (const [at, wanted] of batch.entries()) {
    if (wanted.root !== null && isCurrent(wanted, wanted.root)) computed[at] = held(wanted);
  }
  return computed;
}

/** Whether a term of a partition is right: any that a search looks for is. */
function isCurrent(wanted: WantedTerms, root: IndexRoot): boolean {
  const { index, values } = wanted.row;
  if (index.partitions === 1 || values.includes(null)) return false;
  const equals = values.length === 1 ? values[0] : values;
  const term = held(wanted);
  return typeof term === 'string' && searchTerms(root, index, { equals })?.terms.includes(term) === true;
}

function held({ value, at }: WantedTerms): StoredTerms {
  return value.row.terms[at] ?? null;
}
