import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode } from '../schema/compiled-schema.ts';
import { exactIndex } from './index-choice.ts';
import type { Plan } from './plan.ts';
import { type Reading, readScope } from './results.ts';
import { confineToScope, namedByFilter, ScopeFrame } from './scope-frame.ts';
import { isAbsent, isDictionary, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** How the groups of a groupBy on encrypted fields are turned into values. */
export interface Grouping {
  readonly keys: readonly { readonly field: string; readonly node: EncryptedNode; readonly column: string }[];
  /** The scope of all groups, or the field of a group that names its own. */
  readonly scope: { readonly id: string } | { readonly of: CompiledModel };
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
  const indexes = asked.flatMap((field) => {
    const node = model.fields.get(field);
    if (node?.kind !== 'encrypted') return [];
    return [{ field, node, index: exactIndex(node, 'by') }];
  });
  if (indexes.length === 0) return null;
  const keys = indexes.map(({ field, node, index }) => ({ field, node, column: index.spec.column }));
  for (const { field, node } of keys) refuseWithoutValue(model, field, node);
  const scope = scopeOfGroups(plan, model, args, 'by');
  for (const { index } of indexes) plan.tellApart('id' in scope ? scope.id : null, { model, index, args });
  plan.reads.push({ model, fields: keys.map(({ field }) => field), scope: () => ('id' in scope ? scope.id : null) });
  const columns = new Map(keys.map(({ field, column }) => [field, column]));
  args['by'] = [...new Set(asked.map((field) => columns.get(field) ?? field))];
  const min = isDictionary(args['_min']) ? args['_min'] : null;
  args['_min'] = { ...min, ...Object.fromEntries(keys.map(({ field }) => [field, true])) };
  return { keys, scope, hidden: [...columns.values()].filter((column) => !asked.includes(column)), min: min !== null };
}

/**
 * The groups with the encrypted fields in them, as copies; the cells are left to be decrypted.
 *
 * @throws ERR_UNSUPPORTED_FILTER for a group of rows that have values and no terms, as after an index was added: the values may differ
 */
export function collectGroups(
  { keys, scope: of, hidden, min }: Grouping,
  groups: unknown,
  { cells, surroundings }: Pick<Reading, 'cells' | 'surroundings'>,
): unknown {
  return itemsOf(groups).map((group) => {
    const { _min, ...row } = group as { _min: Dictionary } & Dictionary;
    const rest = { ..._min };
    const scope = 'id' in of ? of.id : readScope({ surroundings }, of.of, row);
    for (const { field, node, column } of keys) {
      const stored = rest[field];
      if (stored !== null && row[column] === null) throw withoutTerms(node);
      delete rest[field];
      row[field] = stored;
      if (stored !== null) cells.push({ parent: row, key: field, node, spec: node.spec, stored, binding: null, scope });
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

/**
 * The scope of rows that are told apart by terms: equal values of two scopes have different ones. So either the scope is told apart too, or
 * the rows are confined to one.
 *
 * @param argument - the one that holds the fields: `by` or `distinct`
 * @throws ERR_SCOPE_MISSING
 */
export function scopeOfGroups(plan: Plan, model: CompiledModel, args: Dictionary, argument: string): Grouping['scope'] {
  const { scope } = model;
  const named = scope === null ? undefined : namedByFilter(model, scope.field, scope, args['where']);
  if (scope !== null && named === undefined && itemsOf(args[argument]).includes(scope.field)) return { of: model };
  const frame = new ScopeFrame(model, 'filter', named, plan.surroundings);
  const id = frame.id();
  if (frame.pinned) {
    if (isAbsent(args['where'])) args['where'] = {};
    if (isDictionary(args['where'])) confineToScope(frame, args['where']);
  }
  return { id };
}
