import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryption } from '../src/index.ts';
import {
  type Client,
  freshKeyring,
  stopServers,
  TARGETS,
  type TestDatabase,
  typedError,
  useDatabase,
} from './harness.ts';

afterAll(stopServers);

/** Every shape that cannot be served, in every position, on every target: a typed error and no SQL. */
describe.each(TARGETS)('$database with prisma-$generator: fails closed', (target) => {
  let test: TestDatabase;
  let db: Client;

  const database = useDatabase(target);
  beforeAll(() => {
    test = database.current;
    db = test.db;
  });

  const ada = { name: 'Ada', email: 'Ada@Example.com', ssn: '078-05-1120', note: 'first' };
  const rawUser = async () => (await test.raw('SELECT * FROM "User"'))[0] as Record<string, unknown>;

  it.each([
    ['contains', (c: Client) => c.user.findMany({ where: { email: { contains: 'x' } } })],
    ['startsWith', (c: Client) => c.user.findMany({ where: { OR: [{ email: { startsWith: 'x' } }] } })],
    ['endsWith', (c: Client) => c.user.count({ where: { NOT: { email: { endsWith: 'x' } } } })],
    ['gt', (c: Client) => c.user.findMany({ where: { email: { gt: 'x' } } })],
    ['lt behind not', (c: Client) => c.user.findMany({ where: { email: { not: { lt: 'x' } } } })],
    ['no index', (c: Client) => c.user.findMany({ where: { note: 'x' } })],
    ['no index, not', (c: Client) => c.user.deleteMany({ where: { note: { not: 'x' } } })],
    ['no index, in', (c: Client) => c.user.updateMany({ where: { note: { in: ['x'] } }, data: { name: 'y' } })],
    ['field reference', (c: Client) => c.user.findMany({ where: { email: { equals: c.user.fields.name } } })],
    [
      'insensitive without a folding index',
      (c: Client) => c.user.findMany({ where: { ssn: { equals: 'x', mode: 'insensitive' } as never } }),
    ],
    ['orderBy', (c: Client) => c.user.findMany({ orderBy: { email: 'asc' } })],
    [
      'orderBy list with nulls',
      (c: Client) => c.user.findMany({ orderBy: [{ name: 'asc' }, { ssn: { sort: 'asc', nulls: 'last' } }] }),
    ],
    ['orderBy through a relation', (c: Client) => c.post.findMany({ orderBy: { author: { email: 'asc' } } })],
    ['distinct', (c: Client) => c.user.findMany({ distinct: ['email'] })],
    ['groupBy', (c: Client) => c.user.groupBy({ by: ['email'] })],
    ['having', (c: Client) => c.user.groupBy({ by: ['name'], having: { email: { _count: { gt: 1 } } } })],
    ['_min', (c: Client) => c.user.aggregate({ _min: { email: true } })],
    ['_max in groupBy', (c: Client) => c.user.groupBy({ by: ['name'], _max: { ssn: true } })],
    ['Json filter', (c: Client) => c.user.findMany({ where: { profile: { equals: { a: 1 } } } })],
    ['nested select', (c: Client) => c.org.findMany({ select: { users: { where: { note: 'x' } } } })],
    ['nested orderBy', (c: Client) => c.org.findMany({ include: { users: { orderBy: { note: 'asc' } } } })],
    ['relation filter', (c: Client) => c.org.findMany({ where: { users: { some: { note: 'x' } } } })],
    ['implicit relation filter', (c: Client) => c.post.findMany({ where: { author: { note: 'x' } } })],
    ['_count', (c: Client) => c.org.findMany({ select: { _count: { select: { users: { where: { note: 'x' } } } } } })],
    [
      'nested deleteMany',
      (c: Client) => c.org.update({ where: { id: 'o' }, data: { users: { deleteMany: { note: 'x' } } } }),
    ],
    [
      'nested updateMany',
      (c: Client) =>
        c.org.update({ where: { id: 'o' }, data: { users: { updateMany: { where: { note: 'x' }, data: {} } } } }),
    ],
  ])('%s is refused before any SQL', async (_, query) => {
    await db.user.count();
    test.statements.length = 0;
    await expect((async () => query(db))()).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(test.statements).toEqual([]);
  });

  it.each([
    ['create', (c: Client) => c.user.create({ data: { ...ada, emailIndex: '1.00' } })],
    ['update', (c: Client) => c.user.update({ where: { id: 'x' }, data: { ssnIndex: null } })],
    ['nested', (c: Client) => c.org.create({ data: { name: 'o', users: { create: { ...ada, ssnDigits: '1.00' } } } })],
  ])('terms written by hand are refused in %s', async (_, query) => {
    await expect((async () => query(db))()).rejects.toEqual(typedError('ERR_INDEX_WRITTEN'));
  });

  it('refuses lone surrogates and values of another type, and writes nothing', async () => {
    await expect(db.user.create({ data: { ...ada, note: 'y\ud800' } })).rejects.toEqual(typedError('ERR_VALUE'));
    await expect(db.user.create({ data: { ...ada, note: 5 as never } })).rejects.toEqual(typedError('ERR_VALUE'));
    await expect(db.user.findFirst({ where: { email: '\udc00' } })).rejects.toMatchObject({
      code: 'ERR_VALUE',
      model: 'User',
      field: 'email',
    });
    expect(await db.user.count()).toBe(0);
  });

  it.each([
    ['plaintext', 'plaintext', 'ERR_CELL_FORMAT'],
    ['a truncated cell', (cell: string) => cell.slice(0, 40), 'ERR_CELL_FORMAT'],
    [
      'an altered cell',
      (cell: string) => `${cell.slice(0, 60)}${cell[60] === 'A' ? 'B' : 'A'}${cell.slice(61)}`,
      'ERR_DECRYPT',
    ],
    ['another version', (cell: string) => cell.replace('fs1:', 'fs2:'), 'ERR_CELL_FORMAT'],
  ])('throws for %s in the database', async (_, stored, expected) => {
    const { id } = await db.user.create({ data: ada });
    const cell = String((await rawUser())['note']);
    await test.plain.user.update({
      where: { id },
      data: { note: typeof stored === 'string' ? stored : stored(cell) },
    });
    await expect(db.user.findMany()).rejects.toMatchObject({ code: expected, model: 'User', field: 'note' });
  });

  it('refuses a cell that was moved to another column, and one under an unknown key', async () => {
    const { id } = await db.user.create({ data: ada });
    const raw = await rawUser();
    await test.plain.user.update({ where: { id }, data: { note: String(raw['ssn']) } });
    await expect(db.user.findMany()).rejects.toMatchObject({ code: 'ERR_DECRYPT', field: 'note' });
    await test.plain.user.update({ where: { id }, data: { note: String(raw['note']) } });
    const stranger = test.extend({ keyring: await freshKeyring() });
    await expect(stranger.user.findMany()).rejects.toEqual(typedError('ERR_KEY_UNKNOWN'));
    expect(await stranger.user.findMany({ select: { name: true } })).toEqual([{ name: 'Ada' }]);
  });

  it('refuses to be applied twice', async () => {
    expect(() => test.db.$extends(encryption({ keyring: test.keyring }))).toThrow(/applied to this client before/);
  });
});
