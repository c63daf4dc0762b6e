/**
 * What each kind of job makes of a batch of rows. No file here reads or writes a database.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import type { StoredTerms } from '../blind-index/index-terms.ts';
import { FieldsealError } from '../errors.ts';
import type { FieldCipher, PlainField } from '../field-cipher.ts';
import { APPLICATION_SCOPE, type KeySource, type KeyView } from '../keyring/key-view.ts';
import { encodeValue } from '../value.ts';
import type { JobKind, JobPlan } from './job.ts';
import type { QuarantinedField } from './job-store.ts';
import { byScope } from './row-scopes.ts';
import type { CellForm, JobRow, RowChange, RowSource } from './row-source.ts';
import { sameTerms, termsOf } from './row-terms.ts';
import { open, type RowValue, together, valuesOf } from './row-values.ts';

/** Bytes of a cell beside its plaintext: header, nonce and tag. */
const CELL_BYTES = 49;

/** What is to be done with a batch. */
export interface BatchWork {
  readonly changes: readonly RowChange[];
  /** Rows that `verify` opened. */
  readonly verified: number;
  readonly bad: readonly QuarantinedField[];
}

/** New values of one row, from the values that were found in it. */
export interface Draft {
  readonly cells: unknown[];
  readonly terms: StoredTerms[];
  changed: boolean;
}

/** Values of one scope, and where they go. */
export interface Batch {
  readonly cipher: FieldCipher;
  readonly view: KeyView;
  readonly values: readonly RowValue[];
  readonly draftOf: (value: RowValue) => Draft;
}

const KINDS: Readonly<Record<JobKind, (batch: Batch) => void>> = { reencrypt, backfill, restore, reindex, verify };

/**
 * Finds out what a job has to change in rows.
 *
 * A row with a value that cannot be served is left alone as a whole, and each such value is named: nothing is written over what cannot be
 * opened, and nothing but the plaintext of a field that is being migrated is taken for plaintext.
 *
 * @throws ERR_KEY_STATUS when the primary here is not the key that the job writes under; whatever else does not lie in a row
 */
export async function workOn(
  cipher: FieldCipher,
  keys: KeySource,
  plan: JobPlan,
  { fields, scope }: Pick<RowSource, 'fields' | 'scope'>,
  all: readonly JobRow[],
): Promise<BatchWork> {
  const rows = plan.sample < 1 ? all.filter((row) => sampled(row, plan.sample)) : all;
  const values = valuesOf(cipher, rows, fields);
  const shared = scope === APPLICATION_SCOPE || plan.target !== null;
  const drafts = new Map<number, Draft>();
  const draftOf = ({ row, at }: RowValue): Draft => {
    const known = drafts.get(at) ?? { cells: [...row.cells], terms: [...row.terms], changed: false };
    drafts.set(at, known);
    return known;
  };
  for (const { view, values: own } of await byScope(keys, plan, values, shared)) {
    if (plan.target !== null && view.primary.keyId !== plan.target)
      throw new FieldsealError('ERR_KEY_STATUS', 'the job writes under another key than the primary of this process', {
        keyId: plan.target,
        hint: 'Where the key was promoted just now, start the worker again in a minute; where another one was since, cancel the job and start a new one.',
      });
    KINDS[plan.kind]({ cipher, view, values: own, draftOf });
  }
  const faults = values.filter(({ fault }) => fault !== null);
  const guilty = new Set(faults.map(({ at }) => at));
  const changes = [...drafts].flatMap(([at, { cells, terms, changed }]): RowChange[] =>
    changed && !guilty.has(at) ? [{ row: rows[at] as JobRow, cells, terms }] : [],
  );
  return {
    changes,
    verified: plan.kind === 'verify' ? rows.length - guilty.size : 0,
    bad: faults.map((value) => ({
      row: value.row.key,
      field: value.field.form.spec.field,
      code: value.fault as string,
      cellHash: value.cellHash,
    })),
  };
}

/** Whether a row belongs to a sample: by its key, so that every worker and every pass takes the same rows. */
function sampled({ key }: JobRow, share: number): boolean {
  const digest = createHash('sha256').update(JSON.stringify(key)).digest();
  return digest.readUInt32BE(0) / 2 ** 32 < share;
}

function reencrypt({ cipher, view, values, draftOf }: Batch): void {
  const stale = values.filter((value) => value.field.before === null && value.cell?.keyId !== view.primary.keyId);
  open(cipher, view, stale);
  const reformed = values.filter((value) => value.field.before !== null && value.cell !== null);
  // The likelier form first. Both are authenticated, and a cell opens in one of them only.
  const ours = (value: RowValue): boolean => value.cell?.keyId === view.primary.keyId;
  const formOf = ({ field: { form, before } }: RowValue, newer: boolean): CellForm => (newer ? form : (before ?? form));
  open(cipher, view, reformed, (value) => formOf(value, ours(value)));
  const missed = new Set(reformed.filter((value) => !value.opened));
  for (const value of missed) value.fault = null;
  open(cipher, view, [...missed], (value) => formOf(value, !ours(value)));
  const current = (value: RowValue): boolean =>
    ours(value) && !missed.has(value) && bytesOf(value) === bytesWanted(value);
  seal({ cipher, view, values: [...stale, ...reformed.filter((value) => value.opened && !current(value))], draftOf });
}

function backfill(batch: Batch): void {
  const plain = batch.values.filter((value) => value.plain);
  for (const value of plain) {
    try {
      value.value = value.field.plaintext.read(value.stored);
      value.opened = true;
    } catch (error) {
      value.blame(error);
    }
  }
  seal({ ...batch, values: plain });
  const partners = partnersOf(batch, plain);
  open(batch.cipher, batch.view, partners);
  termsOf(batch.view, [...plain, ...partners], (value, at, terms) => {
    batch.draftOf(value).terms[at] = terms;
  });
}

/** Cells of the same rows whose values are in a term with one of these: of an index over several fields. */
function partnersOf({ values }: Batch, plain: readonly RowValue[]): RowValue[] {
  const rows = new Set(plain.map(({ at }) => at));
  const shared = new Set(
    values.flatMap(({ field: { indexes } }) => indexes.flatMap(({ sources }) => (sources.length > 1 ? sources : []))),
  );
  return values.filter((value) => !value.plain && rows.has(value.at) && shared.has(value.column));
}

function restore({ cipher, view, values, draftOf }: Batch): void {
  open(cipher, view, values);
  const indexes = new Set(values.flatMap(({ field }) => field.indexes));
  for (const value of values) {
    if (!value.opened || value.fault !== null) continue;
    const draft = draftOf(value);
    put(draft, value, value.field.plaintext.write(value.value));
    for (const { spec, at, second, sources } of indexes) {
      if (!sources.includes(value.column)) continue;
      draft.terms[at] = spec.many ? [] : null;
      if (second !== null) draft.terms[second.at] = null;
    }
  }
}

function reindex(batch: Batch): void {
  const fields = new Set(batch.values.map(({ field }) => field));
  const sources = new Set([...fields].flatMap(({ indexes }) => indexes.flatMap((index) => index.sources)));
  const indexed = batch.values.filter(({ column }) => sources.has(column));
  open(batch.cipher, batch.view, indexed);
  termsOf(batch.view, indexed, (value, at, terms) => {
    if (sameTerms(value.row.terms[at] ?? null, terms)) return;
    const draft = batch.draftOf(value);
    draft.terms[at] = terms;
    draft.changed = true;
  });
}

function verify({ cipher, view, values }: Batch): void {
  open(cipher, view, values);
}

/** Encrypts what was opened, under the primary. A value that cannot be is set apart. */
export function seal({ cipher, view, values, draftOf }: Batch): void {
  const ready: { readonly value: RowValue; readonly plain: PlainField }[] = [];
  for (const value of values) {
    if (!value.opened || value.fault !== null) continue;
    try {
      const { form } = value.field;
      ready.push({ value, plain: { spec: form.spec, value: value.value, binding: value.binding(form) } });
    } catch (error) {
      value.blame(error);
    }
  }
  together(
    ready,
    (batch) => {
      const cells = cipher.encrypt(
        view,
        batch.map(({ plain }) => plain),
      );
      for (const [at, { value }] of batch.entries()) putCell(draftOf(value), value, cells[at] as string | Uint8Array);
    },
    ({ value }, error) => value.blame(error),
  );
}

function putCell(draft: Draft, value: RowValue, cell: string | Uint8Array): void {
  const { limit } = value.field;
  if (limit !== null && cell.length > limit) value.fault = 'ERR_VALUE';
  else put(draft, value, cell);
}

function put(draft: Draft, { column, element }: RowValue, stored: unknown): void {
  if (element === null) draft.cells[column] = stored;
  else {
    const list = draft.cells[column] as readonly unknown[];
    draft.cells[column] = list.map((known, at) => (at === element ? stored : known));
  }
  draft.changed = true;
}

/** Bytes of the plaintext in a cell, its type tag included. */
function bytesOf({ cell }: RowValue): number {
  return cell === null ? 0 : cell.end - cell.start - CELL_BYTES;
}

/** Bytes that the plaintext would have, padded as the field is to be. */
function bytesWanted({ field, value }: RowValue): number {
  const { type, pad } = field.form.spec;
  const plaintext = encodeValue(type, value, pad);
  const { length } = plaintext;
  plaintext.fill(0);
  return length;
}
