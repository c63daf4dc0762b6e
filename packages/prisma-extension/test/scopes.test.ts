import { type FieldUse, type KeySource, UsePolicy, withActor } from '@fieldseal/core';
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
const keyOf = (cell: unknown) => String(cell).slice(0, 16);
const cells = async (id: number) => (await test.plain.user.findUnique({ where: { id } })) as Record<string, unknown>;

describe('keys', () => {
  it('of a row are those of its scope, and terms of equal values differ', async () => {
    const [a, b, c] = [await cells(1), await cells(2), await cells(3)];
    expect(keyOf(a['email'])).toBe(keyOf(a['notes']));
    expect(keyOf(b['email'])).toBe(keyOf(c['email']));
    expect(keyOf(a['email'])).not.toBe(keyOf(b['email']));
    expect(a['emailIndex']).not.toBe(b['emailIndex']);
  });

  it('are made once for a new scope, whatever races in this process and another', async () => {
    const before = test.keyStore.saves;
    await test.sql(`INSERT INTO "Tenant" VALUES ('new', 'new')`);
    const rows = Array.from({ length: 20 }, (_, at) => ({ id: 100 + at, email: `${at}@x` }));
    await withScope('new', () => Promise.all(rows.map((data) => db.user.create({ data }))));
    expect(test.keyStore.saves).toBe(before + 1);
    const keys = await Promise.all(rows.map(async ({ id }) => keyOf((await cells(id))['email'])));
    expect(new Set(keys).size).toBe(1);
    const clients = Array.from({ length: 5 }, () => test.extend());
    await Promise.all(clients.map((client, id) => client.ledger.create({ data: { id, book: 77, amount: 'x' } })));
    const stored = (await test.plain.ledger.findMany({})) as { amount: string }[];
    expect(new Set(stored.map(({ amount }) => keyOf(amount))).size).toBe(1);
  });

  it('are not made by a search, which finds nothing, nor where createScopes is false', async () => {
    const where = { tenantId: 'nobody', email: 'ada@x' };
    expect(await db.user.findMany({ where })).toEqual([]);
    expect(await db.user.count({ where: { tenantId: 'nobody', NOT: { email: 'ada@x' } } })).toBe(0);
    const strict = test.extend({ createScopes: false });
    await expect(strict.account.create({ data: { id: 'fresh', apiKey: 'x' } })).rejects.toEqual(
      typedError('ERR_KEY_UNKNOWN'),
    );
    expect([...test.keyStore.scopesOf].filter((scope) => ['nobody', 'fresh'].includes(scope))).toEqual([]);
    expect(await test.plain.account.count({})).toBe(0);
  });

  it('of a scope that is shredded are neither used nor made again', async () => {
    await db.account.create({ data: { id: 'doomed', apiKey: 'x' } });
    await test.keyring.shred('doomed');
    await expect(db.account.findMany({})).rejects.toEqual(typedError('ERR_KEY_DISABLED'));
    await expect(db.account.update({ where: { id: 'doomed' }, data: { apiKey: 'y' } })).rejects.toEqual(
      typedError('ERR_KEY_DISABLED'),
    );
    await test.keyring.cancelShred('doomed');
    expect(await db.account.findMany({})).toEqual([{ id: 'doomed', apiKey: 'x' }]);
  });

  it('of many scopes are asked for once', async () => {
    const asked: string[][] = [];
    let warm = false;
    const source: KeySource = {
      peek: (scope, ids) => (warm ? test.keyring.peek(scope, ids) : undefined),
      resolve: (scope, ids) => test.keyring.resolve(scope, ids),
      resolveMany: async (wanted) => {
        asked.push([...wanted.keys()].sort());
        const views = [...wanted].map(async ([scope, ids]) => [scope, await test.keyring.resolve(scope, ids)] as const);
        return new Map(await Promise.all(views));
      },
    };
    const client = test.extend({ keyring: source });
    expect(await client.user.findMany({ orderBy: { id: 'asc' } })).toMatchObject([
      { email: 'ada@x', notes: 'of a' },
      { email: 'ada@x', notes: 'of b' },
      { email: 'bob@x' },
    ]);
    await client.user.findMany({
      where: {
        OR: [
          { tenantId: 'a', email: 'x' },
          { tenantId: 'b', email: 'x' },
        ],
      },
    });
    expect(asked).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
    warm = true;
    expect(await client.user.findMany({})).toHaveLength(3);
    expect(asked).toHaveLength(2);
  });

  it('of many scopes cost one round trip, and more scopes than the cache holds are read', async () => {
    const tenants = Array.from({ length: 12 }, (_, at) => ({ id: `many-${at}`, apiKey: `key ${at}` }));
    await db.account.createMany({ data: tenants });
    const cold = await test.reopen();
    const small = await test.reopen({ cache: 'none' });
    const before = test.keyStore.loads;
    expect(await test.extend({ keyring: cold }).account.findMany({})).toEqual(expect.arrayContaining(tenants));
    expect(test.keyStore.loads).toBe(before + 1);
    expect(await test.extend({ keyring: small }).account.findMany({})).toEqual(expect.arrayContaining(tenants));
    cold.close();
    small.close();
  });

  it("that are warm keep Prisma's batches: ten rows in one statement", async () => {
    await withScope('a', () => Promise.all(Array.from({ length: 10 }, () => db.user.findUnique({ where: { id: 1 } }))));
    expect(test.statements).toHaveLength(1);
  });
});

describe('a cell of another scope is refused', () => {
  it.each([
    ['a cell', 'UPDATE "User" SET notes = (SELECT notes FROM "User" WHERE id = 2) WHERE id = 1'],
    [
      'two cells in one row',
      'UPDATE "User" SET notes = (SELECT notes FROM "User" WHERE id = 2), email = NULL WHERE id = 1',
    ],
    [
      'a whole row',
      `INSERT INTO "User" SELECT 9, 'a', tenantId, email, emailIndex, notes, NULL FROM "User" WHERE id = 2`,
    ],
    ['the tenant of a row', `UPDATE "User" SET "tenantId" = 'b', "emailIndex" = NULL WHERE id = 1`],
    [
      'a row of a tenant that never was',
      `INSERT INTO "Tenant" VALUES ('z', 'z'); UPDATE "User" SET "tenantId" = 'z' WHERE id = 1`,
    ],
  ])('%s that SQL moved', async (_, sql) => {
    for (const statement of sql.split(';')) await test.sql(statement);
    for (const client of [db, test.extend()]) {
      await expect(client.user.findMany({})).rejects.toEqual(mismatch);
      await expect(client.tenant.findMany({ include: { users: { select: { notes: true } } } })).rejects.toEqual(
        mismatch,
      );
    }
  });

  it("where SQL has swapped two tenants' cells, neither is given out", async () => {
    await test.sql(`CREATE TABLE swap AS SELECT id, email, notes FROM "User" WHERE id IN (1, 2)`);
    await test.sql(
      `UPDATE "User" SET email = (SELECT email FROM swap WHERE id = 3 - "User".id), notes = (SELECT notes FROM swap WHERE id = 3 - "User".id) WHERE id IN (1, 2)`,
    );
    await test.sql('DROP TABLE swap');
    for (const id of [1, 2]) await expect(db.user.findUnique({ where: { id } })).rejects.toEqual(mismatch);
    expect(await db.user.findUnique({ where: { id: 3 } })).toMatchObject({ email: 'bob@x' });
  });

  it('in a model without @scope: it is of the scope that it was written in', async () => {
    await withScope('a', () => db.setting.create({ data: { id: 1, value: 'secret' } }));
    await db.setting.create({ data: { id: 2, value: 'shared' } });
    expect(await withScope('a', () => db.setting.findUnique({ where: { id: 1 } }))).toMatchObject({ value: 'secret' });
    await expect(withScope('b', () => db.setting.findUnique({ where: { id: 1 } }))).rejects.toEqual(mismatch);
    await expect(withScope('a', () => db.setting.findUnique({ where: { id: 2 } }))).rejects.toEqual(mismatch);
    await expect(db.setting.findUnique({ where: { id: 1 } })).rejects.toEqual(typedError('ERR_KEY_UNKNOWN'));
    const shared = withScope('a', () => withScope('', () => db.setting.findUnique({ where: { id: 2 } })));
    expect(await shared).toMatchObject({ value: 'shared' });
    expect(await withScope('b', () => db.setting.findMany({ where: { value: 'secret' } }))).toEqual([]);
  });

  it('a row of another tenant is not read in a scope, NULL and plain fields apart', async () => {
    await expect(withScope('a', () => db.user.findUnique({ where: { id: 2 } }))).rejects.toEqual(mismatch);
    expect(await withScope('a', () => db.user.findUnique({ where: { id: 2 }, select: { id: true } }))).toEqual({
      id: 2,
    });
  });
});

describe('writes in a scope', () => {
  it('do not touch rows of another tenant', async () => {
    const before = [await cells(2), await cells(3)];
    await withScope('a', async () => {
      await expect(db.user.update({ where: { id: 2 }, data: { email: 'x' } })).rejects.toEqual(notFound);
      expect(await db.user.updateMany({ data: { notes: 'x' } })).toEqual({ count: 1 });
      expect(await db.user.updateMany({ where: { email: { not: 'nobody' } }, data: { name: 'x' } })).toEqual({
        count: 1,
      });
      expect(await db.user.count({ where: { email: { not: 'nobody' } } })).toBe(1);
      expect(await db.user.count({ where: { NOT: { email: 'nobody' } } })).toBe(1);
      expect(await db.user.deleteMany({ where: { email: { in: ['ada@x', 'bob@x'] } } })).toEqual({ count: 1 });
    });
    expect([await cells(2), await cells(3)]).toEqual(before);
  });

  it('fill the column in, also below rows and through a relation', async () => {
    await withScope('a', async () => {
      await db.user.create({ data: { id: 10, email: 'x', posts: { create: { id: 1, body: 'p' } } } });
      await db.user.create({ data: { id: 11, email: 'y', group: { create: { id: 5 } } } });
      await db.ledger.createMany({ data: [] });
    });
    expect(await cells(10)).toMatchObject({ tenantId: 'a' });
    expect(await cells(11)).toMatchObject({ tenantId: 'a', groupId: 5 });
    expect(await db.post.findMany({})).toMatchObject([{ tenant: 'a', body: 'p' }]);
  });

  it('of children take the scope of their parent', async () => {
    const made = await db.tenant.create({
      data: { slug: 'gamma', users: { create: [{ id: 10, email: 'x' }] } },
      include: { users: true },
    });
    expect(made).toMatchObject({ users: [{ email: 'x', tenantId: (made as { id: string }).id }] });
    await db.tenant.update({
      where: { id: 'a' },
      data: {
        users: {
          create: { id: 11, email: 'y' },
          update: { where: { id: 1 }, data: { notes: 'changed' } },
          upsert: { where: { id: 12 }, create: { id: 12, email: 'z' }, update: { email: 'z' } },
          deleteMany: { email: 'nobody' },
        },
      },
    });
    expect(
      await db.user.findMany({
        where: { tenantId: 'a' },
        orderBy: { id: 'asc' },
        select: { notes: true, email: true },
      }),
    ).toEqual([
      { email: 'ada@x', notes: 'changed' },
      { email: 'y', notes: null },
      { email: 'z', notes: null },
    ]);
  });

  it('to a row of one make the update of a relation reach its own tenant only', async () => {
    await db.post.create({ data: { id: 1, tenant: 'a', body: 'p', authorId: 2 } });
    const update = { where: { id: 1 }, data: { author: { update: { notes: 'x' } } } };
    await expect(withScope('a', () => db.post.update(update))).rejects.toEqual(notFound);
    expect(await db.user.findUnique({ where: { id: 2 } })).toMatchObject({ notes: 'of b' });
    await db.post.update({ where: { id: 1 }, data: { authorId: 1 } });
    await withScope('a', () => db.post.update(update));
    expect(await db.user.findUnique({ where: { id: 1 } })).toMatchObject({ notes: 'x' });
  });
});

describe('withScope', () => {
  it('counts for queries that are sent when they are awaited, and for all that is started in it', async () => {
    const query = withScope('a', () => db.user.findMany({ where: { email: 'ada@x' } }));
    const [a, b] = await Promise.all([
      query,
      withScope('b', async () => {
        await new Promise((resolve) => setImmediate(resolve));
        return db.user.findMany({ where: { email: 'ada@x' } });
      }),
    ]);
    expect([a, b]).toMatchObject([[{ id: 1 }], [{ id: 2 }]]);
    const inner = withScope('a', () => withScope('b', () => db.user.findMany({ where: { email: 'ada@x' } })));
    expect(await inner).toMatchObject([{ id: 2 }]);
  });

  it('counts in transactions of both kinds', async () => {
    const batch = await withScope('b', () =>
      db.$transaction([db.user.findFirst({ where: { email: 'bob@x' } }), db.user.count({ where: { email: 'ada@x' } })]),
    );
    expect(batch).toMatchObject([{ id: 3 }, 1]);
    const interactive = await withScope('b', () =>
      db.$transaction(async (tx) => [
        await tx.user.update({ where: { id: 3 }, data: { email: 'c@x' } }),
        await tx.user.count({ where: { email: 'c@x' } }),
      ]),
    );
    expect(interactive).toMatchObject([{ email: 'c@x' }, 1]);
  });

  it('refuses what is no id, and a second opinion of the client', async () => {
    for (const id of [undefined, null, {}, 1.5, Number.NaN])
      expect(() => withScope(id as never, () => 1)).toThrow(typedError('ERR_OPTIONS') as never);
    const ofA = test.extend({ scope: 'a' });
    expect(await ofA.user.findMany({ where: { email: 'ada@x' } })).toMatchObject([{ id: 1 }]);
    expect(await withScope('a', () => ofA.user.count({ where: { email: 'ada@x' } }))).toBe(1);
    for (const other of ['b', ''])
      await expect(withScope(other, () => ofA.user.findMany({ where: { email: 'ada@x' } }))).rejects.toEqual(
        typedError('ERR_SCOPE_CONFLICT'),
      );
    expect(test.statements).toHaveLength(2);
  });

  it('gives numbers and their text the same scope', async () => {
    await db.ledger.create({ data: { id: 1, book: 5, amount: 'x' } });
    for (const id of [5, 5n, '5'])
      expect(await withScope(id, () => db.ledger.findMany({}))).toMatchObject([{ amount: 'x' }]);
    await expect(withScope('05', () => db.ledger.findMany({}))).rejects.toEqual(mismatch);
    await expect(withScope('05', () => db.ledger.create({ data: { id: 2, amount: 'x' } }))).rejects.toEqual(
      typedError('ERR_SCOPE_CONFLICT'),
    );
  });
});

describe('the option scope', () => {
  it('may be told of each model, and is asked once per query', async () => {
    const asked: string[] = [];
    const client = test.extend({
      scope: ({ model }) => {
        asked.push(model);
        return model === 'Setting' ? undefined : 'b';
      },
    });
    await client.user.create({ data: { id: 9, email: 'x', notes: 'y' } });
    expect(asked).toEqual(['User']);
    await client.setting.create({ data: { id: 1, value: 'x' } });
    expect(await db.setting.findMany({})).toMatchObject([{ value: 'x' }]);
    await expect(test.extend({ scope: () => ({}) as never }).user.findMany({ where: { email: 'x' } })).rejects.toEqual(
      typedError('ERR_OPTIONS'),
    );
  });
});

describe('reads', () => {
  it('have the column that names the scope only where they ask for it', async () => {
    expect(await db.user.findFirst({ where: { id: 1 }, select: { notes: true } })).toEqual({ notes: 'of a' });
    const omitted = await db.user.findFirst({ where: { id: 1 }, omit: { tenantId: true } });
    expect(Object.keys(omitted as object)).not.toContain('tenantId');
    expect(await db.user.findFirst({ where: { id: 1 } })).toHaveProperty('tenantId', 'a');
    const tenants = await db.tenant.findMany({
      orderBy: { id: 'asc' },
      select: { users: { select: { email: true }, orderBy: { id: 'asc' } } },
    });
    expect(tenants).toEqual([{ users: [{ email: 'ada@x' }] }, { users: [{ email: 'ada@x' }, { email: 'bob@x' }] }]);
    const found = db.tenant.findUnique({ where: { id: 'a' } }) as unknown as { users(args: object): Promise<unknown> };
    expect(await found.users({ select: { notes: true } })).toEqual([{ notes: 'of a' }]);
  });

  it('group by scope and value, or within one scope', async () => {
    await db.user.create({ data: { id: 4, tenantId: 'a', email: 'bob@x' } });
    const by = await db.user.groupBy({ by: ['tenantId', 'email'], _count: true, orderBy: { tenantId: 'asc' } });
    expect(by).toHaveLength(4);
    expect(by).toEqual(expect.arrayContaining([{ tenantId: 'b', email: 'bob@x', _count: 1 }]));
    const inB = await withScope('b', () => db.user.groupBy({ by: ['email'], _count: true }));
    expect(inB).toHaveLength(2);
    expect(await db.user.findMany({ where: { tenantId: 'b' }, distinct: ['email'] })).toHaveLength(2);
  });
});

describe('the use policy', () => {
  it('is asked once per query, with model, fields, operation, actor and scope', async () => {
    const uses: (FieldUse & { actor?: string | undefined })[] = [];
    const policy = new UsePolicy({ authorize: (use) => uses.push(use) > 0 });
    const client = test.extend({ policy });
    const taken = () => uses.splice(0).map(({ points: _, ...use }) => use);
    await withActor('eve', () =>
      withScope('a', async () =>
        client.user.update({ where: { id: 1 }, data: { notes: 'x' }, select: { email: true } }),
      ),
    );
    expect(taken()).toEqual([
      { actor: 'eve', scope: 'a', model: 'User', fields: ['notes'], operation: 'encrypt' },
      { actor: 'eve', scope: 'a', model: 'User', fields: ['email'], operation: 'decrypt' },
    ]);
    await client.user.findMany({ where: { tenantId: 'b', email: 'x' }, include: { posts: true } });
    expect(taken()).toEqual([
      { actor: undefined, scope: 'b', model: 'User', fields: ['email'], operation: 'search' },
      { actor: undefined, scope: null, model: 'Post', fields: ['body', 'score'], operation: 'decrypt' },
      { actor: undefined, scope: 'b', model: 'User', fields: ['email', 'notes'], operation: 'decrypt' },
    ]);
    await client.user.count({ where: { name: 'x' } });
    await client.user.findMany({ select: { id: true } });
    expect(taken()).toEqual([]);
    await client.user.groupBy({ by: ['email'], where: { tenantId: 'a' }, _count: true });
    expect(taken()).toEqual([{ actor: undefined, scope: 'a', model: 'User', fields: ['email'], operation: 'decrypt' }]);
    await client.$encryption.decryptRows('User', [{ notes: (await cells(1))['notes'], tenantId: 'a' }]);
    expect(taken()).toEqual([{ actor: undefined, scope: 'a', model: 'User', fields: ['notes'], operation: 'decrypt' }]);
  });

  it.each([
    ['encrypt', (client: ScopedClient) => client.account.create({ data: { id: 'unborn', apiKey: 'x' } })],
    [
      'encrypt',
      (client: ScopedClient) =>
        client.tenant.update({ where: { id: 'a' }, data: { users: { create: { id: 9, email: 'x' } } } }),
    ],
    ['decrypt', (client: ScopedClient) => client.user.findMany({})],
    ['decrypt', (client: ScopedClient) => client.tenant.findMany({ include: { users: true } })],
    ['decrypt', (client: ScopedClient) => client.user.delete({ where: { id: 1 } })],
    ['search', (client: ScopedClient) => client.user.count({ where: { tenantId: 'a', email: 'x' } })],
    ['encrypt', (client: ScopedClient) => client.$encryption.encrypt('Account', 'apiKey', 'x', { id: 'unborn' })],
    [
      'search',
      (client: ScopedClient) => client.$encryption.search('User', 'emailIndex', { equals: 'x' }, { tenantId: 'a' }),
    ],
    ['decrypt', (client: ScopedClient) => client.$encryption.decrypt('User', 'notes', 'fs1:x', { tenantId: 'a' })],
  ])('denies %s before any SQL, and before keys are made: %s', async (operation, call) => {
    for (const deny of [() => false, async () => false]) {
      const policy = new UsePolicy({ authorize: (use) => (use.operation === operation ? deny() : true) });
      await expect(call(test.extend({ policy }))).rejects.toEqual(typedError('ERR_NOT_AUTHORIZED'));
    }
    expect(test.statements).toEqual([]);
    expect(test.keyStore.scopesOf.has('unborn')).toBe(false);
  });
});

describe('$encryption', () => {
  it('takes the scope from the row or the surroundings', async () => {
    const { $encryption } = db;
    const cell = await $encryption.encrypt('User', 'notes', 'x', { tenantId: 'a' });
    expect(await $encryption.decrypt('User', 'notes', cell, { tenantId: 'a' })).toBe('x');
    expect(await withScope('a', () => $encryption.decrypt('User', 'notes', cell, { tenantId: 'a' }))).toBe('x');
    const term = await $encryption.index('User', 'emailIndex', 'ada@x', { tenantId: 'a' });
    expect(term).toBe((await cells(1))['emailIndex']);
    expect(await withScope('a', () => $encryption.index('User', 'emailIndex', 'ada@x'))).toBe(term);
    expect(await withScope('b', () => $encryption.search('User', 'emailIndex', { equals: 'ada@x' }))).toMatchObject({
      terms: [(await cells(2))['emailIndex']],
    });
    const raw = [await cells(1), await cells(2)];
    expect(await $encryption.decryptRows('User', raw)).toMatchObject([{ notes: 'of a' }, { notes: 'of b' }]);
    const aliased = raw.map(({ notes, tenantId }) => ({ n: notes, t: tenantId }));
    expect(await $encryption.decryptRows('User', aliased, { n: 'notes', t: 'tenantId' })).toMatchObject([
      { n: 'of a' },
      { n: 'of b' },
    ]);
  });

  it('refuses a scope that is missing, contradicted or wrong', async () => {
    const { $encryption } = db;
    const cell = await $encryption.encrypt('User', 'notes', 'x', { tenantId: 'a' });
    await expect($encryption.encrypt('User', 'notes', 'x')).rejects.toEqual(typedError('ERR_SCOPE_MISSING'));
    await expect(withScope('b', () => $encryption.encrypt('User', 'notes', 'x', { tenantId: 'a' }))).rejects.toEqual(
      typedError('ERR_SCOPE_CONFLICT'),
    );
    await expect($encryption.index('User', 'emailIndex', 'x')).rejects.toEqual(typedError('ERR_SCOPE_MISSING'));
    await expect($encryption.search('User', 'emailIndex', { equals: 'x' })).rejects.toEqual(
      typedError('ERR_SCOPE_MISSING'),
    );
    await expect($encryption.decrypt('User', 'notes', cell, { tenantId: 'b' })).rejects.toEqual(mismatch);
    await expect($encryption.decryptRows('User', [{ notes: cell }])).rejects.toEqual(typedError('ERR_SCOPE_MISSING'));
    await expect($encryption.decryptRows('User', [{ notes: cell, tenantId: 'b' }])).rejects.toEqual(mismatch);
    expect(test.statements).toEqual([]);
  });
});
