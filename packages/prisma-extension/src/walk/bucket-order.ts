import { FieldsealError, isExact } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import { entriesOf, isAbsent, isDictionary, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** Rows of an order by an encrypted field that a query may ask for, those that it skips included. */
export const MAX_ORDERED = 1000;

/** An order by an encrypted field: by the buckets of its range index, and in them by value. */
export interface BucketOrder {
  readonly node: EncryptedNode;
  readonly index: IndexNode;
  readonly descending: boolean;
  /** Where NULL comes, or null for where the database puts it. */
  readonly nulls: 'first' | 'last' | null;
  /** Keys that tell rows of equal values apart, in the form of `orderBy`. */
  readonly rest: readonly unknown[];
  readonly skip: number;
  readonly take: number;
}

/**
 * The order of a query whose first key is an encrypted field with a range index; null for another one.
 *
 * @param first - whether the query gives one row
 * @throws ERR_UNSUPPORTED_FILTER when it asks for more than a page of at most {@link MAX_ORDERED} rows, or while the field is being migrated
 */
export function bucketOrderOf(model: CompiledModel, args: Dictionary, first: boolean): BucketOrder | null {
  const [key, ...rest] = itemsOf(args['orderBy']).filter((item) =>
    entriesOf(item).some(([, value]) => !isAbsent(value)),
  );
  const [entry, another] = entriesOf(key).filter(([, value]) => !isAbsent(value));
  const node = entry === undefined ? undefined : model.fields.get(entry[0]);
  if (entry === undefined || another !== undefined || node?.kind !== 'encrypted' || node.list) return null;
  const index = node.indexes.find(({ spec }) => spec.kind === 'range' && isExact(spec));
  if (index === undefined || node.mode === 'migrating') return null;
  const { take = first ? 1 : undefined, skip = 0, cursor, distinct } = args;
  const { sort = entry[1], nulls = null } = isDictionary(entry[1]) ? entry[1] : {};
  const served =
    isCount(take) && isCount(skip) && take + skip <= MAX_ORDERED && isAbsent(cursor ?? undefined) && isAbsent(distinct);
  if (served && (sort === 'asc' || sort === 'desc') && (nulls === null || nulls === 'first' || nulls === 'last'))
    return { node, index, descending: sort === 'desc', nulls, rest, skip, take };
  throw new FieldsealError('ERR_UNSUPPORTED_FILTER', 'an order by an encrypted field is served for a page only', {
    model: model.name,
    field: node.spec.field,
    hint: `Ask for at most ${MAX_ORDERED} rows with take, those that skip leaves out included, and without cursor and distinct.`,
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
