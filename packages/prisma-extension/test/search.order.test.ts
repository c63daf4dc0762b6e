import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typedError } from './harness.ts';
import { type Args, type Client, type Opened, open } from './search/fixture.ts';
import { day, fill, fillFlat, many } from './search/rows.ts';

let test: Opened;
let db: Client;
beforeAll(async () => {
  test = await open('sqlite');
  ({ db } = test);
});
afterAll(() => test.close());

describe('the order of an encrypted field', () => {
  const rows = many(300, (at) => ({ age: at % 7 === 0 ? null : ((at * 37) % 120) - 10, city: null }));
  beforeAll(() => fillFlat(test, rows));
  const byAge = (descending: boolean, nullFirst: boolean) =>
    [...rows]
      .sort((a, b) => (a['group'] as number) - (b['group'] as number))
      .sort((a, b) => {
        const [x, y] = [a['age'] as number | null, b['age'] as number | null];
        if (x === null || y === null) return x === y ? 0 : (x === null) === nullFirst ? -1 : 1;
        return descending ? y - x : x - y;
      })
      .map(({ id }) => id);
  const pageOf = async (args: Args) =>
    (await db.person.findMany({ select: { id: true }, ...args })).map(({ id }) => id);

  it.each([
    ['asc', { age: 'asc' }, byAge(false, true)],
    ['desc', { age: 'desc' }, byAge(true, false)],
    ['asc, NULL last', { age: { sort: 'asc', nulls: 'last' } }, byAge(false, false)],
    ['desc, NULL first', { age: { sort: 'desc', nulls: 'first' } }, byAge(true, true)],
  ])('%s, in pages', async (_, order, expected) => {
    const orderBy = [order, { group: 'asc' }];
    expect(await pageOf({ orderBy, take: 300 })).toEqual(expected);
    for (const skip of [0, 3, 40, 41, 255, 299, 300])
      expect(await pageOf({ orderBy, take: 10, skip })).toEqual(expected.slice(skip, skip + 10));
    for (const skip of [0, 44, 299, 300])
      expect((await db.person.findFirst({ orderBy, skip, select: { id: true } }))?.['id']).toBe(expected[skip]);
    expect(await pageOf({ orderBy, take: 0 })).toEqual([]);
  });

  it('goes with filters of every kind, and reads no more buckets than the page needs', async () => {
    test.statements.length = 0;
    const orderBy = [{ age: 'desc' }, { group: 'desc' }];
    const older = rows.filter(
      ({ age }) => (age as number | null) !== null && (age as number) > 55 && (age as number) < 70,
    );
    const page = await db.person.findMany({
      where: { age: { gt: 55, lt: 70 } },
      orderBy,
      take: 4,
      select: { age: true },
    });
    expect(page.map(({ age }) => age)).toEqual(
      older
        .map(({ age }) => age as number)
        .sort((a, b) => b - a)
        .slice(0, 4),
    );
    const small = await test.extend({ searchLimit: 60 });
    expect(await small.person.findMany({ orderBy, take: 5 })).toHaveLength(5);
    await expect(small.person.findMany({ orderBy, take: 5, skip: 200 })).rejects.toEqual(
      typedError('ERR_SEARCH_LIMIT'),
    );
  });

  it('rows that share a cell keep their places', async () => {
    await db.person.updateMany({ where: { group: { lt: 5 } }, data: { age: -9 } });
    const orderBy = [{ age: { sort: 'asc', nulls: 'last' } }, { group: 'desc' }];
    const first = await pageOf({ orderBy, take: 8 });
    for (const [skip, id] of first.entries())
      expect(await db.person.findFirst({ orderBy, skip })).toMatchObject({ id });
    await fillFlat(test, rows);
  });

  it.each<[string, Args]>([
    ['all rows', { orderBy: { age: 'asc' } }],
    ['more than 1000', { orderBy: { age: 'asc' }, take: 990, skip: 11 }],
    ['from the end', { orderBy: { age: 'asc' }, take: -3 }],
    ['behind a cursor', { orderBy: { age: 'asc' }, take: 3, cursor: { id: 'p00001' } }],
    ['with distinct', { orderBy: { age: 'asc' }, take: 3, distinct: ['group'] }],
    ['as the second key', { orderBy: [{ group: 'asc' }, { age: 'asc' }], take: 3 }],
    ['of a field without a range index', { orderBy: { name: 'asc' }, take: 3 }],
    ['of two fields', { orderBy: [{ age: 'asc' }, { born: 'asc' }], take: 3 }],
  ])('%s is refused before any SQL', async (_, args) => {
    test.statements.length = 0;
    await expect(db.person.findMany(args)).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(test.statements).toEqual([]);
  });

  it('is refused where rows have no terms yet, and inside a batch', async () => {
    await test.bare.$executeRawUnsafe('UPDATE "Person" SET "ageRange" = NULL WHERE "id" = \'p00001\'');
    const asked = { orderBy: { age: 'asc' }, take: 3 };
    await expect(db.person.findMany(asked)).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    await expect(db.$transaction([db.person.findMany(asked)])).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
  });
});

describe('a violated unique constraint', () => {
  beforeAll(() => fill(test));

  it('names the fields that the application knows', async () => {
    const error = await db.person
      .create({ data: { id: 'x', group: 1, last: 'Turing', born: day(1912) } })
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'PrismaClientKnownRequestError',
      code: 'P2002',
      message: expect.stringMatching(/Unique constraint failed on the fields: \((?:`group`,)?`last`,`born`\)$/),
      meta: { modelName: 'Person' },
    });
    const { target } = (error as { meta: { target: string[] } }).meta;
    expect(target.slice(-2)).toEqual(['last', 'born']);
    await db.team.create({ data: { id: 't' } });
    await expect(db.team.create({ data: { id: 't' } })).rejects.toMatchObject({ code: 'P2002' });
  });
});
