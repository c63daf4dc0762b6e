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
