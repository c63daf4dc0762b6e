import { JobEngine, type JobKind } from '@fieldseal/core/jobs';
import { startMariadb } from '@fieldseal/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prismaRows } from '../src/jobs.ts';
import { openMariadb, openSqlite } from './differential/comparison.ts';
import { typedError } from './harness.ts';
import { during } from './jobs/interruptions.ts';
import { type Opened, open, type Row, schemaOf } from './search/fixture.ts';

const ROWS = process.env['SLOW'] ? 400 : 60;
const TABLES = ['nameGrams', 'namePrefixes', 'nameSuffixes'] as const;

let server: Awaited<ReturnType<typeof startMariadb>>;
beforeAll(async () => {
  server = await startMariadb();
}, 60_000);
afterAll(() => server.stop());

const OPENERS = { sqlite: () => openSqlite, mysql: () => openMariadb(server) } as const;

type Helpers = { index(model: string, column: string, value: unknown): Promise<readonly string[] | null> };
type Tables = Readonly<Record<string, { findMany(): Promise<{ rowId: string; term: string }[]> }>>;

describe.each(['sqlite', 'mysql'] as const)('terms in tables of their own on %s', (database) => {
  let test: Opened;
  beforeAll(async () => {
    test = await open(database, OPENERS[database]());
  });
  afterAll(() => test.close());

  const migrating = schemaOf(database)
    .replaceAll('/// @encrypted\n', '/// @encrypted(mode: migrating)\n')
    .replaceAll('/// @encrypted(type: ', '/// @encrypted(mode: migrating, type: ');
  const fields = ['name', 'city', 'code'];
  const engine = (schema = migrating, names: readonly string[] = fields, happen = async (): Promise<void> => {}) =>
    new JobEngine({
      source: during(prismaRows(test.bare as never, 'Person', { schema, fields: names }), happen),
      keys: test.keyring,
      chunkRows: 17,
    });
  const run = async (kind: JobKind, jobs = engine()): Promise<void> => {
    const job = await jobs.start({ kind });
    expect(await jobs.work(job)).toBe('done');
    expect((await jobs.status(job)).quarantined).toBe(0);
  };
  /** Rows with the terms that their tables hold, and those that a write would put there. */
  const terms = async (): Promise<{ held: unknown[]; meant: unknown[] }> => {
    const { $encryption: helpers } = test.db as unknown as { $encryption: Helpers };
    const people = (await test.db.person.findMany({ orderBy: { id: 'asc' } })) as Row[];
    const [held, meant]: [unknown[], unknown[]] = [[], []];
    for (const table of TABLES) {
      const rows = await ((test.bare as unknown as Tables)[`${table}Term`] as Tables[string])?.findMany();
      for (const { id, name } of people) {
        held.push([
          id,
          (rows ?? [])
            .filter(({ rowId }) => rowId === id)
            .map(({ term }) => term)
            .sort(),
        ]);
        meant.push([id, name === null ? [] : await helpers.index('Person', table, name)]);
      }
    }
    return { held, meant };
  };

  it('come with the cell in a backfill, and go with it', async () => {
    for (let at = 0; at < 30; at++) {
      const data = { id: `p${at}`, group: at, name: at % 7 === 0 ? null : `Name ${at}`, city: 'Bern', code: `${at}` };
      await test.bare.person.create({ data });
    }
    await run('backfill');
    const { held, meant } = await terms();
    expect(held).toEqual(meant);
    const found = await test.db.person.findMany({ where: { name: { contains: 'ame 1' } } });
    expect(found).toHaveLength(10);
    await run('restore');
    expect((await test.bare.person.findFirst({ where: { id: 'p1' } }))['name']).toBe('Name 1');
    for (const table of TABLES) expect(await (test.bare as unknown as Tables)[`${table}Term`]?.findMany()).toEqual([]);
    await test.bare.person.deleteMany();
  });

  it('are those of the values, whatever an application writes while a job fills them', async () => {
    await test.db.person.createMany({ data: Array.from({ length: ROWS }, (_, at) => ({ id: `p${at}`, group: at })) });
    for (let at = 0; at < ROWS; at++)
      await test.db.person.update({ where: { id: `p${at}` }, data: { name: `Before ${at}` } });
    // Terms of another root: the job has to write every row.
    for (const table of TABLES) await test.bare.$executeRawUnsafe(`UPDATE ${table}Term SET term = '9.old'`);
    let writes = 0;
    // Behind every batch that is read, an application changes some of its rows, and takes the value out of others.
    const write = async (): Promise<void> => {
      for (let count = 0; writes < ROWS && count < 5; count++, writes++) {
        const name = writes % 5 === 0 ? null : `After ${writes}`;
        await test.db.person.update({ where: { id: `p${(writes * 7) % ROWS}` }, data: { name } });
      }
    };
    await run('reindex', engine(schemaOf(database), ['name'], write));
    expect(writes).toBeGreaterThan(20);
    const { held, meant } = await terms();
    expect(held).toEqual(meant);
    await test.bare.person.deleteMany();
  }, 120_000);

  it('of several fields are filled beside cells that are there', async () => {
    const born = new Date('2001-02-03T04:05:06.000Z');
    await test.db.person.create({ data: { id: 'half', group: 1, last: 'Ng', born } });
    await test.bare.person.update({ where: { id: 'half' }, data: { last: 'Ng', lastBorn: null } });
    await test.bare.person.create({ data: { id: 'none', group: 2, last: 'Li' } });
    await run('backfill', engine(migrating, ['last', 'born']));
    expect(await test.db.person.findMany({ where: { last: 'Ng', born } })).toMatchObject([{ id: 'half' }]);
    expect((await test.bare.person.findFirst({ where: { id: 'none' } }))['lastBorn']).toBeNull();
    // The other field may be encrypted throughout: its cells are read for the term.
    const half = schemaOf(database).replace('/// @encrypted\n  last', '/// @encrypted(mode: migrating)\n  last');
    await test.bare.person.update({ where: { id: 'half' }, data: { last: 'Ng', lastBorn: null } });
    await run('backfill', engine(half, ['last', 'born']));
    expect(await test.db.person.findMany({ where: { last: 'Ng', born } })).toMatchObject([{ id: 'half' }]);
    await expect(engine(half, ['last', 'born']).start({ kind: 'restore' })).rejects.toEqual(typedError('ERR_OPTIONS'));
    await expect(engine(migrating, ['last']).start({ kind: 'backfill' })).rejects.toEqual(typedError('ERR_OPTIONS'));
    await run('restore', engine(migrating, ['last', 'born']));
    expect(await test.bare.person.findFirst({ where: { id: 'half' } })).toMatchObject({ last: 'Ng', lastBorn: null });
  });
});
