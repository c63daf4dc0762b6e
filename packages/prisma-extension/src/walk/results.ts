import type { BoundColumn, FieldSpec } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode } from '../schema/compiled-schema.ts';
import { bindingOfRow } from './binding.ts';
import type { Extras } from './extras.ts';
import { isPlaintext, plaintextOf, readPlaintext } from './plaintext.ts';
import type { DecimalClass } from './typed-value.ts';

/** A cell in a result, with the place that its value goes to. */
export interface ResultCell {
  readonly parent: object;
  readonly key: string | number;
  readonly node: EncryptedNode;
  readonly spec: FieldSpec;
  readonly stored: unknown;
  readonly binding: readonly BoundColumn[] | null;
}

/** What a result is read into. */
export interface Reading {
  readonly cells: ResultCell[];
  readonly decimal: DecimalClass;
}

/**
 * Finds the cells in a result: a row, a list of rows, or null. Whatever was selected, omitted or included, the shape of the row tells.
 *
 * @param extras - what the rows hold for us alone; it is left out of the copy
 * @returns the result with rows of its own wherever a cell may be, so that decrypting them changes nothing that another extension holds
 * @throws ERR_BINDING for a bound cell whose row came without its bound fields; ERR_VALUE_TYPE for plaintext of another type
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
    if (!removed.includes(field)) collectField(reading, node, row, field);
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

function collectField(reading: Reading, node: EncryptedNode, row: Record<string, unknown>, field: string): void {
  const stored = row[field];
  if (stored === undefined || stored === null) return;
  const binding = bindingOfRow(node, row);
  if (!node.list || !Array.isArray(stored)) collectCell(reading, node, row, field, stored, binding);
  else {
    const list: unknown[] = [...stored];
    row[field] = list;
    for (const [at, element] of list.entries()) collectCell(reading, node, list, at, element, binding);
  }
}

function collectCell(
  { cells, decimal }: Reading,
  node: EncryptedNode,
  parent: object,
  key: string | number,
  stored: unknown,
  binding: readonly BoundColumn[] | null,
): void {
  if (node.mode === 'migrating' && isPlaintext(node, stored)) {
    (parent as Record<string | number, unknown>)[key] = readPlaintext(node, plaintextOf(node, stored), decimal);
  } else cells.push({ parent, key, node, spec: node.spec, stored, binding });
}
