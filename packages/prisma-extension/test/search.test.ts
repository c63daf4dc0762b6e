import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SearchEvent } from '@fieldseal/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { typedError } from './harness.ts';
import { type Args, type Client, type Opened, open, type Row } from './search/fixture.ts';
import { day, fill, fillFlat, many } from './search/rows.ts';

let test: Opened;
let db: Client;
beforeAll(async () => {
  test = await open('sqlite');
  ({ db } = test);
});
afterAll(() => test.close());

const ids = async (where: Args, more: Args = {}) =>
  (await db.person.findMany({ where, orderBy: { id: 'asc' }, ...more })).map(({ id }) => id);

describe('what each kind finds', () => {
  beforeAll(() => fill(test));

  it.each<[string, Args, string[]]>([
    ['n-grams, by the case that the index folds', { name: { contains: 'LOVE' } }, ['ada']],
    ['a needle as long as an n-gram', { name: { contains: 'lan' } }, ['alan']],
    ['code points outside of the BMP', { name: { contains: '𝒳 Ż' } }, ['cy']],
    ['a prefix, as it is written', { name: { startsWith: 'Al' } }, ['alan']],
    ['a prefix longer than the longest term', { name: { startsWith: 'Ada Lov' } }, ['ada']],
    ['a suffix', { name: { endsWith: 'ing' } }, ['alan']],
    ['case ignored, which n-grams serve', { name: { startsWith: 'ADA', mode: 'insensitive' } }, ['ada']],
    ['equality by a prefix', { name: 'Alan Turing' }, ['alan']],
    ['equality of several', { name: { in: ['Alan Turing', 'Ada Lovelace', 'nobody'] } }, ['ada', 'alan']],
    ['the negation, of which NULL is unknown', { name: { not: { contains: 'lovelace' } } }, ['alan', 'bob', 'cy']],
    ['NOT around it', { NOT: { name: { contains: 'lovelace' } } }, ['alan', 'bob', 'cy']],
    ['an exact negation over many terms', { NOT: { name: { startsWith: 'Al' } } }, ['ada', 'bob', 'cy']],
    ['the empty needle', { name: { contains: '' } }, ['ada', 'alan', 'bob', 'cy']],
    ['not the empty needle', { name: { not: { contains: '' } } }, []],
    ['the wildcard _', { name: { contains: 'tur_ng' } }, ['alan']],
    ['the wildcard %', { name: { startsWith: 'Al%ing' } }, ['alan']],
    ['wildcards that are in the text', { name: { startsWith: 'bob_1' } }, ['bob']],
    ['a range', { age: { gt: 36, lte: 41 } }, ['alan']],
    ['an open range', { age: { lt: 0 } }, ['bob']],
    ['the end of the buckets', { age: { gte: 100 } }, ['cy']],
    ['equality in a bucket', { age: 36 }, ['ada']],
    ['not in a range', { age: { not: { gte: 36 } } }, ['bob']],
    ['bounds that exclude each other', { age: { gte: 50, lt: 20 } }, []],
    [
      'the negation of that, of which NULL is unknown',
      { NOT: { age: { gte: 50, lt: 20 } } },
      ['ada', 'alan', 'bob', 'cy'],
    ],
    ['equality with partitions', { city: 'London' }, ['ada', 'alan']],
    ['all but one, with partitions', { city: { not: 'London' } }, ['bob', 'dan']],
    ['terms of few bits', { code: 'c1' }, ['ada', 'bob']],
    ['two fields at once', { last: 'Turing', born: day(1912) }, ['alan']],
    ['two fields in two ANDs', { AND: [{ last: 'Turing' }, { born: { equals: day(2000) } }] }, ['bob']],
    [
      'several comparisons, several indexes',
      { name: { contains: 'ace', startsWith: 'Ada' }, age: { lt: 50 } },
      ['ada'],
    ],
    [
      'an OR of kinds',
      { OR: [{ age: { gt: 99 } }, { name: { endsWith: 'ace' } }, { id: 'dan' }] },
      ['ada', 'cy', 'dan'],
    ],
  ])('%s: %j', async (_, where, expected) => {
    expect(await ids(where)).toEqual(expected);
    expect(await db.person.count({ where })).toBe(expected.length);
    expect((await db.person.aggregate({ where, _count: true }))['_count']).toBe(expected.length);
    const first = await db.person.findFirst({ where, orderBy: { id: 'desc' }, select: { id: true } });
    expect(first).toEqual(expected.length === 0 ? null : { id: expected.at(-1) });
    expect((await db.person.groupBy({ by: ['id'], where })).map(({ id }) => id).sort()).toEqual(expected);
  });

  it.each<[string, Args]>([
    ['a needle of two characters in n-grams of three', { name: { contains: 'la' } }],
    ['a prefix of one', { name: { startsWith: 'A' } }],
    ['a needle with wildcards and little else', { name: { contains: '%a_' } }],
    ['a backslash', { name: { contains: 'a\\_b' } }],
    ['a range of texts', { name: { gt: 'A' } }],
    ['a part of a number', { age: { contains: '3' } }],
    ['a comparison without its kind', { city: { startsWith: 'Lon' } }],
    ['one field of two', { last: 'Turing' }],
    ['two fields in a negation', { NOT: { last: 'Turing', born: day(1912) } }],
    ['two fields of which one is NULL', { last: 'Turing', born: { in: [day(1912)] } }],
    ['another operator', { name: { search: 'a' } }],
    ['a reference', { name: { contains: { modelName: 'Person', name: 'id', typeName: 'String' } } }],
  ])('%s is refused before any SQL', async (_, where) => {
    test.statements.length = 0;
    await expect(ids(where)).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    await expect(db.person.deleteMany({ where })).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(test.statements).toEqual([]);
  });

  it('operands of another type are refused', async () => {
    await expect(ids({ age: { gt: 'x' } })).rejects.toEqual(typedError('ERR_VALUE'));
    await expect(ids({ born: { in: [1] }, last: 'x' })).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
  });

  it('hints name the kind that would serve', async () => {
    await expect(ids({ city: { contains: 'ond' } })).rejects.toThrow(/@blindIndex\(of: city, kind: ngram/);
    await expect(ids({ name: { contains: 'la' } })).rejects.toThrow(/nameGrams needs 3/);
  });
});

describe('what is found is what is written', () => {
  beforeEach(() => fill(test));

  it('in every write that takes a filter', async () => {
    expect(await db.person.updateMany({ where: { name: { contains: 'lan' } }, data: { city: 'Oslo' } })).toEqual({
      count: 1,
    });
    expect(await ids({ city: 'Oslo' })).toEqual(['alan']);
    const changed = await db.person.updateManyAndReturn({
      where: { code: 'c1' },
      data: { group: 9 },
      select: { id: true },
    });
    expect(changed.map(({ id }) => id).sort()).toEqual(['ada', 'bob']);
    await expect(db.person.update({ where: { id: 'ada', age: { gt: 40 } }, data: { group: 5 } })).rejects.toMatchObject(
      { code: 'P2025' },
    );
    expect(await db.person.update({ where: { id: 'ada', age: { lt: 40 } }, data: { group: 5 } })).toMatchObject({
      group: 5,
    });
    await expect(db.person.delete({ where: { id: 'ada', name: { contains: 'turing' } } })).rejects.toMatchObject({
      code: 'P2025',
    });
    expect(await db.person.deleteMany({ where: { age: { gte: 36, lt: 41 } } })).toEqual({ count: 1 });
    expect(await ids({})).toEqual(['alan', 'bob', 'cy', 'dan']);
  });

  it('by the constraint over two fields, alone and with a plain one', async () => {
    const where = { last: 'Turing', born: day(1912) };
    expect(await db.person.findUnique({ where })).toMatchObject({ id: 'alan' });
    expect(await db.person.findUnique({ where: { group_lastBorn: { group: 1, ...where } } })).toMatchObject({
      id: 'alan',
    });
    expect(await db.person.findUnique({ where: { group_lastBorn: { group: 2, ...where } } })).toBeNull();
    const create = { id: 'new', group: 1, ...where };
    expect(await db.person.upsert({ where, create, update: { group: 7 } })).toMatchObject({ id: 'alan', group: 7 });
  });

  it('behind relations and in nested writes', async () => {
    await db.team.create({ data: { id: 't', people: { connect: [{ id: 'ada' }, { id: 'alan' }] } } });
    await db.team.create({ data: { id: 'u', people: { connect: [{ id: 'bob' }] } } });
    const teams = async (people: Args) =>
      ((await db.team.findMany({ where: { people }, orderBy: { id: 'asc' } })) as Row[]).map(({ id }) => id);
    expect(await teams({ some: { name: { contains: 'lovelace' } } })).toEqual(['t']);
    expect(await teams({ none: { name: { contains: 'lovelace' } } })).toEqual(['u']);
    expect(await teams({ every: { age: { gte: 36 } } })).toEqual(['t']);
    const people = { where: { age: { gt: 36 } }, select: { id: true } };
    expect(
      await db.team.findMany({
        select: { people, _count: { select: { people: { where: { code: 'c1' } } } } },
        orderBy: { id: 'asc' },
      }),
    ).toEqual([
      { people: [{ id: 'alan' }], _count: { people: 1 } },
      { people: [], _count: { people: 1 } },
    ]);
    await db.team.update({ where: { id: 't' }, data: { people: { deleteMany: { age: { lt: 40 } } } } });
    expect(await ids({})).toEqual(['alan', 'bob', 'cy', 'dan']);
    await db.team.update({
      where: { id: 't' },
      data: { people: { updateMany: { where: { name: { startsWith: 'Al' } }, data: { group: 8 } } } },
    });
    expect(await ids({ group: 8 })).toEqual(['alan']);
    expect(await ids({ team: { people: { some: { age: 41 } } } })).toEqual(['alan']);
  });
});

describe('a filter beside a write that changes what it finds', () => {
  beforeEach(() => fill(test));
  const create = { id: 'eve', group: 4, name: 'Eve Lovelace', age: 36, code: 'c1' };
  const refused = typedError('ERR_UNSUPPORTED_FILTER');
  const teamOf = (people: Args) => ({ data: { id: 't', people: { create } }, select: { people: { where: people } } });

  it('is refused where rows would have to be read beforehand, and nothing is written', async () => {
    for (const where of [{ code: 'c1' }, { age: { gt: 30 } }, { OR: [{ id: 'x' }, { NOT: { code: 'c2' } }] }]) {
      await expect(db.team.create(teamOf(where))).rejects.toEqual(refused);
      const counted = { data: { id: 't', people: { create } }, select: { _count: { select: { people: { where } } } } };
      await expect(db.team.create(counted)).rejects.toEqual(refused);
    }
    await db.team.create({ data: { id: 't', people: { connect: { id: 'ada' } } } });
    const people = { create, updateMany: { where: { code: 'c1' }, data: { group: 8 } } };
    await expect(db.team.update({ where: { id: 't' }, data: { people } })).rejects.toEqual(refused);
    const changes = ['c2', 'c1'].map((code) => ({ where: { id: 'ada', age: { lt: 39 } }, data: { age: 50, code } }));
    await expect(db.team.update({ where: { id: 't' }, data: { people: { update: changes } } })).rejects.toEqual(
      refused,
    );
    expect(await ids({ OR: [{ id: 'eve' }, { group: 8 }, { age: 50 }] })).toEqual([]);
  });

  it('is served where terms are exact, and where the write leaves it alone', async () => {
    const made = await db.team.create({
      data: { id: 't', people: { create } },
      select: { people: { where: { name: { startsWith: 'Eve' } }, select: { id: true } } },
    });
    expect(made).toEqual({ people: [{ id: 'eve' }] });
    const update = { where: { id: 'eve' }, data: { city: 'Rome' } };
    const people = { where: { code: 'c1' }, select: { id: true } };
    expect(await db.team.update({ where: { id: 't' }, data: { people: { update } }, select: { people } })).toEqual({
      people: [{ id: 'eve' }],
    });
    const own = { updateMany: { where: { code: 'c1' }, data: { code: 'c3' } } };
    await db.team.update({ where: { id: 't' }, data: { people: own } });
    expect(await ids({ code: 'c3' })).toEqual(['eve']);
  });
});

describe('exactness costs no more than it has to', () => {
  const events: SearchEvent[] = [];
  const listen = (event: unknown): void => void events.push(event as SearchEvent);
  beforeAll(async () => {
    await fillFlat(
      test,
      many(1200, (at) => ({ code: `v${at % 300}`, age: at % 50 })),
    );
    subscribe('fieldseal:search', listen);
  });
  beforeEach(() => {
    events.length = 0;
    test.statements.length = 0;
  });
  afterAll(() => unsubscribe('fieldseal:search', listen));
  const selects = () => test.statements.filter(({ query }) => /^SELECT/.test(query)).length;

  it('all rows that match come by one statement, which tells of itself how much it read', async () => {
    const found = await db.person.findMany({
      where: { code: 'v7' },
      select: { group: true },
      orderBy: { group: 'asc' },
    });
    expect(found).toEqual([{ group: 7 }, { group: 307 }, { group: 607 }, { group: 907 }]);
    expect(selects()).toBe(1);
    expect(events).toEqual([{ model: 'Person', index: 'codeTerm', read: expect.any(Number), matched: 4 }]);
    const [{ read }] = events as [SearchEvent];
    expect(read).toBeGreaterThanOrEqual(4);
    expect(read).toBeLessThan(120); // of 300 values two in a hundred share one of 256 terms
    expect(JSON.stringify(events)).not.toContain('v7');
  });

  it('more rows than a statement can name are found and counted, and not changed in part', async () => {
    const where = { age: { gte: 1 } };
    expect(await db.person.findMany({ where, select: { id: true } })).toHaveLength(1176);
    expect(await db.person.count({ where })).toBe(1176);
    await expect(db.person.aggregate({ where, _count: true })).rejects.toEqual(typedError('ERR_SEARCH_LIMIT'));
    for (const refused of [
      () => db.person.updateMany({ where, data: { group: 0 } }),
      () => db.person.deleteMany({ where }),
    ])
      await expect(refused()).rejects.toEqual(typedError('ERR_SEARCH_LIMIT'));
    expect(await db.person.count()).toBe(1200);
  });

  it('a page ends reading when it is full, and holds what it would hold of a plain client', async () => {
    const where = { age: { gt: 3 } }; // 46 of 50
    const all = (await db.person.findMany({ where, orderBy: { group: 'desc' }, select: { group: true } })).map(
      ({ group }) => group,
    );
    expect(all).toHaveLength(1104);
    events.length = 0;
    for (const [take, skip] of [
      [5, 0],
      [5, 3],
      [200, 700],
      [-5, 2],
      [0, 0],
    ] as const) {
      const page = await db.person.findMany({ where, orderBy: { group: 'desc' }, take, skip, select: { group: true } });
      const expected = take < 0 ? all.slice(all.length + take - skip, all.length - skip) : all.slice(skip, skip + take);
      expect(page.map(({ group }) => group)).toEqual(expected);
    }
    expect(events[0]?.read).toBeLessThanOrEqual(64);
    const cursor = await db.person.findMany({
      where,
      orderBy: { group: 'desc' },
      cursor: { id: 'p00504' },
      take: 3,
      skip: 1,
      select: { group: true },
    });
    expect(cursor.map(({ group }) => group)).toEqual(all.filter((group) => (group as number) < 504).slice(0, 3));
  });

  it('pages are filled up where few of the rows that share a term match', async () => {
    const where = { code: { in: ['v1', 'v2', 'v3'] } };
    const all = (await db.person.findMany({ where, orderBy: { id: 'asc' } })).map(({ id }) => id);
    expect(all).toHaveLength(12);
    const pages: unknown[] = [];
    for (let skip = 0; skip < 12; skip += 5)
      pages.push(...(await db.person.findMany({ where, orderBy: { id: 'asc' }, take: 5, skip })).map(({ id }) => id));
    expect(pages).toEqual(all);
    expect(await db.person.findMany({ where, distinct: ['group'], orderBy: { group: 'asc' }, take: 2 })).toHaveLength(
      2,
    );
  });

  it('the limit is held, by a typed error and no wrong answer', async () => {
    const small = await test.extend({ searchLimit: 100 });
    const where = { age: { gte: 1 } };
    await expect(small.person.findMany({ where })).rejects.toEqual(typedError('ERR_SEARCH_LIMIT'));
    await expect(small.person.count({ where })).rejects.toEqual(typedError('ERR_SEARCH_LIMIT'));
    await expect(small.person.deleteMany({ where })).rejects.toEqual(typedError('ERR_SEARCH_LIMIT'));
    expect(await small.person.findMany({ where, take: 10, orderBy: { id: 'asc' } })).toHaveLength(10);
    await expect(small.person.findMany({ where: { age: { gt: 48 } }, take: 500 })).rejects.toEqual(
      typedError('ERR_SEARCH_LIMIT'), // 240 rows are in the bucket
    );
    await expect(small.person.findMany({ where, take: 150 })).rejects.toEqual(typedError('ERR_SEARCH_LIMIT'));
    expect(await small.person.findMany({ where: { group: { lt: 90 }, age: 7 } })).toHaveLength(2);
    for (const searchLimit of [0, -1, 1.5, Number.NaN])
      await expect(test.extend({ searchLimit })).rejects.toEqual(typedError('ERR_OPTIONS'));
  });
});

describe('the rows that are read', () => {
  beforeEach(() => fill(test));

  it('are those of the transaction', async () => {
    const work = db.$transaction(async (tx: Client) => {
      await tx.person.update({ where: { id: 'dan' }, data: { age: 37 } });
      expect(await tx.person.findMany({ where: { age: { gt: 36, lt: 41 } }, select: { id: true } })).toEqual([
        { id: 'dan' },
      ]);
      expect(await tx.person.count({ where: { NOT: { age: { gt: 36 } } } })).toBe(2);
      expect(await tx.person.updateMany({ where: { OR: [{ age: 37 }] }, data: { group: 4 } })).toEqual({ count: 1 });
      throw new Error('roll back');
    });
    await expect(work).rejects.toThrow('roll back');
    expect(await ids({ age: 37 })).toEqual([]);
  });

  it('cannot be read inside a batch transaction, which is refused as a whole', async () => {
    const batch = db.$transaction([
      db.person.update({ where: { id: 'ada' }, data: { group: 99 } }),
      db.person.deleteMany({ where: { age: { gt: 36 } } }),
    ]);
    await expect(batch).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
    expect(await ids({ group: 99 })).toEqual([]);
    expect(await db.$transaction([db.person.count({ where: { name: { startsWith: 'Al' } } })])).toEqual([1]);
  });

  it('do not pass other extensions, and show nothing that was not asked for', async () => {
    const seen: string[] = [];
    const client = await test.extend(
      {},
      {
        query: {
          $allModels: {
            $allOperations({
              operation,
              args,
              query,
            }: {
              operation: string;
              args: object;
              query: (args: object) => unknown;
            }) {
              seen.push(operation);
              return query(args);
            },
          },
        },
      },
    );
    expect(
      await client.person.findMany({ where: { age: { gt: 36 } }, select: { id: true }, orderBy: { id: 'asc' } }),
    ).toEqual([{ id: 'alan' }, { id: 'cy' }]);
    expect(
      await client.person.findMany({
        where: { age: { gt: 36 } },
        omit: { age: true },
        take: 1,
        orderBy: { id: 'asc' },
      }),
    ).not.toHaveProperty('0.age');
    expect(seen).toEqual(['findMany', 'findMany']);
  });

  it('are left alone when they change before the query comes', async () => {
    let change: (() => Promise<unknown>) | null = null;
    const racing = await test.extend({}, {}, (adapter) =>
      afterFirstRead(adapter, async () => {
        const now = change;
        change = null;
        await now?.();
      }),
    );
    // Its bucket, and so its term, stays: the cell alone tells.
    const other = () => db.person.update({ where: { id: 'alan' }, data: { age: 48 } });
    change = other;
    expect(
      await racing.person.updateMany({ where: { OR: [{ age: { gt: 36, lt: 45 } }] }, data: { group: 77 } }),
    ).toEqual({ count: 0 });
    expect(change).toBeNull();
    expect(await ids({ group: 77 })).toEqual([]);
    await db.person.update({ where: { id: 'alan' }, data: { age: 41 } });
    change = other;
    expect(await racing.person.deleteMany({ where: { age: { gt: 36, lt: 45 } } })).toEqual({ count: 0 });
    expect(await ids({})).toHaveLength(5);
  });
});

/** An adapter that does something else once after each SELECT of rows. */
function afterFirstRead(adapter: object, then: () => Promise<void>): object {
  return new Proxy(adapter, {
    get(target, key) {
      const value = Reflect.get(target, key, target) as unknown;
      if (typeof value !== 'function') return value;
      if (key === 'connect' || key === 'startTransaction')
        return async (...args: unknown[]) => afterFirstRead((await value.apply(target, args)) as object, then);
      if (key !== 'queryRaw') return value.bind(target);
      return async (query: { sql: string }) => {
        const result: unknown = await value.call(target, query);
        if (/^SELECT .*\bage\b/.test(query.sql)) await then();
        return result;
      };
    },
  });
}
