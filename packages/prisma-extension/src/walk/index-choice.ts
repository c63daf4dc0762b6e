/**
 * Which blind index serves a comparison.
 *
 * @module
 */
import { EXACT_BITS, foldsCase, type IndexKind, type IndexSpec, RANGE_TYPES } from '@fieldseal/core';
import type { EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import type { ComparisonOperator } from './grammar.ts';
import { unserved } from './operands.ts';

/** Kinds that serve a comparison, the cheapest first: a prefix finds equal texts among those that begin alike, and so on. */
const SERVING: Readonly<Record<ComparisonOperator, readonly IndexKind[]>> = {
  equals: ['equality', 'range', 'prefix', 'suffix', 'ngram'],
  in: ['equality', 'range', 'prefix', 'suffix', 'ngram'],
  contains: ['ngram'],
  startsWith: ['prefix', 'ngram'],
  endsWith: ['suffix', 'ngram'],
  gt: ['range'],
  gte: ['range'],
  lt: ['range'],
  lte: ['range'],
};

/** How an index of each kind is asked for. */
const ANNOTATIONS: Readonly<Record<IndexKind, (field: string) => string>> = {
  equality: (field) => `@blindIndex(of: ${field})`,
  prefix: (field) => `@blindIndex(of: ${field}, kind: prefix, min: 2, max: 10)`,
  suffix: (field) => `@blindIndex(of: ${field}, kind: suffix, min: 2, max: 10)`,
  ngram: (field) => `@blindIndex(of: ${field}, kind: ngram, n: 3)`,
  range: (field) => `@blindIndex(of: ${field}, kind: range, from: …, to: …, step: …)`,
};

/** Whether terms of the index are equal when the normalised values are, and else differ. */
export function isExactEquality({ kind, partitions, bits }: IndexSpec): boolean {
  return kind === 'equality' && partitions === 1 && bits >= EXACT_BITS;
}

/** Whether an index takes texts that differ in case for the same. */
export function ignoresCase({ normalize, normalizers }: IndexSpec): boolean {
  return foldsCase(normalize, normalizers);
}

/**
 * The index whose terms stand for values in an equality: where a unique row must be named a unique one, elsewhere one without normalisers
 * before others, so that equality means what it says where it can. Null when there is none.
 */
export function equalityIndex(node: EncryptedNode, insensitive: boolean, unique: boolean): IndexNode | null {
  const equal = node.indexes.filter(({ spec }) => isExactEquality(spec) && (!insensitive || ignoresCase(spec)));
  const exact = equal.find(({ spec }) => spec.normalize.length === 0);
  return (unique ? equal.find((candidate) => candidate.unique) : exact) ?? exact ?? equal[0] ?? null;
}

/**
 * An index whose terms are equal exactly when the values are.
 *
 * @throws ERR_UNSUPPORTED_FILTER when there is none, or not every row has a term yet
 */
export function exactIndex(node: EncryptedNode, argument: string): IndexNode {
  const index = node.indexes.find(({ spec }) => isExactEquality(spec) && spec.normalize.length === 0);
  if (index !== undefined && node.mode !== 'migrating') return index;
  const hint = `It needs an equality index of ${EXACT_BITS} bits or more without normalisers and partitions, with a term in every row.`;
  throw unserved(node, `${argument} cannot be served on this encrypted field`, hint);
}

/**
 * Indexes over this field alone that find the rows of a comparison, or rows among which they are: the cheapest kind first, and of one kind
 * the one that changes texts least.
 *
 * @throws ERR_UNSUPPORTED_FILTER when there is none, with the kind that would serve
 */
export function servingIndexes(node: EncryptedNode, operator: ComparisonOperator, insensitive: boolean): IndexNode[] {
  const { field, type } = node.spec;
  const kinds = SERVING[operator];
  const single = node.indexes.filter(({ spec }) => kinds.includes(spec.kind));
  const indexes = single.filter(({ spec }) => !insensitive || ignoresCase(spec));
  if (indexes.length > 0)
    return indexes.sort(
      ({ spec: a }, { spec: b }) =>
        kinds.indexOf(a.kind) - kinds.indexOf(b.kind) || a.normalize.length - b.normalize.length,
    );
  if (single.length > 0) throw unserved(node, 'mode: insensitive needs an index that normalises to lowercase');
  const [kind] = kinds as [IndexKind];
  const served = kind === 'range' ? RANGE_TYPES.includes(type) : kind === 'equality' || type === 'String';
  throw unserved(
    node,
    operator === 'equals' || operator === 'in'
      ? 'the field is encrypted and has no blind index for equality'
      : `the filter ${operator} cannot be served on this encrypted field`,
    served
      ? `Add ${ANNOTATIONS[kind](field)} on a sibling column, or filter in the application after reading.`
      : 'No blind index serves it. Filter in the application after reading.',
  );
}
