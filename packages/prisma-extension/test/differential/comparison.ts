/**
 * Runs the same random steps on a plain client and on an encrypted one, each with a database of its own, and compares.
 *
 * @module
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect, isDeepStrictEqual } from 'node:util';
import { isFieldsealError } from '@fieldseal/core';
import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaPg } from '@prisma/adapter-pg';
import { Decimal } from '@prisma/client/runtime/client';
import fc from 'fast-check';
import { encryption } from '../../src/index.ts';
import { freshKeyring, type Target } from '../harness.ts';
import { type Call, type Step, step } from './calls.ts';
import { valuesOf } from './filters.ts';
import { delegateOf, type RuntimeClient, runtimeClient } from './runtime-client.ts';
import { ddl, emptying, type Side, schemaText, TENANT } from './schema-text.ts';
import { type Field, type Shape, schemaOf } from './shape.ts';

/** Makes an empty database and the adapter of one side. */
export type Opener = () => Promise<{ readonly adapter: object; readonly dispose: () => Promise<void> }>;

export const openSqlite: Opener = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-test-'));
  const adapter = new PrismaLibSql({ url: `file:${join(folder, 'test.db')}` });
  return { adapter, dispose: async () => rmSync(folder, { recursive: true, force: true }) };
};

export const openPostgres =
  (server: Awaited<ReturnType<typeof startPostgres>>): Opener =>
  async () => ({
    adapter: new PrismaPg({ connectionString: await server.createDatabase() }),
    dispose: async () => {},
  });

export const openMariadb =
  (server: Awaited<ReturnType<typeof startMariadb>>): Opener =>
  async () => ({
    adapter: new PrismaMariaDb(await server.createDatabase()),
    dispose: async () => {},
  });

/** How an empty database of each kind is made, and what ends the server behind it. */
export async function startOpener(
  database: Target['database'],
): Promise<{ readonly opener: Opener; readonly stop: () => Promise<void> }> {
  if (database === 'sqlite') return { opener: openSqlite, stop: async () => {} };
  if (database === 'postgresql') {
    const server = await startPostgres();
    return { opener: openPostgres(server), stop: () => server.stop() };
  }
  const server = await startMariadb();
  return { opener: openMariadb(server), stop: () => server.stop() };
}

/** A client with tables for a random schema. */
export interface Tables {
  readonly client: RuntimeClient;
  clear(): Promise<void>;
  close(): Promise<void>;
}

/** Makes the tables of one side, with a plain client over them. */
export async function openTables(
  database: Target['database'],
  shapes: readonly Shape[],
  side: Side,
  opener: Opener,
  tenant: string | null,
): Promise<Tables> {
  const { adapter, dispose } = await opener();
  const client = await runtimeClient(database, schemaText(database, shapes, side, tenant), { adapter });
  for (const statement of ddl(database, shapes, side, tenant)) await client.$executeRawUnsafe(statement);
  return {
    client,
    clear: async () => {
      for (const statement of emptying(database, shapes)) await client.$executeRawUnsafe(statement);
    },
    close: async () => {
      await client.$disconnect();
      await dispose();
    },
  };
}

async function open(
  database: Target['database'],
  shapes: readonly Shape[],
  side: Side,
  opener: Opener,
  scoped: boolean,
): Promise<Tables> {
  const tables = await openTables(database, shapes, side, opener, scoped ? TENANT : null);
  if (side === 'plain') return tables;
  const keyring = await freshKeyring();
  const extend = encryption({ keyring, ...(scoped && { scope: TENANT }) });
  return {
    ...tables,
    client: extend(tables.client as never) as unknown as RuntimeClient,
    close: async () => {
      await tables.close();
      keyring.close();
    },
  };
}

/** What a step gave: a result, an error of Prisma, or a refusal of ours. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: string;
  readonly refused?: string;
}

/** Counts of what was compared. */
export interface Counts {
  operations: number;
  refused: number;
  failed: number;
  /** Calls that Prisma itself takes for nonsense. */
  invalid: number;
}

/** Compares `operations` random operations over random schemas; fails with the schema and the fewest calls that show a difference. */
export async function compare(
  database: Target['database'],
  opener: Opener,
  {
    operations,
    perSchema,
    seed,
    scoped = false,
  }: { readonly operations: number; readonly perSchema: number; readonly seed: number; readonly scoped?: boolean },
): Promise<Counts> {
  const counts: Counts = { operations: 0, refused: 0, failed: 0, invalid: 0 };
  for (let at = 0; counts.operations < operations; at++) {
    const [shapes] = fc.sample(schemaOf(database), { numRuns: 1, seed: seed + at }) as [readonly Shape[]];
    await compareSchema(database, shapes, opener, { seed: seed + at, operations: perSchema, counts, scoped });
  }
  return counts;
}

async function compareSchema(
  database: Target['database'],
  shapes: readonly Shape[],
  opener: Opener,
  {
    seed,
    operations,
    counts,
    scoped,
  }: { readonly seed: number; readonly operations: number; readonly counts: Counts; readonly scoped: boolean },
): Promise<void> {
  const plain = await open(database, shapes, 'plain', opener, scoped);
  const encrypted = await open(database, shapes, 'encrypted', opener, scoped);
  const until = counts.operations + operations;
  const steps = fc.array(step(shapes, database), { minLength: 15, maxLength: 60, size: 'max' });
  const property = fc.asyncProperty(steps, async (all) => {
    await Promise.all([plain.clear(), encrypted.clear()]);
    for (const next of all) {
      counts.operations += next.calls.length;
      const ours = await outcome(encrypted.client, next, shapes);
      if (ours.refused !== undefined) counts.refused++;
      else {
        const theirs = await outcome(plain.client, next, shapes);
        if (theirs.error === 'PrismaClientValidationError') counts.invalid++;
        else if (theirs.error !== undefined) counts.failed++;
        if (!isDeepStrictEqual(ours, theirs))
          throw new Error(`a plain client gives another result:\n${shown({ next, plain: theirs, encrypted: ours })}`);
      }
    }
    const [ours, theirs] = [await state(encrypted.client, shapes), await state(plain.client, shapes)];
    if (!isDeepStrictEqual(ours, theirs))
      throw new Error(`a plain client leaves other rows:\n${shown({ plain: theirs, encrypted: ours })}`);
  });
  try {
    for (let run = 0; counts.operations < until; run++)
      await fc.assert(property, { numRuns: 1, seed: seed * 1000 + run, interruptAfterTimeLimit: 30_000 });
  } catch (error) {
    // With the seed and the calls in fast-check's message this shows the difference again. What may still be running is left open.
    (error as Error).message +=
      `\n\nseed of the schema: ${seed}\n${schemaText(database, shapes, 'encrypted', scoped ? TENANT : null)}`;
    throw error;
  }
  await Promise.all([plain.close(), encrypted.close()]);
}

/** Whether every value of the field can be found, the empty text too. */
const findsEqual = ({ cell }: Field) =>
  cell?.indexes.some(({ args }) => !/kind: (?:prefix|suffix|ngram)/.test(args)) === true;

/** A value as a failure tells it. */
export const shown = (value: unknown): string =>
  inspect(value, { depth: null, breakLength: 160, maxStringLength: 200 });

const ROLLED_BACK = new Error('roll back');

/** A unique and a foreign key: which of two that are violated is reported first is the database's choice. */
const CONSTRAINTS: readonly string[] = ['P2002', 'P2003'];

/** Runs a step. */
export async function outcome(
  client: RuntimeClient,
  { kind, calls }: Step,
  shapes: readonly Shape[],
): Promise<Outcome> {
  try {
    const results = (await run(client, kind, calls)).map((result, at) =>
      sorted(calls[at] as Call, normal(result, shapes)),
    );
    return { result: results };
  } catch (error) {
    if (error === ROLLED_BACK) return { result: 'rolled back' };
    if (isFieldsealError(error)) return { refused: error.code };
    const { code, name, message } = error as { code?: string; name: string; message: string };
    if (!name.startsWith('PrismaClient')) throw error;
    if (CONSTRAINTS.includes(code ?? '')) return { error: 'constraint' };
    return { error: code ?? (name === 'PrismaClientUnknownRequestError' ? message : name) };
  }
}

/** Operations whose rows come in the order that the database likes. */
const UNORDERED: readonly string[] = ['groupBy', 'createManyAndReturn', 'updateManyAndReturn'];

function sorted({ operation }: Call, result: unknown): unknown {
  if (!UNORDERED.includes(operation) || !Array.isArray(result)) return result;
  return result
    .map((row) => [JSON.stringify(row), row] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, row]) => row as unknown);
}

async function run(client: RuntimeClient, kind: Step['kind'], calls: readonly Call[]): Promise<readonly unknown[]> {
  const one = (within: object, { model, operation, args }: Call) =>
    delegateOf(within, model)[operation]?.(args) as Promise<unknown>;
  if (kind === 'call') return [await one(client, calls[0] as Call)];
  if (kind === 'batch') return client.$transaction(calls.map((call) => one(client, call))) as Promise<unknown[]>;
  return client.$transaction(async (within: object) => {
    const results: unknown[] = [];
    for (const call of calls) results.push(await one(within, call));
    if (kind === 'rolledBack') throw ROLLED_BACK;
    return results;
  }) as Promise<unknown[]>;
}

/** Plain data without what only one side has; rows whose order nothing fixes are sorted. */
function normal(value: unknown, shapes: readonly Shape[]): unknown {
  const ours = new Set(
    shapes.flatMap(({ fields, pair }) => [
      ...fields.flatMap(({ cell }) => cell?.indexes.map(({ name }) => name) ?? []),
      ...(pair === null ? [] : [pair.index]),
    ]),
  );
  const plain = (item: unknown): unknown => {
    if (typeof item === 'bigint') return `${item}n`;
    if (typeof item === 'number') return Object.is(item, -0) ? 0 : item;
    if (item instanceof Date) return `date ${item.getTime()}`;
    if (item instanceof Uint8Array) return `bytes ${Buffer.from(item).toString('hex')}`;
    if (Decimal.isDecimal(item)) return `decimal ${(item as Decimal).toFixed()}`;
    if (Array.isArray(item)) return item.map(plain);
    if (typeof item !== 'object' || item === null) return item;
    return Object.fromEntries(
      Object.entries(item)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([key, member]) => (ours.has(key) ? [] : [[key, plain(member)]])),
    );
  };
  return plain(value);
}

/** All rows that a filter leaves, and what is found by each encrypted field. */
export async function state(client: RuntimeClient, shapes: readonly Shape[], only: object = {}): Promise<unknown> {
  const all: unknown[] = [];
  for (const { name, relations, fields } of shapes) {
    const include = Object.fromEntries(
      relations
        .filter(({ list }) => list)
        .map((relation) => [relation.name, { select: { id: true }, orderBy: { id: 'asc' } }]),
    );
    all.push(
      await delegateOf(client, name)['findMany']?.({
        where: only,
        orderBy: { id: 'asc' },
        ...(Object.keys(include).length === 0 ? {} : { include }),
      }),
    );
    // A term that outlived its value would find a row that has none.
    for (const field of fields.filter(findsEqual)) {
      const where = { [field.name]: { in: valuesOf(field) }, ...only };
      all.push(await delegateOf(client, name)['findMany']?.({ where, orderBy: { id: 'asc' }, select: { id: true } }));
    }
  }
  return normal(all, shapes);
}
