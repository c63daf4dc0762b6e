import { TEXT_PREFIX } from '@fieldseal/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Client,
  freshKeyring,
  namespaceOf,
  RETURNING_TARGETS,
  skipOf,
  stopServers,
  TARGETS,
  type TestDatabase,
  typedError,
  useDatabase,
} from './harness.ts';

afterAll(stopServers);

describe.each(TARGETS)('$database with prisma-$generator: transparent', (target) => {
  let test: TestDatabase;
  let db: Client;

  const database = useDatabase(target);
  beforeAll(() => {
    test = database.current;
    db = test.db;
  });

  const ada = { name: 'Ada', email: 'Ada@Example.com', ssn: '078-05-1120', note: 'first' };
  const rawUser = async () => (await test.raw('SELECT * FROM "User"'))[0] as Record<string, unknown>;

  it('lets an exact index serve the filter beside a plain field that names the row', async () => {
    const { id } = await db.book.create({ data: { secret: 'Old' } });
    expect(await db.book.findUnique({ where: { id, secret: 'OLD' } })).toBeNull();
    expect((await db.book.findUnique({ where: { id, secret: 'Old' } }))?.secret).toBe('Old');
    expect((await db.book.findUnique({ where: { secret: 'OLD' } as never }))?.secret).toBe('Old'); // its unique index folds
    await expect(db.book.delete({ where: { id, secret: 'OLD' } })).rejects.toMatchObject({ code: 'P2025' });
  });

  it('stores ciphertext and gives plaintext back', async () => {
    const created = await db.user.create({ data: ada });
    expect(created).toMatchObject(ada);
    expect(await db.user.findMany()).toMatchObject([ada]);
    const raw = await rawUser();
    for (const field of ['email', 'ssn', 'note']) expect(raw[field]).toMatch(/^fs1:[\w-]+$/);
    expect(raw['name']).toBe('Ada');
    expect(raw['emailIndex']).toMatch(/^1\.[0-9a-f]{32}$/);
    expect(JSON.stringify(raw)).not.toMatch(/Example\.com|078-05|first/i);
  });

  it('keeps null, the empty string and undefined apart', async () => {
    const { id } = await db.user.create({ data: { name: 'n', email: '', ssn: null } });
    const raw = await rawUser();
    expect(String(raw['email']).startsWith(TEXT_PREFIX)).toBe(true);
    expect(raw).toMatchObject({ ssn: null, ssnIndex: null, note: null });
    expect(await db.user.findUnique({ where: { email: '' } })).toMatchObject({ id, email: '', ssn: null });
    await db.user.update({ where: { id }, data: { ssn: '1', note: 'kept' } });
    await db.user.update({ where: { id }, data: { ssn: undefined, name: 'm' } });
    expect(await db.user.findFirst({ where: { ssn: '1' } })).toMatchObject({ note: 'kept', name: 'm' });
  });

  it('keeps the two indexes of one field and clears them with the value', async () => {
    const { id } = await db.user.create({ data: ada });
    const digits = (await rawUser())['ssnDigits'];
    expect((await rawUser())['ssnIndex']).not.toBe(digits);
    await db.user.update({ where: { id }, data: { ssn: { set: '999' } } });
    expect((await rawUser())['ssnDigits']).not.toBe(digits);
    expect(await db.user.findFirst({ where: { ssn: '999' } })).toMatchObject({ ssn: '999' });
    await db.user.update({ where: { id }, data: { ssn: { set: null } } });
    expect(await rawUser()).toMatchObject({ ssn: null, ssnIndex: null, ssnDigits: null });
    await db.user.update({ where: { id }, data: { ssn: '5' } });
    await db.user.updateMany({ data: { ssn: null } });
    expect(await rawUser()).toMatchObject({ ssn: null, ssnIndex: null, ssnDigits: null });
  });

  it('stores Bytes and Json columns as cells', async () => {
    const { DbNull } = await namespaceOf(target);
    const photo = Uint8Array.of(0, 255, 1);
    const profile = { where: { email: 'x' }, set: [1, null], 'a.b': 'é' };
    const { id } = await db.user.create({
      data: { ...ada, photo, profile, settings: { email: 'opaque', set: { data: 1 } } },
    });
    const read = await db.user.findUniqueOrThrow({ where: { id } });
    expect(new Uint8Array(read.photo as Uint8Array)).toEqual(photo);
    expect(read.profile).toEqual(profile);
    expect(read.settings).toEqual({ email: 'opaque', set: { data: 1 } });
    const plain = await test.plain.user.findUniqueOrThrow({ where: { id } });
    expect(plain.profile).toMatch(/^fs1:/);
    expect((plain.photo as Uint8Array)[0]).toBe(0x11);
    expect(plain.settings).toEqual({ email: 'opaque', set: { data: 1 } });
    await db.user.update({ where: { id }, data: { profile: DbNull, photo: null } });
    expect(await db.user.findFirst({ where: { profile: { equals: DbNull } } })).toMatchObject({
      profile: null,
      photo: null,
    });
  });

  it('pads where the annotation asks for it', async () => {
    const lengths = new Set<number>();
    for (const ssn of ['', '1', '0123456789012345678901234567890']) {
      const { id } = await db.user.create({ data: { name: 'p', email: ssn, ssn } });
      lengths.add(String((await test.plain.user.findUniqueOrThrow({ where: { id } })).ssn).length);
    }
    expect(lengths.size).toBe(1);
  });

  describe('equality search', () => {
    beforeEach(async () => {
      await db.user.createMany({
        data: [
          ada,
          { name: 'Bob', email: 'bob@example.com', ssn: '2' },
          { name: 'Cy', email: 'cy@example.com', ssn: null },
        ],
      });
    });
    const names = async (where: object) => {
      const users = await db.user.findMany({ where, orderBy: { name: 'asc' } });
      return users.map(({ name }) => name);
    };

    it.each([
      [{ email: ' ada@EXAMPLE.com' }, ['Ada']],
      [{ email: { equals: 'bob@example.com' } }, ['Bob']],
      [{ email: { in: ['bob@example.com', 'cy@example.com', 'nobody'] } }, ['Bob', 'Cy']],
      [{ email: { in: [] } }, []],
      [{ email: { notIn: ['bob@example.com'] } }, ['Ada', 'Cy']],
      [{ email: { notIn: [] } }, ['Ada', 'Bob', 'Cy']],
      [{ email: { not: 'bob@example.com' } }, ['Ada', 'Cy']],
      [{ email: { not: { equals: 'bob@example.com' } } }, ['Ada', 'Cy']],
      [{ email: { not: { in: ['bob@example.com', 'cy@example.com'] } } }, ['Ada']],
      [{ email: { equals: 'bob@example.com', in: ['bob@example.com', 'x'] } }, ['Bob']],
      [{ email: { equals: 'bob@example.com', not: 'bob@example.com' } }, []],
      [{ NOT: { email: 'bob@example.com' } }, ['Ada', 'Cy']],
      [{ NOT: [{ email: 'bob@example.com' }, { email: 'cy@example.com' }] }, ['Ada']],
      [{ OR: [{ email: 'bob@example.com' }, { AND: [{ ssn: null }, { name: 'Cy' }] }] }, ['Bob', 'Cy']],
      [{ ssn: null }, ['Cy']],
      [{ ssn: { not: null } }, ['Ada', 'Bob']],
      [{ ssn: { not: 'x' } }, ['Ada', 'Bob']],
      [{ ssn: '078-05-1120' }, ['Ada']],
      [{ ssn: '078051120' }, []],
      [{ note: null }, ['Bob', 'Cy']],
      [{ note: { not: null } }, ['Ada']],
      [{ email: { not: '' } }, ['Ada', 'Bob', 'Cy']],
      [{ email: { equals: 'BOB@example.com', mode: 'insensitive' } }, ['Bob']],
      [{ email: 'bob@example.com', emailIndex: { not: null } }, ['Bob']],
      [{ email: undefined, name: 'Cy' }, ['Cy']],
    ])('%j', async (where, expected) => {
      expect(await names(where)).toEqual(expected);
    });

    it('nests not as Prisma does on a plain field', async () => {
      const plain = await names({ name: { not: { not: 'Bob' } } });
      expect(await names({ email: { not: { not: 'bob@example.com' } } })).toEqual(plain);
    });

    it('serves unique lookups, counts, cursors, updates and deletes', async () => {
      expect(await db.user.findUnique({ where: { email: 'ADA@example.com' } })).toMatchObject(ada);
      expect(await db.user.count({ where: { email: { in: ['ada@example.com', 'x'] } } })).toBe(1);
      expect(await db.user.findMany({ cursor: { email: 'bob@example.com' }, orderBy: { name: 'asc' } })).toHaveLength(
        2,
      );
      expect(
        await db.user.update({ where: { email: 'bob@example.com' }, data: { email: 'rob@example.com' } }),
      ).toMatchObject({ email: 'rob@example.com' });
      const upsert = { where: { email: 'rob@example.com' }, create: ada, update: { note: 'upserted' } };
      expect(await db.user.upsert(upsert)).toMatchObject({ name: 'Bob', note: 'upserted' });
      expect(await db.user.deleteMany({ where: { email: 'cy@example.com' } })).toEqual({ count: 1 });
      expect(await db.user.delete({ where: { email: 'rob@example.com' } })).toMatchObject({ name: 'Bob' });
      expect(await names({})).toEqual(['Ada']);
    });

    it('reports a duplicate as Prisma does', async () => {
      await expect(db.user.create({ data: { ...ada, email: 'ADA@example.com ' } })).rejects.toMatchObject({
        code: 'P2002',
      });
    });

    it('serves compound unique constraints', async () => {
      const org = await db.org.create({ data: { name: 'o', users: { connect: { email: 'ada@example.com' } } } });
      const where = { orgId_emailIndex: { orgId: org.id, email: 'ada@example.com' } };
      expect(await db.user.findUnique({ where: where as never })).toMatchObject(ada);
    });
  });

  it('reads and writes through relations to any depth', async () => {
    const org = await db.org.create({
      data: {
        name: 'org',
        users: {
          create: {
            ...ada,
            posts: {
              create: [
                { title: 'a', body: 'body a', comments: { create: { text: 'comment' } } },
                { title: 'b', body: 'body x', comments: { createMany: { data: [{ text: 'one' }, { text: 'two' }] } } },
                { title: 'c' },
              ],
            },
            tags: { connectOrCreate: { where: { name: 't' }, create: { name: 't' } } },
          },
        },
      },
      include: {
        users: { include: { posts: { orderBy: { title: 'asc' }, include: { comments: { orderBy: { id: 'asc' } } } } } },
      },
    });
    expect(org.users[0]).toMatchObject({
      ...ada,
      posts: [
        { body: 'body a', comments: [{ text: 'comment' }] },
        { body: 'body x', comments: [{ text: 'one' }, { text: 'two' }] },
        { body: null },
      ],
    });
    const id = org.users[0]?.id as string;
    await db.org.update({
      where: { id: org.id },
      data: {
        users: {
          update: {
            where: { email: 'ada@example.com' },
            data: {
              note: 'second',
              posts: {
                updateMany: { where: { body: 'body a' }, data: { body: 'body b' } },
                deleteMany: { body: null },
              },
            },
          },
          upsert: {
            where: { email: 'eve@example.com' },
            create: { name: 'Eve', email: 'eve@example.com' },
            update: {},
          },
        },
      },
    });
    const read = await db.org.findFirst({
      where: { users: { some: { email: 'eve@example.com' }, none: { email: 'mallory@example.com' } } },
      select: {
        users: {
          where: { email: 'ada@example.com' },
          select: {
            note: true,
            posts: { where: { body: 'body b' }, select: { body: true, author: { select: { email: true } } } },
          },
        },
        _count: { select: { users: { where: { email: { not: 'x' } } } } },
      },
    });
    expect(read).toEqual({
      users: [{ note: 'second', posts: [{ body: 'body b', author: { email: 'Ada@Example.com' } }] }],
      _count: { users: 2 },
    });
    expect(
      await db.comment.findMany({ where: { post: { is: { author: { email: 'ada@example.com' }, body: 'body b' } } } }),
    ).toMatchObject([{ text: 'comment' }]);
    await db.user.update({
      where: { id },
      data: { org: { update: { name: 'renamed', data: 'a field called data' } } },
    });
    expect(await db.org.findUnique({ where: { id: org.id } })).toMatchObject({
      name: 'renamed',
      data: 'a field called data',
    });
    await db.org.update({
      where: { id: org.id },
      data: { users: { disconnect: { email: 'eve@example.com' }, delete: { email: 'ada@example.com' } } },
    });
    expect(await db.user.findMany()).toMatchObject([{ name: 'Eve', email: 'eve@example.com', orgId: null }]);
  });

  it('decrypts the results of fluent calls', async () => {
    const { id } = await db.user.create({
      data: { ...ada, posts: { create: { title: 'a', body: 'body a', comments: { create: { text: 'c' } } } } },
    });
    expect(await db.user.findUnique({ where: { id } }).posts()).toMatchObject([{ body: 'body a' }]);
    expect(await db.post.findFirst().author()).toMatchObject(ada);
    expect(await db.comment.findFirst().post().author().posts()).toMatchObject([{ body: 'body a' }]);
  });

  it('works inside transactions and rolls back', async () => {
    await db.$transaction([
      db.user.create({ data: ada }),
      db.user.create({ data: { name: 'B', email: 'b@example.com' } }),
    ]);
    await expect(
      db.$transaction([
        db.user.create({ data: { name: 'C', email: 'c@example.com' } }),
        db.user.findMany({ where: { note: 'x' as never } }),
      ]),
    ).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    const failing = db.$transaction(async (tx) => {
      await tx.user.create({ data: { name: 'D', email: 'd@example.com' } });
      expect(await tx.user.findFirst({ where: { email: 'd@example.com' } })).toMatchObject({ name: 'D' });
      throw new Error('roll back');
    });
    await expect(failing).rejects.toThrow('roll back');
    expect(await db.user.count()).toBe(2);
  });

  it('leaves the arguments of the caller and models without encryption alone', async () => {
    const args = { data: { ...ada }, include: { posts: { where: { body: 'x' } } } };
    const copy = structuredClone(args);
    await db.user.create(args);
    expect(args).toEqual(copy);
    const where = { email: 'a', AND: [{ set: 1 }] };
    expect(await db.plain.create({ data: { value: 'v', where } })).toMatchObject({ value: 'v', where });
  });

  it('encrypts rows that were plaintext when the extended client writes them again', async () => {
    await test.plain.user.createMany({
      data: [
        { ...ada, id: 'u1' },
        { name: 'Bob', email: 'bob@example.com', id: 'u2' },
      ],
    });
    await expect(db.user.findMany()).rejects.toEqual(typedError('ERR_CELL_FORMAT'));
    await db.user.update({ where: { id: 'u2' }, data: { email: 'bob@example.com' }, select: { id: true } }); // an interrupted run
    for (const { id, email, ssn, note } of await test.plain.user.findMany()) {
      if (email.startsWith(TEXT_PREFIX)) continue;
      await db.user.update({ where: { id }, data: { email, ssn, note }, select: { id: true } });
    }
    expect(await db.user.findMany({ orderBy: { name: 'asc' } })).toMatchObject([ada, { email: 'bob@example.com' }]);
    expect(await db.user.findFirst({ where: { ssn: ada.ssn, email: 'ada@example.com' } })).toMatchObject({ id: 'u1' });
  });

  it('takes text that looks like a cell for text', async () => {
    const { id } = await db.user.create({ data: ada });
    const cell = String((await rawUser())['note']);
    await db.user.update({ where: { id }, data: { note: cell } });
    expect(await db.user.findUnique({ where: { id } })).toMatchObject({ note: cell });
  });

  it('skips what Prisma.skip skips, and writes no terms for it', async () => {
    const { id } = await db.user.create({ data: ada });
    const before = await rawUser();
    const skip = skipOf(target);
    await db.user.update({ where: { id }, data: { name: 'x', note: skip, ssn: skip } });
    expect(await rawUser()).toEqual({ ...before, name: 'x', updatedAt: expect.anything() });
    expect(await db.user.findMany({ where: { email: skip, name: 'x' } })).toHaveLength(1);
  });

  it('reads both versions after a rotation and refuses a disabled one', async () => {
    const keyring = await freshKeyring();
    const db = test.extend({ keyring });
    await db.user.create({ data: ada });
    const before = (await rawUser())['email'];
    const first = keyring.peek('')?.primary.keyId as string;
    await keyring.rotate();
    await db.user.create({ data: { name: 'Bob', email: 'bob@example.com' } });
    const [, bob] = await test.raw('SELECT * FROM "User" ORDER BY name');
    expect(String(bob?.['email']).slice(0, 16)).not.toBe(String(before).slice(0, 16));
    expect((await db.user.findMany({ orderBy: { name: 'asc' } })).map(({ email }) => email)).toEqual([
      ada.email,
      'bob@example.com',
    ]);
    await keyring.disable(first);
    await expect(db.user.findMany()).rejects.toMatchObject({ code: 'ERR_KEY_DISABLED', keyId: first });
  });

  it('batches findUnique into one SELECT with warm keys', async () => {
    await db.user.create({ data: ada });
    const { id } = await db.user.findFirstOrThrow();
    test.statements.length = 0;
    await Promise.all(Array.from({ length: 10 }, () => db.user.findUnique({ where: { id } })));
    expect(test.statements.filter(({ query }) => query.startsWith('SELECT'))).toHaveLength(1);
  });
});

describe.each(RETURNING_TARGETS)('$database with prisma-$generator: writes of many rows', (target) => {
  const database = useDatabase(target);

  it('return them decrypted', async () => {
    const { db } = database.current;
    const data = [{ name: 'Z', email: 'z@example.com' }];
    expect(await db.user.createManyAndReturn({ data, select: { email: true } })).toEqual([{ email: 'z@example.com' }]);
    const update = { where: { email: 'z@example.com' }, data: { note: 'n' } };
    expect(await db.user.updateManyAndReturn({ ...update, omit: { email: true } })).toMatchObject([{ note: 'n' }]);
    expect((await database.current.raw('SELECT note FROM "User"'))[0]?.['note']).toMatch(/^fs1:/);
  });
});
