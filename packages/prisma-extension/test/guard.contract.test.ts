import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encryption, guardAdapter } from '../src/index.ts';
import { schemaMapFor } from '../src/schema/from-client.ts';
import { type Client, stopServers, TARGETS, type TestDatabase, useDatabase } from './harness.ts';

afterAll(stopServers);

/** A client that was made with the same options, over a guarded adapter. */
function guardedClient({ plain }: TestDatabase): Client {
  const { adapter } = (plain as unknown as { _engineConfig: { adapter: object } })._engineConfig;
  const Constructor = plain.constructor as new (options: object) => Client;
  return new Constructor({ adapter: guardAdapter(adapter, schemaMapFor(plain, undefined)) });
}

/** The model that only PostgreSQL has. */
type Delegate = Record<
  'create' | 'updateMany' | 'findFirst' | 'findMany' | 'deleteMany',
  (args: object) => Promise<unknown>
>;

/** Prisma hands an error with a code on as one of its own class, with the code, the message and `meta`. */
const refusedAt = (model: string, field: string) =>
  expect.objectContaining({
    name: 'PrismaClientKnownRequestError',
    code: 'ERR_PLAINTEXT',
    meta: expect.objectContaining({ model, field }),
  });
const refused = refusedAt(expect.any(String), expect.any(String));
const ada = { name: 'Ada', email: 'ada@example.com', ssn: '078-05-1120', note: 'first' };

describe.each(TARGETS)('$database with prisma-$generator, guarded', (target) => {
  const database = useDatabase(target);
  const returning = target.database !== 'mysql';
  let test: TestDatabase;
  /** Without the extension: what is left when the result of $extends is thrown away. */
  let base: Client;
  let db: Client;

  beforeAll(() => {
    test = database.current;
    base = guardedClient(test);
    db = base.$extends(encryption({ keyring: test.keyring })) as unknown as Client;
  });
  afterAll(() => base.$disconnect());

  const quoted = (sql: string) => (target.database === 'mysql' ? sql.replaceAll('"', '`') : sql);
  const rows = async () => JSON.stringify([await test.plain.user.findMany(), await test.plain.post.findMany()]);

  it('lets encrypted use pass: creates of every kind', async () => {
    const data = { ...ada, photo: Uint8Array.of(1, 2), profile: { a: [1, null] }, settings: { email: 'plain' } };
    const { id } = await db.user.create({
      data: { ...data, posts: { create: [{ title: 't', body: 'b', comments: { create: { text: 'c' } } }] } },
    });
    await db.user.createMany({
      data: [
        { name: 'Bob', email: 'bob@x' },
        { name: 'Cy', email: 'cy@x', note: 'n' },
      ],
    });
    expect(await db.user.findUnique({ where: { id }, include: { posts: true } })).toMatchObject({
      ...data,
      posts: [{ body: 'b' }],
    });
    const { count } = await db.user.updateMany({ where: { email: { in: ['bob@x', 'cy@x'] } }, data: { note: 'many' } });
    expect(count).toBe(2);
    expect(await db.user.count({ where: { OR: [{ email: 'ADA@example.com ' }, { email: { not: 'cy@x' } }] } })).toBe(2);
  });

  it('lets encrypted use pass: updates, upserts, nested writes, deletes', async () => {
    const { id } = await db.user.create({ data: ada });
    await db.user.update({ where: { email: ada.email }, data: { ssn: null, photo: null, note: { set: 'second' } } });
    for (const email of [ada.email, 'new@x'])
      await db.user.upsert({ where: { email }, create: { name: 'N', email }, update: { ssn: '1' } });
    await db.post.create({
      data: {
        title: 't',
        body: 'b',
        author: { connectOrCreate: { where: { email: 'x@x' }, create: { name: 'X', email: 'x@x' } } },
      },
    });
    await db.user.update({
      where: { id },
      data: {
        posts: { create: { title: 'u', body: 'b2' } },
        tags: { connectOrCreate: { where: { name: 'g' }, create: { name: 'g' } } },
      },
    });
    await db.post.update({
      where: { id: (await db.post.findFirstOrThrow({ where: { body: 'b2' } })).id },
      data: { author: { update: { note: 'z' } } },
    });
    expect(
      await db.user.findMany({ where: { posts: { some: { body: 'b2' } } }, orderBy: { name: 'asc' } }),
    ).toMatchObject([{ note: 'z', ssn: '1' }]);
    expect(
      await db.user.findMany({ select: { _count: { select: { posts: { where: { body: 'b' } } } } } }),
    ).toHaveLength(3);
    await db.post.deleteMany({ where: { body: { in: ['b', 'b2'] } } });
    await db.user.delete({ where: { email: 'new@x' } });
    expect(await db.user.count()).toBe(2);
  });

  it('lets encrypted use pass: transactions, and rows that come back from writes', async () => {
    await expect(
      db.$transaction(async (tx) => {
        await tx.user.create({ data: ada });
        expect(await tx.user.findFirst({ where: { email: ada.email } })).toMatchObject(ada);
        throw new Error('roll back');
      }),
    ).rejects.toThrow('roll back');
    const [, user] = await db.$transaction([db.user.create({ data: ada }), db.user.findFirstOrThrow()]);
    expect(user).toMatchObject(ada);
    if (!returning) return;
    expect(await db.user.createManyAndReturn({ data: [{ name: 'Z', email: 'z@x' }] })).toMatchObject([
      { email: 'z@x' },
    ]);
    expect(await db.user.updateManyAndReturn({ where: { email: 'z@x' }, data: { note: 'n' } })).toMatchObject([
      { note: 'n' },
    ]);
  });

  it('lets values of every type, bound cells and rows that are being migrated pass', async () => {
    const born = new Date(0);
    const typed = { int: '5', bigInt: '7', boolean: true, born, json: { a: 1 }, role: 'ADMIN', text: 'é' };
    const { id } = await db.typed.create({ data: { ...typed, int: 5, bigInt: 7n } as never });
    expect(await db.typed.findFirst({ where: { int: 5 as never } })).toMatchObject({ id });
    const { id: row } = await db.sealed.create({ data: { label: 'l', group: 1, secret: 's', note: 'n' } });
    await db.sealed.update({ where: { id: row }, data: { secret: 't' } });
    expect(await db.sealed.findFirst({ where: { secret: 't' } })).toMatchObject({ id: row, note: 'n' });
    await test.plain.moving.create({ data: { email: 'old@x' } }); // as it was before
    expect(await db.moving.findFirst({ where: { email: 'old@x' } })).toMatchObject({ email: 'old@x' });
    await db.moving.update({ where: { email: 'old@x' }, data: { email: 'old@x', note: 'n' } });
    expect(await db.moving.findFirst({ where: { email: 'old@x' } })).toMatchObject({ note: 'n' });
    await expect(base.moving.create({ data: { email: 'other@x' } })).rejects.toEqual(refused);
    for (const model of ['typed', 'sealed', 'moving'] as const)
      await (test.plain[model] as { deleteMany(): Promise<unknown> }).deleteMany();
  });

  describe('refuses the client that was not extended', () => {
    let id = '';
    let before = '';
    beforeEach(async () => {
      ({ id } = await db.user.create({ data: { ...ada, posts: { create: { title: 't', body: 'b' } } } }));
      before = await rows();
    });

    const where = () => ({ id });
    const queries: Record<string, (client: Client) => Promise<unknown>> = {
      create: (c) => c.user.create({ data: { name: 'n', email: 'plain' } }),
      'create of an optional field': (c) => c.post.create({ data: { title: 't', body: 'plain' } }),
      createMany: (c) =>
        c.user.createMany({
          data: [
            { name: 'n', email: 'plain' },
            { name: 'm', email: 'plain2' },
          ],
        }),
      'nested create': (c) =>
        c.user.update({ where: where(), data: { posts: { create: { title: 't', body: 'plain' } } } }),
      update: (c) => c.user.update({ where: where(), data: { note: 'plain' } }),
      'update of Bytes': (c) => c.user.update({ where: where(), data: { photo: Uint8Array.of(1) } }),
      'update of Json': (c) => c.user.update({ where: where(), data: { profile: { plain: 1 } } }),
      updateMany: (c) => c.user.updateMany({ data: { ssn: 'plain' } }),
      'an index column': (c) => c.user.updateMany({ data: { ssnIndex: 'plain' } as never }),
      upsert: (c) =>
        c.user.upsert({ where: where(), create: { name: 'n', email: 'plain' }, update: { note: 'plain' } }),
      'upsert of another': (c) =>
        c.user.upsert({ where: { id: 'other' }, create: { id: 'other', name: 'n', email: 'plain' }, update: {} }),
      'a filter': (c) => c.user.findMany({ where: { email: 'plain' } }),
      'a filter through a relation': (c) =>
        c.post.findMany({ where: { author: { is: { note: { contains: 'plain' } } } } as never }),
      'a filter of deleteMany': (c) => c.user.deleteMany({ where: { note: { in: ['plain', 'p'] } } as never }),
      $executeRaw: (c) =>
        target.database === 'mysql'
          ? c.$executeRaw`UPDATE User SET note = ${'plain'}`
          : c.$executeRaw`UPDATE "User" SET "note" = ${'plain'}`,
      $executeRawUnsafe: (c) => c.$executeRawUnsafe(quoted(`UPDATE "User" SET "note" = 'plain'`)),
      'a write in disguise': (c) =>
        c.$executeRawUnsafe(
          target.database === 'mysql'
            ? `SET STATEMENT max_statement_time=10 FOR UPDATE User SET note = 'plain'`
            : `WITH "User" AS (SELECT 1) UPDATE "User" SET "note" = 'plain'`,
        ),
      $queryRawUnsafe: (c) => c.$queryRawUnsafe(quoted(`SELECT * FROM "User" WHERE "note" = 'plain'`)),
      'a transaction': (c) => c.$transaction((tx) => tx.user.updateMany({ data: { note: 'plain' } })),
      'a batch': (c) =>
        c.$transaction([c.tag.create({ data: { name: 'kept?' } }), c.user.updateMany({ data: { note: 'plain' } })]),
    };

    it.each(Object.keys(queries))('%s', async (name) => {
      await expect(queries[name]?.(base)).rejects.toEqual(refused);
      expect(await rows()).toBe(before);
      expect(await test.plain.tag.count()).toBe(0);
    });

    it('and the raw SQL of the one that is, but not what its helpers made', async () => {
      const sql = quoted(`UPDATE "User" SET "note" = ${target.database === 'postgresql' ? '$1' : '?'}`);
      await expect(db.$executeRawUnsafe(sql, 'plain')).rejects.toEqual(refused);
      const { $encryption } = db as unknown as { $encryption: { encrypt(...args: unknown[]): Promise<string> } };
      expect(await db.$executeRawUnsafe(sql, await $encryption.encrypt('User', 'note', 'raw'))).toBe(1);
      expect(await db.user.findFirst()).toMatchObject({ note: 'raw' });
    });
  });

  it('leaves other tables and columns alone', async () => {
    await base.org.create({ data: { name: 'o', data: 'plain' } });
    await base.plain.create({ data: { value: 'plain', where: { email: 'plain' } } });
    await base.post.create({ data: { title: 'plain' } });
    await base.post.updateMany({ where: { title: 'plain' }, data: { title: 'other' } });
    await base.$executeRawUnsafe(quoted(`UPDATE "Org" SET "data" = 'note'`));
    expect(await base.org.findMany({ where: { data: 'note' } })).toHaveLength(1);
    expect(await base.user.findMany({ where: { name: 'x', note: null } })).toEqual([]);
    await test.plain.plain.deleteMany();
  });

  if (target.database === 'postgresql')
    it('lets lists of cells pass, and refuses one that holds plaintext', async () => {
      const lists = (db as unknown as { lists: Delegate }).lists;
      const plain = (base as unknown as { lists: Delegate }).lists;
      const data = { tags: ['a', 'b'], blobs: [Uint8Array.of(1)], scores: [1, 2], notes: [{ a: 1 }] };
      await lists.create({ data });
      await lists.updateMany({ data: { tags: { push: 'c' }, scores: [3] } });
      expect(await lists.findFirst({})).toMatchObject({ tags: ['a', 'b', 'c'] });
      for (const part of [
        { tags: ['a'] },
        { tags: { push: 'd' } },
        { blobs: [Uint8Array.of(2)] },
        { notes: [{ b: 1 }] },
      ])
        await expect(plain.updateMany({ data: part })).rejects.toEqual(refused);
      await expect(plain.findMany({ where: { tags: { has: 'a' } } })).rejects.toEqual(refused);
      await plain.updateMany({ data: { tags: [] } });
      await plain.deleteMany({});
    });
});
