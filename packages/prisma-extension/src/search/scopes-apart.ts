/**
 * Rows of several scopes that are told apart by their terms: whether each scope has one term for equal values is known when its keys are, and
 * which scopes there are when the rows are looked at.
 *
 * @module
 */
import { FieldsealError, type KeyView } from '@fieldseal/core';
import type { KeyAccess } from '../key-access.ts';
import type { ScopeFieldMap } from '../schema/schema-map.ts';
import type { ScopesApart } from '../walk/plan.ts';
import { scopeOfRow } from '../walk/scope-frame.ts';
import type { RowSource } from './candidates.ts';
import { refuseTwoTerms, rotatedApart, searchesSecond } from './index-roots.ts';

/**
 * Reads which scopes the rows are of, and refuses what would tell them apart wrongly.
 *
 * @param second - whether terms of the second columns are looked at, of indexes that have two
 * @throws ERR_INDEX_ROTATION when the index of one of the scopes is rotated, or its terms are in the other column
 */
export async function refuseScopesApart(
  source: RowSource,
  keys: KeyAccess,
  rows: readonly ScopesApart[],
  second: boolean,
): Promise<void> {
  for (const { model, index, args } of rows) {
    const scope = model.scope as ScopeFieldMap;
    const groups = await source.group(model, { by: [scope.field], where: args['where'] ?? {} });
    const scopes = new Map(groups.map((group) => [scopeOfRow(model, scope, group), false]));
    const views = keys.peekMany(scopes) ?? (await keys.forQuery(scopes));
    for (const view of views.values()) {
      refuseTwoTerms(view, index);
      if (index.other !== null && hasTerms(view) && searchesSecond(view) !== second) throw rotatedApart();
    }
  }
}

/** Batch transactions take no statements of ours. */
export function noScopesInBatch({ model, index }: ScopesApart): FieldsealError {
  const hint = 'Use an interactive transaction, or name the scope.';
  const message = 'a batch transaction cannot tell rows of several scopes apart by an encrypted field';
  const [{ field }] = index.spec.sources;
  return new FieldsealError('ERR_UNSUPPORTED_OPERATION', message, { model: model.name, field, hint });
}

/** A scope without keys (version 0) has no terms. */
function hasTerms({ indexRoot: { version } }: KeyView): boolean {
  return version > 0;
}
