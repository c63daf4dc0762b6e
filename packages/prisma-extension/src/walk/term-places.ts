import type { IndexRoot, IndexSpec } from '@fieldseal/core';

type Dictionary = Record<string, unknown>;

/** Where the term of a value is to be put in a filter: a member of an object or an item of an array. */
export interface TermPlace {
  readonly parent: object;
  readonly key: string | number;
  readonly index: IndexSpec;
  readonly value: unknown;
  /** Roots whose terms are looked for. */
  readonly roots: readonly IndexRoot[];
}

/**
 * Puts the terms of values into their filters: a term, or a list of those of all index roots where equality was asked for. A filter may name
 * several comparisons; one of equality beside a list leaves of the list what both allow.
 *
 * @param terms - of each place, one of each of its roots, in their order
 */
export function putTerms(places: readonly TermPlace[], terms: readonly (readonly string[])[]): void {
  const equalities: (() => void)[] = [];
  for (const [at, { parent, key }] of places.entries()) {
    const [first, ...others] = terms[at] as readonly [string, ...string[]];
    const target = parent as Record<string | number, unknown>;
    if (Array.isArray(parent)) {
      target[key] = first;
      parent.push(...others);
    } else if (others.length === 0) target[key] = first;
    else if (key === 'equals') equalities.push(() => putEquality(target, [first, ...others]));
    else target[key] = { in: [first, ...others] };
  }
  for (const put of equalities) put();
}

function putEquality(operators: Dictionary, terms: readonly string[]): void {
  const { in: listed } = operators;
  delete operators['equals'];
  operators['in'] = Array.isArray(listed) ? terms.filter((term) => listed.includes(term)) : terms;
}
