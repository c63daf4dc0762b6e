/**
 * The values of a batch of rows: which of them are cells and which plaintext, and what is in them. What cannot be opened is set apart and
 * never stops the rest of the batch.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { Cell } from '../cell.ts';
import type { BoundColumn } from '../context.ts';
import { type ErrorCode, FieldsealError, isFieldsealError } from '../errors.ts';
import type { CellField, FieldCipher, StoredField } from '../field-cipher.ts';
import type { KeyView } from '../keyring/key-view.ts';
import type { CellForm, JobField, JobRow } from './row-source.ts';

/** Errors that lie in a row. Any other one stops the job. */
const OF_ROWS: readonly ErrorCode[] = [
  'ERR_BINDING',
  'ERR_CELL_FORMAT',
  'ERR_DECRYPT',
  'ERR_KEY_DESTROYED',
  'ERR_KEY_DISABLED',
  'ERR_KEY_UNKNOWN',
  'ERR_SCOPE_MISMATCH',
  'ERR_VALUE',
  'ERR_VALUE_TYPE',
];

/** One value of a row: that of a field, or an element of a list. */
export class RowValue {
  readonly row: JobRow;
  /** Place of the row in its batch. */
  readonly at: number;
  readonly field: JobField;
  /** Place of the field in its source. */
  readonly column: number;
  /** Place in the list, or null. */
  readonly element: number | null;
  readonly stored: unknown;
  /** Set when it is a cell by its form. */
  cell: Cell | null = null;
  /** Whether it is plaintext that is allowed there. */
  plain = false;
  /** Code of the error that sets it apart. */
  fault: ErrorCode | null = null;
  /** What is in it, once {@link opened}. */
  value: unknown;
  opened = false;

  constructor(row: JobRow, at: number, field: JobField, column: number, element: number | null, stored: unknown) {
    this.row = row;
    this.at = at;
    this.field = field;
    this.column = column;
    this.element = element;
    this.stored = stored;
  }

  /** What a cell of this value is bound to, written in a form. Throws ERR_BINDING where a column is NULL. */
  binding({ bind, spec }: CellForm): readonly BoundColumn[] | null {
    if (bind.length === 0) return null;
    return bind.map((place) => {
      const bound = this.row.bound[place];
      if (bound != null) return bound;
      throw new FieldsealError('ERR_BINDING', 'a column that a cell is bound to is NULL', spec);
    });
  }

  /** Sets the value apart for an error that lies in it; throws any other. */
  blame(error: unknown): void {
    if (!isFieldsealError(error) || !OF_ROWS.includes(error.code)) throw error;
    this.fault = error.code;
  }

  /** SHA-256 of the cell, in hexadecimal; null for what does not begin as one. */
  get cellHash(): string | null {
    const { stored } = this;
    if (this.field.plaintext.is(stored) || !(typeof stored === 'string' || stored instanceof Uint8Array)) return null;
    return createHash('sha256').update(stored).digest('hex');
  }
}

/** The values of a batch that are not NULL, told apart without any key. */
export function valuesOf(cipher: FieldCipher, rows: readonly JobRow[], fields: readonly JobField[]): RowValue[] {
  const values: RowValue[] = [];
  for (const [at, row] of rows.entries()) {
    for (const [column, field] of fields.entries()) {
      const stored = row.cells[column];
      if (stored === null || stored === undefined) continue;
      if (!field.list || !Array.isArray(stored)) values.push(new RowValue(row, at, field, column, null, stored));
      else
        for (const [place, element] of stored.entries())
          values.push(new RowValue(row, at, field, column, place, element));
    }
  }
  for (const value of values) value.plain = value.field.migrating && value.field.plaintext.is(value.stored);
  parse(
    cipher,
    values.filter(({ plain }) => !plain),
  );
  return values;
}

/** Ids of the keys that cells are under. */
export function keyIdsOf(values: readonly RowValue[]): Set<string> {
  return new Set(values.flatMap(({ cell }) => (cell === null ? [] : [cell.keyId])));
}

/** Opens cells that are written in a form; those that do not open are set apart. */
export function open(
  cipher: FieldCipher,
  view: KeyView,
  values: readonly RowValue[],
  formOf: (value: RowValue) => CellForm = ({ field }) => field.form,
): void {
  const asked: { readonly value: RowValue; readonly cell: CellField }[] = [];
  for (const value of values) {
    if (value.cell === null || value.fault !== null) continue;
    try {
      const form = formOf(value);
      const { spec } = form;
      asked.push({ value, cell: { spec, stored: value.stored, binding: value.binding(form), cell: value.cell } });
    } catch (error) {
      value.blame(error);
    }
  }
  const take = (found: readonly unknown[], at: number, count: number): void => {
    for (let place = 0; place < count; place++) {
      const { value } = asked[at + place] as (typeof asked)[number];
      value.value = found[place];
      value.opened = true;
    }
  };
  together(
    asked,
    (cells, at) =>
      take(
        cipher.decrypt(
          view,
          cells.map(({ cell }) => cell),
        ),
        at,
        cells.length,
      ),
    ({ value }, error) => value.blame(error),
  );
}

function parse(cipher: FieldCipher, values: readonly RowValue[]): void {
  together(
    values,
    (batch) => {
      const fields = batch.map(({ field, stored }): StoredField => ({ spec: field.form.spec, stored, binding: null }));
      for (const [at, { cell }] of cipher.parse(fields).entries()) (batch[at] as RowValue).cell = cell;
    },
    (value, error) => value.blame(error),
  );
}

/** Does work for all items at once; where that fails, for one after another, so that only the guilty ones fail. */
export function together<T>(
  items: readonly T[],
  work: (items: readonly T[], at: number) => void,
  failed: (item: T, error: unknown) => void,
): void {
  if (items.length === 0) return;
  try {
    work(items, 0);
    return;
  } catch (error) {
    if (items.length === 1) {
      failed(items[0] as T, error);
      return;
    }
  }
  for (const [at, item] of items.entries()) {
    try {
      work([item], at);
    } catch (error) {
      failed(item, error);
    }
  }
}
