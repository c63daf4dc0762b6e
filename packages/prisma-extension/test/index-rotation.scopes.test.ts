import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withScope } from '../src/index.ts';
import { openMariadb, openPostgres, openSqlite } from './differential/comparison.ts';
import { typedError } from './harness.ts';
import { type Fleet, openFleet, type Process, schemaOf } from './rotation/fleet.ts';
import type { Args, Row } from './search/fixture.ts';

const everyProcessKnows = true;
const ROTATING = typedError('ERR_INDEX_ROTATION');
const TENANTS = ['a', 'b'] as const;
const WORDS = ['Ada Lovelace', 'Alan Turing', 'Grace Hopper', null] as const;

/** The same values in both tenants, so that terms of one would find rows of the other. */
const ROWS: readonly Row[] = TENANTS.flatMap((tenant) =>
  Array.from({ length: 8 }, (_, at) => ({
    id: `${tenant}${at}`,
    tenant,
    email: at === 7 ? null : `user${at}@x.org`,
    phone: at % 3 === 0 ? null : `${at}`,
    name: WORDS[at % WORDS.length] as string | null,
    age: at * 11,
    city: at % 2 === 0 ? 'Bern' : 'Genf',
  })),
);

/** Filters of a tenant, with what they find there. */
const FILTERS: readonly [where: Args, test: (row: Row) => boolean][] = [
  [{ email: 'USER3@x.org' }, ({ email }) => email === 'user3@x.org'],
  [{ email: { not: 'user3@x.org' } }, ({ email }) => email !== null && email !== 'user3@x.org'],
  [{ phone: { in: ['1', '4'] } }, ({ phone }) => phone === '1' || phone === '4'],
  [{ name: 'Ada Lovelace' }, ({ name }) => name === 'Ada Lovelace'],
  [{ name: { contains: 'Tur' } }, ({ name }) => name === 'Alan Turing'],
  [{ NOT: { name: { contains: 'Tur' } } }, ({ name }) => name !== null && name !== 'Alan Turing'],
  [{ age: { gte: 30, lt: 60 } }, ({ age }) => Number(age) >= 30 && Number(age) < 60],
  [{ city: 'Bern' }, ({ city }) => city === 'Bern'],
  [{ name: 'Ada Lovelace', age: 44 }, ({ name, age }) => name === 'Ada Lovelace' && age === 44],
];

let postgres: Awaited<ReturnType<typeof startPostgres>>;
let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  [postgres, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
}, 60_000);
afterAll(() => Promise.all([postgres.stop(), mariadb.stop()]));

const OPENERS = {
  postgresql: () => openPostgres(postgres),
  mysql: () => openMariadb(mariadb),
  sqlite: () => openSqlite,
} as const;

describe.each(['postgresql', 'mysql', 'sqlite'] as const)('one scope is rotated on %s', (database) => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await openFleet(database, OPENERS[database](), schemaOf(database, true), 'a');
  });
  afterAll(() => fleet.close());

  /** Rows of a tenant as the database holds them, with the terms beside them. */
  const stored = async (tenant: string): Promise<unknown[]> => {
    const table = database === 'mysql' ? '`Account`' : '"Account"';
    const rows: unknown[] = await fleet.bare.$queryRawUnsafe(
      `SELECT * FROM ${table} WHERE tenant = '${tenant}' ORDER BY id`,
    );
    if (database === 'postgresql') return rows;
    const [gram, owner] = database === 'mysql' ? ['`Gram`', '`accountId`'] : ['"Gram"', '"accountId"'];
    const grams = `SELECT * FROM ${gram} WHERE ${owner} LIKE '${tenant}%' ORDER BY id`;
    return [...rows, ...(await fleet.bare.$queryRawUnsafe(grams))];
  };

  const expectFound = async ({ db }: Process): Promise<void> => {
    for (const tenant of TENANTS) {
      const findings = FILTERS.map(async ([where, test]) => {
        const wanted = ROWS.filter((row) => row['tenant'] === tenant && test(row)).map(({ id }) => id);
        const find = (filter: Args) =>
          db.account.findMany({ where: filter, select: { id: true }, orderBy: { id: 'asc' } });
        const named = await find({ AND: [{ tenant }, where] });
        const current = await withScope(tenant, () => find(where));
        expect([where, named.map(({ id }) => id), current.map(({ id }) => id)]).toEqual([where, wanted, wanted]);
      });
      await Promise.all(findings);
      const one = { where: { email: 'user2@x.org' } };
      expect(await withScope(tenant, () => db.account.findUnique(one))).toMatchObject({ id: `${tenant}2` });
      const compound = { where: { tenant_phoneIndex: { tenant, phone: '2' } } };
      expect(await db.account.findUnique(compound)).toMatchObject({ id: `${tenant}2` });
      const twin = { id: 'new', tenant, phone: '5' };
      await expect(db.account.create({ data: twin })).rejects.toMatchObject({ code: 'P2002' });
      const change = { where: { tenant_phoneIndex: { tenant, phone: '4' } }, data: { phone: '1' } };
      await expect(db.account.update(change)).rejects.toMatchObject({ code: 'P2002' });
    }
    const either = { OR: TENANTS.map((tenant) => ({ tenant, name: 'Alan Turing' })) };
    expect(await db.account.findMany({ where: either })).toHaveLength(4);
  };

  /** Writes every row of the rotated tenant as it is. */
  const rewrite = async ({ db }: Process): Promise<void> => {
    const [first, second] = ROWS as readonly [Row, Row];
    const { id, ...data } = first;
    await db.account.update({ where: { id, tenant: 'a' }, data });
    const { id: other, ...rest } = second;
    await withScope('a', () => db.account.update({ where: { email: 'user1@x.org' }, data: rest }));
    expect(other).toBe('a1');
  };

  it('while another is as it was, byte by byte, and queries see nothing of it', async () => {
    for (const tenant of TENANTS) await fleet.keyring.addScope(tenant);
    const [a, b] = [await fleet.process(), await fleet.process()];
    for (const data of ROWS) await a.db.account.create({ data });
    const before = await stored('b');
    const check = async (): Promise<void> => {
      for (const each of [a, b]) {
        await rewrite(each);
      }
      await Promise.all([a, b].map(expectFound));
    };
    const spread = async (): Promise<void> => {
      for (const each of [a, b]) {
        await each.learn();
        await check();
      }
    };
    const groups = (by: readonly string[], args: Args = {}) =>
      a.db.account.groupBy({ by: ['tenant', ...by], _count: true, ...args }) as Promise<Row[]>;
    const { indexRoot: old } = await fleet.keyring.resolve('a');
    const { indexRoot: other } = await fleet.keyring.resolve('b');
    await check();
    expect(await groups(['name'])).toHaveLength(8);
    const added = await fleet.keyring.addIndexRoot('a');
    await expect(fleet.keyring.promoteIndexRoot(added, { rows: async () => 0, everyProcessKnows })).rejects.toEqual(
      typedError('ERR_KEY_UNKNOWN'),
    );
    await spread();
    const rows = fleet.lacking(added, false);
    await expect(fleet.keyring.promoteIndexRoot(added, { rows, everyProcessKnows }, 'a')).rejects.toEqual(ROTATING);
    expect(await fleet.fill()).toBe(0);
    await fleet.keyring.promoteIndexRoot(added, { rows, everyProcessKnows }, 'a');
    await spread();
    // Rows of one tenant have terms of two roots in one column.
    const twice = { having: { id: { _count: { gt: 1 } } } };
    await expect(groups(['name'])).rejects.toEqual(ROTATING);
    await expect(groups(['name'], twice)).rejects.toEqual(ROTATING);
    await expect(groups(['name'], { where: { tenant: 'a' } })).rejects.toEqual(ROTATING);
    await expect(a.db.account.findMany({ distinct: ['tenant', 'name'] })).rejects.toEqual(ROTATING);
    expect(await groups(['name'], { where: { tenant: 'b' } })).toHaveLength(4);
    expect(await a.db.account.findMany({ where: { tenant: 'b' }, distinct: ['tenant', 'name'] })).toHaveLength(4);
    expect(await fleet.fill()).toBe(0);
    const all = fleet.lacking(added, true);
    await fleet.keyring.retireIndexRoot(old.keyId, { rows: all, everyProcessKnows }, 'a');
    await spread();
    expect(await fleet.fill()).toBe(0);
    expect((await fleet.keyring.resolve('a')).indexRoots.map(({ version }) => version)).toEqual([2]);
    expect((await fleet.keyring.resolve('b')).indexRoots.map(({ keyId }) => keyId)).toEqual([other.keyId]);
    const versions = await fleet.versions();
    expect(Object.entries(versions).map(([column, found]) => [column, found.replace('-', '').trim()])).toEqual(
      Object.keys(versions).map((column) => [column, ['emailIndex', 'phoneIndex'].includes(column) ? '' : '2']),
    );
    expect(await stored('b')).toEqual(before);
    // Each tenant has terms of one root now. In columns that come in pairs they are in different ones.
    expect(await groups(['name'])).toHaveLength(8);
    expect(await groups(['name'], { ...twice, where: { age: { not: null } } })).toHaveLength(8);
    await expect(groups(['phone'])).rejects.toEqual(ROTATING);
    await expect(a.db.account.findMany({ distinct: ['tenant', 'phone'] })).rejects.toEqual(ROTATING);
    expect(await groups(['phone'], { where: { tenant: 'a' } })).toHaveLength(6);
    expect(await groups(['phone'], { where: { tenant: 'b' } })).toHaveLength(6);
    const phones = { OR: TENANTS.map((tenant) => ({ tenant, phone: '2' })) };
    await expect(a.db.account.findMany({ where: phones })).rejects.toEqual(ROTATING);
    const together = a.db.$transaction([a.db.account.groupBy({ by: ['tenant', 'name'], _count: true })] as never);
    await expect(together).rejects.toMatchObject({
      code: 'ERR_UNSUPPORTED_OPERATION',
      hint: expect.stringContaining('name the scope'),
    });
    // Whoever has no keys yet begins with the first columns, whatever the scope of the application has come to.
    await a.db.account.create({ data: { id: 'c0', tenant: 'c', email: 'c@x.org', phone: '1' } });
    expect(await a.db.account.findMany({ where: { tenant: 'c', email: 'c@x.org' } })).toMatchObject([{ id: 'c0' }]);
  }, 120_000);
});
