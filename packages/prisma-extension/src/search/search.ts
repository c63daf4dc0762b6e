/**
 * Queries whose filters terms only narrow down: what has to be read before one is sent, and what is left to do with its rows.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import { clientWithin, delegateName, transactionOf } from '../client-internals.ts';
import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { Plan } from '../walk/plan.ts';
import { isAbsent, isDictionary } from '../walk/value-kind.ts';
import { countRows, matchCells, type Page, type RowSource, report, satisfies, tooMany } from './candidates.ts';
import type { PendingLeaf } from './leaf.ts';

type Dictionary = Record<string, unknown>;

/** Rows that one search may read unless `encryption({ searchLimit })` says otherwise. */
export const SEARCH_LIMIT = 10_000;

/**
 * Values that may stand in the lists of one statement, by database: what Prisma 7.10 sends (999 on SQLite, 32 766 on PostgreSQL, 65 535 on
 * MySQL), less those that the query has of its own.
 */
const LIST_LIMITS: Readonly<Record<string, number>> = {
  postgresql: 30_000,
  cockroachdb: 30_000,
  mysql: 60_000,
  sqlserver: 1_900,
};
const LEAST_LIST_LIMIT = 900;

/** Writes that Prisma divides among several statements when a list is too long for one. */
const DIVIDED: readonly string[] = ['updateMany', 'deleteMany'];

/** The delegate of a model, as far as it is used here. */
interface Delegate {
  findMany(args: Dictionary): Promise<readonly Dictionary[]>;
}

/** What searches of one client share. */
export interface SearchSettings {
  /** A client without extensions. */
  readonly client: object;
  readonly provider: string;
  /** Rows that one search may read. */
  readonly limit: number;
}

/** The query that a search is a part of. */
export interface SearchedQuery {
  readonly model: CompiledModel;
  readonly operation: string;
  readonly args: unknown;
  readonly plan: Plan;
}

/** What is left to do: send the query, take the number that it would give, or send it and leave out rows that do not satisfy the leaves. */
export type Completed =
  | { readonly kind: 'query' }
  | { readonly kind: 'count'; readonly count: number }
  | { readonly kind: 'sift'; readonly leaves: readonly PendingLeaf[] };

/**
 * Reads rows in the transaction of a query, past all extensions.
 *
 * @throws ERR_UNSUPPORTED_OPERATION inside a batch transaction, which takes no queries of ours
 */
export function rowSource(settings: SearchSettings, params: object, decrypt: RowSource['decrypt']): RowSource {
  const transaction = transactionOf(params);
  if (transaction?.kind === 'batch')
    throw new FieldsealError(
      'ERR_UNSUPPORTED_OPERATION',
      'a search that has to read rows cannot run inside a batch transaction',
      { hint: 'Use an interactive transaction, or an index that is exact for this filter.' },
    );
  const client = clientWithin(settings.client, transaction) as Readonly<Record<string, Delegate>>;
  return { decrypt, read: ({ name }, args) => (client[delegateName(name)] as Delegate).findMany(args) };
}

/**
 * Completes the filters of a query. Rows are read only where its own rows do not tell.
 *
 * @throws ERR_SEARCH_LIMIT
 */
export async function completeFilters(
  source: RowSource,
  { provider, limit }: SearchSettings,
  { model, operation, args, plan }: SearchedQuery,
): Promise<Completed> {
  const main = plan.pending.filter(({ within }) => within.main);
  const others = plan.pending.filter(({ within }) => !within.main);
  let named = await matchCells(source, others, limit, null);
  const most = LIST_LIMITS[provider] ?? LEAST_LIST_LIMIT;
  if (main.length > 0 && plan.sifts) {
    if (named > most) throw tooManyMatches(model, most);
    return { kind: 'sift', leaves: main };
  }
  if (main.length > 0 && operation === 'count' && asksForNumber(args))
    return { kind: 'count', count: await countRows(source, main, limit) };
  const alone = named === 0 && main.length === 1 && DIVIDED.includes(operation);
  named += await matchCells(source, main, limit, pageOf(operation, args));
  if (named > most && !alone) throw tooManyMatches(model, most);
  return { kind: 'query' };
}

/** Whether count is asked for the number of all rows that match. */
function asksForNumber(args: unknown): boolean {
  return isDictionary(args) && Object.entries(args).every(([key, value]) => key === 'where' || isAbsent(value));
}

/** The page that a query asks for, or null when it needs all rows that match. */
function pageOf(operation: string, args: unknown): Page | null {
  if (!isDictionary(args) || !isAbsent(args['distinct'])) return null;
  const first = operation === 'findFirst' || operation === 'findFirstOrThrow';
  const { take = first ? 1 : undefined, skip = 0, orderBy, cursor } = args;
  if ((!first && operation !== 'findMany') || typeof take !== 'number' || typeof skip !== 'number') return null;
  return {
    rows: (first ? 1 : Math.abs(take)) + skip,
    backwards: take < 0,
    args: { ...(isAbsent(orderBy) ? {} : { orderBy }), ...(isAbsent(cursor) ? {} : { cursor }) },
  };
}

/**
 * Leaves the rows out that do not satisfy the leaves.
 *
 * @param limit - rows that there may be
 * @throws ERR_SEARCH_LIMIT when there are more
 */
export async function siftRows(
  source: RowSource,
  model: CompiledModel,
  leaves: readonly PendingLeaf[],
  rows: readonly Dictionary[],
  limit: number,
): Promise<readonly Dictionary[]> {
  if (rows.length > limit) throw tooMany(leaves, limit);
  const parts = leaves.flatMap((leaf) => leaf.parts);
  const fields = parts.flatMap(({ node: { spec, bind } }) => [spec.field, ...bind.map(([bound]) => bound)]);
  const tested = rows.map((row) => Object.fromEntries(fields.map((field) => [field, row[field]])));
  const values = await source.decrypt(model, tested);
  for (const leaf of leaves) report(leaf, values);
  return rows.filter((_, at) => parts.every((part) => satisfies(part, values[at] as Dictionary)));
}

function tooManyMatches({ name }: CompiledModel, most: number): FieldsealError {
  return new FieldsealError('ERR_SEARCH_LIMIT', `more than ${most} rows match, which one statement cannot name`, {
    model: name,
    hint: 'Narrow the filter down, or ask for a page (take). findMany without take, skip, cursor and distinct has no such limit.',
  });
}
