import type { EncryptedNode } from '../schema/compiled-schema.ts';
import { isDictionary } from './value-kind.ts';

/**
 * The filter of a field as one of the column of hashes that another system kept beside it: `equals` and `in`. Null where there is no such
 * column, or the filter has another operator in it, which nothing finds by a hash.
 */
export function legacyFilter(
  { legacy, spec }: EncryptedNode,
  filter: unknown,
): Readonly<Record<string, unknown>> | null {
  const search = legacy?.search;
  if (search === undefined || spec.type !== 'String') return null;
  const hash = (value: unknown): string | null => (typeof value === 'string' ? search.hash(value) : null);
  if (!isDictionary(filter)) return { [search.column]: hash(filter) };
  const operators = Object.entries(filter).filter(([, operand]) => operand !== undefined);
  const hashed: Record<string, unknown> = {};
  for (const [operator, operand] of operators) {
    if (operator === 'equals' && typeof operand === 'string') hashed[operator] = hash(operand);
    else if (operator === 'in' && Array.isArray(operand) && operand.every((item) => typeof item === 'string'))
      hashed[operator] = operand.map(hash);
    else return null;
  }
  return { [search.column]: hashed };
}
