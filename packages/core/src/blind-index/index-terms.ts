/**
 * The terms of blind indexes of all kinds: what a column stores for values, and what a search looks for (spec/format.md §4 and §7).
 *
 * @module
 */
import { randomInt } from 'node:crypto';
import { messageMacs, textMacs } from '../aead/text-macs.ts';
import { pae } from '../bytes.ts';
import type { IndexSpec } from '../field-spec.ts';
import type { IndexRoot } from '../keyring/key-view.ts';
import type { RangeSearch } from './buckets.ts';
import { isExact } from './define-index.ts';
import { formatTerm } from './equality-terms.ts';
import {
  bucketPieces,
  buckets,
  bucketsOf,
  endPieces,
  equalityPieces,
  gramPieces,
  indexedText,
  isPlainEquality,
  type Pieces,
  storedPieces,
} from './pieces.ts';

/** Values of a row of which an index stores the terms: one of each source field, in their order; null for NULL. */
export interface RowToIndex {
  readonly index: IndexSpec;
  readonly values: readonly unknown[];
}

/**
 * What the column of an index stores: one term, or a list for a kind that has many, in the order of the terms, which says nothing of the text.
 * Null where a source is NULL, and for a text too short to have the one term of a prefix or suffix index.
 */
export type StoredTerms = string | readonly string[] | null;

/** What is looked for. `equals` takes a list of values where the index is over several fields. */
export type IndexSearch =
  | { readonly equals: unknown }
  | { readonly startsWith: unknown }
  | { readonly endsWith: unknown }
  | { readonly contains: unknown }
  | { readonly range: RangeSearch };

/** Terms that a search has to find in the column of an index. */
export interface SearchTerms {
  /** Whether a row needs one of the terms or all of them. With no term at all, `any` finds nothing. */
  readonly match: 'any' | 'all';
  readonly terms: readonly string[];
  /** Whether every row with these terms is one that is looked for. Otherwise they are a superset, which has to be read and looked at. */
  readonly exact: boolean;
}

/**
 * What the columns of indexes store for values, in order and in one batch. A term in a partition is chosen at random, anew at every call.
 *
 * @throws ERR_VALUE, with the model and field of the source, for a value that is not of its type or has too many terms; nothing is returned then
 */
export function storedTerms(root: IndexRoot, rows: readonly RowToIndex[]): StoredTerms[] {
  const pieces = rows.map(({ index, values }) =>
    values.some((value) => value === null) ? null : storedPieces(index, values, (below) => randomInt(below)),
  );
  // Values may bring code of others along, which may wipe keys: they are taken after it, so that none is used as zeros.
  const jobs = rows.flatMap(({ index }, at) => (pieces[at] ?? []).map((list) => ({ index, pieces: list })));
  const terms = termsOf(root, jobs);
  let from = 0;
  return rows.map(({ index }, at) => {
    const count = pieces[at]?.length ?? 0;
    const own = terms.slice(from, from + count);
    from += count;
    if (pieces[at] === null) return null;
    return index.many ? [...new Set(own)].sort() : (own[0] ?? null);
  });
}

/**
 * Terms to look for, or null for a search that the index cannot serve: of another kind, or for a text too short to have a term.
 *
 * @throws ERR_VALUE, with the model and field of the source, for an operand that is not of its type
 */
export function searchTerms(root: IndexRoot, index: IndexSpec, search: IndexSearch): SearchTerms | null {
  const plan = searchPieces(index, search);
  if (plan === null) return null;
  const terms = termsOf(
    root,
    plan.pieces.map((pieces) => ({ index, pieces })),
  );
  // An index of few bits may have equal terms for different pieces.
  return {
    match: plan.match,
    terms: [...new Set(terms)],
    exact: plan.exact && (isExact(index) || plan.pieces.length === 0),
  };
}

/**
 * Whether an index can serve a search, without any key.
 *
 * @throws ERR_VALUE as {@link searchTerms}
 */
export function serves(index: IndexSpec, search: IndexSearch): boolean {
  return searchPieces(index, search) !== null;
}

interface SearchPieces {
  readonly match: 'any' | 'all';
  readonly pieces: readonly Pieces[];
  readonly exact: boolean;
}

function searchPieces(index: IndexSpec, search: IndexSearch): SearchPieces | null {
  switch (index.kind) {
    case 'equality':
      return 'equals' in search ? equalSearch(index, search.equals) : null;
    case 'prefix':
      return 'startsWith' in search
        ? endSearch(index, search.startsWith, true)
        : 'equals' in search
          ? endSearch(index, search.equals, false)
          : null;
    case 'suffix':
      return 'endsWith' in search
        ? endSearch(index, search.endsWith, true)
        : 'equals' in search
          ? endSearch(index, search.equals, false)
          : null;
    case 'ngram':
      return 'range' in search ? null : gramSearch(index, search);
    case 'range':
      if ('range' in search) {
        const { bounds, exact } = bucketsOf(index, () => buckets(index).touched(search.range));
        return { match: 'any', pieces: bounds.map(bucketPieces), exact };
      }
      if (!('equals' in search)) return null;
      return {
        match: 'any',
        pieces: [bucketPieces(bucketsOf(index, () => buckets(index).of(search.equals)))],
        exact: false,
      };
  }
}

function equalSearch(index: IndexSpec, equals: unknown): SearchPieces {
  const values = index.sources.length > 1 ? (equals as readonly unknown[]) : [equals];
  const texts = index.sources.map((_, at) => indexedText(index, values[at], at));
  const partitions = Array.from({ length: index.partitions }, (_, partition) => partition);
  return { match: 'any', pieces: partitions.map((partition) => equalityPieces(index, texts, partition)), exact: true };
}

/** @param part - whether a part of the text is looked for, and not the whole */
function endSearch(index: IndexSpec, text: unknown, part: boolean): SearchPieces | null {
  const { kind, min, max } = index;
  const points = [...indexedText(index, text)];
  if (points.length < min || (kind !== 'prefix' && kind !== 'suffix')) return null;
  const length = Math.min(max, points.length);
  return { match: 'any', pieces: [endPieces(kind, points, length)], exact: part && points.length <= max };
}

function gramSearch(index: IndexSpec, search: Exclude<IndexSearch, { range: RangeSearch }>): SearchPieces | null {
  const [text] = Object.values(search);
  const points = [...indexedText(index, text)];
  const pieces = gramPieces(points, index.n);
  if (pieces.length === 0) return null;
  return { match: 'all', pieces, exact: 'contains' in search && points.length === index.n };
}

interface Job {
  readonly index: IndexSpec;
  readonly pieces: Pieces;
}

/** Terms of lists of texts, in order. Texts by themselves, which plain equality has, take the faster way. */
function termsOf(root: IndexRoot, jobs: readonly Job[]): string[] {
  const keys = new Map<IndexSpec, Uint8Array>();
  const keyed = jobs.map(({ index, pieces }) => {
    const key = keys.get(index) ?? keyOf(root, index);
    keys.set(index, key);
    return { key, pieces };
  });
  const alone = keyed.flatMap(({ key, pieces: [text, other] }) =>
    text !== undefined && other === undefined ? [{ key, text }] : [],
  );
  const joined = keyed.flatMap(({ key, pieces }) => (pieces.length === 1 ? [] : [{ key, message: pae(...pieces) }]));
  const [texts, messages] = [textMacs(alone), messageMacs(joined)];
  let [text, message] = [0, 0];
  return jobs.map(({ index, pieces }) => {
    const mac = pieces.length === 1 ? texts[text++] : messages[message++];
    return formatTerm(root.version, mac as Uint8Array, index.bits);
  });
}

function keyOf(root: IndexRoot, index: IndexSpec): Uint8Array {
  const { kind, name, sources } = index;
  const [{ context }] = sources;
  if (isPlainEquality(index)) return root.indexKey(context.model, context.field, name).expose();
  return root
    .kindKey(
      kind,
      name,
      sources.map((source) => source.context),
    )
    .expose();
}
