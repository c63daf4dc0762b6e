import { isFieldsealError } from '@fieldseal/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type PlainRow, PlainRows, prismaDatabase } from '../src/jobs.ts';
import { startOpener } from './differential/comparison.ts';
import { fillTenants, openScoped, SCOPED_SCHEMA, type ScopedDatabase } from './scoped-database.ts';
import { type Args, type Opened, open, schemaOf } from './search/fixture.ts';
import { fill } from './search/rows.ts';

const insert = { onConflict: 'fail', dryRun: false } as const;
const codeOf = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return 'none';
  } catch (error) {
    return isFieldsealError(error) ? error.code : String(error);
  }
};

describe.each(['sqlite', 'postgresql', 'mysql'] as const)('rows in plaintext on %s', (database) => {
  let test: Opened;
  let stop: () => Promise<void>;
  let rows: PlainRows;
  let taken: PlainRow[];
  beforeAll(async () => {
    const server = await startOpener(database);
    ({ stop } = server);
    test = await open(database, server.opener);
    rows = new PlainRows({
      database: prismaDatabase(test.bare as never, database),
      schema: schemaOf(database),
      model: 'Person',
      keys: test.keyring,
    });
  });
  afterAll(async () => {
    await test.close();
    await stop();
  });
  beforeEach(async () => {
    await fill(test);
    taken = [];
    for await (const page of rows.read()) taken.push(...page);
  });

  const found = async () => {
    const filters: Args[] = [
      { name: { contains: 'LOVE' } },
      { name: { startsWith: 'Al' } },
      { name: { endsWith: 'ing' } },
      { age: { gt: 36, lte: 100 } },
      { city: 'London' },
      { code: 'c1' },
      { last: 'Turing', born: new Date(Date.UTC(1912, 11, 10)) },
      {},
    ];
    return Promise.all(filters.map((where) => test.db.person.findMany({ where, orderBy: { id: 'asc' }, omit: TERMS })));
  };

  it('go out with their values and without terms, and come in with cells and terms of their own', async () => {
    expect(taken).toMatchObject([
      { id: 'ada', group: '1', name: 'Ada Lovelace', age: 36, born: '1815-12-10T00:00:00.000Z', teamId: null },
      { id: 'alan' },
      { id: 'bob', name: 'bob_100%', age: -5 },
      { id: 'cy', name: 'Łucja 𝒳 Ż', city: null, born: null },
      { id: 'dan', name: null, age: null },
    ]);
    expect(Object.keys(taken[0] ?? {}).filter((name) => /Grams|fixes|Term|Range|lastBorn/.test(name))).toEqual([]);
    const before = await found();
    const cells = await test.bare.person.findMany({ orderBy: { id: 'asc' } });
    await test.bare.person.deleteMany();
    expect(await rows.write(JSON.parse(JSON.stringify(taken)) as PlainRow[], insert)).toEqual({
      inserted: 5,
      overwritten: 0,
      kept: 0,
      skipped: 0,
    });
    expect(await found()).toEqual(before);
    const again = await test.bare.person.findMany({ orderBy: { id: 'asc' } });
    for (const [at, { name }] of again.entries()) {
      expect(name === null || String(name).startsWith('fs1:')).toBe(true);
      if (name !== null) expect(name).not.toBe(cells[at]?.['name']);
    }
  });

  it('that are there stay, or are replaced with their terms, or stop everything', async () => {
    const changed = taken.map((row) => (row['id'] === 'ada' ? { ...row, name: 'Ada Byron', city: 'Oslo' } : row));
    const added = [...changed, { ...changed[0], id: 'new', last: null }];
    expect(await codeOf(() => rows.write(added, insert))).toBe('ERR_ROW_REFUSED');
    expect(await test.db.person.count()).toBe(5);
    expect(await rows.write(added, { ...insert, dryRun: true })).toMatchObject({ inserted: 1, kept: 5 });
    expect(await rows.write(added, { onConflict: 'skip', dryRun: true })).toMatchObject({ inserted: 1, kept: 5 });
    expect(await test.db.person.count()).toBe(5);
    expect(await rows.write(added, { onConflict: 'skip', dryRun: false })).toMatchObject({ inserted: 1, kept: 5 });
    expect(await test.db.person.count({ where: { name: { contains: 'lovelace' } } })).toBe(1);
    expect(await rows.write(changed, { onConflict: 'overwrite', dryRun: false })).toMatchObject({ overwritten: 5 });
    expect(await test.db.person.count({ where: { name: { contains: 'lovelace' } } })).toBe(0);
    expect(await test.db.person.findMany({ where: { city: 'Oslo' }, select: { id: true } })).toHaveLength(2);
    // What is unique for the application is so here: nothing of the batch is left.
    const twice = [
      { ...changed[1], id: 'x' },
      { ...changed[2], id: 'y', last: null },
    ];
    expect(await codeOf(() => rows.write(twice, insert))).toBe('ERR_ROW_REFUSED');
    expect(await test.db.person.count()).toBe(6);
  });

  it.each<[string, (row: PlainRow) => unknown, string]>([
    ['no object', () => [], 'ERR_OPTIONS'],
    ['an unknown column', (row) => ({ ...row, nobody: '1' }), 'ERR_OPTIONS'],
    ['a term', (row) => ({ ...row, cityTerm: 'x' }), 'ERR_OPTIONS'],
    ['no key', ({ id: _, ...row }) => row, 'ERR_OPTIONS'],
    ['no value of an encrypted field', ({ name: _, ...row }) => row, 'ERR_OPTIONS'],
    ['a key that is null', (row) => ({ ...row, id: null }), 'ERR_OPTIONS'],
    ['a plain column that is no text', (row) => ({ ...row, group: 1 }), 'ERR_OPTIONS'],
    ['a number as text', (row) => ({ ...row, age: '36' }), 'ERR_VALUE'],
    ['a number that is too large', (row) => ({ ...row, age: 2 ** 31 }), 'ERR_VALUE'],
    ['a day without its time', (row) => ({ ...row, born: '1815-12-10' }), 'ERR_VALUE'],
    ['a text that is none', (row) => ({ ...row, name: {} }), 'ERR_VALUE'],
    ['half a character', (row) => ({ ...row, name: '\ud800' }), 'ERR_VALUE'],
  ])('with %s are refused, and nothing of their batch is written', async (_, broken, code) => {
    await test.bare.person.deleteMany();
    const [first, second] = taken as [PlainRow, PlainRow];
    expect(await codeOf(() => rows.write([first, broken(second) as PlainRow], insert))).toBe(code);
    expect(await test.bare.person.count()).toBe(0);
  });
});

describe('rows of tenants in plaintext', () => {
  let test: ScopedDatabase;
  const rowsOf = (scope?: string) =>
    new PlainRows({
      database: prismaDatabase(test.plain as never, 'sqlite'),
      schema: SCOPED_SCHEMA,
      model: 'User',
      keys: test.keyring,
      scope,
    });
  const all = async (rows: PlainRows) => {
    const found: PlainRow[] = [];
    for await (const page of rows.read()) found.push(...page);
    return found;
  };
  beforeAll(async () => {
    test = await openScoped();
  });
  beforeEach(() => fillTenants(test));
  afterAll(() => test.close());

  it('go out and come in under the keys of their own scopes', async () => {
    const taken = await all(rowsOf());
    expect(taken).toMatchObject([
      { id: '1', tenantId: 'a', email: 'ada@x' },
      { id: '2', tenantId: 'b', email: 'ada@x' },
    ]);
    expect(await all(rowsOf('b'))).toEqual([taken[1]]);
    await test.sql('DELETE FROM "User"');
    const fresh = [...taken, { ...(taken[0] as PlainRow), id: '3', tenantId: 'c' }];
    await test.sql(`INSERT INTO "Tenant" VALUES ('c', 'gamma')`);
    expect(await rowsOf('a').write(fresh, insert)).toMatchObject({ inserted: 1, skipped: 2 });
    expect(await rowsOf().write(fresh.slice(1), insert)).toMatchObject({ inserted: 2 });
    for (const tenantId of ['a', 'b', 'c'])
      expect(await test.db.user.findMany({ where: { tenantId, email: 'ada@x' } })).toHaveLength(1);
  });

  it('never take the place of those of another', async () => {
    const [ofA] = (await all(rowsOf('a'))) as [PlainRow];
    const before = await all(rowsOf());
    for (const onConflict of ['fail', 'skip', 'overwrite'] as const)
      for (const dryRun of [true, false])
        expect(await codeOf(() => rowsOf('a').write([{ ...ofA, id: '2' }], { onConflict, dryRun }))).toBe(
          'ERR_SCOPE_CONFLICT',
        );
    for (const tenantId of ['', null])
      expect(await codeOf(() => rowsOf().write([{ ...ofA, tenantId }], insert))).toBe('ERR_SCOPE_MISSING');
    expect(await all(rowsOf())).toEqual(before);
  });
});

const TERMS = { ageRange: true, cityTerm: true, codeTerm: true, lastBorn: true };
