import { createHash } from 'node:crypto';
import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Opener, openMariadb, openPostgres, openSqlite } from './differential/comparison.ts';
import { type Args, type Client, type Opened, open, type Row } from './search/fixture.ts';

/** Rows of the table. The planner's choice is that of a large table from a few hundred on. */
const ROWS = process.env['SLOW'] ? 100_000 : 2_000;
const BATCH = 500;

const stops: (() => Promise<unknown>)[] = [];
const OPENERS: Readonly<Record<'sqlite' | 'postgresql' | 'mysql', () => Promise<Opener>>> = {
  sqlite: async () => openSqlite,
  postgresql: async () => {
    const server = await startPostgres();
    stops.push(() => server.stop());
    return openPostgres(server);
  },
  mysql: async () => {
    const server = await startMariadb();
    stops.push(() => server.stop());
    return openMariadb(server);
  },
};
afterAll(async () => {
  for (const stop of stops) await stop();
});

/** Twelve letters and digits that look random, so that a part of a name is that of few others, as with names of people. */
const nameOf = (at: number) =>
  createHash('sha256').update(String(at)).digest().readBigUInt64BE().toString(36).padStart(13, '0').slice(1);

/** Each kind with a search and the database's index that has to find its rows, in a table of terms where there are no lists. */
const SEARCHES: readonly (readonly [kind: string, where: Args, index: string, table?: string])[] = [
  ['terms of few bits', { code: 'code 7' }, 'Person_codeTerm_idx'],
  ['partitions', { city: 'city 7' }, 'Person_cityTerm_idx'],
  ['a range', { age: { gte: 31, lt: 36 } }, 'Person_ageRange_idx'],
  ['two fields', { last: 'last 7', born: new Date(7) }, 'Person_lastBorn_key'],
  ['n-grams', { name: { contains: nameOf(7).slice(4, 9) } }, 'Person_nameGrams_idx', 'nameGramsTerm_term_idx'],
  ['a prefix', { name: { startsWith: nameOf(7).slice(0, 4) } }, 'Person_namePrefixes_idx', 'namePrefixesTerm_term_idx'],
  ['a suffix', { name: { endsWith: nameOf(7).slice(-4) } }, 'Person_nameSuffixes_idx', 'nameSuffixesTerm_term_idx'],
];

type Helpers = { index(model: string, column: string, value: unknown): Promise<readonly string[]> };
type Terms = Readonly<Record<string, { createMany(args: Args): Promise<unknown> }>>;

const INDEXES = ['nameGrams', 'namePrefixes', 'nameSuffixes'] as const;

async function fill({ db, bare }: Opened, lists: boolean): Promise<void> {
  const { $encryption: helpers } = db as unknown as { $encryption: Helpers };
  for (let from = 0; from < ROWS; from += BATCH) {
    const places = Array.from({ length: BATCH }, (_, at) => from + at);
    const data = places.map(
      (at): Row => ({
        id: String(at),
        group: at,
        code: `code ${at}`,
        city: `city ${at % 500}`,
        age: (at * 7) % 100,
        last: `last ${at}`,
        born: new Date(at),
        ...(lists ? { name: nameOf(at) } : {}),
      }),
    );
    await db.person.createMany({ data });
    for (const index of lists ? [] : INDEXES) {
      const rows = await Promise.all(
        places.map(async (at) =>
          (await helpers.index('Person', index, nameOf(at))).map((term) => ({ term, rowId: String(at) })),
        ),
      );
      for (let part = rows.flat(); part.length > 0; part = part.slice(400))
        await (bare as unknown as Terms)[`${index}Term`]?.createMany({ data: part.slice(0, 400) });
    }
  }
}

/** The planner's words on a statement, as one text. */
async function explained(bare: Client, database: string, sql: string, params: readonly unknown[]): Promise<string> {
  const word = database === 'sqlite' ? 'EXPLAIN QUERY PLAN' : 'EXPLAIN';
  const ask = bare.$queryRawUnsafe as (sql: string, ...params: readonly unknown[]) => Promise<Row[]>;
  const rows = await ask.call(bare, `${word} ${sql}`, ...params);
  return rows.map((row) => Object.values(row).join(' ')).join('\n');
}

describe.each(Object.keys(OPENERS) as (keyof typeof OPENERS)[])('on %s', (database) => {
  const lists = database === 'postgresql';
  let test: Opened;
  beforeAll(async () => {
    test = await open(database, await OPENERS[database]());
    await fill(test, lists);
    const analyze = { sqlite: 'ANALYZE', postgresql: 'VACUUM ANALYZE', mysql: 'ANALYZE TABLE `Person`' };
    await test.bare.$executeRawUnsafe(analyze[database]);
  }, 1_200_000);
  afterAll(() => test.close());

  it.each(SEARCHES)('%s: the rows are found by the index of the database', async (_, where, index, table) => {
    test.statements.length = 0;
    await test.db.person.findMany({ where, select: { id: true } });
    const plans: string[] = [];
    for (const { query, params } of test.statements.filter(({ query: sql }) => /^SELECT/.test(sql)))
      plans.push(await explained(test.bare, database, query, JSON.parse(params) as unknown[]));
    expect(plans.join('\n')).toContain(lists ? index : (table ?? index));
    expect(plans.join('\n')).not.toMatch(/Seq Scan|\bSCAN\b|Person\s+(?:null\s+)?ALL\b/);
  });
});
