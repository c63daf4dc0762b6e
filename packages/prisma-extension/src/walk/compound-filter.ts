/**
 * Filters that an index over several fields serves together: each of them equal to a value, in one AND.
 *
 * @module
 */
import type { IndexSpec } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import { testOf } from '../search/evaluation.ts';
import { type Leaf, NESTED, type Within } from '../search/leaf.ts';
import { addToAnd } from './encrypted-filter.ts';
import { equalityIndex, ignoresCase, isExactEquality } from './index-choice.ts';
import { comparisonsOf, unserved } from './operands.ts';
import type { Plan } from './plan.ts';
import { toCipher } from './typed-value.ts';
import { isAbsent, isDictionary, isNull, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** A field that has to equal a value, and where that is said. */
interface Equality {
  readonly node: EncryptedNode;
  readonly value: unknown;
  /** Takes the equality out of the filter. */
  readonly remove: () => void;
}

/**
 * Moves equalities of one AND to an index over all their fields, where a field has no index of equality of its own or the index names a unique
 * row. Changed in place.
 *
 * @throws ERR_UNSUPPORTED_FILTER inside a negation: where one field is NULL the index does not tell whether another differs
 */
export function walkCompounds(
  plan: Plan,
  model: CompiledModel,
  where: Dictionary,
  within: Within,
  unique: boolean,
): void {
  for (const index of model.compoundIndexes) {
    const found = equalitiesOf(model, index.spec, where);
    if (found === null) continue;
    const alone = found.find(({ node }) => equalityIndex(node, false, false) === null);
    if (alone === undefined && !(unique && index.unique)) continue;
    if (!within.positive) {
      if (found.every(({ node }) => node.indexes.some(({ spec }) => spec.kind === 'equality'))) continue;
      throw unserved(
        alone?.node as EncryptedNode,
        'an index over several fields does not serve a negation',
        'Where one of the fields is NULL it does not tell whether another differs. Filter in the application after reading.',
      );
    }
    moveEqualities(plan, model, index, found, where, within);
  }
}

function moveEqualities(
  plan: Plan,
  model: CompiledModel,
  index: IndexNode,
  found: readonly Equality[],
  where: Dictionary,
  within: Within,
): void {
  const direct = isExactEquality(index.spec) && isAbsent(where[index.spec.column]) ? where : null;
  const place: Dictionary = {};
  if (direct === null) addToAnd(where, place);
  plan.search(leafOf(model, index, found, { within, place, direct }));
}

/**
 * Lets the term of an index over several fields stand for them in `{ org_nameIndex: { org, lastName, birthDate } }`, a compound constraint that
 * holds the index column. Changed in place.
 */
export function nameByCompound(plan: Plan, model: CompiledModel, index: IndexNode, value: Dictionary): void {
  const found = isExactEquality(index.spec) ? equalitiesOf(model, index.spec, value) : null;
  if (found === null || !isAbsent(value[index.spec.column])) return;
  plan.search(leafOf(model, index, found, { within: NESTED, place: {}, direct: value }));
}

function leafOf(
  model: CompiledModel,
  index: IndexNode,
  found: readonly Equality[],
  at: Pick<Leaf, 'within' | 'place' | 'direct'>,
): Omit<Leaf, 'scope' | 'stage'> {
  const values = found.map(({ node, value }) => toCipher(node, value));
  const parts = found.map(({ node, remove }, source) => {
    remove();
    return { node, test: testOf(index.spec, source, 'equals', values[source]) };
  });
  return { ...at, model, index, searches: [{ equals: values }], literal: true, parts };
}

/** An equality of every source of the index, in its order, or null. */
function equalitiesOf(model: CompiledModel, { sources, ...spec }: IndexSpec, where: Dictionary): Equality[] | null {
  const found: Equality[] = [];
  for (const { field } of sources) {
    const node = model.fields.get(field);
    const equality =
      node?.kind === 'encrypted' && node.mode !== 'migrating' ? equalityIn(node, { sources, ...spec }, where) : null;
    if (equality === null) return null;
    found.push(equality);
  }
  return found;
}

/** The equality of a field in a filter or in the ANDs of it. */
function equalityIn(node: EncryptedNode, index: IndexSpec, where: Dictionary): Equality | null {
  const { field } = node.spec;
  const filter = where[field];
  const value = isDictionary(filter) ? filter['equals'] : filter;
  if (!isAbsent(value) && !isNull(value)) {
    const { insensitive } = comparisonsOf(node, filter);
    if (!insensitive || ignoresCase(index)) return { node, value, remove: () => removeEquality(where, field) };
  }
  for (const member of isAbsent(where['AND']) ? [] : itemsOf(where['AND'])) {
    const inside = isDictionary(member) ? equalityIn(node, index, member) : null;
    if (inside !== null) return inside;
  }
  return null;
}

function removeEquality(where: Dictionary, field: string): void {
  const filter = where[field];
  if (isDictionary(filter)) {
    const { equals: _, mode: __, ...rest } = filter;
    if (Object.values(rest).some((operand) => !isAbsent(operand))) {
      where[field] = rest;
      return;
    }
  }
  delete where[field];
}
