import { startMariadb } from '@fieldseal/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openMariadb, openSqlite } from './differential/comparison.ts';
import { typedError } from './harness.ts';
import { type Args, type Client, type Opened, open, type Row } from './search/fixture.ts';

let server: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  server = await startMariadb();
}, 60_000);
afterAll(() => server.stop());

const OPENERS = { sqlite: () => openSqlite, mysql: () => openMariadb(server) } as const;
const UNSUPPORTED = typedError('ERR_UNSUPPORTED_OPERATION');

describe.each(['sqlite', 'mysql'] as const)('updates of several rows with tables of terms on %s', (database) => {
  let test: Opened;
  let rows: Client;
  beforeAll(async () => {
    test = await open(database, OPENERS[database]());
    rows = await test.extend({ rowByRow: true });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await test.db.person.deleteMany();
    for (let at = 0; at < 6; at++)
      await test.db.person.create({ data: { id: `p${at}`, group: at % 2, name: `Name ${at}`, city: 'Bern' } });
  });

  const found = async (where: Args): Promise<unknown[]> =>
    (await test.db.person.findMany({ where, orderBy: { id: 'asc' } })).map(({ id }) => id);
  const termsOf = async (): Promise<number> => {
    const [row] = await test.bare.$queryRawUnsafe('SELECT count(*) AS n FROM nameGramsTerm');
    return Number((row as Row)['n']);
  };

  it('are done row by row where that is allowed, and the terms follow', async () => {
    const changed = await rows.person.updateMany({ where: { group: 1 }, data: { name: 'Ada Lovelace', city: 'Rom' } });
    expect(changed).toEqual({ count: 3 });
    expect(await found({ name: { contains: 'lovel' } })).toEqual(['p1', 'p3', 'p5']);
    expect(await found({ name: { startsWith: 'Name' } })).toEqual(['p0', 'p2', 'p4']);
    expect(await found({ city: 'Rom' })).toEqual(['p1', 'p3', 'p5']);
    // By a filter that terms only narrow down, which the changed rows do not satisfy any more.
    const again = await rows.person.updateMany({ where: { name: { contains: 'da Lov' } }, data: { name: null } });
    expect(again).toEqual({ count: 3 });
    expect(await found({ name: null })).toEqual(['p1', 'p3', 'p5']);
    expect(await found({ name: { endsWith: 'lace' } })).toEqual([]);
    const before = await termsOf();
    expect(await rows.person.updateMany({ limit: 2, data: { name: 'Grace Hopper' } })).toEqual({ count: 2 });
    expect(await found({ name: 'Grace Hopper' })).toHaveLength(2);
    expect(await rows.person.updateMany({ where: { group: 9 }, data: { name: 'nobody' } })).toEqual({ count: 0 });
    expect(await rows.person.updateMany({ where: { id: 'p0' }, data: { name: 'Ng' } })).toEqual({ count: 1 });
    expect(await termsOf()).not.toBe(before);
  });

  it('are rolled back as a whole', async () => {
    const before = await termsOf();
    const work = rows.$transaction(async (tx: Client) => {
      expect(await tx.person.updateMany({ data: { name: 'inside' } })).toEqual({ count: 6 });
      throw new Error('roll back');
    });
    await expect(work).rejects.toThrow('roll back');
    expect(await found({ name: { startsWith: 'Name' } })).toHaveLength(6);
    expect(await termsOf()).toBe(before);
  });

  if (database === 'sqlite')
    it('give the rows back that they changed', async () => {
      const args = { where: { group: 0 }, data: { name: 'Alan Turing' }, select: { id: true, name: true } };
      const updated = await rows.person.updateManyAndReturn(args);
      expect(updated.sort((a, b) => (String(a['id']) < String(b['id']) ? -1 : 1))).toEqual(
        ['p0', 'p2', 'p4'].map((id) => ({ id, name: 'Alan Turing' })),
      );
    });

  const REFUSED: readonly [what: string, args: Args, error?: unknown][] = [
    ['a part of an index over several fields', { data: { name: 'x y z', last: 'Ng' } }],
    ['a relation', { data: { name: 'x y z', team: { create: { id: 't' } } } }],
    ['terms by hand', { data: { name: 'x y z', nameGrams: { deleteMany: {} } } }, expect.anything()],
    ['an unknown field', { data: { name: 'x y z', nonsense: 1 } }],
    ['a filter that follows a relation', { where: { OR: [{ team: { id: 't' } }] }, data: { name: 'x y z' } }],
    ['a limit that is none', { limit: -1, data: { name: 'x y z' } }],
    [
      'a filter that no index serves',
      { where: { last: 'Ng' }, data: { name: 'x' } },
      typedError('ERR_UNSUPPORTED_FILTER'),
    ],
  ];
  it.each(REFUSED)('are refused with %s before any SQL', async (_, args, error = UNSUPPORTED) => {
    test.statements.length = 0;
    await expect((async () => rows.person.updateMany(args))()).rejects.toEqual(error);
    expect(test.statements).toEqual([]);
  });

  it.each([0, 9])('look at values, also where no row is found: in group %i', async (group) => {
    const data = { name: 'x y z', age: 'old' };
    await expect(rows.person.updateMany({ where: { group }, data })).rejects.toEqual(typedError('ERR_VALUE'));
    expect(await found({ name: { startsWith: 'Name' } })).toHaveLength(6);
  });

  it('are refused in a batch transaction, and without the option', async () => {
    test.statements.length = 0;
    const batch = async () => rows.$transaction([rows.person.updateMany({ data: { name: 'x' } })] as never);
    await expect(batch()).rejects.toEqual(UNSUPPORTED);
    await expect(test.db.person.updateMany({ data: { name: 'x' } })).rejects.toEqual(UNSUPPORTED);
    expect(test.statements.filter(({ query }) => /UPDATE|INSERT|DELETE/i.test(query))).toEqual([]);
  });
});
