/**
 * Queries whose filters terms only narrow down: what has to be read before one is sent, and what is left to do with its rows.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import { clientWithin, delegateName, transactionOf } from '../client-internals.ts';
import type { CompiledModel, EncryptedNode } from '../schema/compiled-schema.ts';
import { cellFields } from '../walk/binding.ts';
import type { Plan } from '../walk/plan.ts';
import { isAbsent, isDictionary } from '../walk/value-kind.ts';
import { countRows, matchCells, type Page, type RowSource, report, satisfies, tooMany } from './candidates.ts';
import type { PendingLeaf } from './leaf.ts';
import { noCell } from './no-cell.ts';
import { type FollowedOrder, pageFilter, pageOfRows, tooManyRows } from './ordered-rows.ts';
import { namableLeaves, nameRows } from './term-rows.ts';

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

/** The delegate of a model, as far as it is used here. */
interface Delegate {
  findMany(args: Dictionary): Promise<readonly Dictionary[]>;
  groupBy(args: Dictionary): Promise<readonly Dictionary[]>;
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
  const delegate = ({ name }: CompiledModel) => client[delegateName(name)] as Delegate;
  return {
    decrypt,
    read: (model, args) => delegate(model).findMany(args),
    group: (model, args) => delegate(model).groupBy(args),
  };
}

/** Whether anything has to be read before the query, or to be done with its rows. */
export function needsSearch({ provider }: SearchSettings, plan: Plan, params: object): boolean {
  const { placed, order } = plan;
  if (order !== null || placed.some(({ exact }) => !exact)) return true;
  return namable(provider, plan).length > 0 && transactionOf(params)?.kind !== 'batch';
}

function namable(provider: string, plan: Plan): readonly PendingLeaf[] {
  return namableLeaves(provider, plan.placed).filter((leaf) => !plan.isOvertaken(leaf));
}

/**
 * Completes the filters of a query. Rows are read only where its own rows do not tell.
 *
 * @throws ERR_SEARCH_LIMIT, ERR_UNSUPPORTED_FILTER where the query itself changes what a filter finds
 */
export async function completeFilters(
  source: RowSource,
  { provider, limit }: SearchSettings,
  { model, operation, args, plan }: SearchedQuery,
): Promise<Completed> {
  const main = plan.pending.filter(({ within }) => within.main);
  const others = plan.pending.filter(({ within }) => !within.main);
  const overtaken = plan.pending.find((leaf) => plan.isOvertaken(leaf));
  if (overtaken !== undefined) throw overtakenBy(overtaken);
  const most = LIST_LIMITS[provider] ?? LEAST_LIST_LIMIT;
  let named = await nameRows(source, namable(provider, plan), most / 2);
  named += await matchCells(source, others, limit, null);
  if (main.length > 0 && plan.sifts) {
    if (named > most) throw tooManyMatches(model, most);
    return { kind: 'sift', leaves: main };
  }
  if (main.length > 0 && operation === 'count' && asksForNumber(args))
    return { kind: 'count', count: await countRows(source, main, limit) };
  named += await matchCells(source, main, limit, plan.order === null ? pageOf(operation, args) : null);
  if (named > most) throw tooManyMatches(model, most);
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
  const values = await valuesOf(
    source,
    model,
    parts.map(({ node }) => node),
    rows,
  );
  for (const leaf of leaves) report(leaf, values);
  return rows.filter((_, at) => parts.every((part) => satisfies(part, values[at] as Dictionary)));
}

/** The values of some fields of rows, decrypted. */
function valuesOf(
  source: RowSource,
  model: CompiledModel,
  nodes: readonly EncryptedNode[],
  rows: readonly Dictionary[],
): Promise<readonly Dictionary[]> {
  const fields = nodes.flatMap((node) => cellFields(model, node));
  return source.decrypt(
    model,
    rows.map((row) => Object.fromEntries(fields.map((field) => [field, row[field]]))),
  );
}

/**
 * Runs a query whose rows come in the order of an encrypted field.
 *
 * @param query - sends the query with these arguments
 * @returns what it gives, not yet decrypted
 * @throws ERR_SEARCH_LIMIT, ERR_UNSUPPORTED_FILTER as {@link pageFilter}
 */
export async function inOrder(
  source: RowSource,
  limit: number,
  order: FollowedOrder,
  { model, operation, args }: SearchedQuery,
  query: (args: Dictionary) => Promise<unknown>,
): Promise<unknown> {
  const given = args as Dictionary;
  if (order.take === 0) return query({ ...given, orderBy: order.rest });
  const where = await pageFilter(source, model, order, given['where'], limit);
  const page = { where, orderBy: order.rest, take: limit + 1 };
  const { node } = order;
  const { skip: _, ...asked } = given;
  const list = operation === 'findMany';
  const rows = (
    list ? await query({ ...asked, ...page }) : await source.read(model, { ...page, select: fieldsOf(model, node) })
  ) as Dictionary[];
  if (rows.length > limit) throw tooManyRows(order, limit);
  const places = pageOfRows(await valuesOf(source, model, [node], rows), order);
  if (list) return places.map((at) => rows[at]);
  // The one row by its cell; of several rows that share it, by its place among them.
  const [at] = places;
  if (at === undefined)
    return query({ ...asked, where: { AND: [where, { [node.spec.field]: noCell(node) }] }, orderBy: order.rest });
  const { field } = node.spec;
  const same = rows.slice(0, at).filter((row) => isSameCell(row[field], rows[at]?.[field])).length;
  return query({ ...asked, where: { AND: [where, { [field]: rows[at]?.[field] }] }, orderBy: order.rest, skip: same });
}

function fieldsOf(model: CompiledModel, node: EncryptedNode): Dictionary {
  return Object.fromEntries(cellFields(model, node).map((field) => [field, true]));
}

function isSameCell(a: unknown, b: unknown): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array ? Buffer.compare(a, b) === 0 : a === b;
}

function overtakenBy({ model, parts }: PendingLeaf): FieldsealError {
  const message = 'a filter that terms only narrow down stands beside a write that changes what it finds';
  const hint =
    'Read or write the rows in a query of their own after this one, or use an index that is exact for the filter.';
  const field = parts[0]?.node.spec.field;
  return new FieldsealError('ERR_UNSUPPORTED_FILTER', message, { model: model.name, ...(field && { field }), hint });
}

function tooManyMatches({ name }: CompiledModel, most: number): FieldsealError {
  return new FieldsealError('ERR_SEARCH_LIMIT', `more than ${most} rows match, which one statement cannot name`, {
    model: name,
    hint: 'Narrow the filter down, or ask for a page (take). findMany and count have no such limit when they are given a filter alone.',
  });
}
