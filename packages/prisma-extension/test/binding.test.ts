import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Client, stopServers, TARGETS, type TestDatabase, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

const data = (label: string, more: object = {}) => ({
  label,
  group: 7,
  secret: `s-${label}`,
  note: `n-${label}`,
  ...more,
});

describe.each(TARGETS)('row binding on $database with prisma-$generator', (target) => {
  const database = useDatabase(target);
  let test: TestDatabase;
  let db: Client;
  let rowByRow: Client;
  beforeAll(() => {
    test = database.current;
    db = test.db;
    rowByRow = test.extend({ keyring: test.keyring, rowByRow: true });
  });
  beforeEach(async () => {
    await test.plain.sealed.updateMany({ data: { parentId: null } });
    await test.plain.sealed.deleteMany();
  });
  const sql = (text: string) => test.raw(text);

  it('makes the id before the cell, at the top and nested, and keeps one that is given', async () => {
    const parent = await db.sealed.create({
      data: data('p', { children: { create: [data('c1'), data('c2', { id: 'given' })] } }),
      include: { children: { orderBy: { label: 'asc' } } },
    });
    expect(parent.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    expect(parent.children.map(({ id, secret, note }) => ({ given: id === 'given', secret, note }))).toEqual([
      { given: false, secret: 's-c1', note: 'n-c1' },
      { given: true, secret: 's-c2', note: 'n-c2' },
    ]);
    await db.sealed.createMany({ data: [data('m1'), data('m2')] });
    expect(await db.sealed.count()).toBe(5);
    const connected = await db.sealed.update({
      where: { id: 'given' },
      data: { children: { connectOrCreate: { where: { id: 'nobody' }, create: data('cc') } } },
      select: { children: { select: { secret: true } } },
    });
    expect(connected).toEqual({ children: [{ secret: 's-cc' }] });
  });

  it('a cell does not open in another row', async () => {
    await db.sealed.create({ data: data('a', { id: 'a' }) });
    await db.sealed.create({ data: data('b', { id: 'b' }) });
    const [{ the_secret: cell }] = (await sql(`SELECT "the_secret" FROM "sealed_rows" WHERE "id" = 'a'`)) as [
      { the_secret: string },
    ];
    await test.plain.sealed.update({ where: { id: 'b' }, data: { secret: cell } });
    await expect(db.sealed.findUnique({ where: { id: 'b' } })).rejects.toMatchObject({
      code: 'ERR_DECRYPT',
      field: 'secret',
    });
    expect((await db.sealed.findUnique({ where: { id: 'a' } }))?.secret).toBe('s-a');
    await test.plain.sealed.update({ where: { id: 'a' }, data: { group: 8 } });
    expect(await db.sealed.findMany({ where: { id: 'a' }, select: { secret: true } })).toEqual([{ secret: 's-a' }]);
    await expect(db.sealed.findMany({ where: { id: 'a' } })).rejects.toMatchObject({
      code: 'ERR_DECRYPT',
      field: 'note',
    });
  });

  it('reads what a cell is bound to beside it, and does not show it', async () => {
    await db.sealed.create({ data: data('p', { id: 'p', children: { create: data('c', { id: 'c' }) } }) });
    expect(await db.sealed.findMany({ where: { id: 'c' }, select: { note: true } })).toEqual([{ note: 'n-c' }]);
    expect(
      await db.sealed.findUnique({
        where: { id: 'p' },
        select: { children: { select: { secret: true, note: true } } },
      }),
    ).toEqual({ children: [{ secret: 's-c', note: 'n-c' }] });
    expect(
      await db.sealed.findMany({
        where: { id: 'p' },
        omit: { id: true, group: true, secretIndex: true, parentId: true },
        include: { children: { omit: { id: true, group: true, note: true, secretIndex: true, parentId: true } } },
      }),
    ).toEqual([{ label: 'p', secret: 's-p', note: 'n-p', children: [{ label: 'c', secret: 's-c' }] }]);
    expect(await db.sealed.findUnique({ where: { id: 'p' } }).children({ select: { secret: true } })).toEqual([
      { secret: 's-c' },
    ]);
    expect(await db.sealed.update({ where: { id: 'p' }, data: { label: 'q' }, select: { secret: true } })).toEqual({
      secret: 's-p',
    });
    expect(await db.sealed.findFirst({ where: { id: 'p' }, select: { label: true, id: true } })).toEqual({
      label: 'q',
      id: 'p',
    });
  });

  it('updates a row that is named by its bound fields', async () => {
    await db.sealed.create({ data: data('a', { id: 'a', children: { create: data('b', { id: 'b' }) } }) });
    expect((await db.sealed.update({ where: { id: 'a' }, data: { secret: 'new' } })).secret).toBe('new');
    expect((await db.sealed.update({ where: { id: 'a', group: 7 }, data: { note: 'new' } })).note).toBe('new');
    await db.sealed.updateMany({ where: { id: { equals: 'a' } }, data: { secret: { set: 'newer' } } });
    expect((await db.sealed.findFirst({ where: { secret: 'newer' } }))?.id).toBe('a');
    await db.sealed.update({
      where: { id: 'a' },
      data: { children: { update: { where: { id: 'b' }, data: { secret: 'child' } } } },
    });
    const upserted = await db.sealed.upsert({
      where: { id: 'b' },
      create: data('never'),
      update: { secret: 'upserted' },
    });
    expect(upserted).toMatchObject({ id: 'b', secret: 'upserted' });
    const created = await db.sealed.upsert({
      where: { id: 'z' },
      create: data('z'),
      update: { secret: 'never' },
    });
    expect(created).toMatchObject({ secret: 's-z' });
    await db.sealed.updateMany({ data: { note: null } }); // NULL is bound to nothing
    expect(await db.sealed.count({ where: { note: null } })).toBe(3);
  });

  it.each([
    [
      'an update by another unique field',
      (c: Client) => c.sealed.update({ where: { secret: 's-a' } as never, data: { secret: 'x' } }),
    ],
    [
      'an update by a compound without the id',
      (c: Client) => c.sealed.update({ where: { group_label: { group: 7, label: 'a' } }, data: { secret: 'x' } }),
    ],
    [
      'an update that names one of two bound fields',
      (c: Client) => c.sealed.update({ where: { id: 'a' }, data: { note: 'x' } }),
    ],
    ['updateMany', (c: Client) => c.sealed.updateMany({ where: { label: 'a' }, data: { secret: 'x' } })],
    [
      'updateMany of several ids',
      (c: Client) => c.sealed.updateMany({ where: { id: { in: ['a', 'b'] } }, data: { secret: 'x' } }),
    ],
    ['updateMany by not', (c: Client) => c.sealed.updateMany({ where: { id: { not: 'a' } }, data: { secret: 'x' } })],
    ['updateMany by NOT', (c: Client) => c.sealed.updateMany({ where: { NOT: { id: 'a' } }, data: { secret: 'x' } })],
    ['updateMany of all', (c: Client) => c.sealed.updateMany({ data: { secret: 'x' } })],
    [
      'a nested update without id',
      (c: Client) => c.sealed.update({ where: { id: 'b' }, data: { parent: { update: { secret: 'x' } } } }),
    ],
    [
      'a nested updateMany',
      (c: Client) =>
        c.sealed.update({
          where: { id: 'a' },
          data: { children: { updateMany: { where: {}, data: { secret: 'x' } } } },
        }),
    ],
    [
      'an upsert by another unique field',
      (c: Client) =>
        c.sealed.upsert({
          where: { group_label: { group: 7, label: 'a' } },
          create: data('y'),
          update: { secret: 'x' },
        }),
    ],
    ['a change of the id', (c: Client) => c.sealed.update({ where: { id: 'a' }, data: { id: 'other' } })],
    ['a change of another bound field', (c: Client) => c.sealed.updateMany({ data: { group: { increment: 1 } } })],
    [
      'a nested change of the id',
      (c: Client) => c.sealed.update({ where: { id: 'b' }, data: { parent: { update: { id: 'other' } } } }),
    ],
  ])('refuses %s before any SQL', async (_, query) => {
    await db.sealed.create({ data: data('a', { id: 'a', children: { create: data('b', { id: 'b' }) } }) });
    test.statements.length = 0;
    await expect((async () => query(db))()).rejects.toEqual(typedError('ERR_BINDING'));
    expect(test.statements).toEqual([]);
    expect((await db.sealed.findMany({ orderBy: { id: 'asc' } })).map(({ secret }) => secret)).toEqual(['s-a', 's-b']);
  });

  it('does updates row by row where that is allowed', async () => {
    for (const id of ['a', 'b', 'c']) await db.sealed.create({ data: data(id, { id }) });
    expect(await rowByRow.sealed.updateMany({ where: { label: { in: ['a', 'b'] } }, data: { note: 'same' } })).toEqual({
      count: 2,
    });
    const rows = await sql('SELECT "note" FROM "sealed_rows"');
    expect(new Set(rows.map(({ note }) => note)).size).toBe(3); // no two cells are equal
    const updated = await rowByRow.sealed.update({
      where: { group_label: { group: 7, label: 'c' } },
      data: { secret: 'by label' },
      select: { secret: true },
    });
    expect(updated).toEqual({ secret: 'by label' });
    expect((await rowByRow.sealed.update({ where: { secret: 'by label' } as never, data: { note: 'x' } })).id).toBe(
      'c',
    );
    expect(await rowByRow.sealed.updateMany({ where: { label: 'nobody' }, data: { note: 'x' } })).toEqual({ count: 0 });
    await expect(
      rowByRow.sealed.update({ where: { group_label: { group: 7, label: 'nobody' } }, data: { secret: 'x' } }),
    ).rejects.toMatchObject({ code: 'P2025' });
    expect((await db.sealed.findMany({ orderBy: { id: 'asc' } })).map(({ note }) => note)).toEqual([
      'same',
      'same',
      'x',
    ]);
  });

  it('refuses them where a relation chooses the rows, which earlier ones could change', async () => {
    await db.sealed.create({ data: data('x', { id: 'a', children: { create: data('y', { id: 'b' }) } }) });
    const where = { OR: [{ parentId: null }, { NOT: { parent: { label: 'other' } } }] };
    await expect(rowByRow.sealed.updateMany({ where, data: { label: 'z', note: 'q' } })).rejects.toEqual(
      typedError('ERR_BINDING'),
    );
    expect(await db.sealed.count({ where: { label: 'z' } })).toBe(0);
  });

  it('looks at the data of an update that finds no row, and at its limit', async () => {
    await expect(
      rowByRow.sealed.updateMany({ where: { label: 'nobody' }, data: { secret: 5 as never } }),
    ).rejects.toEqual(typedError('ERR_VALUE'));
    await expect(
      rowByRow.sealed.updateMany({ where: { label: 'nobody' }, data: { note: 'x', nonsense: 1 } as never }),
    ).rejects.toEqual(typedError('ERR_UNSUPPORTED_OPERATION'));
    await db.sealed.create({ data: data('a', { id: 'a' }) });
    await expect(rowByRow.sealed.updateMany({ limit: -1, data: { note: 'x' } })).rejects.toEqual(
      typedError('ERR_UNSUPPORTED_OPERATION'),
    );
    expect(await rowByRow.sealed.updateMany({ limit: 0, data: { note: 'x' } })).toEqual({ count: 0 });
    expect((await db.sealed.findFirst())?.note).toBe('n-a');
  });

  it('lets computed fields of other extensions need any field', async () => {
    await db.sealed.create({ data: data('a', { id: 'a' }) });
    const result = {
      sealed: {
        tag: { needs: { id: true }, compute: ({ id }: { id: string }) => `#${id}` },
        shout: { needs: { secret: true }, compute: ({ secret }: { secret: string }) => secret.toUpperCase() },
      },
    } as const;
    const inner = db.$extends({ result });
    const outer = test.extend({ keyring: test.keyring }, {}, { result });
    for (const client of [inner, outer as unknown as typeof inner]) {
      const tag = await client.sealed.findMany({ select: { secret: true, tag: true } });
      expect(JSON.parse(JSON.stringify(tag))).toEqual([{ secret: 's-a', tag: '#a' }]);
      const shout = await client.sealed.findMany({ select: { shout: true } });
      expect(JSON.parse(JSON.stringify(shout))).toEqual([{ shout: 'S-A' }]);
      const omitted = await client.sealed.findMany({ omit: { id: true, group: true } });
      expect(omitted).toMatchObject([{ secret: 's-a', tag: '#a', shout: 'S-A' }]);
    }
  });

  it('refuses an id that the database may cut', async () => {
    await expect(db.sealed.create({ data: data('x', { id: 'a\0b' }) })).rejects.toEqual(typedError('ERR_BINDING'));
  });

  it('does them inside an interactive transaction, and rolls back with it', async () => {
    for (const id of ['a', 'b']) await db.sealed.create({ data: data(id, { id }) });
    await expect(
      rowByRow.$transaction(async (tx) => {
        await tx.sealed.create({ data: data('new', { id: 'new' }) });
        expect(await tx.sealed.updateMany({ data: { note: 'inside' } })).toEqual({ count: 3 });
        throw new Error('roll back');
      }),
    ).rejects.toThrow('roll back');
    expect((await db.sealed.findMany({ orderBy: { id: 'asc' } })).map(({ note }) => note)).toEqual(['n-a', 'n-b']);
    await expect(rowByRow.$transaction([rowByRow.sealed.updateMany({ data: { note: 'batch' } })])).rejects.toEqual(
      typedError('ERR_BINDING'),
    );
  });

  it('refuses a row that comes without what its cells are bound to', async () => {
    await db.sealed.create({ data: data('a', { id: 'a' }) });
    const inner = db.$extends({
      query: {
        sealed: {
          findMany: async ({ args, query }) => (await query(args)).map(({ id: _, ...row }) => row as never),
        },
      },
    });
    await expect(inner.sealed.findMany()).rejects.toMatchObject({ code: 'ERR_BINDING', model: 'Sealed' });
  });

  it('reads bound fields that the client omits by default', async () => {
    await db.sealed.create({ data: data('a', { id: 'a', children: { create: data('b', { id: 'b' }) } }) });
    const omitting = test.extend({ keyring: test.keyring }, { omit: { sealed: { id: true, group: true } } });
    const rows = await omitting.sealed.findMany({ where: { label: 'a' }, include: { children: true } });
    expect(rows).toMatchObject([{ secret: 's-a', note: 'n-a', children: [{ secret: 's-b' }] }]);
    expect(Object.keys(rows[0] ?? {})).not.toContain('id');
    expect(Object.keys(rows[0]?.children[0] ?? {})).not.toContain('group');
  });
});
