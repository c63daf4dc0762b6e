import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
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

type Row = Record<string, unknown>;
interface Call {
  readonly model: string;
  readonly operation: string;
  readonly args: { data?: Row; where?: Row };
  readonly query: (args: unknown) => Promise<unknown>;
}

const ada = { name: 'Ada', email: 'ada@example.com', ssn: '078-05-1120', note: 'first' };

describe.each(TARGETS)('$database with prisma-$generator: beside other extensions', (target) => {
  const database = useDatabase(target);
  let test: TestDatabase;
  let db: Client;
  beforeAll(() => {
    test = database.current;
    db = test.db;
  });

  /** A query extension that notes what passes through it. */
  function spy(): { seen: { args: Call['args']; result: unknown }[]; extension: object } {
    const seen: { args: Call['args']; result: unknown }[] = [];
    const $allOperations = async ({ args, query }: Call) => {
      const entry = { args: structuredClone(args), result: null as unknown };
      seen.push(entry);
      const result = await query(args);
      entry.result = structuredClone(result);
      return result;
    };
    return { seen, extension: { query: { $allModels: { $allOperations } } } };
  }

  it('those applied before it see plaintext, those after it ciphertext', async () => {
    const outer = spy();
    const inner = spy();
    const before = test.plain.$extends(outer.extension as never) as unknown as Client;
    const chained = before
      .$extends(encryption({ keyring: test.keyring }))
      .$extends(inner.extension as never) as unknown as Client;
    await chained.user.create({ data: ada });
    expect(await chained.user.findFirst({ where: { email: ada.email } })).toMatchObject(ada);
    const [created, found] = outer.seen;
    expect(created?.args.data).toEqual(ada);
    expect(created?.result).toMatchObject(ada);
    expect(found?.args.where).toEqual({ email: ada.email });
    const [stored, term] = inner.seen;
    expect(stored?.args.data).toMatchObject({ name: 'Ada', email: expect.stringMatching(/^fs1:/) });
    expect(stored?.result).toMatchObject({ ssn: expect.stringMatching(/^fs1:/) });
    expect(term?.args.where).toEqual({ emailIndex: expect.stringMatching(/^1\./) });
    expect(JSON.stringify(inner.seen)).not.toContain(ada.email);
  });

  it('those before it may change arguments and results, and answer without a query', async () => {
    const changing = test.plain
      .$extends({
        query: {
          user: {
            async create({ args, query }) {
              const row = await query({ ...args, data: { ...args.data, email: args.data.email.toLowerCase() } });
              return { ...row, note: 'changed' } as never;
            },
            findFirst: async () => ({ email: 'cached' }) as never,
          },
        },
      })
      .$extends(encryption({ keyring: test.keyring })) as unknown as Client;
    expect(await changing.user.create({ data: { ...ada, email: 'ADA@EXAMPLE.COM' } })).toMatchObject({
      email: ada.email,
      note: 'changed',
    });
    expect((await db.user.findFirstOrThrow()).email).toBe(ada.email);
    expect(await changing.user.findFirst()).toEqual({ email: 'cached' });
  });

  it('a soft delete that rewrites filters in front of it is encrypted too', async () => {
    const hiding = test.plain
      .$extends({
        query: {
          user: {
            findMany: ({ args, query }) => query({ ...args, where: { AND: [args.where ?? {}, { ssn: null }] } }),
          },
        },
      })
      .$extends(encryption({ keyring: test.keyring })) as unknown as Client;
    await db.user.createMany({ data: [ada, { name: 'Bob', email: 'bob@example.com' }] });
    expect(await hiding.user.findMany({ where: { email: { in: [ada.email, 'bob@example.com'] } } })).toMatchObject([
      { name: 'Bob', email: 'bob@example.com' },
    ]);
  });

  it('model and client extensions reach the encrypting client', async () => {
    const extended = db.$extends({
      model: {
        user: {
          byEmail(email: string) {
            return db.user.findFirst({ where: { email } });
          },
        },
      },
      client: { $everyone: () => db.user.findMany({ select: { email: true } }) },
    });
    await extended.user.create({ data: ada });
    expect(await extended.user.byEmail(ada.email)).toMatchObject(ada);
    expect(await extended.$everyone()).toEqual([{ email: ada.email }]);
    expect(await test.db.$encryption.index('User', 'emailIndex', ada.email)).toMatch(/^1\./);
  });

  it.each(['before', 'after'])('result extensions %s it compute from plaintext', async (order) => {
    const display = {
      result: {
        user: {
          display: { needs: { email: true, name: true }, compute: (user: Row) => `${user['name']} <${user['email']}>` },
        },
      },
    };
    const encrypting = encryption({ keyring: test.keyring });
    const client = (order === 'before'
      ? test.plain.$extends(display as never).$extends(encrypting)
      : test.plain.$extends(encrypting).$extends(display as never)) as unknown as Client;
    const expected = `Ada <${ada.email}>`;
    expect(await client.user.create({ data: { ...ada, posts: { create: { title: 't', body: 'b' } } } })).toMatchObject({
      display: expected,
    });
    const shown = (rows: unknown) => JSON.parse(JSON.stringify(rows)) as unknown; // computed fields make rows proxies
    expect(shown(await client.user.findMany({ select: { display: true } as never }))).toEqual([{ display: expected }]);
    expect(shown(await client.user.findFirst({ select: { display: true, ssn: true } as never }))).toEqual({
      display: expected,
      ssn: ada.ssn,
    });
    expect(await client.post.findFirst({ include: { author: true } })).toMatchObject({
      body: 'b',
      author: { display: expected },
    });
  });

  describe('batching', () => {
    const ten = <Result>(find: (at: number) => Promise<Result>) =>
      Promise.all(Array.from({ length: 10 }, (_, at) => find(at)));
    const selects = () => test.statements.filter(({ query }) => query.startsWith('SELECT'));
    let ids: string[];
    beforeEach(async () => {
      await db.user.createMany({
        data: Array.from({ length: 10 }, (_, at) => ({ name: `n${at}`, email: `e${at}@x`, id: `u${at}` })),
      });
      await db.sealed.createMany({
        data: Array.from({ length: 10 }, (_, at) => ({
          id: `s${at}`,
          label: `l${at}`,
          group: at,
          secret: `s${at}`,
          note: 'n',
        })),
      });
      ids = Array.from({ length: 10 }, (_, at) => `u${at}`);
      test.statements.length = 0;
    });

    it('of findUnique by id, with and without select', async () => {
      const rows = await ten((at) => db.user.findUnique({ where: { id: ids[at] as string } }));
      expect(rows.map((row) => row?.email)).toEqual(Array.from({ length: 10 }, (_, at) => `e${at}@x`));
      expect(selects()).toHaveLength(1);
      test.statements.length = 0;
      const some = await ten((at) => db.user.findUnique({ where: { id: ids[at] as string }, select: { email: true } }));
      expect(some[3]).toEqual({ email: 'e3@x' });
      expect(selects()).toHaveLength(1);
    });

    it('of findUnique by an encrypted field', async () => {
      const rows = await ten((at) => db.user.findUnique({ where: { email: `E${at}@X ` } }));
      expect(rows.map((row) => row?.name)).toEqual(Array.from({ length: 10 }, (_, at) => `n${at}`));
      expect(selects()).toHaveLength(1);
    });

    it('of findUnique with include takes a statement a relation', async () => {
      const rows = await ten((at) =>
        db.user.findUnique({ where: { id: ids[at] as string }, include: { posts: true } }),
      );
      expect(rows[9]).toMatchObject({ email: 'e9@x', posts: [] });
      expect(selects().length).toBeLessThanOrEqual(2); // with a join one
    });

    it('of findUnique of bound fields', async () => {
      const rows = await ten((at) => db.sealed.findUnique({ where: { id: `s${at}` }, select: { secret: true } }));
      expect(rows).toEqual(Array.from({ length: 10 }, (_, at) => ({ secret: `s${at}` })));
      expect(selects()).toHaveLength(1);
    });

    it('cold keys give the same rows, and warm ones batch from then on', async () => {
      const cold = test.extend({ keyring: () => new Promise((resolve) => setTimeout(resolve, 20, test.keyring)) });
      const find = (at: number) => cold.user.findUnique({ where: { email: `e${at}@x` }, select: { name: true } });
      const expected = Array.from({ length: 10 }, (_, at) => ({ name: `n${at}` }));
      expect(await ten(find)).toEqual(expected);
      test.statements.length = 0;
      expect(await ten(find)).toEqual(expected);
      expect(selects()).toHaveLength(1);
    });

    it('a keyring that cannot be opened fails each of them, and the next query tries again', async () => {
      let opened = 0;
      const failing = test.extend({
        keyring: () => (opened++ === 0 ? Promise.reject(new Error('no key')) : freshKeyring()),
      });
      const settled = await Promise.allSettled([1, 2].map(() => failing.user.findUnique({ where: { email: 'x' } })));
      expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
      expect(await failing.user.findUnique({ where: { email: 'x' } })).toBeNull();
    });
  });

  it('fluent calls reach depth 3, with arguments on the way', async () => {
    await db.user.create({
      data: {
        ...ada,
        id: 'u',
        posts: {
          create: [
            { title: 'a', body: 'body a', comments: { create: [{ text: 'one' }, { text: 'two' }] } },
            { title: 'b', body: 'body b' },
          ],
        },
      },
    });
    const posts = db.user.findUnique({ where: { email: ada.email } }).posts({ where: { body: 'body a' } });
    expect(await posts).toMatchObject([{ title: 'a', body: 'body a' }]);
    const comment = await db.comment.findFirstOrThrow({ orderBy: { id: 'asc' } });
    const author = db.comment
      .findUnique({ where: { id: comment.id } })
      .post()
      .author({ select: { email: true } });
    expect(await author).toEqual({ email: ada.email });
    const found = db.comment
      .findUnique({ where: { id: comment.id } })
      .post()
      .author();
    expect(await found.posts({ where: { body: { in: ['body b'] } }, select: { body: true } })).toEqual([
      { body: 'body b' },
    ]);
    await expect(
      (async () => db.user.findUnique({ where: { id: 'u' } }).posts({ where: { body: { contains: 'x' } as never } }))(),
    ).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(await db.user.findUnique({ where: { id: 'nobody' } }).posts()).toBeNull();
  });

  it('rows are encrypted while the application runs (mode: migrating)', async () => {
    await test.plain.moving.createMany({ data: ['a@x', 'b@x', 'c@x'].map((email) => ({ email, age: '41' as never })) });
    await db.moving.create({ data: { email: 'new@x' } });
    const open: object = { NOT: { email: { startsWith: 'fs1:' } } };
    const rows = await test.plain.moving.findMany({ where: open, select: { id: true } });
    expect(rows).toHaveLength(3);
    for (const { id } of rows) {
      await db.$transaction(
        async (tx) => {
          const { email } = await tx.moving.findUniqueOrThrow({ where: { id }, select: { email: true } });
          await tx.moving.update({ where: { id }, data: { email }, select: { id: true } });
        },
        { isolationLevel: 'Serializable' },
      );
    }
    expect(await test.plain.moving.count({ where: open })).toBe(0);
    expect(
      await db.moving.findMany({ where: { email: { in: ['a@x', 'new@x'] } }, orderBy: { id: 'asc' } }),
    ).toMatchObject([{ email: 'a@x', age: 41 }, { email: 'new@x' }]);
  });

  describe('transactions', () => {
    const plainRow = { value: 'v' };
    const count = async () => [await db.user.count(), await db.plain.count()];
    beforeEach(async () => {
      expect(await count()).toEqual([0, 0]);
    });

    it('interactive: rolled back with what is encrypted in it', async () => {
      const work = db.$transaction(
        async (tx) => {
          await tx.user.create({ data: ada });
          await tx.user.update({ where: { email: ada.email }, data: { note: 'inside' } });
          expect(await tx.user.findMany({ where: { email: ada.email } })).toMatchObject([{ note: 'inside' }]);
          await tx.plain.create({ data: plainRow });
          throw new Error('roll back');
        },
        { isolationLevel: 'Serializable' },
      );
      await expect(work).rejects.toThrow('roll back');
      expect(await count()).toEqual([0, 0]);
    });

    it('interactive: a refused query rejects, and the rest may still commit', async () => {
      await db.$transaction(async (tx) => {
        await tx.user.create({ data: ada });
        await expect(tx.user.findMany({ where: { note: 'first' as never } })).rejects.toEqual(
          typedError('ERR_UNSUPPORTED_FILTER'),
        );
        expect(await tx.user.findUnique({ where: { email: ada.email } })).toMatchObject(ada);
      });
      expect(await count()).toEqual([1, 0]);
    });

    it('nested: an inner one rolls back to its savepoint', async () => {
      await db.$transaction(async (outer) => {
        await outer.user.create({ data: ada });
        const inner = (outer as Client).$transaction(async (tx) => {
          await tx.user.create({ data: { name: 'Bob', email: 'bob@example.com' } });
          expect(await tx.user.findUnique({ where: { email: 'bob@example.com' } })).toMatchObject({ name: 'Bob' });
          throw new Error('inner');
        });
        await expect(inner).rejects.toThrow('inner');
      });
      expect(await db.user.findMany()).toMatchObject([ada]);
    });

    it('batch: encrypted and plain models together, in order', async () => {
      const [user, plain, found, raw, counted] = await db.$transaction([
        db.user.create({ data: ada }),
        db.plain.create({ data: plainRow }),
        db.user.findMany({ where: { email: ada.email } }),
        db.$queryRaw`SELECT 1 AS one`,
        db.user.count({ where: { ssn: ada.ssn } }),
      ]);
      expect([user, plain, found, counted]).toMatchObject([ada, plainRow, [ada], 1]);
      expect(Number((raw as Row[])[0]?.['one'])).toBe(1);
    });

    it.each([0, 1, 2])('batch: a refused query at %i rejects, and nothing is written', async (at) => {
      const queries = [db.user.create({ data: ada }), db.plain.create({ data: plainRow })] as Promise<unknown>[];
      queries.splice(at, 0, db.user.updateMany({ where: { note: 'x' as never }, data: { name: 'y' } }));
      await expect(db.$transaction(queries as never)).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
      expect(await count()).toEqual([0, 0]);
    });

    it('batch: a violated constraint rejects, and nothing is written', async () => {
      const batch = db.$transaction([
        db.plain.create({ data: plainRow }),
        db.user.create({ data: ada }),
        db.user.create({ data: ada }),
      ]);
      await expect(batch).rejects.toMatchObject({ code: 'P2002' });
      expect(await count()).toEqual([0, 0]);
    });

    it('batch: with cold keys too', async () => {
      const cold = test.extend({ keyring: () => new Promise((resolve) => setTimeout(resolve, 20, test.keyring)) });
      const [user, plain] = await cold.$transaction([
        cold.user.create({ data: ada }),
        cold.plain.create({ data: plainRow }),
      ]);
      expect([user, plain]).toMatchObject([ada, plainRow]);
    });
  });
});

describe.each(['join', 'query'] as const)('relationLoadStrategy %s on PostgreSQL', (relationLoadStrategy) => {
  const database = useDatabase({ database: 'postgresql', generator: 'js' });

  it('decrypts text, Bytes, Json and bound fields, behind nested filters', async () => {
    const { db, statements } = database.current;
    const photo = Uint8Array.of(0, 255, 1);
    const profile = { email: 'opaque', list: [1, null, 'é'] };
    await db.org.create({
      data: {
        name: 'org',
        users: {
          create: [
            {
              ...ada,
              photo,
              profile,
              posts: {
                create: [
                  { title: 'a', body: 'body a' },
                  { title: 'b', body: 'body b' },
                ],
              },
            },
            { name: 'Bob', email: 'bob@example.com' },
          ],
        },
      },
    });
    statements.length = 0;
    const load = { relationLoadStrategy } as object;
    const [org] = await db.org.findMany({
      ...load,
      where: { users: { some: { ssn: ada.ssn } } },
      include: { users: { where: { email: ada.email }, include: { posts: { where: { body: { in: ['body b'] } } } } } },
    });
    expect(statements.filter(({ query }) => query.startsWith('SELECT'))).toHaveLength(
      relationLoadStrategy === 'join' ? 1 : 3,
    );
    const [user, ...others] = org?.users ?? [];
    expect(others).toEqual([]);
    expect(user).toMatchObject({ ...ada, profile, posts: [{ title: 'b', body: 'body b' }] });
    expect(new Uint8Array(user?.photo as Uint8Array)).toEqual(photo);
    await db.sealed.create({
      data: {
        id: 'p',
        label: 'p',
        group: 1,
        secret: 's-p',
        children: { create: { id: 'c', label: 'c', group: 2, secret: 's-c', note: 'n-c' } },
      },
    });
    const sealed = await db.sealed.findMany({
      ...load,
      where: { id: 'p' },
      select: { secret: true, children: { where: { secret: 's-c' } as never, select: { secret: true, note: true } } },
    });
    expect(sealed).toEqual([{ secret: 's-p', children: [{ secret: 's-c', note: 'n-c' }] }]);
  });
});
