/**
 * From terms to filters on the columns that hold them.
 *
 * @module
 */
import { FieldsealError, type IndexRoot, type KeyView, type SearchTerms, searchTerms } from '@fieldseal/core';
import type { IndexNode } from '../schema/compiled-schema.ts';
import { searchedRoots } from './index-roots.ts';
import { type Leaf, negated, type PlacedLeaf } from './leaf.ts';
import { noCell } from './no-cell.ts';

type Dictionary = Record<string, unknown>;

/**
 * Gives each leaf the filter of its terms. Where terms only narrow the answer this is a superset for a positive leaf, and a negative one stays
 * empty: {@link matchCells} fills in the rest. Nothing is changed when this throws.
 *
 * @returns the leaves, of which those that are not exact have to be read
 * @throws ERR_VALUE for an operand that is not of the field's type; ERR_INDEX_ROTATION
 */
export function placeTerms(view: KeyView, leaves: readonly Leaf[]): PlacedLeaf[] {
  const found = leaves.map((leaf): PlacedLeaf => {
    const roots = searchedRoots(view, leaf.index);
    const terms = leaf.searches.flatMap((search) => roots.map((root) => termsOf(root, leaf.index, search)));
    // A table of terms is behind a relation: where none can stand, the cells have to.
    const cells = leaf.within.scalar && leaf.index.child !== null;
    const within = cells ? negated(leaf.within) : leaf.within;
    const exact = leaf.literal && !cells && terms.every((each) => each.exact);
    return { ...leaf, within, terms, exact, condition: conditionOf(leaf.index, terms) };
  });
  for (const { place, direct, exact, condition, within, index, parts } of found) {
    const [first] = parts;
    if (exact && direct !== null) Object.assign(direct, condition);
    // The terms of NULL are an empty list, which a comparison is false of and not unknown: the cell itself is compared too.
    else if (exact && !within.positive && index.spec.many && first !== undefined)
      place['OR'] = [condition, { [first.node.spec.field]: noCell(first.node) }];
    else if (exact || within.positive) place['AND'] = [condition];
  }
  return found;
}

function termsOf(root: IndexRoot, { spec }: IndexNode, search: Leaf['searches'][number]): SearchTerms {
  const terms = searchTerms(root, spec, search);
  if (terms !== null) return terms;
  throw new FieldsealError('ERR_UNSUPPORTED_FILTER', 'the index does not serve the search', spec.sources[0]);
}

/** The filter of rows that have the terms of any of the searches. */
function conditionOf(node: IndexNode, searches: readonly SearchTerms[]): Dictionary {
  if (!node.spec.many) {
    const terms = [...new Set(searches.flatMap((search) => search.terms))];
    // Bounds that exclude each other: no term is the empty text, and a comparison with it is unknown for NULL, which an empty list is not.
    if (terms.length === 0) return { [node.spec.column]: '' };
    return { [node.spec.column]: terms.length === 1 ? terms[0] : { in: terms } };
  }
  const filters = searches.map((search) => manyTerms(node, search));
  return filters.length === 1 ? (filters[0] as Dictionary) : { OR: filters };
}

function manyTerms({ spec: { column }, child }: IndexNode, { match, terms }: SearchTerms): Dictionary {
  if (child === null) return { [column]: match === 'all' ? { hasEvery: terms } : { hasSome: terms } };
  if (match === 'any') return { [column]: { some: { [child]: { in: terms } } } };
  return { AND: terms.map((term) => ({ [column]: { some: { [child]: term } } })) };
}
