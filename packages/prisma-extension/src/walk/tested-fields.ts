import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { Leaf } from '../search/leaf.ts';
import type { Extras } from './extras.ts';
import { isRead, mayCompute } from './selection.ts';
import { isAbsent, isDictionary } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** Arguments of findMany that choose among the rows that match. */
const CHOOSING: readonly string[] = ['take', 'skip', 'cursor', 'distinct'];

/**
 * Makes a query that gives all rows that match read the fields that leaves test, so that its own rows can be sifted and no others have to be read.
 * Changed in place; what was added is noted in `extras`.
 *
 * @returns whether the rows can be sifted
 */
export function readTestedFields(
  model: CompiledModel,
  args: Dictionary,
  leaves: readonly Leaf[],
  extras: Extras,
): boolean {
  const main = leaves.filter(({ within }) => within.main);
  if (main.length === 0 || CHOOSING.some((argument) => !isAbsent(args[argument]))) return false;
  const computed = mayCompute(model, args);
  for (const field of new Set(main.flatMap(({ parts }) => parts.map(({ node }) => node.spec.field)))) {
    if (isRead(model, args, field)) continue;
    if (isDictionary(args['select'])) args['select'][field] = true;
    else args['omit'] = { ...(args['omit'] as object | undefined), [field]: false };
    extras.fields.push(field);
  }
  extras.computed = computed;
  return true;
}
