import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode } from '../schema/compiled-schema.ts';
import { exactIndex } from './index-choice.ts';
import type { Plan } from './plan.ts';
import type { ResultCell } from './results.ts';
import { isDictionary, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** How the groups of a groupBy on encrypted fields are turned into values. */
export interface Grouping {
  readonly keys: readonly { readonly field: string; readonly node: EncryptedNode; readonly column: string }[];
  /** Columns of terms that were grouped by and not asked for. */
  readonly hidden: readonly string[];
  /** Whether `_min` was asked for too. */
  readonly min: boolean;
}

/**
 * Makes groupBy group by the index of an encrypted field. One cell of each group, which `_min` picks, gives the value: whichever it is,
 * since terms of an exact index are equal exactly when the values are. Changed in place.
 *
 * @returns null when no encrypted field is grouped by
 * @throws ERR_UNSUPPORTED_FILTER when no exact index serves a field
 */
export function groupByIndexes(plan: Plan, model: CompiledModel, args: Dictionary): Grouping | null {
  const asked = itemsOf(args['by']).map(String);
  const keys = asked.flatMap((field) => {
    const node = model.fields.get(field);
    if (node?.kind !== 'encrypted') return [];
    const index = exactIndex(node, 'by');
    plan.tellApart(index);
    return [{ field, node, column: index.spec.column }];
  });
  if (keys.length === 0) return null;
  for (const { field, node } of keys) refuseWithoutValue(model, field, node);
  const columns = new Map(keys.map(({ field, column }) => [field, column]));
  args['by'] = [...new Set(asked.map((field) => columns.get(field) ?? field))];
  const min = isDictionary(args['_min']) ? args['_min'] : null;
  args['_min'] = { ...min, ...Object.fromEntries(keys.map(({ field }) => [field, true])) };
  return { keys, hidden: [...columns.values()].filter((column) => !asked.includes(column)), min: min !== null };
}

/**
 * The groups with the encrypted fields in them, as copies; the cells are left to be decrypted.
 *
 * @throws ERR_UNSUPPORTED_FILTER for a group of rows that have values and no terms, as after an index was added: the values may differ
 */
export function collectGroups({ keys, hidden, min }: Grouping, groups: unknown, cells: ResultCell[]): unknown {
  return itemsOf(groups).map((group) => {
    const { _min, ...row } = group as { _min: Dictionary } & Dictionary;
    const rest = { ..._min };
    for (const { field, node, column } of keys) {
      const stored = rest[field];
      if (stored !== null && row[column] === null) throw withoutTerms(node);
      delete rest[field];
      row[field] = stored;
      if (stored !== null) cells.push({ parent: row, key: field, node, spec: node.spec, stored, binding: null });
    }
    for (const column of hidden) delete row[column];
    if (min) row['_min'] = rest;
    return row;
  });
}

function withoutTerms({ spec: { model, field } }: EncryptedNode): FieldsealError {
  return new FieldsealError(
    'ERR_UNSUPPORTED_FILTER',
    'some rows have no term of the field, and cannot be grouped by it',
    {
      model,
      field,
      hint: 'Write their values again, so that the index is filled.',
    },
  );
}

function refuseWithoutValue(model: CompiledModel, field: string, { spec, bind }: EncryptedNode): void {
  if (spec.column === 'String' && bind.length === 0) return;
  throw new FieldsealError(
    'ERR_UNSUPPORTED_FILTER',
    'the groups of a bound field or a Bytes column have no value to show',
    {
      model: model.name,
      field,
      hint: 'Group by its index column instead, and look the values up.',
    },
  );
}
