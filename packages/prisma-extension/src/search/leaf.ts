/**
 * Leaves of a filter that are not simply moved to another column: comparisons of encrypted fields that stand in the filter as a placeholder
 * until the terms, and where these only narrow the answer the rows, are known.
 *
 * @module
 */
import type { IndexSearch, SearchTerms } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import type { Test } from './evaluation.ts';

type Dictionary = Record<string, unknown>;

/** Where in a filter a leaf stands. */
export interface Within {
  /**
   * Whether a larger answer of the leaf can only make that of the whole filter larger: no NOT, `none`, `every` or `isNot` stands around it.
   * Rows of which the leaf is unknown (NULL) then count as those of which it is false.
   */
  readonly positive: boolean;
  /** Whether every row that the operation finds has to satisfy the leaf: only ANDs stand around it, in the operation's own filter. */
  readonly main: boolean;
  /** Whether relations cannot stand there: nested updateMany and deleteMany take fields only. */
  readonly scalar: boolean;
  /** Filters of the same model that rows have to satisfy for the leaf to matter. Empty where that is not known. */
  readonly scope: readonly Dictionary[];
}

/** The filter of a part of an operation: of a relation, or of a nested write. */
export const NESTED: Within = { positive: true, main: false, scalar: false, scope: [] };
/** The filter of a nested updateMany or deleteMany. */
export const SCALAR: Within = { ...NESTED, scalar: true };
/** The filter of the operation itself. */
export const MAIN: Within = { ...NESTED, main: true };
/** Inside a negation. */
export const NEGATIVE: Within = { ...NESTED, positive: false };

/** A place inside a negation that stands at another place. */
export function negated({ scalar }: Within): Within {
  return { ...NEGATIVE, scalar };
}

/** One field of a leaf with what its values have to satisfy. */
export interface LeafPart {
  readonly node: EncryptedNode;
  readonly test: Test;
}

/** A leaf, with the index that finds its rows. */
export interface Leaf {
  readonly model: CompiledModel;
  readonly within: Within;
  /** Scope whose terms it gets. */
  readonly scope: string;
  /** The part of the query that it stands in: 0 for what the database comes to first. */
  readonly stage: number;
  /** The filter that stands for the leaf, empty as yet. */
  readonly place: Dictionary;
  /** Filter that takes the terms in place of that when they are exact, so that they can name a unique row; or null. */
  readonly direct: Dictionary | null;
  readonly index: IndexNode;
  /** What is looked for in the index: rows of any of these. */
  readonly searches: readonly IndexSearch[];
  /** Whether terms that are exact for the search are exact for the leaf too. */
  readonly literal: boolean;
  /** One field, or those of an index over several. */
  readonly parts: readonly LeafPart[];
}

/** A leaf with its terms, in the filter now. */
export interface PlacedLeaf extends Leaf {
  /** Of each search, under each index root. */
  readonly terms: readonly SearchTerms[];
  /** Filter of the rows that may satisfy it. */
  readonly condition: Dictionary;
  /** Whether all rows of the condition do; otherwise they have to be read. */
  readonly exact: boolean;
}

/** A leaf whose rows have to be read to tell which of them satisfy it. */
export type PendingLeaf = PlacedLeaf;
