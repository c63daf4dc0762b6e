/**
 * Rows that an index has narrowed down: read, decrypted and tested, so that a filter can name the cells of those that satisfy it. The query
 * itself then finds a row only while it still holds such a cell: a value that was changed in between is another cell, and is not found.
 *
 * @module
 */
import { FieldsealError, observed, publish } from '@fieldseal/core';
import type { CompiledModel } from '../schema/compiled-schema.ts';
import { cellFields } from '../walk/binding.ts';
import { columnValue } from '../walk/scope-frame.ts';
import { isAbsent, isDictionary } from '../walk/value-kind.ts';
import type { LeafPart, PendingLeaf } from './leaf.ts';
import { noCell } from './no-cell.ts';

type Dictionary = Record<string, unknown>;

/** Reads rows for {@link matchCells}, in the transaction of the query. */
export interface RowSource {
  /** Rows as the database holds them. */
  read(model: CompiledModel, args: Dictionary): Promise<readonly Dictionary[]>;
  /** Groups of rows, as groupBy of a plain client. */
  group(model: CompiledModel, args: Dictionary): Promise<readonly Dictionary[]>;
  /** Copies of the rows with their values decrypted. */
  decrypt(model: CompiledModel, rows: readonly Dictionary[]): Promise<readonly Dictionary[]>;
}

/** The part of an ordered result that is asked for: reading ends when it is full. */
export interface Page {
  /** Rows to find, those that are skipped included. */
  readonly rows: number;
  /** `orderBy` and `cursor` of the query. */
  readonly args: Dictionary;
  /** Whether rows are taken from the end. */
  readonly backwards: boolean;
}

/** Rows of one level of a filter, read and decrypted. */
interface Candidates {
  readonly stored: readonly Dictionary[];
  readonly values: readonly Dictionary[];
}

/**
 * Completes leaves that terms only narrow down. Negative ones come first: what the others read is then exact but for themselves.
 *
 * @param page - what is asked for of the main filter, or null for all of it
 * @returns how many cells the filter names now
 * @throws ERR_SEARCH_LIMIT when there are more rows to look at than the limit
 */
export async function matchCells(
  source: RowSource,
  leaves: readonly PendingLeaf[],
  limit: number,
  page: Page | null,
): Promise<number> {
  let named = 0;
  for (const leaf of leaves.filter(({ within }) => !within.positive)) {
    named += nameCells([leaf], await readAll(source, [leaf], leaf.condition, limit));
  }
  for (const level of levelsOf(leaves.filter(({ within }) => within.positive))) {
    const where = levelFilter(level);
    const paged = page !== null && (level[0] as PendingLeaf).within.main;
    const candidates = paged
      ? await readPage(source, level, where, limit, page)
      : await readAll(source, level, where, limit);
    named += nameCells(level, candidates);
  }
  return named;
}

/**
 * Number of rows that satisfy the leaves of the main filter, all else in which is exact.
 *
 * @throws ERR_SEARCH_LIMIT when there are more rows to look at than the limit
 */
export async function countRows(source: RowSource, leaves: readonly PendingLeaf[], limit: number): Promise<number> {
  const candidates = await readAll(source, leaves, levelFilter(leaves), limit);
  for (const leaf of leaves) report(leaf, candidates.values);
  return countMatches(leaves, candidates.values);
}

/** Filter of the rows that may satisfy the leaves of one level. */
function levelFilter(level: readonly PendingLeaf[]): Dictionary {
  const { model } = level[0] as PendingLeaf;
  const scope = new Set(level.flatMap(({ within }) => within.scope));
  return { AND: [...scope].map((filter) => plainFilter(model, filter)) };
}

/** A filter of the rows of the leaves' scope alone: short terms may be those of another scope too. */
function ofScope([leaf]: readonly PendingLeaf[], where: Dictionary): Dictionary {
  const { model, scope } = leaf as PendingLeaf;
  if (model.scope === null) return where;
  const { field } = model.scope;
  return { AND: [where, { [field]: columnValue(model, field, model.scope, scope) }] };
}

/** Leaves whose rows can be read together: all of the main filter, and others by the filter that they stand in. */
function levelsOf(leaves: readonly PendingLeaf[]): PendingLeaf[][] {
  const levels = new Map<unknown, PendingLeaf[]>();
  for (const leaf of leaves) {
    const { main, scope } = leaf.within;
    const level = main ? 'main' : scope.at(-1);
    const known = levels.get(level);
    if (known === undefined) levels.set(level, [leaf]);
    else known.push(leaf);
  }
  // Those of the main filter last: others narrow it down further.
  return [...levels].sort(([a], [b]) => Number(a === 'main') - Number(b === 'main')).map(([, level]) => level);
}

/** A unique filter as an ordinary one, which takes the fields of a compound constraint by themselves. */
function plainFilter(model: CompiledModel, filter: Dictionary): Dictionary {
  const compounds = Object.entries(filter).filter(([key]) => model.compounds.has(key) && !model.types.has(key));
  if (compounds.length === 0) return filter;
  const rest = Object.entries(filter).filter(([key]) => !compounds.some(([name]) => name === key));
  const parts = compounds.flatMap(([, fields]) => (isDictionary(fields) && !isAbsent(fields) ? [fields] : []));
  return { AND: [Object.fromEntries(rest), ...parts] };
}

/** The fields that the leaves test, with those that their cells depend on. */
function selectOf(leaves: readonly PendingLeaf[]): Dictionary {
  const fields = leaves.flatMap(({ model, parts }) => parts.flatMap(({ node }) => cellFields(model, node)));
  return Object.fromEntries(fields.map((field) => [field, true]));
}

async function readAll(
  source: RowSource,
  leaves: readonly PendingLeaf[],
  where: Dictionary,
  limit: number,
): Promise<Candidates> {
  const { model } = leaves[0] as PendingLeaf;
  const stored = await source.read(model, { where: ofScope(leaves, where), select: selectOf(leaves), take: limit + 1 });
  if (stored.length > limit) throw tooMany(leaves, limit);
  return { stored, values: await source.decrypt(model, stored) };
}

/** Rows to read at first for a page, and how much more each time that they do not fill it. */
const FIRST_ROWS = 64;
const GROWTH = 4;

/**
 * Reads rows in the order of the query until the page is full. Each time all are read anew: rows that another transaction adds or removes
 * cannot shift what is read then.
 */
async function readPage(
  source: RowSource,
  leaves: readonly PendingLeaf[],
  where: Dictionary,
  limit: number,
  page: Page,
): Promise<Candidates> {
  const { model } = leaves[0] as PendingLeaf;
  const select = selectOf(leaves);
  for (let take = Math.max(FIRST_ROWS, 2 * page.rows); ; take *= GROWTH) {
    const most = Math.min(take, limit + 1);
    const stored = await source.read(model, {
      ...page.args,
      where: ofScope(leaves, where),
      select,
      take: page.backwards ? -most : most,
    });
    const values = await source.decrypt(model, stored);
    const full = countMatches(leaves, values) >= page.rows;
    if (full) return cutToPage(leaves, { stored, values }, page);
    if (stored.length < most) return { stored, values };
    if (most > limit) throw tooMany(leaves, limit);
  }
}

/** The rows up to the one that fills the page, so that no more cells are named than rows are asked for. */
function cutToPage(leaves: readonly PendingLeaf[], { stored, values }: Candidates, page: Page): Candidates {
  const parts = leaves.flatMap((leaf) => leaf.parts);
  const matching = values.flatMap((row, at) => (parts.every((part) => satisfies(part, row)) ? [at] : []));
  const first = page.backwards ? (matching[matching.length - page.rows] ?? 0) : 0;
  const end = page.backwards ? values.length : (matching[page.rows - 1] ?? -1) + 1;
  return { stored: stored.slice(first, end), values: values.slice(first, end) };
}

/** Puts the cells of the rows that satisfy each leaf into the filter, and gives their number. */
function nameCells(leaves: readonly PendingLeaf[], { stored, values }: Candidates): number {
  let named = 0;
  for (const leaf of leaves) {
    for (const part of leaf.parts) {
      const { field } = part.node.spec;
      const cells = new Map<unknown, unknown>();
      stored.forEach((row, at) => {
        if (satisfies(part, values[at] as Dictionary)) cells.set(cellKey(row[field]), row[field]);
      });
      named += cells.size;
      const list = { in: cells.size === 0 ? [noCell(part.node)] : [...cells.values()] };
      if (leaf.within.positive) (leaf.place['AND'] as Dictionary[]).push({ [field]: list });
      else leaf.place[field] = list;
    }
    report(leaf, values);
  }
  return named;
}

function countMatches(leaves: readonly PendingLeaf[], values: readonly Dictionary[]): number {
  const parts = leaves.flatMap((leaf) => leaf.parts);
  return values.filter((row) => parts.every((part) => satisfies(part, row))).length;
}

/** Whether a decrypted row satisfies a part; NULL satisfies nothing. */
export function satisfies({ node, test }: LeafPart, row: Dictionary): boolean {
  const value = row[node.spec.field];
  return value !== null && value !== undefined && test(value);
}

/** Bytes that are equal are one cell. */
function cellKey(stored: unknown): unknown {
  return stored instanceof Uint8Array ? Buffer.from(stored).toString('latin1') : stored;
}

/** Tells whoever listens how many rows were read for how many. */
export function report(leaf: PendingLeaf, values: readonly Dictionary[]): void {
  if (!observed('fieldseal:search')) return;
  const { model, column } = leaf.index.spec;
  const matched = values.filter((row) => leaf.parts.every((part) => satisfies(part, row))).length;
  publish('fieldseal:search', { model, index: column, read: values.length, matched });
}

/** The error of a search that has to look at more rows than it may. */
export function tooMany(leaves: readonly PendingLeaf[], limit: number): FieldsealError {
  const [{ model, parts }] = leaves as [PendingLeaf];
  return new FieldsealError('ERR_SEARCH_LIMIT', `a search has more than ${limit} rows to look at`, {
    model: model.name,
    field: parts[0]?.node.spec.field,
  });
}
