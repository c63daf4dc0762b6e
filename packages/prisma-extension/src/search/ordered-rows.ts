/**
 * Rows in the order of an encrypted field: the buckets of its range index are walked in order until the page is full, and rows are placed by value
 * once they are decrypted. Rows of equal values keep the order that the database gave them by the further keys.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { BucketOrder } from '../walk/bucket-order.ts';
import type { RowSource } from './candidates.ts';
import { compareValues } from './evaluation.ts';

type Dictionary = Record<string, unknown>;

/** Databases that take NULL for larger than any value. Elsewhere it is smaller. */
const NULL_LAST: readonly string[] = ['postgresql', 'cockroachdb'];

/** An order with what has to be known to follow it. */
export interface FollowedOrder extends BucketOrder {
  /** Terms of each bucket, the lowest first. */
  readonly buckets: readonly (readonly string[])[];
  /** Whether NULL comes before all values. */
  readonly nullFirst: boolean;
}

/** The order as the database of a client follows it. */
export function followedOrder(order: BucketOrder, buckets: FollowedOrder['buckets'], provider: string): FollowedOrder {
  const { nulls, descending } = order;
  const nullFirst = nulls === null ? NULL_LAST.includes(provider) === descending : nulls === 'first';
  return { ...order, buckets, nullFirst };
}

/**
 * Filter of the rows among which the page is.
 *
 * @param limit - rows that there may be
 * @throws ERR_SEARCH_LIMIT when there are more; ERR_UNSUPPORTED_FILTER when rows with values have no terms, as after an index was added
 */
export async function pageFilter(
  source: RowSource,
  model: CompiledModel,
  order: FollowedOrder,
  where: unknown,
  limit: number,
): Promise<Dictionary> {
  const { node, index, descending, nullFirst } = order;
  const { field } = node.spec;
  const { column } = index.spec;
  const groups = await source.group(model, { by: [column], where: where ?? {}, _count: { _all: true, [field]: true } });
  const sizes = new Map(groups.map((group) => [group[column], group['_count'] as Readonly<Record<string, number>>]));
  if ((sizes.get(null)?.[field] ?? 0) > 0) throw withoutTerms(order);
  const buckets: (readonly (string | null)[])[] = descending ? [...order.buckets].reverse() : [...order.buckets];
  buckets.splice(nullFirst ? 0 : buckets.length, 0, [null]);
  const chosen: (string | null)[] = [];
  let rows = 0;
  for (const bucket of buckets) {
    if (rows >= order.skip + order.take) break;
    for (const term of bucket) {
      const size = sizes.get(term)?.['_all'] ?? 0;
      if (size > 0) chosen.push(term);
      rows += size;
    }
  }
  if (rows > limit) throw tooManyRows(order, limit);
  const terms = chosen.filter((term) => term !== null);
  const bucketFilter = { [column]: { in: terms } };
  return {
    AND: [where ?? {}, chosen.includes(null) ? { OR: [bucketFilter, { [column]: null }] } : bucketFilter],
  };
}

/**
 * Places of rows in the order, those of the page only.
 *
 * @param values - the rows decrypted, in the order of the further keys
 */
export function pageOfRows(
  values: readonly Dictionary[],
  { node, descending, nullFirst, skip, take }: FollowedOrder,
): number[] {
  const { field, type } = node.spec;
  const compare = (a: unknown, b: unknown): number => {
    if (a === null || b === null) return a === b ? 0 : (a === null) === nullFirst ? -1 : 1;
    const sign = compareValues(type, a, b);
    return descending ? -sign : sign;
  };
  return values
    .map((_, at) => at)
    .sort((a, b) => compare(values[a]?.[field], values[b]?.[field]))
    .slice(skip, skip + take);
}

function withoutTerms({ node: { spec } }: BucketOrder): FieldsealError {
  const message = 'some rows have no term of the field, and have no place in its order';
  const hint = 'Write their values again, so that the index is filled.';
  return new FieldsealError('ERR_UNSUPPORTED_FILTER', message, { model: spec.model, field: spec.field, hint });
}

/** The error of an order that has to look at more rows than it may. */
export function tooManyRows({ node: { spec } }: BucketOrder, limit: number): FieldsealError {
  return new FieldsealError('ERR_SEARCH_LIMIT', `an order has more than ${limit} rows to look at`, {
    model: spec.model,
    field: spec.field,
  });
}
