import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { Leaf } from '../search/leaf.ts';
import type { Extras } from './extras.ts';
import { isRead, mayCompute } from './selection.ts';
import { isAbsent, isDictionary } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** Arguments of findMany that choose among the rows that match. */
const CHOOSING: readonly string[] = ['take', 'skip', 'cursor', 'distinct'];

/** Whether a query gives all rows that match, so that its own rows can be sifted and no others have to be read. */
export function canSift(args: Dictionary, leaves: readonly Leaf[]): boolean {
  return leaves.some(({ within }) => within.main) && CHOOSING.every((argument) => isAbsent(args[argument]));
}

/** Makes a query read fields whose values its rows are sifted or ordered by. Changed in place; what was added is noted in `extras`. */
export function readTestedFields(
  model: CompiledModel,
  args: Dictionary,
  fields: readonly string[],
  extras: Extras,
): void {
  const computed = mayCompute(model, args);
  for (const field of new Set(fields)) {
    if (isRead(model, args, field)) continue;
    if (isDictionary(args['select'])) args['select'][field] = true;
    else args['omit'] = { ...(args['omit'] as object | undefined), [field]: false };
    extras.fields.push(field);
  }
  extras.computed = computed;
}

/** Fields that the leaves of the main filter test. */
export function testedFields(leaves: readonly Leaf[]): string[] {
  const main = leaves.filter(({ within }) => within.main);
  return main.flatMap(({ parts }) => parts.map(({ node }) => node.spec.field));
}
