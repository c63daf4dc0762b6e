/**
 * The behaviours that the extension promises, by number: search, orders and groups, 18 to 32. Each is shown on one database; the other files of this folder hold them on all.
 */
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type Args,
  ada,
  bob,
  cy,
  db,
  type Models,
  names,
  plain,
  type Row,
  refused,
  stored,
  test,
  trio,
} from './behaviours/fixture.ts';
import { typedError } from './harness.ts';

describe('search', () => {
  beforeEach(trio);

  it.each([
    [{ email: 'ada@x' }, ['Ada']],
    [{ email: { equals: 'ada@x' } }, ['Ada']],
    [{ OR: [{ email: 'ada@x' }, { AND: [{ ssn: '2' }, { NOT: { email: 'x' } }] }] }, ['Ada', 'Bob']],
    [{ email: { not: 'absent' } }, ['Ada', 'Bob', 'Cy']],
  ])('18 equality, %j', async (where, expected) => {
    expect(await names(where)).toEqual(expected);
  });

  it('18 cursors, connect and findUnique', async () => {
    expect(
      (await db.user.findMany({ cursor: { email: 'bob@x' }, orderBy: { name: 'asc' } })).map(({ name }) => name),
    ).toEqual(['Bob', 'Cy']);
    expect(await db.user.findUnique({ where: { email: 'cy@x' } })).toMatchObject(cy);
    await db.org.create({ data: { name: 'o', users: { connect: [{ email: 'ada@x' }] } } });
    expect(await names({ org: { name: 'o' } })).toEqual(['Ada']);
  });

  it("19 not '' leaves NULL out, as a plain client does", async () => {
    await db.user.update({ where: { id: 'bob' }, data: { ssn: '' } });
    expect(await names({ ssn: { not: '' } })).toEqual(['Ada']);
    await plain.user.updateMany({ where: { id: 'bob' }, data: { name: '' } });
    expect(await names({ name: { not: '' } })).toEqual(['Ada', 'Cy']);
  });

  it.each([
    [{ in: ['ada@x', 'cy@x', 'none'] }, ['Ada', 'Cy']],
    [{ in: [] }, []],
    [{ notIn: ['ada@x'] }, ['Bob', 'Cy']],
    [{ notIn: [] }, ['Ada', 'Bob', 'Cy']],
  ])('20 in and notIn, %j', async (email, expected) => {
    expect(await names({ email })).toEqual(expected);
  });

  it('20 a list that is none is refused', () =>
    refused(() => db.user.deleteMany({ where: { email: { notIn: 'ada@x' } } })));

  it.each([
    [{ email: { not: { equals: 'ada@x' } } }, ['Bob', 'Cy']],
    [{ email: { not: { in: ['ada@x', 'bob@x'] } } }, ['Cy']],
    [{ NOT: [{ email: 'ada@x' }, { email: 'bob@x' }] }, ['Cy']],
    [{ email: { equals: 'ada@x', not: 'ada@x' } }, []],
    [{ email: { equals: 'ada@x', in: ['ada@x', 'bob@x'] } }, ['Ada']],
  ])('21 negation, %j', async (where, expected) => {
    expect(await names(where)).toEqual(expected);
  });

  it('21 not in not means what it means on a plain field', async () => {
    expect(await names({ email: { not: { not: 'ada@x' } } })).toEqual(await names({ name: { not: { not: 'Ada' } } }));
  });

  const operators: [string, unknown][] = [
    ...['contains', 'startsWith', 'endsWith', 'lt', 'lte', 'gt', 'gte', 'search'].map((name): [string, unknown] => [
      name,
      { [name]: 'a' },
    ]),
    ['not contains', { not: { contains: 'zzz' } }],
    ['equals and gt', { equals: 'ada@x', gt: '' }],
  ];
  it.each(operators)(
    '22 unservable filters throw before any SQL, above all in updateMany and deleteMany: %s',
    async (_, email) => {
      const before = await test.raw('SELECT * FROM "User" ORDER BY "id"');
      await refused(() => db.user.updateMany({ where: { email }, data: { name: 'x' } }));
      await refused(() => db.user.deleteMany({ where: { NOT: { email } } }));
      await refused(() => db.user.findMany({ where: { OR: [{ email }] } }));
      await refused(() => db.org.update({ where: { id: 'o' }, data: { users: { deleteMany: { email } } } }));
      await refused(() =>
        db.org.update({
          where: { id: 'o' },
          data: { users: { updateMany: { where: { email }, data: { name: 'x' } } } },
        }),
      );
      expect(await test.raw('SELECT * FROM "User" ORDER BY "id"')).toEqual(before);
    },
  );

  it('22 a reference and an equality without an index throw too', async () => {
    await refused(() => db.user.deleteMany({ where: { ssn: { not: db.user.fields['name'] } } }));
    await refused(() => db.user.deleteMany({ where: { name: { not: db.user.fields['ssn'] } } }));
    await refused(() => db.user.deleteMany({ where: { note: { not: 'x' } } }));
    expect(await names({})).toEqual(['Ada', 'Bob', 'Cy']);
  });

  it('23 nested writes name rows by an encrypted unique field', async () => {
    const org = (users: Args) =>
      db.org.update({ where: { id: 'o' }, data: { users }, include: { users: { orderBy: { name: 'asc' } } } });
    const members = async (users: Args) => ((await org(users))['users'] as Row[]).map(({ name }) => name);
    await db.org.create({ data: { id: 'o', name: 'o', users: { connect: [{ email: 'ada@x' }, { email: 'bob@x' }] } } });
    expect(await members({ disconnect: { email: 'ada@x' } })).toEqual(['Bob']);
    expect(await members({ set: [{ email: 'ada@x' }, { email: 'cy@x' }] })).toEqual(['Ada', 'Cy']);
    expect(await members({ delete: { email: 'cy@x' } })).toEqual(['Ada']);
    expect(
      await members({
        connectOrCreate: [
          { where: { email: 'bob@x' }, create: { name: 'never', email: 'never' } },
          { where: { email: 'd@x' }, create: { name: 'Dee', email: 'd@x' } },
        ],
      }),
    ).toEqual(['Ada', 'Bob', 'Dee']);
    expect(await members({ updateMany: { where: { email: 'd@x' }, data: { name: 'Eve' } } })).toEqual([
      'Ada',
      'Bob',
      'Eve',
    ]);
    expect(
      await members({
        upsert: { where: { email: 'd@x' }, create: { name: 'never', email: 'never' }, update: { name: 'Fay' } },
      }),
    ).toEqual(['Ada', 'Bob', 'Fay']);
    expect(await members({ deleteMany: [] })).toEqual(['Ada', 'Bob', 'Fay']);
    expect(await members({ deleteMany: { email: 'nobody' } })).toEqual(['Ada', 'Bob', 'Fay']);
    expect(await members({ deleteMany: [{ email: 'd@x' }, { ssn: '2' }] })).toEqual(['Ada']);
    expect(await members({ deleteMany: {} })).toEqual([]);
  });

  it('24 a compound constraint takes the field for its index', async () => {
    await db.org.create({ data: { id: 'o', name: 'o', users: { connect: { email: 'ada@x' } } } });
    const where = { orgId_emailIndex: { orgId: 'o', email: 'ada@x' } };
    expect(await db.user.findUnique({ where })).toMatchObject(ada);
    expect(await db.user.update({ where, data: { note: 'n' } })).toMatchObject({ note: 'n' });
    expect(await db.user.upsert({ where, create: bob, update: { note: 'm' } })).toMatchObject({ note: 'm' });
    expect(await db.user.findMany({ cursor: where, orderBy: { name: 'asc' } })).toHaveLength(3);
    await db.post.create({ data: { title: 't', author: { connect: where } } });
    expect(await db.post.count({ where: { author: { email: 'ada@x' } } })).toBe(1);
    await refused(() =>
      db.user.findUnique({ where: { orgId_emailIndex: { orgId: 'o', email: 'ada@x', emailIndex: '1.0' } } }),
    );
  });

  it.each([
    [' ADA@y ', 'ada@y', true],
    ['İ@x', 'i̇@x', true],
    ['Straße', 'strasse', false],
    ['ﬁ', 'fi', false],
    ['é', 'e\u0301', false],
  ])('25 trim and lowercase: %j is found by %j: %s', async (written, sought, found) => {
    await db.user.update({ where: { id: 'bob' }, data: { email: written } });
    expect(await names({ email: sought })).toEqual(found ? ['Bob'] : []);
    expect(await names({ email: written })).toEqual(['Bob']);
  });

  it('26 mode insensitive needs an index that folds case', async () => {
    expect(await names({ email: { equals: 'ADA@X', mode: 'insensitive' } })).toEqual(['Ada']);
    await refused(() => db.user.findMany({ where: { ssn: { equals: 'x', mode: 'insensitive' } } }));
  });

  it.each<[string, () => Promise<unknown>]>([
    ['update', () => db.user.update({ where: { id: 'ada' }, data: { ssn: null } })],
    ['set', () => db.user.update({ where: { id: 'ada' }, data: { ssn: { set: null } } })],
    ['upsert', () => db.user.upsert({ where: { id: 'ada' }, create: bob, update: { ssn: null } })],
    ['updateMany', () => db.user.updateMany({ data: { ssn: null } })],
    [
      'nested',
      () =>
        db.org
          .create({ data: { name: 'o', users: { connect: { id: 'ada' } } } })
          .then(({ id }) =>
            db.org.update({ where: { id }, data: { users: { updateMany: { where: {}, data: { ssn: null } } } } }),
          ),
    ],
  ])('27 NULL clears the terms in %s, undefined leaves them', async (_, write) => {
    await db.user.update({ where: { id: 'ada' }, data: { ssn: undefined, name: 'A' } });
    expect(await names({ ssn: ada.ssn })).toEqual(['A']);
    await write();
    expect(await stored('ada')).toMatchObject({ ssn: null, ssnIndex: null, ssnDigits: null });
    expect(await names({ ssn: ada.ssn })).toEqual([]);
  });

  it('28 an index column written by hand is refused', async () => {
    for (const term of ['1.0', null])
      await refused(() => db.user.update({ where: { id: 'ada' }, data: { ssnIndex: term } }), 'ERR_INDEX_WRITTEN');
    await refused(() => db.user.createMany({ data: [{ ...bob, emailIndex: 'x' }] }), 'ERR_INDEX_WRITTEN');
  });

  it('29 two indexes of one field follow it', async () => {
    const before = await stored('ada');
    await db.user.updateMany({ where: { id: 'ada' }, data: { ssn: '9-9' } });
    const after = await stored('ada');
    for (const column of ['ssnIndex', 'ssnDigits']) expect(after[column]).not.toBe(before[column]);
    expect(after['ssnIndex']).not.toBe(after['ssnDigits']);
  });

  it('30 filters of relations and filtered counts work on indexed fields', async () => {
    await db.org.create({ data: { id: 'o', name: 'o', users: { connect: [{ email: 'ada@x' }, { email: 'bob@x' }] } } });
    await db.post.create({ data: { title: 't', body: 'b', author: { connect: { email: 'ada@x' } } } });
    const orgs = (users: Args) => db.org.count({ where: { users } });
    expect([
      await orgs({ some: { email: 'ada@x' } }),
      await orgs({ none: { email: 'ada@x' } }),
      await orgs({ every: { email: { in: ['ada@x', 'bob@x'] } } }),
    ]).toEqual([1, 0, 1]);
    const posts = (author: unknown) => db.post.count({ where: { author } });
    expect([
      await posts({ is: { email: 'ada@x' } }),
      await posts({ isNot: { email: 'ada@x' } }),
      await posts({ email: 'bob@x' }),
      await posts(null),
    ]).toEqual([1, 0, 0, 0]);
    expect(await db.org.findMany({ select: { _count: { select: { users: { where: { email: 'bob@x' } } } } } })).toEqual(
      [{ _count: { users: 1 } }],
    );
  });

  it('30 a filtered count reads nothing of the rows that it counts, though their cells need fields that the client omits', async () => {
    await db.sealed.create({
      data: { id: 'p', label: 'p', group: 1, secret: 's', children: { create: { label: 'c', group: 1, secret: 't' } } },
    });
    const omitting = test.extend({ keyring: test.keyring }, { omit: { sealed: { id: true } } }) as unknown as Models;
    const count = { select: { children: { where: { secret: 't' } } } };
    expect(
      await omitting.sealed.findFirst({
        where: { label: 'p' },
        select: { secret: true, children: true, _count: count },
      }),
    ).toMatchObject({
      secret: 's',
      children: [{ label: 'c', secret: 't' }],
      _count: { children: 1 },
    });
  });
});

describe('orders and groups', () => {
  it.each([
    [{ email: 'asc' }],
    [[{ name: 'asc' }, { note: 'desc' }]],
    [{ ssn: { sort: 'asc', nulls: 'last' } }],
    [{ _relevance: { fields: ['email'], search: 'x', sort: 'asc' } }],
  ])('31 the order %j throws', async (orderBy) => {
    await refused(() => db.user.findMany({ orderBy }));
  });

  it('31 an order through a relation throws', () =>
    refused(() => db.post.findMany({ orderBy: { author: { email: 'asc' } } })));

  it('32 what needs plaintext throws, what an index serves is served, counts work', async () => {
    await trio();
    await refused(() => db.user.aggregate({ _min: { email: true } }));
    await refused(() => db.user.groupBy({ by: ['name'], having: { ssn: 'x' } }));
    await refused(() => db.user.groupBy({ by: ['email'] }));
    await refused(() => db.user.findMany({ distinct: ['note'] }));
    expect(await db.user.groupBy({ by: ['ssn'], where: { ssn: { not: null } }, _count: true })).toHaveLength(2);
    expect(await db.user.aggregate({ _count: { email: true, ssn: true, note: true } })).toEqual({
      _count: { email: 3, ssn: 2, note: 2 },
    });
  });

  it('32 a group of rows that have no term yet is refused, since its values may differ', async () => {
    await trio();
    await test.raw('UPDATE "User" SET "ssnIndex" = NULL');
    await expect(db.user.groupBy({ by: ['ssn'] })).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
  });
});
