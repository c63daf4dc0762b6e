import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withScope } from '../src/index.ts';
import { typedError } from './harness.ts';
import { fillTenants, openScoped, type ScopedClient, type ScopedDatabase } from './scoped-database.ts';

let test: ScopedDatabase;
let db: ScopedClient;

beforeAll(async () => {
  test = await openScoped();
  db = test.db;
});
afterAll(() => test.close());
beforeEach(() => fillTenants(test, { id: 3, tenantId: 'b', email: 'bob@x' }));

const mismatch = typedError('ERR_SCOPE_MISMATCH');
const notFound = expect.objectContaining({ code: 'P2025' });
const cells = async (id: number) => (await test.plain.user.findUnique({ where: { id } })) as Record<string, unknown>;

describe('rows of another scope, under a current one', () => {
  const inA = <Result>(work: () => Promise<Result>) => withScope('a', work);
  const tenants = async () =>
    ((await test.plain.user.findMany({})) as { id: number; tenantId: string }[])
      .map(({ id, tenantId }) => `${id}${tenantId}`)
      .sort();

  it('are not wiped or deleted by what needs no key: NULL, and lists that are empty', async () => {
    expect(await inA(() => db.user.updateMany({ data: { notes: null } }))).toEqual({ count: 1 });
    expect(await cells(2)).toMatchObject({ notes: expect.stringMatching(/^fs1:/) });
    expect(await inA(() => db.user.deleteMany({ where: { notes: { not: null } } }))).toEqual({ count: 0 });
    expect(await inA(() => db.user.deleteMany({ where: { email: { notIn: [] } } }))).toEqual({ count: 1 });
    expect(await tenants()).toEqual(['2b', '3b']);
    expect(await inA(() => db.user.deleteMany({ where: { email: { in: [] } } }))).toEqual({ count: 0 });
  });

  it('are not changed or deleted before an error says that they are another’s', async () => {
    await expect(inA(() => db.user.delete({ where: { id: 2 } }))).rejects.toEqual(notFound);
    await expect(inA(() => db.user.update({ where: { id: 2 }, data: { name: 'mine' } }))).rejects.toEqual(notFound);
    expect(await inA(() => db.user.updateMany({ data: { name: 'mine' } }))).toEqual({ count: 1 });
    expect(await cells(2)).not.toMatchObject({ name: 'mine' });
    expect(await inA(() => db.user.deleteMany({ where: { id: { gt: 0 } } }))).toEqual({ count: 1 });
    expect(await inA(() => db.user.deleteMany({}))).toEqual({ count: 0 });
    expect(await tenants()).toEqual(['2b', '3b']);
  });

  it('are refused although they hold nothing that is encrypted', async () => {
    await test.sql(`UPDATE "User" SET "email" = NULL, "emailIndex" = NULL, "notes" = NULL WHERE "id" = 3`);
    await expect(inA(() => db.user.findMany({ where: { id: 3 } }))).rejects.toEqual(mismatch);
    expect(await withScope('b', () => db.user.findMany({ where: { id: 3 } }))).toMatchObject([{ id: 3, email: null }]);
  });

  it('make every meaningless, which is refused', async () => {
    const where = { users: { every: { email: 'ada@x' } } };
    await expect(inA(() => db.group.findMany({ where }))).rejects.toEqual(typedError('ERR_SCOPE_MISSING'));
    await expect(inA(() => db.group.findMany({ where: { users: { none: { email: 'ada@x' } } } }))).resolves.toEqual([]);
  });
});

describe('rows behind a relation that does not carry the scope, under a current one', () => {
  const inA = <Result>(work: () => Promise<Result>) => withScope('a', work);
  const inGroup = (users: object) => inA(() => db.group.update({ where: { id: 1 }, data: { users } }));
  const others = async () =>
    ((await test.plain.user.findMany({})) as { id: number; tenantId: string }[]).filter(
      ({ tenantId }) => tenantId === 'b',
    );
  let before: unknown;
  beforeEach(async () => {
    await test.sql('INSERT INTO "Group" VALUES (1), (2)');
    await test.sql('UPDATE "User" SET "groupId" = 1 WHERE id < 3');
    await test.sql(`INSERT INTO "Post" (id, tenant, "authorId") VALUES (1, 'a', 2), (2, 'a', 1)`);
    before = await others();
  });

  it('are not removed', async () => {
    await test.sql('DELETE FROM "Post" WHERE id = 2');
    await inGroup({ deleteMany: {} });
    expect(await others()).toEqual(before);
    expect(await test.plain.user.count({})).toBe(2);
    await expect(inGroup({ delete: { id: 2 } })).rejects.toThrow();
    await expect(inGroup({ delete: [{ id: 2, tenantId: 'b' }] })).rejects.toEqual(typedError('ERR_SCOPE_CONFLICT'));
    await expect(inA(() => db.post.update({ where: { id: 1 }, data: { author: { delete: true } } }))).rejects.toThrow();
    expect(await others()).toEqual(before);
  });

  it('are neither taken in nor out', async () => {
    await inGroup({ disconnect: { id: 2 } }).catch(() => undefined); // Prisma passes over a row that it does not find
    await expect(inGroup({ connect: { id: 3 } })).rejects.toMatchObject({ code: 'P2018' });
    await expect(inGroup({ set: [] })).rejects.toEqual(typedError('ERR_SCOPE_CONFLICT'));
    await expect(
      inGroup({ connectOrCreate: { where: { id: 3 }, create: { id: 3, tenantId: 'a', email: 'x@y' } } }),
    ).rejects.toMatchObject({ code: 'P2002' });
    await expect(
      inA(() => db.post.update({ where: { id: 2 }, data: { author: { connect: { id: 2 } } } })),
    ).rejects.toEqual(notFound);
    expect(await others()).toEqual(before);
  });

  it('are served where they are of the current scope, and all of them outside of scopes', async () => {
    await inGroup({ disconnect: { id: 1 } });
    expect(await cells(1)).toMatchObject({ groupId: null });
    await inGroup({ connect: { id: 1 } });
    expect(await cells(1)).toMatchObject({ groupId: 1 });
    await inA(() => db.post.update({ where: { id: 2 }, data: { author: { disconnect: true } } }));
    await inA(() => db.post.update({ where: { id: 2 }, data: { author: { connect: { id: 1 } } } }));
    await inGroup({ delete: { id: 1 } }).catch(() => undefined); // its post points to it
    await db.group.update({ where: { id: 1 }, data: { users: { set: [{ id: 3 }] } } });
    expect([await cells(2), await cells(3)]).toMatchObject([{ groupId: null }, { groupId: 1 }]);
  });
});

describe('updates row by row, under a current scope', () => {
  let rows: ScopedClient;
  const memos = async (tenant: string) => await test.plain.memo.findMany({ where: { tenant }, orderBy: { id: 'asc' } });
  const changed = (args: object) => withScope('b', () => rows.memo.updateMany(args));
  let others: unknown;
  beforeEach(async () => {
    rows = test.extend({ rowByRow: true });
    // The first rows of the table, in every order that the database could read them in, are of another scope.
    const data = [1, 2, 5, 3, 4, 6].map((id, at) => ({ id, tenant: at < 3 ? 'a' : 'b', topic: 't', text: `${id}` }));
    await db.memo.createMany({ data });
    others = await memos('a');
  });

  it('count the rows of that scope alone towards the limit', async () => {
    expect(await changed({ limit: 1, data: { text: 'new' } })).toEqual({ count: 1 });
    expect(await changed({ where: { topic: 't' }, limit: 3, data: { text: 'all' } })).toEqual({ count: 3 });
    expect(await changed({ where: { OR: [{ topic: 't' }, { tenant: 'a' }] }, limit: 2, data: { text: 'or' } })).toEqual(
      { count: 2 },
    );
    expect(await changed({ where: { tenant: 'b' }, limit: 9, data: { text: 'end' } })).toEqual({ count: 3 });
    expect(await withScope('b', () => db.memo.count({ where: { topic: 't' } }))).toBe(6); // no key is needed to count
    expect(await memos('a')).toEqual(others);
    const read = (await withScope('b', () => db.memo.findMany({ where: { tenant: 'b' } }))) as { text: string }[];
    expect(read.map(({ text }) => text)).toEqual(['end', 'end', 'end']);
  });

  it('do not reach rows of another by their names, nor without a limit', async () => {
    expect(await changed({ where: { id: { in: [1, 2, 5] } }, limit: 2, data: { text: 'x' } })).toEqual({ count: 0 });
    expect(await changed({ data: { text: null } })).toEqual({ count: 3 });
    await expect(changed({ where: { tenant: 'a' }, data: { text: 'x' } })).rejects.toEqual(
      typedError('ERR_SCOPE_CONFLICT'),
    );
    await expect(rows.memo.updateMany({ limit: 1, data: { text: 'x' } })).rejects.toEqual(
      typedError('ERR_SCOPE_MISSING'),
    );
    expect(await memos('a')).toEqual(others);
  });
});

describe('the current scope', () => {
  it('is that of cells that $encryption decrypts', async () => {
    const { notes } = await cells(1);
    expect(await withScope('a', () => db.$encryption.decrypt('User', 'notes', notes))).toBe('of a');
    await expect(withScope('b', () => db.$encryption.decrypt('User', 'notes', notes))).rejects.toEqual(mismatch);
  });

  it('is not lost with queries that are sent outside: they are refused', () => {
    expect(() => withScope('a', () => [db.user.count({}), db.user.count({})])).toThrow(typedError('ERR_OPTIONS'));
  });
});
