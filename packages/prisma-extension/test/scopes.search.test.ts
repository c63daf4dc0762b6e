import { afterAll, beforeAll, expect, it } from 'vitest';
import { withScope } from '../src/index.ts';
import { typedError } from './harness.ts';
import { openScoped, type ScopedClient, type ScopedDatabase } from './scoped-database.ts';

let test: ScopedDatabase;
let db: ScopedClient;

/** Each tenant has the same texts and numbers; short terms of one may be those of another. */
const TEXTS = ['alpha', 'alto', 'beta', 'bet', 'gamma'];

beforeAll(async () => {
  test = await openScoped();
  db = test.db;
  const rows = ['a', 'b', 'c'].flatMap((tenant, group) =>
    TEXTS.map((body, at) => ({ id: group * 10 + at, tenant, body: `${body}${group}`, score: at * 7 + group })),
  );
  for (const data of rows) await db.post.create({ data });
});
afterAll(() => test.close());

const ids = async (args: object) => ((await db.post.findMany(args)) as { id: number }[]).map(({ id }) => id);

it.each([
  ['startsWith', { body: { startsWith: 'alp' } }, [10]],
  ['a prefix and what is not', { body: { startsWith: 'al', not: 'alpha1' } }, [11]],
  ['not startsWith', { body: { not: { startsWith: 'al' } } }, [12, 13, 14]],
  ['NOT', { NOT: { body: { startsWith: 'al' } } }, [12, 13, 14]],
  ['OR', { OR: [{ body: { startsWith: 'gam' } }, { score: { lt: 5 } }] }, [10, 14]],
  ['a range', { score: { gte: 8, lt: 22 } }, [11, 12]],
])('%s finds rows of the scope alone', async (_, where, expected) => {
  const orderBy = { id: 'asc' };
  test.statements.length = 0;
  expect(await withScope('b', () => ids({ where, orderBy }))).toEqual(expected);
  // Rows that are looked at as well: short terms of others may be equal.
  expect(test.statements.filter((sql) => !/\bWHERE\b.*`tenant` = /s.test(sql))).toEqual([]);
  expect(await ids({ where: { ...where, tenant: 'b' }, orderBy })).toEqual(expected);
  expect(await withScope('b', () => ids({ where, orderBy, take: 10 }))).toEqual(expected);
  expect(await withScope('b', () => db.post.count({ where }))).toBe(expected.length);
  test.statements.length = 0;
  await expect(ids({ where })).rejects.toEqual(typedError('ERR_SCOPE_MISSING'));
  await expect(withScope('a', () => ids({ where: { ...where, tenant: 'b' } }))).rejects.toEqual(
    typedError('ERR_SCOPE_CONFLICT'),
  );
  expect(test.statements).toEqual([]);
});

it('an order is of one scope', async () => {
  const args = { orderBy: { score: 'desc' }, take: 3, select: { id: true } };
  expect(await withScope('c', () => ids(args))).toEqual([24, 23, 22]);
  expect(await ids({ ...args, where: { tenant: 'a' } })).toEqual([4, 3, 2]);
  expect(await withScope('a', () => db.post.findFirst({ orderBy: { score: 'asc' } }))).toMatchObject({
    id: 0,
    score: 0,
  });
  await expect(ids(args)).rejects.toEqual(typedError('ERR_SCOPE_MISSING'));
});

it('two scopes in one filter find the rows of both', async () => {
  const either = ['a', 'c'].map((tenant) => ({ tenant, body: { startsWith: 'bet' } }));
  expect(await ids({ where: { OR: either }, orderBy: { id: 'asc' } })).toEqual([2, 3, 22, 23]);
});

it('writes by a search stay in the scope', async () => {
  const where = { body: { startsWith: 'gam' } };
  expect(await withScope('a', () => db.post.updateMany({ where, data: { score: 99 } }))).toEqual({ count: 1 });
  expect(await withScope('b', () => db.post.deleteMany({ where: { score: { gt: 90 } } }))).toEqual({ count: 0 });
  expect(await withScope('a', () => db.post.deleteMany({ where: { score: { gt: 90 } } }))).toEqual({ count: 1 });
  expect(await test.plain.post.count({})).toBe(14);
});
