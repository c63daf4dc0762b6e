/**
 * The filter of one encrypted field: moved to the column of an index that stands for its values, or divided among indexes that find or narrow
 * down the rows of each comparison.
 *
 * @module
 */
import { type IndexSearch, type IndexSpec, serves } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import { type Test, testOf } from '../search/evaluation.ts';
import { negated as negatedPlace, type Within } from '../search/leaf.ts';
import { hasWildcard, LIKE_OPERATORS, type LikeOperator, literalPart, matchesEverything } from '../search/like.ts';
import { noCell } from '../search/no-cell.ts';
import { equalityIndex, servingIndexes } from './index-choice.ts';
import { legacyFilter } from './legacy-filter.ts';
import { type Comparison, comparisonsOf, isNullTest, putNullTest, unserved } from './operands.ts';
import type { Plan } from './plan.ts';
import { toCipher } from './typed-value.ts';
import { entriesOf, isAbsent, isDictionary, isNull, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

const MIGRATING = 'the field is being migrated, and its rows without a term cannot be found this way';
const MIGRATING_HINT =
  'Until the backfill is done, filters are served by an equality index without normalisers, and unique rows are found by find, update and delete.';

const LEGACY = 'the field holds values of another system, which cannot be found this way';
const LEGACY_HINT =
  'Until the backfill is done, equals and in are served by its hash (`search` of the reader) and an equality index, without any NOT.';

/** A field of a filter with the filter that it stands in. */
export interface FieldFilter {
  readonly model: CompiledModel;
  readonly node: EncryptedNode;
  readonly where: Dictionary;
  readonly filter: unknown;
  readonly within: Within;
  /** Whether it may have to name a unique row. */
  readonly unique: boolean;
}

/**
 * Rewrites the filter of a field that is no list. Changed in place.
 *
 * @throws ERR_UNSUPPORTED_FILTER when no index serves it
 */
export function walkEncryptedFilter(plan: Plan, field: FieldFilter): void {
  const { node, where, filter, unique } = field;
  if (isNullTest(filter)) {
    putNullTest(node, where, filter); // NULL is stored as NULL
    return;
  }
  const { comparisons, insensitive } = comparisonsOf(node, filter);
  if (node.mode === 'migrating') {
    if (unique) throw migratingError(node);
    if (node.legacy === null) addIndex(plan, node, where, filter);
    else addLegacyIndex(plan, field);
    return;
  }
  const equal = comparisons.every(({ operator }) => operator === 'equals' || operator === 'in');
  const index = equal ? equalityIndex(node, insensitive, unique) : null;
  if (index !== null) moveToIndex(plan, node, where, filter, index.spec);
  else divide(plan, field, comparisons, insensitive);
}

/** The error of a filter on a field that is being migrated. */
export function migratingError(node: EncryptedNode): Error {
  return unserved(node, MIGRATING, MIGRATING_HINT);
}

/** Takes the filter of an encrypted field out and puts one on its index column in. */
function moveToIndex(plan: Plan, node: EncryptedNode, where: Dictionary, filter: unknown, index: IndexSpec): void {
  const free = isAbsent(where[index.column]);
  const target: Dictionary = free ? where : {};
  delete where[node.spec.field];
  putFilter(plan, node, index, target, filter);
  if (!free) addToAnd(where, target);
}

/**
 * While a field is being migrated some rows have plaintext and no term: a filter finds those by the column itself. Only an index without
 * normalisers means the same as the column.
 */
function addIndex(plan: Plan, node: EncryptedNode, where: Dictionary, filter: unknown): void {
  const { field, type } = node.spec;
  const exact = equalityIndex(node, false, false);
  if (exact === null || exact.spec.normalize.length > 0 || type !== node.spec.column || mentionsMode(filter))
    throw migratingError(node);
  if (comparisonsOf(node, filter).comparisons.some(({ operator }) => operator !== 'equals' && operator !== 'in'))
    throw migratingError(node);
  const encrypted: Dictionary = {};
  putFilter(plan, node, exact.spec, encrypted, filter);
  delete where[field];
  const column = exact.spec.column;
  // The test for NULL makes the first part false, and not unknown, for plaintext: a NOT around it has to find those rows.
  addToAnd(where, {
    OR: [
      { [column]: { not: null }, AND: [encrypted] },
      { [column]: null, [field]: filter },
    ],
  });
}

/**
 * While rows have values of another system, those are found by the hash that it kept beside them. Rows whose value was encrypted since have a
 * term, and an old hash that must not be heeded.
 */
function addLegacyIndex(plan: Plan, { node, where, filter, within }: FieldFilter): void {
  const { field } = node.spec;
  const { comparisons, insensitive } = comparisonsOf(node, filter);
  const index = equalityIndex(node, insensitive, false);
  const plain = comparisons.every(({ operator, negated }) => (operator === 'equals' || operator === 'in') && !negated);
  const hashed = legacyFilter(node, filter);
  // A row without a hash would be missing where it is asked what is not equal.
  if (index === null || !plain || !within.positive || hashed === null) throw unserved(node, LEGACY, LEGACY_HINT);
  const encrypted: Dictionary = {};
  putFilter(plan, node, index.spec, encrypted, filter);
  delete where[field];
  addToAnd(where, { OR: [encrypted, { ...unencrypted(field, index.spec), ...hashed }] });
}

/** Rows that have no term and a value. A required field takes no test for NULL; a comparison with anything leaves NULL out. */
export function unencrypted(field: string, { column }: IndexSpec): Dictionary {
  return { [column]: null, [field]: { not: '' } };
}

/** Adds a filter that has to hold too. */
export function addToAnd(where: Dictionary, filter: Dictionary): void {
  where['AND'] = andOf(where, filter);
}

/** The filters that stand in AND, and one more. */
export function andOf(where: Dictionary, filter: Dictionary): unknown[] {
  return [...(isAbsent(where['AND']) ? [] : itemsOf(where['AND'])), filter];
}

/** Puts a filter of equality on an index column in, with terms in place of values. */
export function putFilter(
  plan: Plan,
  node: EncryptedNode,
  index: IndexSpec,
  target: Dictionary,
  filter: unknown,
): void {
  if (isDictionary(filter)) target[index.column] = operators(plan, node, index, filter);
  else putTerm(plan, node, index, target, filter);
}

/** Puts the term of `operand` into the index column; NULL stays NULL. */
export function putTerm(plan: Plan, node: EncryptedNode, index: IndexSpec, parent: Dictionary, operand: unknown): void {
  parent[index.column] = operand;
  if (!isNull(operand)) plan.index(parent, index.column, node, index, operand);
}

function mentionsMode(filter: unknown): boolean {
  return entriesOf(filter).some(([key, value]) => (key === 'mode' ? value === 'insensitive' : mentionsMode(value)));
}

/** The operators of a scalar filter with terms in place of values. */
function operators(plan: Plan, node: EncryptedNode, index: IndexSpec, filter: Dictionary): Dictionary {
  const moved: Dictionary = {};
  for (const [operator, operand] of Object.entries(filter)) {
    if (operator === 'mode') continue; // the index decides
    if (isAbsent(operand)) {
      moved[operator] = operand; // Prisma refuses it, or takes it for nothing
    } else if (operator === 'not' && isDictionary(operand)) {
      moved[operator] = operators(plan, node, index, operand);
    } else if (operator === 'in' || operator === 'notIn') {
      const terms = [...(operand as unknown[])];
      terms.forEach((item, at) => {
        if (!isNull(item)) plan.index(terms, at, node, index, item);
      });
      moved[operator] = terms;
    } else {
      moved[operator] = operand;
      if (!isNull(operand)) plan.index(moved, operator, node, index, operand);
    }
  }
  return moved;
}

/** Serves each comparison by itself, and the bounds of a range together, since between them lie fewer buckets. */
function divide(plan: Plan, field: FieldFilter, comparisons: readonly Comparison[], insensitive: boolean): void {
  const { node, where } = field;
  delete where[node.spec.field];
  const bounds = comparisons.filter(({ operator, negated }) => isBound(operator) && !negated);
  if (bounds.length > 0) addRange(plan, field, bounds);
  for (const comparison of comparisons) {
    if (!bounds.includes(comparison)) addToAnd(where, compared(plan, field, comparison, insensitive));
  }
}

function isBound(operator: Comparison['operator']): operator is 'gt' | 'gte' | 'lt' | 'lte' {
  return operator === 'gt' || operator === 'gte' || operator === 'lt' || operator === 'lte';
}

function addRange(plan: Plan, field: FieldFilter, bounds: readonly Comparison[]): void {
  const { node, where } = field;
  const [index] = servingIndexes(node, (bounds[0] as Comparison).operator, false) as [IndexNode];
  const given = bounds.map(({ operator, operand }) => [operator, operandOf(node, operand)] as const);
  const tests = given.map(([operator, operand]) => testOf(index.spec, 0, operator, operand));
  const range = Object.fromEntries(given);
  const test: Test = (value) => tests.every((holds) => holds(value));
  addToAnd(where, leaf(plan, field, { index, searches: [{ range }], literal: true, test }, false));
}

/** The filter of one comparison. */
function compared(plan: Plan, field: FieldFilter, comparison: Comparison, insensitive: boolean): Dictionary {
  const { node } = field;
  const { operator, operand, negated } = comparison;
  const { field: name } = node.spec;
  if (operator === 'equals' && isNull(operand)) return { [name]: negated ? { not: null } : null };
  if (operator === 'in' && (operand as readonly unknown[]).length === 0)
    return { [name]: { [negated ? 'notIn' : 'in']: [] } };
  const like = LIKE_OPERATORS.find((known) => known === operator);
  if (like !== undefined && matchesEverything(needleOf(node, operand)))
    return { [name]: negated ? noCell(node) : { not: noCell(node) } };
  if (operator === 'equals' || operator === 'in') {
    const exact = equalityIndex(node, insensitive, false);
    if (exact !== null) {
      const target: Dictionary = {};
      const written = operator === 'equals' ? (negated ? 'not' : 'equals') : negated ? 'notIn' : 'in';
      putFilter(plan, node, exact.spec, target, { [written]: operand });
      return target;
    }
  }
  const values = operator === 'in' ? (operand as readonly unknown[]) : [operand];
  const given = values.map((value) => operandOf(node, value));
  const service =
    like === undefined ? serve(node, operator, given, insensitive) : serveLike(node, like, given[0], insensitive);
  return leaf(plan, field, service, negated);
}

/** An operand as the cipher has it. NULL cannot be looked for among terms. */
function operandOf(node: EncryptedNode, operand: unknown): unknown {
  if (isNull(operand))
    throw unserved(node, 'NULL cannot be compared with on this encrypted field', 'Test for NULL by itself.');
  return toCipher(node, operand);
}

function needleOf(node: EncryptedNode, operand: unknown): string {
  if (typeof operand === 'string') return operand;
  throw unserved(node, 'the operand of a filter is not a text', 'contains, startsWith and endsWith take a text.');
}

/** How a comparison is served. */
interface Service {
  readonly index: IndexNode;
  readonly searches: readonly IndexSearch[];
  readonly literal: boolean;
  readonly test: Test;
}

function serve(
  node: EncryptedNode,
  operator: Comparison['operator'],
  values: readonly unknown[],
  insensitive: boolean,
): Service {
  const searches = values.map(
    (value): IndexSearch => (isBound(operator) ? { range: { [operator]: value } } : { equals: value }),
  );
  const index = servingIndexes(node, operator, insensitive).find(({ spec }) =>
    searches.every((search) => serves(spec, search)),
  );
  if (index === undefined) throw tooShort(node);
  const operand = operator === 'in' ? values : values[0];
  return { index, searches, literal: true, test: testOf(index.spec, 0, operator, operand) };
}

function serveLike(node: EncryptedNode, operator: LikeOperator, operand: unknown, insensitive: boolean): Service {
  const needle = needleOf(node, operand);
  if (needle.includes('\\'))
    throw unserved(
      node,
      'a backslash in a needle is refused',
      'Databases do not agree on what it means in a LIKE. Look for the parts around it.',
    );
  const wild = hasWildcard(needle);
  const part = literalPart(operator, needle);
  for (const index of servingIndexes(node, operator, insensitive)) {
    const { kind, normalize } = index.spec;
    // Other normalisers could drop a wildcard, or the space beside it.
    if (wild && normalize.some((name) => name !== 'lowercase')) continue;
    const search: IndexSearch =
      kind === 'prefix' ? { startsWith: part } : kind === 'suffix' ? { endsWith: part } : { contains: part };
    if (!serves(index.spec, search)) continue;
    const literal = !wild && (kind !== 'ngram' || operator === 'contains');
    return { index, searches: [search], literal, test: testOf(index.spec, 0, operator, needle) };
  }
  throw tooShort(node);
}

function tooShort(node: EncryptedNode): Error {
  const kinds = node.indexes.flatMap(({ spec: { kind, min, n, column } }) =>
    kind === 'ngram'
      ? [`${column} needs ${n}`]
      : kind === 'prefix' || kind === 'suffix'
        ? [`${column} needs ${min}`]
        : [],
  );
  return unserved(
    node,
    'the text that is looked for is too short for the index',
    `Characters that are not wildcards (% and _) count: ${kinds.join(', ')}.`,
  );
}

/** Notes a leaf and gives the filter that stands for it. */
function leaf(plan: Plan, { model, node, within }: FieldFilter, service: Service, negated: boolean): Dictionary {
  const { index, searches, literal, test } = service;
  const place: Dictionary = {};
  plan.search({
    model,
    within: negated ? negatedPlace(within) : within,
    place,
    direct: null,
    index,
    searches,
    literal,
    parts: [{ node, test }],
  });
  return negated ? { NOT: place } : place;
}
