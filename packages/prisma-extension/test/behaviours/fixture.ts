/**
 * What the tests of behaviours share: one database, three users, and clients without the types that forbid misuse.
 *
 * @module
 */
import { afterAll, beforeAll, expect } from 'vitest';
import { stopServers, type TestDatabase, typedError, useDatabase } from '../harness.ts';

afterAll(stopServers);

export type Args = Readonly<Record<string, unknown>>;
export type Row = Record<string, unknown>;

/** The operations of a model without their types: misuse is meant, and typed fields hold more than their columns do. */
export interface Model {
  create(args: Args): Promise<Row>;
  createMany(args: Args): Promise<{ count: number }>;
  createManyAndReturn(args: Args): Promise<Row[]>;
  update(args: Args): Promise<Row>;
  updateMany(args: Args): Promise<{ count: number }>;
  updateManyAndReturn(args: Args): Promise<Row[]>;
  upsert(args: Args): Promise<Row>;
  delete(args: Args): Promise<Row>;
  deleteMany(args?: Args): Promise<{ count: number }>;
  findUnique(args: Args): Promise<Row | null> & Record<string, (args?: Args) => Promise<Row[]>>;
  findFirst(
    args?: Args,
  ): Promise<Row | null> & Record<string, (args?: Args) => Promise<Row> & Record<string, () => Promise<Row[]>>>;
  findMany(args?: Args): Promise<Row[]>;
  count(args?: Args): Promise<number>;
  aggregate(args: Args): Promise<Row>;
  groupBy(args: Args): Promise<Row[]>;
  readonly fields: Record<string, unknown>;
}

export type Models = Record<
  'user' | 'org' | 'post' | 'comment' | 'plain' | 'typed' | 'sealed' | 'moving' | 'book' | 'shelf' | 'lists',
  Model
> & {
  $transaction(work: unknown): Promise<unknown>;
};

export const target = { database: 'sqlite', generator: 'client' } as const;
const database = useDatabase(target);
export let test: TestDatabase;
export let db: Models;
export let plain: Models;
beforeAll(() => {
  test = database.current;
  db = test.db as unknown as Models;
  plain = test.plain as unknown as Models;
});

export const ada = { id: 'ada', name: 'Ada', email: 'ada@x', ssn: '078-05-1120', note: 'first' };
export const bob = { id: 'bob', name: 'Bob', email: 'bob@x', ssn: '2', note: null };
export const cy = { id: 'cy', name: 'Cy', email: 'cy@x', ssn: null, note: '' };
export const stored = async (id: string) => (await test.raw(`SELECT * FROM "User" WHERE "id" = '${id}'`))[0] as Row;
export const trio = () => db.user.createMany({ data: [ada, bob, cy] });
export const names = async (where: Args) =>
  (await db.user.findMany({ where, orderBy: { name: 'asc' } })).map(({ name }) => name);

/** Refused with this code, before any statement, with the rows as they were. */
export async function refused(query: () => Promise<unknown>, code = 'ERR_UNSUPPORTED_FILTER'): Promise<void> {
  await db.user.count();
  test.statements.length = 0;
  await expect((async () => query())()).rejects.toEqual(typedError(code));
  expect(test.statements).toEqual([]);
}
