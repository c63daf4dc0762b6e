/**
 * Which index roots a query needs while there are two of them, because the indexes are rotated (docs/search.md).
 *
 * @module
 */
import { FieldsealError, type IndexRoot, indexRootOf, type KeyView } from '@fieldseal/core';
import type { IndexNode } from '../schema/compiled-schema.ts';

/**
 * The roots whose terms are searched for, the one that terms are written under first: all, where a column may hold terms of any; one, where
 * every row has a term of it.
 *
 * @throws ERR_INDEX_ROTATION as {@link refuseMixedTerms}
 */
export function searchedRoots(view: KeyView, index: IndexNode): readonly IndexRoot[] {
  refuseMixedTerms(view, index);
  return index.single || index.other !== null ? [view.indexRoot] : view.indexRoots;
}

/** Whether terms that name rows are in the second column of an index that has two. A scope without keys (version 0) has no terms. */
export function searchesSecond({ indexRoot: { version } }: KeyView): boolean {
  return version > 0 && version % 2 === 0;
}

/**
 * The keys of a scope for a query whose models were compiled by the keys of one: that very view for the same scope, since another may have been
 * taken over meanwhile.
 *
 * @param paired - whether the query uses indexes of two columns in that scope
 * @throws ERR_INDEX_ROTATION when its terms are in the other columns
 */
export function sameColumns(view: KeyView, chosenBy: KeyView | undefined, paired: boolean): KeyView {
  if (chosenBy === undefined) return view;
  if (view.scope === chosenBy.scope) return chosenBy;
  if (!paired || view.indexRoot.version === 0 || searchesSecond(view) === searchesSecond(chosenBy)) return view;
  throw rotatedApart();
}

/** The error of scopes whose terms are in different columns. */
export function rotatedApart(): FieldsealError {
  return new FieldsealError('ERR_INDEX_ROTATION', 'the query needs two scopes whose indexes are rotated apart', {
    hint: 'Ask for each scope by itself, or rotate the indexes of both.',
  });
}

/** The root of the terms in the column of an index that is not searched now, or null where that is NULL. */
export function otherRoot(view: KeyView): IndexRoot | null {
  return indexRootOf(view, searchesSecond(view) ? 'odd' : 'even');
}

/**
 * A column whose terms name unique rows has them of one root. While there are two that is the older one, which still is the primary: under the
 * newer one a row could not be told from another with a term of the older.
 *
 * @throws ERR_INDEX_ROTATION when the newer one is the primary
 */
export function refuseMixedTerms({ indexRoot, indexRoots }: KeyView, { single, spec }: IndexNode): void {
  if (!single || indexRoots.every(({ version }) => version >= indexRoot.version)) return;
  throw rotating(spec, 'a unique index with one column cannot have terms of two index roots');
}

/**
 * Refuses what takes rows apart by their terms while equal values may have two.
 *
 * @throws ERR_INDEX_ROTATION
 */
export function refuseTwoTerms(view: KeyView, index: IndexNode): void {
  if (searchedRoots(view, index).length > 1)
    throw rotating(index.spec, 'while the index is rotated, rows of equal values may have different terms');
}

function rotating({ sources: [{ model, field }] }: IndexNode['spec'], message: string): FieldsealError {
  return new FieldsealError('ERR_INDEX_ROTATION', message, { model, field });
}
