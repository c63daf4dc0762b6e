import type { FieldSpec } from '@fieldseal/core';
import type { CompiledModel } from '../schema/compiled-schema.ts';

/** A cell in a result, with the place that its value goes to. */
export interface ResultCell {
  readonly row: Record<string, unknown>;
  readonly spec: FieldSpec;
  readonly stored: unknown;
  readonly binding: null;
}

/**
 * Finds the cells in a result: a row, a list of rows, or null. Whatever was selected, omitted or included, the shape of the row tells.
 *
 * @returns the result with rows of its own wherever a cell may be, so that decrypting them changes nothing that another extension holds
 */
export function collectCells(model: CompiledModel, result: unknown, cells: ResultCell[]): unknown {
  if (Array.isArray(result)) return result.map((row) => collectCells(model, row, cells));
  if (typeof result !== 'object' || result === null) return result;
  const row: Record<string, unknown> = { ...result };
  for (const [field, { spec }] of model.encrypted) {
    const stored = row[field];
    if (stored !== undefined && stored !== null) cells.push({ row, spec, stored, binding: null });
  }
  for (const [field, target] of model.paths) {
    const value = row[field];
    if (value !== undefined && value !== null) row[field] = collectCells(target, value, cells);
  }
  return row;
}
