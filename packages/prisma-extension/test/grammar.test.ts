import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { buildSchemaMap } from '../src/schema/build-map.ts';
import { compileSchema } from '../src/schema/compiled-schema.ts';
import { parseInlineSchema } from '../src/schema/inline-schema.ts';
import { operationOf, planArguments } from '../src/walk/arguments.ts';
import { type Client, stopServers, TARGETS, type TestDatabase, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

/** Models whose fields are called as parts of Prisma's grammar are: `data`, `where`, `some`, `is`, `set`. */
describe.each(TARGETS)('$database with prisma-$generator: names of fields and parts of queries', (target) => {
  let test: TestDatabase;
  let db: Client;
  let book: { id: number };

  const database = useDatabase(target);
  beforeAll(() => {
    test = database.current;
    db = test.db;
  });
  beforeEach(async () => {
    const books = { create: { data: 'd', some: 's', is: 'i', secret: 'Old', pages: { create: { text: 'page' } } } };
    const shelf = await db.shelf.create({ data: { where: 'cellar', books }, include: { books: true } });
    book = shelf.books[0] as { id: number };
  });

  const raw = () => test.plain.book.findUniqueOrThrow({ where: { id: book.id } });
  const read = () => db.book.findUniqueOrThrow({ where: { id: book.id }, include: { pages: true } });

  it('a wrapped update of a list relation is walked', async () => {
    const where = { id: book.id, secret: 'Old' };
    await db.shelf.updateMany({ data: { where: 'attic' } });
    const shelf = await db.shelf.findFirstOrThrow();
    const data = { data: 'e', secret: 'New', pages: { updateMany: { where: {}, data: { text: 'turned' } } } };
    await db.shelf.update({ where: { id: shelf.id }, data: { books: { update: { where, data } } } });
    expect(await read()).toMatchObject({ data: 'e', secret: 'New', pages: [{ text: 'turned' }] });
    expect((await raw()).secret).toMatch(/^fs1:/);
    const hand = db.shelf.update({
      where: { id: shelf.id },
      data: { books: { update: [{ where, data: { secretExact: 'x' as never } }] } },
    });
    await expect(hand).rejects.toEqual(typedError('ERR_INDEX_WRITTEN'));
  });

  it.each([
    ['wrapped', { data: { secret: 'New' } }, { secret: 'New', data: 'd' }],
    [
      'wrapped with a filter',
      { where: { secret: 'Old' }, data: { secret: 'New', data: 'e' } },
      { secret: 'New', data: 'e' },
    ],
    ['bare', { data: 'e', secret: 'New' }, { secret: 'New', data: 'e' }],
    ['wrapped, where set is a field too', { data: { set: 'e' } }, { secret: 'Old', data: 'd', set: 'e' }],
    ['bare without data', { secret: 'New' }, { secret: 'New', data: 'd' }],
  ])('an update of a to-one relation: %s', async (_, update, expected) => {
    await db.page.updateMany({ data: { text: 'x' } });
    const page = await db.page.findFirstOrThrow();
    await db.page.update({ where: { id: page.id }, data: { book: { update: update as object } } });
    expect(await read()).toMatchObject(expected);
    expect((await raw()).secret).toMatch(/^fs1:/);
  });

  it('an update of a to-one relation: bare with set', async () => {
    const { id } = await db.user.create({ data: { name: 'n', email: 'e', org: { create: { name: 'o', data: 'd' } } } });
    await db.user.update({ where: { id }, data: { org: { update: { data: { set: 'e' } } } } });
    expect(await db.org.findFirst()).toMatchObject({ name: 'o', data: 'e' });
  });

  it('a to-one update that the filter excludes changes nothing', async () => {
    const page = await db.page.findFirstOrThrow();
    const update = { where: { secret: 'other' }, data: { data: 'wrong' } };
    await expect(db.page.update({ where: { id: page.id }, data: { book: { update } } })).rejects.toMatchObject({
      code: 'P2025',
    });
    expect(await read()).toMatchObject({ data: 'd' });
  });

  it('quantifiers of list relations are walked', async () => {
    const shelves = (where: object) => db.shelf.count({ where });
    expect(await shelves({ books: { some: { secret: 'Old' } } })).toBe(1);
    expect(await shelves({ books: { some: { secret: 'x' } } })).toBe(0);
    expect(await shelves({ NOT: { books: { some: { secret: 'Old' } } } })).toBe(0);
    expect(await shelves({ books: { every: { some: 's', secret: { not: 'x' } } } })).toBe(1);
    expect(await db.page.count({ where: { book: { some: 's', secret: 'Old' } } })).toBe(1);
  });

  it('what could be a field or a quantifier is refused before SQL', async () => {
    test.statements.length = 0;
    const refused = [
      db.page.deleteMany({ where: { NOT: { book: { is: { secret: 'Old' } } } } }),
      db.page.findMany({ where: { book: { isNot: { secret: 'Old' }, is: null } as never } }),
      db.shelf.findMany({ where: { books: { secret: 'Old' } as never } }),
      db.shelf.findMany({ where: { books: { some: { secert: 'Old' } as never } } }),
    ];
    for (const query of refused) await expect(query).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    const written = db.book.update({ where: { id: book.id }, data: { secert: 'New' } as never });
    await expect(written).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
    expect(test.statements).toEqual([]);
  });

  it('a unique row is named through the unique index, a filter uses the exact one', async () => {
    expect(await db.book.findUnique({ where: { secret: 'OLD' } as never })).toMatchObject({ id: book.id });
    expect(await db.book.findFirst({ where: { secret: 'OLD' } })).toBeNull();
    expect(
      await db.book.findFirst({ where: { secret: { equals: 'OLD', mode: 'insensitive' } as never } }),
    ).not.toBeNull();
    const create = { data: 'never', secret: 'old' };
    const upserted = await db.book.upsert({ where: { secret: 'oLD' } as never, create, update: { data: 'upserted' } });
    expect(upserted).toMatchObject({ id: book.id, data: 'upserted' });
    const connected = await db.shelf.create({
      data: { books: { connect: { secret: 'OLD' } as never } },
      include: { books: true },
    });
    expect(connected.books).toMatchObject([{ id: book.id }]);
    expect(
      await db.shelf.update({
        where: { id: connected.id },
        data: { books: { disconnect: { secret: 'OLD' } as never } },
      }),
    ).toBeTruthy();
    expect((await raw()).shelfId).toBeNull();
  });

  it('rows that another extension keeps stay ciphertext', async () => {
    const kept: Record<string, unknown>[] = [];
    let cached: unknown;
    const caching = db.$extends({
      query: {
        book: {
          async findMany({ args, query }) {
            cached ??= await query(args);
            kept.push(...(cached as Record<string, unknown>[]));
            return cached as never;
          },
        },
      },
    });
    for (let at = 0; at < 2; at++) expect(await caching.book.findMany()).toMatchObject([{ secret: 'Old' }]);
    for (const row of kept) expect(row['secret']).toMatch(/^fs1:/);
  });
});

describe('plans', () => {
  const map = buildSchemaMap(
    parseInlineSchema(`model A {
  id Int @id
  /// @encrypted
  s  String?
  /// @blindIndex(of: s)
  i  String?
  /// @encrypted
  n  String?
}`),
  );
  const model = compileSchema(map).get('A') ?? expect.unreachable();
  const plan = (where: object) => {
    planArguments(model, operationOf(model, 'deleteMany'), { where });
    return where;
  };

  it('keep operators that are undefined, so that Prisma can refuse them', () => {
    expect(Object.entries(plan({ s: { equals: undefined, not: 'x' } }))).toEqual([
      ['i', { equals: undefined, not: 'x' }],
    ]);
    expect(Object.keys((plan({ s: { equals: undefined } }) as { s: object }).s)).toEqual(['equals']);
    expect(Object.keys((plan({ s: { in: undefined, equals: 'x' } }) as { i: object }).i)).toEqual(['in', 'equals']);
  });

  it('leave to the column of ciphertext what needs no plaintext', () => {
    for (const filter of [
      null,
      {},
      { not: null },
      { not: { equals: null } },
      { in: [] },
      { notIn: [] },
      { equals: undefined },
    ]) {
      expect(plan({ n: filter })).toEqual({ n: filter });
    }
  });

  it.each<[object]>([
    [{ s: { equals: 'x', mode: 'bogus' } }],
    [{ s: { in: 'x' } }],
    [{ s: new Date() }],
    [{ s: ['x'] }],
    [{ n: { in: ['x'] } }],
    [{ n: { not: { not: 'x' } } }],
    [{ toString: 'x' }],
    [{ unknown: 1 }],
  ])('refuse %j', (where) => {
    expect(() => plan(where)).toThrow(typedError('ERR_UNSUPPORTED_FILTER'));
  });

  it('refuse operations and arguments that are unknown', () => {
    expect(() => operationOf(model, 'findRaw')).toThrow(typedError('ERR_UNSUPPORTED_OPERATION'));
    expect(() => operationOf(model, 'constructor')).toThrow(typedError('ERR_UNSUPPORTED_OPERATION'));
    expect(() => planArguments(model, operationOf(model, 'findMany'), { filter: {} })).toThrow(
      typedError('ERR_UNSUPPORTED_OPERATION'),
    );
  });
});

it('an array that is pushed to a list of JSON is one element, whatever the column', () => {
  const schema =
    'datasource db {\n provider = "postgresql"\n}\nmodel L {\n id Int @id\n /// @encrypted(type: Json)\n texts String[]\n /// @encrypted\n jsons Json[]\n /// @encrypted\n words String[]\n}';
  const model = compileSchema(buildSchemaMap(parseInlineSchema(schema))).get('L') ?? expect.unreachable();
  const pushed = [1, 'a'];
  const data = { texts: { push: pushed }, jsons: { push: pushed }, words: { push: ['a', 'b'] } };
  const words = data.words.push;
  planArguments(model, operationOf(model, 'update'), { where: { id: 1 }, data });
  // Elements that are encrypted one by one stand in a copy of the list.
  expect(data.texts.push).toBe(pushed);
  expect(data.jsons.push).toBe(pushed);
  expect(data.words.push).not.toBe(words);
});
