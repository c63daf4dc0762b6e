import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, stopServers, TARGETS, type TestDatabase, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

const photo = Uint8Array.of(1, 2, 3);

describe.each(TARGETS)('modes on $database with prisma-$generator', (target) => {
  const database = useDatabase(target);
  let test: TestDatabase;
  let db: Client;
  beforeAll(() => {
    test = database.current;
    db = test.db;
  });
  beforeEach(async () => {
    await test.plain.moving.deleteMany();
    await test.plain.moving.create({ data: { email: 'plain@x', age: '41' as never, photo, note: 'old' } });
    await db.moving.create({ data: { email: 'sealed@x', age: 42 as never, photo, note: 'new' } });
  });
  const emails = async (where: object) =>
    (await db.moving.findMany({ where, orderBy: { id: 'asc' } })).map(({ email }) => email);

  it('migrating reads plaintext and cells, of every type, and writes cells', async () => {
    const rows = await db.moving.findMany({ orderBy: { id: 'asc' } });
    expect(rows).toMatchObject([
      { email: 'plain@x', age: 41, photo, note: 'old' },
      { email: 'sealed@x', age: 42, photo, note: 'new' },
    ]);
    await db.moving.update({ where: { id: rows[0]?.id as number }, data: { note: 'changed' } });
    const raw = await test.raw('SELECT "email", "note" FROM "Moving" ORDER BY "id"');
    expect(raw[0]).toEqual({ email: 'plain@x', note: expect.stringMatching(/^fs1:/) });
    expect(raw[1]?.['email']).toMatch(/^fs1:/);
  });

  it('migrating finds both by an exact index', async () => {
    expect(await emails({ email: 'plain@x' })).toEqual(['plain@x']);
    expect(await emails({ email: 'sealed@x' })).toEqual(['sealed@x']);
    expect(await emails({ email: { in: ['plain@x', 'sealed@x', 'other'] } })).toEqual(['plain@x', 'sealed@x']);
    expect(await emails({ email: { not: 'plain@x' } })).toEqual(['sealed@x']);
    expect(await emails({ email: { notIn: ['sealed@x'] } })).toEqual(['plain@x']);
    expect(await emails({ NOT: { email: 'sealed@x' } })).toEqual(['plain@x']);
    expect(await emails({ OR: [{ email: 'plain@x' }, { email: 'sealed@x' }] })).toEqual(['plain@x', 'sealed@x']);
    expect(await emails({ email: { not: { in: ['plain@x', 'sealed@x'] } } })).toEqual([]);
    expect(await emails({ AND: [{ email: 'plain@x' }], email: { not: 'sealed@x' } })).toEqual(['plain@x']);
    expect(await db.moving.count({ where: { note: null } })).toBe(0);
    expect(await db.moving.deleteMany({ where: { email: 'plain@x' } })).toEqual({ count: 1 });
    expect(await emails({})).toEqual(['sealed@x']);
  });

  it.each(['plain@x', 'sealed@x'])('migrating finds, updates and deletes the row of %s', async (email) => {
    expect(await db.moving.findUnique({ where: { email }, select: { email: true } })).toEqual({ email });
    expect((await db.moving.findUniqueOrThrow({ where: { email } })).email).toBe(email);
    expect((await db.moving.update({ where: { email }, data: { note: 'x' } })).note).toBe('x');
    expect((await db.moving.delete({ where: { email } })).email).toBe(email);
    expect(await db.moving.findUnique({ where: { email } })).toBeNull();
    await expect(db.moving.findUniqueOrThrow({ where: { email } })).rejects.toMatchObject({ code: 'P2025' });
    await expect(db.moving.update({ where: { email }, data: { note: 'x' } })).rejects.toMatchObject({ code: 'P2025' });
  });

  it('migrating works in interactive transactions', async () => {
    const found = await db.$transaction(async (tx) => [
      await tx.moving.findUnique({ where: { email: 'plain@x' }, select: { note: true } }),
      await tx.moving.findUnique({ where: { email: 'sealed@x' }, select: { note: true } }),
    ]);
    expect(found).toEqual([{ note: 'old' }, { note: 'new' }]);
    const updated = await db.$transaction((tx) =>
      tx.moving.update({ where: { email: 'plain@x' }, data: { note: 'tx' } }),
    );
    expect(updated.note).toBe('tx');
  });

  it.each([
    ['findUnique', (c: Client) => c.moving.findUnique({ where: { email: 'plain@x' } })],
    ['update', (c: Client) => c.moving.update({ where: { email: 'plain@x' }, data: { note: 'x' } })],
    ['delete', (c: Client) => c.moving.delete({ where: { email: 'sealed@x' } })],
  ])(
    'migrating refuses %s by that field in a batch, where a second attempt would be outside of it',
    async (_, query) => {
      const { id } = (await db.moving.findFirst({ where: { email: 'sealed@x' } })) as { id: number };
      const batch = [db.moving.update({ where: { id }, data: { note: 'batch' } }), query(db) as never];
      await expect(db.$transaction(batch)).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
      expect((await db.moving.findUnique({ where: { id } }))?.note).toBe('new');
      expect(await db.moving.count()).toBe(2);
    },
  );

  it.each([
    [
      'upsert',
      (c: Client) => c.moving.upsert({ where: { email: 'plain@x' }, create: { email: 'plain@x' }, update: {} }),
    ],
    ['a cursor', (c: Client) => c.moving.findMany({ cursor: { email: 'plain@x' } })],
    ['a field without an index', (c: Client) => c.moving.findMany({ where: { note: 'old' } as never })],
    ['a typed field', (c: Client) => c.moving.findMany({ where: { age: 41 } as never })],
    [
      'mode insensitive',
      (c: Client) => c.moving.findMany({ where: { email: { equals: 'x', mode: 'insensitive' } } as never }),
    ],
    ['distinct', (c: Client) => c.moving.findMany({ distinct: ['email' as never] })],
    ['groupBy', (c: Client) => c.moving.groupBy({ by: ['email'] } as never)],
    ['contains', (c: Client) => c.moving.deleteMany({ where: { email: { contains: 'x' } } as never })],
  ])('migrating refuses %s', async (_, query) => {
    test.statements.length = 0;
    await expect((async () => query(db))()).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(test.statements).toEqual([]);
  });

  it('migrating never gives a damaged cell, or plaintext of another type, back', async () => {
    const set = (data: object) => test.plain.moving.updateMany({ where: { email: 'plain@x' }, data });
    await set({ note: 'fs1:damaged' });
    await expect(db.moving.findMany()).rejects.toMatchObject({ code: 'ERR_CELL_FORMAT', field: 'note' });
    await set({ note: 'fine', age: 'forty' });
    await expect(db.moving.findMany()).rejects.toMatchObject({ code: 'ERR_VALUE_TYPE', field: 'age' });
    await set({ age: '041' });
    await expect(db.moving.findMany()).rejects.toMatchObject({ code: 'ERR_VALUE_TYPE', field: 'age' });
    const damaged = new Uint8Array(60).fill(0x11);
    await set({ age: '41', photo: damaged });
    await expect(db.moving.findMany()).rejects.toEqual(typedError('ERR_KEY_UNKNOWN'));
    await set({ photo: damaged.subarray(0, 49) }); // too short for a cell
    expect(await db.moving.findMany()).toHaveLength(2);
  });

  it('readonly reads cells, finds them, and refuses every write', async () => {
    const { id } = (await db.moving.findFirst({ where: { email: 'sealed@x' } })) as { id: number };
    const cell = await test.db.$encryption.encrypt('Moving', 'old', 'kept');
    const term = await test.db.$encryption.index('Moving', 'oldIndex', 'kept');
    await test.plain.moving.update({ where: { id }, data: { old: cell as string, oldIndex: term } as never });
    expect((await db.moving.findFirst({ where: { old: 'kept' } }))?.old).toBe('kept');
    for (const data of [{ old: 'new' }, { old: null }, { old: { set: 'new' } }] as never[]) {
      await expect(db.moving.update({ where: { id }, data })).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
      await expect(db.moving.updateMany({ data })).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
    }
    await expect(db.moving.create({ data: { email: 'y', old: 'x' as never } })).rejects.toEqual(
      typedError('ERR_UNSUPPORTED_OPERATION'),
    );
    await test.plain.moving.update({ where: { id }, data: { old: 'plaintext' as never } });
    await expect(db.moving.findMany()).rejects.toMatchObject({ code: 'ERR_CELL_FORMAT', field: 'old' });
  });
});
