import { isFieldsealError } from '@fieldseal/core';
import { newCanary, scanBytes } from '@fieldseal/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { encryption } from '../src/index.ts';
import {
  type Client,
  freshKeyring,
  openDatabase,
  stopServers,
  TARGETS,
  type TestDatabase,
  typedError,
  useDatabase,
} from './harness.ts';
import { CALLS, fill, type Loose, ROWS } from './matrix/calls.ts';
import { type Recorded, recording } from './recording-adapter.ts';

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
    ['contains', (c: Loose) => c.user.findMany({ where: { email: { contains: 'x' } as never } })],
    ['startsWith', (c: Loose) => c.user.findMany({ where: { OR: [{ email: { startsWith: 'x' } as never }] } })],
    ['endsWith', (c: Loose) => c.user.count({ where: { NOT: { email: { endsWith: 'x' } as never } } })],
    ['gt', (c: Loose) => c.user.findMany({ where: { email: { gt: 'x' } as never } })],
    ['lt behind not', (c: Loose) => c.user.findMany({ where: { email: { not: { lt: 'x' } as never } } })],
    ['no index', (c: Loose) => c.user.findMany({ where: { note: 'x' as never } })],
    ['no index, not', (c: Loose) => c.user.deleteMany({ where: { note: { not: 'x' as never } } })],
    ['no index, in', (c: Loose) => c.user.updateMany({ where: { note: { in: ['x'] as never } }, data: { name: 'y' } })],
    ['field reference', (c: Loose) => c.user.findMany({ where: { email: { equals: c.user.fields.name as never } } })],
    [
      'insensitive without a folding index',
      (c: Loose) => c.user.findMany({ where: { ssn: { equals: 'x', mode: 'insensitive' } } }),
    ],
    ['orderBy', (c: Loose) => c.user.findMany({ orderBy: { email: 'asc' as never } })],
    [
      'orderBy list with nulls',
      (c: Loose) => c.user.findMany({ orderBy: [{ name: 'asc' }, { ssn: { sort: 'asc', nulls: 'last' } as never }] }),
    ],
    ['orderBy through a relation', (c: Loose) => c.post.findMany({ orderBy: { author: { email: 'asc' as never } } })],
    ['distinct', (c: Loose) => c.user.findMany({ distinct: ['email' as never] })],
    ['groupBy', (c: Loose) => c.user.groupBy({ by: ['email'] } as never)],
    ['having', (c: Loose) => c.user.groupBy({ by: ['name'], having: { email: { _count: { gt: 1 } } as never } })],
    ['_min', (c: Loose) => c.user.aggregate({ _min: { email: true as never } })],
    ['_max in groupBy', (c: Loose) => c.user.groupBy({ by: ['name'], _max: { ssn: true as never } })],
    ['Json filter', (c: Loose) => c.user.findMany({ where: { profile: { equals: { a: 1 } as never } } })],
    ['nested select', (c: Loose) => c.org.findMany({ select: { users: { where: { note: 'x' as never } } } })],
    ['nested orderBy', (c: Loose) => c.org.findMany({ include: { users: { orderBy: { note: 'asc' as never } } } })],
    ['relation filter', (c: Loose) => c.org.findMany({ where: { users: { some: { note: 'x' as never } } } })],
    ['implicit relation filter', (c: Loose) => c.post.findMany({ where: { author: { note: 'x' as never } } })],
    [
      '_count',
      (c: Loose) => c.org.findMany({ select: { _count: { select: { users: { where: { note: 'x' as never } } } } } }),
    ],
    [
      'nested deleteMany',
      (c: Loose) => c.org.update({ where: { id: 'o' }, data: { users: { deleteMany: { note: 'x' as never } } } }),
    ],
    [
      'nested updateMany',
      (c: Loose) =>
        c.org.update({
          where: { id: 'o' },
          data: { users: { updateMany: { where: { note: 'x' as never }, data: {} } } },
        }),
    ],
  ] satisfies [string, (c: Loose) => Promise<unknown>][])('%s is refused before any SQL', async (_, query) => {
    await db.user.count();
    test.statements.length = 0;
    await expect((async () => query(db as unknown as Loose))()).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(test.statements).toEqual([]);
  });

  it.each([
    ['create', (c: Loose) => c.user.create({ data: { ...ada, emailIndex: '1.00' as never } })],
    ['update', (c: Loose) => c.user.update({ where: { id: 'x' }, data: { ssnIndex: null as never } })],
    [
      'nested',
      (c: Loose) => c.org.create({ data: { name: 'o', users: { create: { ...ada, ssnDigits: '1.00' as never } } } }),
    ],
  ] satisfies [string, (c: Loose) => Promise<unknown>][])(
    'terms written by hand are refused in %s',
    async (_, query) => {
      await expect((async () => query(db as unknown as Loose))()).rejects.toEqual(typedError('ERR_INDEX_WRITTEN'));
    },
  );

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

/** Calls that are served and calls that are not, with the same rows under a plain client: the same result, or a refusal that changes nothing. */
describe.each(TARGETS)('$database with prisma-$generator: as a plain client or not at all', (target) => {
  const canary = newCanary('matrix');
  const statements: Recorded[] = [];
  let encrypted: TestDatabase;
  let plain: TestDatabase;
  let ours: Loose;
  beforeAll(async () => {
    [encrypted, plain] = await Promise.all([openDatabase(target), openDatabase(target)]);
    const { adapter } = (encrypted.plain as unknown as { _engineConfig: { adapter: object } })._engineConfig;
    ours = encrypted.extend(
      { keyring: encrypted.keyring },
      { adapter: recording(adapter, statements) },
    ) as unknown as Loose;
  });
  afterAll(() => Promise.all([encrypted.close(), plain.close()]));
  let changed = true;
  beforeEach(async () => {
    if (changed) {
      await Promise.all([encrypted.clear(), plain.clear()]);
      await Promise.all([fill(ours, canary), fill(plain.plain as unknown as Loose, canary)]);
    }
    changed = false;
    statements.length = 0;
  });

  const calls = CALLS(canary, target.generator === 'client' ? ['email', 'ssn', 'note'] : ['ssn']);
  it.each(calls)('%s', async (_, call) => {
    const result = await settle(() => call(ours));
    const sent = statements.map(({ sql, args }) => `${sql} ${JSON.stringify(args)}`).join('\n');
    expect(scanBytes(Buffer.from(sent), [canary])).toEqual([]);
    if (isFieldsealError(result)) {
      expect(statements).toEqual([]); // and so nothing has changed
    } else {
      changed = statements.some(({ sql }) => /^\s*(INSERT|UPDATE|DELETE)/i.test(sql));
      expect(comparable(result)).toEqual(comparable(await settle(() => call(plain.plain as unknown as Loose))));
      if (changed) expect(await rows(ours)).toEqual(await rows(plain.plain as unknown as Loose));
    }
  });

  const rows = async (client: Loose) => comparable(await client.org.findMany(ROWS));
});

async function settle(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    if (isFieldsealError(error)) return error;
    const { name, code } = error as { name: string; code?: string };
    return { name, code };
  }
}

/** Without what only the encrypted side has, and without times. */
function comparable(result: unknown): unknown {
  const ours = ['emailIndex', 'ssnIndex', 'ssnDigits', 'bodyIndex', 'updatedAt'];
  return JSON.parse(
    JSON.stringify(result ?? null, (key, member: unknown) => (ours.includes(key) ? undefined : member)),
  );
}
