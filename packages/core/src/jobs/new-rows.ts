import type { StoredTerms } from '../blind-index/index-terms.ts';
import type { BoundColumn } from '../context.ts';
import { FieldsealError } from '../errors.ts';
import type { FieldCipher } from '../field-cipher.ts';
import { APPLICATION_SCOPE, type KeySource } from '../keyring/key-view.ts';
import { byScope } from './row-scopes.ts';
import type { JobField, JobRow, RowKey, RowSource } from './row-source.ts';
import { termsOf } from './row-terms.ts';
import { RowValue } from './row-values.ts';
import { seal } from './row-work.ts';

/** A row that is to be written, with its values in plaintext. */
export interface NewRow {
  readonly key: RowKey;
  /** Whose keys its cells will be under; the empty text for the application's. */
  readonly scope: string;
  /** What the cipher encrypts, of each field of the source; a list of such where the field is one, null for NULL. */
  readonly values: readonly unknown[];
  readonly bound: readonly (BoundColumn | null)[];
}

/** What a new row stores. */
export interface SealedRow {
  /** Of each field of the source. */
  readonly cells: readonly unknown[];
  /** Of each column of terms, as {@link JobRow.terms}. */
  readonly terms: readonly StoredTerms[];
}

/**
 * Encrypts rows that are not in the database yet, and computes the terms of their indexes. A scope that has no keys gets them, as by the first write
 * of an application.
 *
 * @param places - columns of terms that a row has
 * @throws ERR_VALUE, ERR_BINDING, and what resolving keys throws, for the first value that cannot be encrypted
 */
export async function sealRows(
  cipher: FieldCipher,
  keys: KeySource,
  { fields, scope }: Pick<RowSource, 'fields' | 'scope'>,
  rows: readonly NewRow[],
  places: number,
): Promise<readonly SealedRow[]> {
  const blank = blankTerms(fields, places);
  const sealed = rows.map(({ values }) => ({ cells: [...values], terms: [...blank], changed: false }));
  const values = rows.flatMap(({ key, scope: own, values: given, bound }, at) => {
    const row: JobRow = { key, scope: own, cells: given, terms: blank, bound, witness: null };
    return fields.flatMap((field, column) => valuesIn(row, at, field, column, given[column]));
  });
  const draftOf = ({ at }: RowValue): (typeof sealed)[number] => sealed[at] as (typeof sealed)[number];
  for (const { view, values: own } of await byScope(keys, NEW_KEYS, values, scope === APPLICATION_SCOPE)) {
    seal({ cipher, view, values: own, draftOf });
    termsOf(view, own, (value, at, terms) => {
      draftOf(value).terms[at] = terms;
    });
  }
  for (const { fault, field } of values) {
    const { model, field: name } = field.form.spec;
    if (fault !== null) throw new FieldsealError(fault, 'a value cannot be encrypted', { model, field: name });
  }
  return sealed;
}

/** Keys are resolved as by a backfill, under whichever key is the primary. */
const NEW_KEYS = { kind: 'backfill', target: null } as const;

function valuesIn(row: JobRow, at: number, field: JobField, column: number, given: unknown): RowValue[] {
  if (given === null || given === undefined) return [];
  const made = (value: unknown, element: number | null): RowValue => {
    const one = new RowValue(row, at, field, column, element, null);
    one.value = value;
    one.opened = true;
    return one;
  };
  return field.list ? (given as readonly unknown[]).map(made) : [made(given, null)];
}

/** The terms of a row that has no values. */
function blankTerms(fields: readonly JobField[], places: number): StoredTerms[] {
  const terms = Array.from({ length: places }, (): StoredTerms => null);
  for (const { spec, at } of fields.flatMap(({ indexes }) => indexes)) if (spec.many) terms[at] = [];
  return terms;
}
