import { type FieldsealError, INDEX_WAIT_MS } from '@fieldseal/core';
import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openMariadb, openPostgres, openSqlite } from './differential/comparison.ts';
import { typedError } from './harness.ts';
import { type Fleet, openFleet, type Process, schemaOf } from './rotation/fleet.ts';
import type { Args, Row } from './search/fixture.ts';

const SLOW = process.env['SLOW'] !== undefined;
const everyProcessKnows = true;

let server: Awaited<ReturnType<typeof startPostgres>>;
let mariadb: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  [server, mariadb] = await Promise.all([startPostgres(), startMariadb()]);
}, 60_000);
afterAll(() => Promise.all([server.stop(), mariadb.stop()]));

const ROWS: readonly Row[] = [
  { id: 'ada', tenant: 'a', email: 'ada@x.org', phone: '1', name: 'Ada Lovelace', age: 36, city: 'London' },
  { id: 'alan', tenant: 'a', email: 'alan@x.org', phone: '2', name: 'Alan Turing', age: 41, city: 'London' },
  { id: 'bob', tenant: 'b', email: null, phone: '1', name: 'Ada Lovelace', age: 5, city: null },
  { id: 'cy', tenant: 'b', email: 'cy@x.org', phone: null, name: null, age: null, city: 'Paris' },
];

/** What is to be found throughout a rotation, by whatever index. */
const FILTERS: readonly [where: Args, ids: readonly string[]][] = [
  [{ email: 'ADA@x.org' }, ['ada']],
  [{ email: { in: ['cy@x.org', 'alan@x.org'] } }, ['alan', 'cy']],
  [{ email: { not: 'ada@x.org' } }, ['alan', 'cy']],
  [{ phone: '1' }, ['ada', 'bob']],
  [{ name: 'Ada Lovelace' }, ['ada', 'bob']],
  [{ name: { equals: 'Ada Lovelace', in: ['Ada Lovelace', 'Alan Turing'] } }, ['ada', 'bob']],
  [{ name: { equals: 'Ada Lovelace', in: ['Alan Turing'] } }, []],
  [{ name: { not: 'Ada Lovelace' } }, ['alan']],
  [{ name: { notIn: ['Alan Turing', 'nobody'] } }, ['ada', 'bob']],
  [{ name: { not: { in: ['Alan Turing'] } } }, ['ada', 'bob']],
  [{ NOT: { name: 'Alan Turing' } }, ['ada', 'bob']],
  [{ age: { gte: 36 } }, ['ada', 'alan']],
  [{ age: { lt: 10 } }, ['bob']],
  [{ city: 'London' }, ['ada', 'alan']],
  [{ city: { not: 'London' } }, ['cy']],
  [{ name: 'Ada Lovelace', age: 5 }, ['bob']],
  [{ name: { contains: 'Lovel' } }, ['ada', 'bob']],
  [{ name: { not: { contains: 'Lovel' } } }, ['alan']],
];

async function expectFound(fleet: Fleet, processes: readonly Process[]): Promise<void> {
  const findings = processes.map(async ({ db }) => {
    const found = FILTERS.map(async ([where]) => {
      const rows = await db.account.findMany({ where, select: { id: true }, orderBy: { id: 'asc' } });
      return [where, rows.map(({ id }) => id)];
    });
    expect(await Promise.all(found)).toEqual(FILTERS);
    const { account } = db;
    expect(await account.findUnique({ where: { email: 'Alan@x.org' } })).toMatchObject({ id: 'alan', age: 41 });
    expect(await account.findUnique({ where: { tenant_phoneIndex: { tenant: 'b', phone: '1' } } })).toMatchObject({
      id: 'bob',
    });
    const ordered = await account.findMany({ where: { age: { not: null } }, orderBy: { age: 'desc' }, take: 3 });
    expect(ordered.map(({ id }) => id)).toEqual(['alan', 'ada', 'bob']);
  });
  await Promise.all(findings);
  expect(await fleet.bare.account.count()).toBe(ROWS.length);
}

async function expectRefused(processes: readonly Process[]): Promise<void> {
  for (const { db } of processes) {
    const twins: Args[] = [
      { id: 'new', tenant: 'z', email: 'Ada@X.org' },
      { id: 'new', tenant: 'a', phone: '2' },
    ];
    for (const [at, data] of twins.entries()) {
      const refused = { code: 'P2002', meta: { target: at === 0 ? ['email'] : ['tenant', 'phone'] } };
      await expect(db.account.create({ data })).rejects.toMatchObject(refused);
      const { id: _, ...change } = data;
      await expect(db.account.update({ where: { id: 'cy' }, data: change })).rejects.toMatchObject(refused);
    }
  }
}

/** Writes that leave the rows as they were, by every operation that names a row by its encrypted field. */
async function rewrite({ db }: Process): Promise<void> {
  const [, alan] = ROWS;
  const { id: _, ...data } = alan as Row;
  await db.account.update({ where: { email: 'alan@x.org' }, data });
  await db.account.upsert({
    where: { email: 'alan@x.org' },
    update: { name: 'Alan Turing', age: 41 },
    create: { id: 'never', tenant: 'z' },
  });
  await db.account.update({ where: { tenant_phoneIndex: { tenant: 'a', phone: '2' } }, data: { city: 'London' } });
  await db.account.create({ data: { id: 'gone', tenant: 'q', email: 'gone@x.org', phone: '9' } });
  await db.account.delete({ where: { email: 'gone@x.org' } });
}

const OPENERS = {
  postgresql: () => openPostgres(server),
  mysql: () => openMariadb(mariadb),
  sqlite: () => openSqlite,
} as const;

describe.each(['postgresql', 'mysql', 'sqlite'] as const)('a rotation on %s', (database) => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await openFleet(database, OPENERS[database]());
  });
  afterAll(() => fleet.close());

  it('is not seen by queries, in processes that are a step apart, and twice', async () => {
    const [a, b] = [await fleet.process(), await fleet.process()];
    for (const data of ROWS) await a.db.account.create({ data });
    const check = async (): Promise<void> => {
      await expectRefused([a, b]);
      await rewrite(a);
      await rewrite(b);
      await expectFound(fleet, [a, b]);
    };
    /** A step reaches one process, and then the other. */
    const spread = async (): Promise<void> => {
      await a.learn();
      await check();
      await b.learn();
      await check();
    };
    const single = { nameIndex: '1', ageRange: '1', cityTerm: '1', nameAge: '1', nameGrams: '1' };
    let [before] = (await fleet.keyring.resolve('')).indexRoots;
    const rotations = [
      [1, 2],
      [2, 3],
    ] as const;
    for (const [from, to] of database === 'postgresql' || SLOW ? rotations : rotations.slice(0, 1)) {
      const added = await fleet.keyring.addIndexRoot();
      await spread();
      await fleet.fill();
      await fleet.keyring.promoteIndexRoot(added, { rows: fleet.lacking(added, false), everyProcessKnows });
      await spread();
      expect(await fleet.fill()).toBe(0);
      const old = before?.keyId as string;
      await fleet.keyring.retireIndexRoot(old, { rows: fleet.lacking(added, true), everyProcessKnows });
      await spread();
      expect(await fleet.fill()).toBe(0);
      await check();
      const versions = Object.entries(await fleet.versions()).map(([column, found]) => [
        column,
        found.replace('-', '').trim(),
      ]);
      const [even, odd] = to === 2 ? ['2', ''] : ['', '3'];
      expect(Object.fromEntries(versions)).toEqual({
        ...Object.fromEntries(Object.keys(single).map((column) => [column, String(to)])),
        emailIndex: odd,
        emailNext: even,
        phoneIndex: odd,
        phoneNext: even,
      });
      expect(from).toBe(to - 1);
      [before] = (await fleet.keyring.resolve('')).indexRoots;
    }
  }, 120_000);
});

describe.each(['postgresql', 'mysql', 'sqlite'] as const)('a field that is being migrated on %s', (database) => {
  it('is rotated and filled by a backfill at once, whichever comes first', async () => {
    const strict = schemaOf(database);
    const migrating = strict.replaceAll('/// @encrypted\n', '/// @encrypted(mode: migrating)\n');
    const fleet = await openFleet(database, OPENERS[database](), migrating);
    const own = await fleet.process();
    const { account } = own.db;
    const { indexRoot: old } = await fleet.keyring.resolve('');
    const plain = (at: number) => ({ id: `p${at}`, tenant: 't', phone: `p${at}`, city: 'Bern' });
    for (let at = 0; at < 6; at++) await fleet.bare.account.create({ data: plain(at) });
    for (let at = 0; at < 3; at++)
      await account.create({ data: { id: `c${at}`, tenant: 't', phone: `c${at}`, city: 'Bern' } });
    const check = async (): Promise<void> => {
      await own.learn();
      for (const id of ['p0', 'p4', 'c1'])
        expect(await account.findMany({ where: { phone: id } })).toMatchObject([{ id, phone: id }]);
      expect(await account.count({ where: { phone: { not: 'p0' } } })).toBe(8);
      const compound = account.findUnique({ where: { tenant_phoneIndex: { tenant: 't', phone: 'c2' } } });
      await expect(compound).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    };
    /** Encrypts some rows as a backfill would, while the rotation is where it is. */
    const encrypt = async (from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at++) {
        const { id, ...data } = plain(at);
        await account.update({ where: { id }, data });
      }
    };
    await check();
    const added = await fleet.keyring.addIndexRoot();
    const rows = fleet.lacking(added, false);
    await check();
    const early = fleet.keyring.promoteIndexRoot(added, { rows, everyProcessKnows });
    await expect(early).rejects.toEqual(typedError('ERR_INDEX_ROTATION')); // cells lack a term
    await encrypt(0, 2);
    expect(await rows()).toBe(3);
    expect(await fleet.fill()).toBe(0);
    expect(await rows()).toBe(0);
    await fleet.keyring.promoteIndexRoot(added, { rows, everyProcessKnows });
    await check();
    await encrypt(2, 4);
    await fleet.backfill(['phone']);
    await check();
    expect(await fleet.fill()).toBe(0);
    await fleet.keyring.retireIndexRoot(old.keyId, { rows: fleet.lacking(added, true), everyProcessKnows });
    await check();
    expect(await fleet.fill()).toBe(0);
    expect(await fleet.versions()).toMatchObject({ phoneIndex: '-', phoneNext: '2' });
    await fleet.close();
  }, 60_000);
});

describe('steps that are refused', () => {
  it('before their time, or while rows would be lost', async () => {
    const fleet = await openFleet('sqlite', openSqlite);
    const { keyring } = fleet;
    const { indexRoot } = await keyring.resolve('');
    const own = await fleet.process();
    for (const data of ROWS) await own.db.account.create({ data });
    const added = await keyring.addIndexRoot();
    const rows = fleet.lacking(added, false);
    await expect(keyring.addIndexRoot()).rejects.toEqual(typedError('ERR_KEY_STATUS'));
    const early = await keyring.promoteIndexRoot(added, { rows }).catch((error: unknown) => error);
    expect(early).toEqual(typedError('ERR_INDEX_ROTATION'));
    const [time = ''] = /\d{4}-\S+Z/.exec((early as FieldsealError).hint) ?? [];
    expect(Date.parse(time) - Date.now()).toBeGreaterThan(INDEX_WAIT_MS - 60_000);
    const rotating = typedError('ERR_INDEX_ROTATION');
    await expect(keyring.promoteIndexRoot(added, { rows, everyProcessKnows })).rejects.toEqual(rotating);
    expect((await keyring.resolve('')).indexRoot.keyId).toBe(indexRoot.keyId);
    await fleet.fill();
    await keyring.promoteIndexRoot(added, { rows, everyProcessKnows });
    const left = fleet.lacking(added, true);
    await expect(keyring.retireIndexRoot(indexRoot.keyId, { rows: left })).rejects.toEqual(rotating);
    await expect(keyring.retireIndexRoot(indexRoot.keyId, { rows: left, everyProcessKnows })).rejects.toEqual(rotating);
    const none = { rows: async () => 0, everyProcessKnows };
    await expect(keyring.retireIndexRoot(added, none)).rejects.toEqual(typedError('ERR_KEY_STATUS'));
    await expect(keyring.promoteIndexRoot(added, none)).rejects.toEqual(typedError('ERR_KEY_STATUS'));
    await fleet.close();
  });

  it('by a unique index of one column, once the newer root is the primary', async () => {
    const one = schemaOf('sqlite').replace('  /// @blindIndex(next: emailIndex)\n  emailNext String? @unique', '');
    const fleet = await openFleet('sqlite', openSqlite, one);
    const { db } = await fleet.process();
    const data = { id: 'ada', tenant: 'a', email: 'ada@x.org' };
    await db.account.create({ data });
    const added = await fleet.keyring.addIndexRoot();
    const own = await fleet.process();
    expect(await own.db.account.findUnique({ where: { email: data.email } })).toMatchObject(data);
    await expect(own.db.account.create({ data: { ...data, id: 'new' } })).rejects.toMatchObject({ code: 'P2002' });
    await fleet.keyring.promoteIndexRoot(added, { rows: async () => 0, everyProcessKnows });
    await own.learn();
    const { account } = own.db;
    const rotating = typedError('ERR_INDEX_ROTATION');
    await expect(account.create({ data: { ...data, id: 'new' } })).rejects.toEqual(rotating);
    await expect(account.findUnique({ where: { email: data.email } })).rejects.toEqual(rotating);
    await expect(account.findMany({ where: { email: { not: data.email } } })).rejects.toEqual(rotating);
    expect(await account.update({ where: { id: 'ada' }, data: { city: 'Rome' } })).toMatchObject({ city: 'Rome' });
    await fleet.close();
  });

  it('of telling rows apart by terms that equal values may not share', async () => {
    const fleet = await openFleet('sqlite', openSqlite);
    const { db } = await fleet.process();
    for (const data of ROWS) await db.account.create({ data });
    await fleet.keyring.addIndexRoot();
    const { account } = (await fleet.process()).db;
    const rotating = typedError('ERR_INDEX_ROTATION');
    await expect(account.findMany({ distinct: ['name'] })).rejects.toEqual(rotating);
    await expect(account.groupBy({ by: ['name'], _count: true })).rejects.toEqual(rotating);
    const cursor = { id: 'ada', name: 'Ada Lovelace' };
    await expect(account.findMany({ cursor, take: 1 })).rejects.toEqual(rotating);
    expect(await account.findMany({ cursor: { email: 'ada@x.org' }, take: 1 })).toMatchObject([{ id: 'ada' }]);
    expect(await account.findMany({ distinct: ['phone'], where: { phone: '1' } })).toHaveLength(1);
    await fleet.close();
  });

  it('given up, a rotation leaves nothing behind, and the next root is of the same columns', async () => {
    const fleet = await openFleet('sqlite', openSqlite);
    const { keyring } = fleet;
    const own = await fleet.process();
    for (const data of ROWS) await own.db.account.create({ data });
    const added = await keyring.addIndexRoot();
    await fleet.fill();
    expect((await fleet.versions())['emailNext']).toBe('- 2');
    await keyring.retireIndexRoot(added, { rows: async () => 0, everyProcessKnows });
    await own.learn();
    await own.db.account.update({ where: { id: 'ada' }, data: { email: 'ada@y.org' } });
    await fleet.fill();
    expect((await fleet.versions())['emailNext']).toBe('-');
    await keyring.addIndexRoot();
    const { indexRoots } = await keyring.resolve('');
    expect(indexRoots.map(({ version }) => version)).toEqual([1, 4]);
    await fleet.close();
  });
});

describe('normalisers', () => {
  it('change with the second column, whose duplicates are told before it is searched', async () => {
    const changed = schemaOf('sqlite')
      .replace('@blindIndex(of: phone)', '@blindIndex(of: phone, normalize: [trim])')
      .replace('@blindIndex(next: phoneIndex)', '@blindIndex(next: phoneIndex, normalize: [digits])');
    const fleet = await openFleet('sqlite', openSqlite, changed);
    const { keyring } = fleet;
    const { indexRoot } = await keyring.resolve('');
    const own = await fleet.process();
    const { account } = own.db;
    await account.create({ data: { id: 'a', tenant: 't', phone: '030 1' } });
    await account.create({ data: { id: 'b', tenant: 't', phone: '0301' } });
    const found = async (phone: string) => (await account.findMany({ where: { phone } })).map(({ id }) => id);
    const added = await keyring.addIndexRoot();
    await own.learn();
    expect(await found('0301')).toEqual(['b']);
    expect(await fleet.fill()).toBe(1);
    const rows = fleet.lacking(added, false);
    const rotating = typedError('ERR_INDEX_ROTATION');
    await expect(keyring.promoteIndexRoot(added, { rows, everyProcessKnows })).rejects.toEqual(rotating);
    const taken = { code: 'P2002', meta: { target: ['tenant', 'phone'] } };
    await expect(account.create({ data: { id: 'c', tenant: 't', phone: '03-01' } })).rejects.toMatchObject(taken);
    await account.update({ where: { id: 'b' }, data: { phone: '0302' } });
    expect(await fleet.fill()).toBe(0);
    await keyring.promoteIndexRoot(added, { rows, everyProcessKnows });
    await own.learn();
    expect(await found('(030) 1')).toEqual(['a']);
    await keyring.retireIndexRoot(indexRoot.keyId, { rows: fleet.lacking(added, true), everyProcessKnows });
    await own.learn();
    expect(await fleet.fill()).toBe(0);
    expect(await fleet.versions()).toMatchObject({ phoneIndex: '-', phoneNext: '2' });
    await fleet.close();
  });
});
