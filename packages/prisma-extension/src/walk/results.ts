import { type BoundColumn, type FieldSpec, FieldsealError } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode } from '../schema/compiled-schema.ts';
import type { QueryScope } from '../scope-context.ts';
import { bindingOfRow } from './binding.ts';
import type { Extras } from './extras.ts';
import { isPlaintext, plaintextOf, readPlaintext } from './plaintext.ts';
import { scopeOfRow } from './scope-frame.ts';
import type { DecimalClass } from './typed-value.ts';

/** A cell in a result, with the place that its value goes to. */
export interface ResultCell {
  readonly parent: object;
  readonly key: string | number;
  readonly node: EncryptedNode;
  readonly spec: FieldSpec;
  readonly stored: unknown;
  readonly binding: readonly BoundColumn[] | null;
  /** Scope that its key has to belong to. */
  readonly scope: string;
}

/** What a result is read into. */
export interface Reading {
  readonly cells: ResultCell[];
  readonly decimal: DecimalClass;
  /** Scopes that the query ran in. */
  readonly surroundings: QueryScope;
}

/**
 * Finds the cells in a result: a row, a list of rows, or null. Whatever was selected, omitted or included, the shape of the row tells.
 *
 * @param extras - what the rows hold for us alone; it is left out of the copy
 * @returns the result with rows of its own wherever a cell may be, so that decrypting them changes nothing that another extension holds
 * @throws ERR_BINDING for a bound cell whose row came without its bound fields, ERR_SCOPE_MISSING without its scope; ERR_SCOPE_MISMATCH for a
 * row of another scope than the query ran in; ERR_VALUE_TYPE for plaintext of another type
 */
export function collectCells(
  reading: Reading,
  model: CompiledModel,
  result: unknown,
  extras: Extras | undefined,
): unknown {
  if (Array.isArray(result)) return result.map((row) => collectCells(reading, model, row, extras));
  if (typeof result !== 'object' || result === null) return result;
  const row: Record<string, unknown> = { ...result };
  const removed = extras === undefined || extras.computed ? [] : extras.fields;
  for (const [field, node] of model.encrypted) {
    if (!removed.includes(field)) collectField(reading, model, node, row, field);
  }
  for (const [field, target] of model.paths) {
    const value = row[field];
    if (value !== undefined && value !== null) row[field] = collectCells(reading, target, value, extras?.within(field));
  }
  for (const field of extras?.fields ?? []) {
    if (extras?.computed === true) Object.defineProperty(row, field, { enumerable: false });
    else delete row[field];
  }
  return row;
}

function collectField(
  reading: Reading,
  model: CompiledModel,
  node: EncryptedNode,
  row: Record<string, unknown>,
  field: string,
): void {
  const stored = row[field];
  if (stored === undefined) return;
  if (stored === null) {
    // A row of another scope is one whatever it holds.
    if (model.scope !== null && row[model.scope.field] !== undefined) readScope(reading, model, row);
    return;
  }
  const unit = { binding: bindingOfRow(node, row), scope: readScope(reading, model, row) };
  if (!node.list || !Array.isArray(stored)) collectCell(reading, node, row, field, stored, unit);
  else {
    const list: unknown[] = [...stored];
    row[field] = list;
    for (const [at, element] of list.entries()) collectCell(reading, node, list, at, element, unit);
  }
}

function collectCell(
  { cells, decimal }: Reading,
  node: EncryptedNode,
  parent: object,
  key: string | number,
  stored: unknown,
  unit: Pick<ResultCell, 'binding' | 'scope'>,
): void {
  if (node.mode === 'migrating' && isPlaintext(node, stored)) {
    (parent as Record<string | number, unknown>)[key] = readPlaintext(node, plaintextOf(node, stored), decimal);
  } else cells.push({ parent, key, node, spec: node.spec, stored, ...unit });
}

/**
 * The scope of a row: what its field with `@scope` holds, or else that of the surroundings.
 *
 * @throws ERR_SCOPE_MISSING when the row came without it, ERR_SCOPE_MISMATCH when the query ran in another
 */
export function readScope(
  { surroundings }: Pick<Reading, 'surroundings'>,
  model: CompiledModel,
  row: Readonly<Record<string, unknown>>,
): string {
  const current = surroundings.of(model.name);
  if (model.scope === null) return current ?? '';
  const scope = scopeOfRow(model, model.scope, row);
  if (current === undefined || current === '' || current === scope) return scope;
  throw new FieldsealError('ERR_SCOPE_MISMATCH', 'a row belongs to another scope than the current one', {
    model: model.name,
    field: model.scope.field,
  });
}
