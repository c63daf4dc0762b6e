import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { PrismaClient } from './generated/postgresql-client/client.ts';
import { openDatabase, stopServers, TARGETS, type TestDatabase, typedError } from './harness.ts';

afterAll(stopServers);

describe.each(TARGETS.filter(({ database }) => database === 'postgresql'))('lists with prisma-$generator', (target) => {
  let test: TestDatabase;
  let db: PrismaClient;
  beforeAll(async () => {
    test = await openDatabase(target);
    db = test.db as unknown as PrismaClient;
  });
  beforeEach(() => db.lists.deleteMany());
  afterAll(() => test.close());
  const stored = async () => (await test.raw('SELECT * FROM "Lists"'))[0] as Record<string, unknown[]>;
  const create = (data: object) => db.lists.create({ data: data as never });
  const update = (id: number, data: object) => db.lists.update({ where: { id }, data: data as never });

  it('are encrypted element by element, in create, set and push', async () => {
    const row = await create({
      tags: ['a', 'a', ''],
      scores: { set: [1, 2] },
      blobs: [Uint8Array.of(1)],
      notes: [{ a: 1 }, 'x'],
    });
    expect(row).toMatchObject({
      tags: ['a', 'a', ''],
      scores: [1, 2],
      blobs: [Uint8Array.of(1)],
      notes: [{ a: 1 }, 'x'],
    });
    const first = await stored();
    expect(first['tags']).toHaveLength(3);
    expect(new Set(first['tags']).size).toBe(3); // equal elements do not show
    for (const cell of [...(first['tags'] ?? []), ...(first['scores'] ?? []), ...(first['notes'] ?? [])])
      expect(cell).toMatch(/^fs1:/);
    expect(first['blobs']).toEqual([expect.objectContaining({ 0: 0x11 })]);
    expect(
      await update(row.id, { tags: { push: 'b' }, scores: { push: [3, 4] }, notes: { push: [{ b: 2 }] } }),
    ).toMatchObject({
      tags: ['a', 'a', '', 'b'],
      scores: [1, 2, 3, 4],
      notes: [{ a: 1 }, 'x', [{ b: 2 }]], // as plain Prisma does
    });
    expect(await update(row.id, { tags: { set: ['z'] }, scores: [9], blobs: [] })).toMatchObject({
      tags: ['z'],
      scores: [9],
      blobs: [],
    });
    for (const cell of (await stored())['tags'] ?? []) expect(cell).toMatch(/^fs1:/);
  });

  it('of Bytes take one element at a time, since Prisma stores the base64 text of more', async () => {
    const { id } = await create({ blobs: [Uint8Array.of(1)] });
    const pushed = { blobs: { push: Uint8Array.of(2) } };
    expect((await update(id, pushed)).blobs).toEqual([Uint8Array.of(1), Uint8Array.of(2)]);
    await expect(update(id, { blobs: { push: [Uint8Array.of(3)] } })).rejects.toEqual(
      typedError('ERR_UNSUPPORTED_OPERATION'),
    );
  });

  it('are written by createMany, updateMany and upsert', async () => {
    await db.lists.createMany({ data: [{ tags: ['a'] }, { tags: ['b', 'c'] }] });
    await db.lists.updateMany({ data: { tags: { push: 'd' } } });
    const rows = await db.lists.findMany({ orderBy: { id: 'asc' }, select: { tags: true } });
    expect(rows).toEqual([{ tags: ['a', 'd'] }, { tags: ['b', 'c', 'd'] }]);
    const upserted = await db.lists.upsert({ where: { id: 0 }, create: { tags: ['new'] }, update: { tags: ['old'] } });
    expect(upserted.tags).toEqual(['new']);
  });

  it('can be asked whether they are empty', async () => {
    await db.lists.createMany({ data: [{ tags: ['a'] }, { tags: [] }] });
    expect(await db.lists.count({ where: { tags: { isEmpty: true } } })).toBe(1);
    expect(await db.lists.count({ where: { NOT: { tags: { isEmpty: true } } } })).toBe(1);
    expect(await db.lists.count({ where: { tags: { equals: [] } } as never })).toBe(1);
  });

  it.each([
    ['has', { has: 'a' }],
    ['hasEvery', { hasEvery: ['a'] }],
    ['hasSome', { hasSome: ['a'] }],
    ['equals', { equals: ['a'] }],
    ['a list', ['a']],
    ['a value', 'a'],
    ['has behind isEmpty', { isEmpty: false, has: 'a' }],
  ])('refuse the filter %s, also in deleteMany', async (_, filter) => {
    await create({ tags: ['a'] });
    const where = { tags: filter } as never;
    await expect((async () => db.lists.findMany({ where }))()).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    await expect((async () => db.lists.deleteMany({ where: { OR: [where] } }))()).rejects.toEqual(
      typedError('ERR_UNSUPPORTED_FILTER'),
    );
    expect(await db.lists.count()).toBe(1);
  });

  it('refuse values of another type, unknown operators, and elements that are plaintext', async () => {
    await expect(create({ scores: [1, '2'] })).rejects.toMatchObject({ code: 'ERR_VALUE', field: 'scores' });
    const { id } = await create({ tags: ['a'] });
    await expect(update(id, { tags: { unset: true } })).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
    await expect(update(id, { tags: { set: ['a'], push: 'b' } })).rejects.toEqual(
      typedError('ERR_UNSUPPORTED_OPERATION'),
    );
    await test.raw(`UPDATE "Lists" SET tags = array_append(tags, 'plain')`);
    await expect(db.lists.findMany()).rejects.toMatchObject({ code: 'ERR_CELL_FORMAT', field: 'tags' });
  });
});
