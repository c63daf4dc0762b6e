import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, stopServers, TARGETS, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

/** Groups and distinct rows by the exact index of a field. */
describe.each(TARGETS)('groups on $database with prisma-$generator', (target) => {
  const database = useDatabase(target);
  let db: Client;
  beforeAll(() => {
    db = database.current.db;
  });
  const fill = async () => {
    const rows = [
      ['a', '1'],
      ['b', '1'],
      ['c', '2'],
      ['d', null],
      ['e', null],
    ] as const;
    for (const [name, ssn] of rows) await db.user.create({ data: { name, email: `${name}@x`, ssn } });
  };
  const sorted = <Row extends { ssn: string | null }>(rows: Row[]) =>
    rows.sort((a, b) => String(a.ssn).localeCompare(String(b.ssn)));

  it('distinct takes one row of each value', async () => {
    await fill();
    const rows = await db.user.findMany({
      distinct: ['ssn'],
      orderBy: { name: 'asc' },
      select: { name: true, ssn: true },
    });
    expect(rows).toEqual([
      { name: 'a', ssn: '1' },
      { name: 'c', ssn: '2' },
      { name: 'd', ssn: null },
    ]);
    expect(await db.user.findMany({ distinct: ['ssn', 'name'] })).toHaveLength(5);
    const org = await db.org.create({ data: { name: 'o' } });
    await db.user.updateMany({ data: { orgId: org.id } });
    const nested = await db.org.findMany({
      include: { users: { distinct: ['ssn'], select: { ssn: true }, orderBy: { name: 'asc' } } },
    });
    expect(nested[0]?.users).toEqual([{ ssn: '1' }, { ssn: '2' }, { ssn: null }]);
  });

  it('groupBy shows the value of each group', async () => {
    await fill();
    const rows = await db.user.groupBy({ by: ['ssn'], _count: { _all: true, ssn: true }, _min: { name: true } });
    expect(sorted(rows)).toEqual([
      { ssn: '1', _count: { _all: 2, ssn: 2 }, _min: { name: 'a' } },
      { ssn: '2', _count: { _all: 1, ssn: 1 }, _min: { name: 'c' } },
      { ssn: null, _count: { _all: 2, ssn: 0 }, _min: { name: 'd' } },
    ]);
    expect(sorted(await db.user.groupBy({ by: ['ssn'] }))).toEqual([{ ssn: '1' }, { ssn: '2' }, { ssn: null }]);
    expect(await db.user.groupBy({ by: 'ssn', where: { ssn: '1' } })).toEqual([{ ssn: '1' }]);
    const ordered = await db.user.groupBy({
      by: ['ssn'],
      where: { ssn: { not: null } },
      _count: true,
      orderBy: { _count: { ssn: 'desc' } },
      take: 1,
    });
    expect(ordered).toEqual([{ ssn: '1', _count: 2 }]);
    const [both] = await db.user.groupBy({ by: ['ssn', 'ssnIndex', 'name'], where: { name: 'c' } });
    expect(both).toEqual({ ssn: '2', ssnIndex: expect.stringMatching(/^1\./), name: 'c' });
  });

  it.each([
    ['distinct of a field without an index', (c: Client) => c.user.findMany({ distinct: ['note' as never] })],
    ['distinct of a field whose index normalises', (c: Client) => c.user.findMany({ distinct: ['email' as never] })],
    ['groupBy of a field without an index', (c: Client) => c.user.groupBy({ by: ['note'] } as never)],
    ['groupBy of a field whose index normalises', (c: Client) => c.user.groupBy({ by: ['email'] } as never)],
    ['groupBy of a bound field', (c: Client) => c.sealed.groupBy({ by: ['secret'] } as never)],
    ['having', (c: Client) => c.user.groupBy({ by: ['ssn'], having: { ssn: 'x' } as never })],
    ['orderBy', (c: Client) => c.user.groupBy({ by: ['ssn'], orderBy: { ssn: 'asc' } as never })],
    ['_max beside it', (c: Client) => c.user.groupBy({ by: ['ssn'], _max: { ssn: true } as never })],
    ['_min of another', (c: Client) => c.user.groupBy({ by: ['ssn'], _min: { note: true } as never })],
  ])('refuses %s before any SQL', async (_, query) => {
    await db.user.count();
    database.current.statements.length = 0;
    await expect((async () => query(db))()).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(database.current.statements).toEqual([]);
  });
});
