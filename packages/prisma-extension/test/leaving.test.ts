import type { Keyring } from '@fieldseal/core';
import { JobEngine, type JobKind } from '@fieldseal/core/jobs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryption } from '../src/index.ts';
import { modelTable, prismaDatabase, SqlRowSource } from '../src/jobs.ts';
import { startOpener } from './differential/comparison.ts';
import { type RuntimeClient, runtimeClient } from './differential/runtime-client.ts';
import { freshKeyring, type Target, typedError } from './harness.ts';

type Database = Target['database'];
type Row = Record<string, unknown>;
type Rows = Readonly<
  Record<
    'create' | 'update' | 'updateMany' | 'upsert' | 'deleteMany' | 'findMany' | 'count',
    (args?: object) => Promise<unknown>
  >
>;
type Client = RuntimeClient & { readonly note: Rows };

/** Phases of a table that is encrypted and left again; null stands for an application without Fieldseal. */
const PHASES = [null, '(mode: migrating)', '', '(mode: leaving)', null] as const;

const schemaOf = (database: Database, mode: string | null): string => {
  const args = (more = ''): string => {
    const inner = [more, (mode ?? '').slice(1, -1)].filter((part) => part !== '').join(', ');
    return inner === '' ? '' : `(${inner})`;
  };
  const annotated = (line: string, more = '') => (mode === null ? line : `/// @encrypted${args(more)}\n  ${line}`);
  const text = database === 'mysql' ? ' @db.Text' : '';
  return `datasource db {
  provider = "${database}"
}
model Note {
  id Int @id
  ${annotated(`title String?${text}`)}
  ${mode === null ? '' : '/// @blindIndex(of: title)'}
  titleIndex String?
  ${annotated(`count String?${text}`, 'type: Int')}
  ${annotated('photo Bytes?')}
  group Int
}
`;
};

describe.each(['sqlite', 'postgresql', 'mysql'] as const)('encryption that is begun and left on %s', (database) => {
  let keyring: Keyring;
  let adapter: object;
  let control: object;
  let stop: () => Promise<void>;
  const clients: RuntimeClient[] = [];
  beforeAll(async () => {
    const { opener, stop: end } = await startOpener(database);
    keyring = await freshKeyring();
    const [one, other] = [await opener(), await opener()];
    [adapter, control] = [one.adapter, other.adapter];
    stop = async () => {
      for (const client of clients) await client.$disconnect();
      await Promise.all([one.dispose(), other.dispose()]);
      keyring.close();
      await end();
    };
    const quoted = (name: string) => (database === 'mysql' ? `\`${name}\`` : `"${name}"`);
    const bytes = { sqlite: 'BLOB', postgresql: 'BYTEA', mysql: 'LONGBLOB' }[database];
    const key = database === 'mysql' ? 'VARCHAR(191) COLLATE utf8mb4_nopad_bin' : 'TEXT';
    const columns = `${quoted('id')} INTEGER PRIMARY KEY, ${quoted('title')} ${database === 'mysql' ? 'TEXT COLLATE utf8mb4_nopad_bin' : 'TEXT'}, ${quoted('titleIndex')} ${key}, ${quoted('count')} TEXT, ${quoted('photo')} ${bytes}, ${quoted('group')} INTEGER NOT NULL`;
    for (const place of [adapter, control])
      await (await open(place, null)).$executeRawUnsafe(`CREATE TABLE ${quoted('Note')} (${columns})`);
  });
  afterAll(() => stop());

  async function open(place: object, mode: string | null): Promise<Client> {
    const client = await runtimeClient(database, schemaOf(database, mode), { adapter: place });
    clients.push(client);
    return (mode === null ? client : encryption({ keyring })(client as never)) as unknown as Client;
  }

  async function work(mode: string, kind: JobKind, between?: () => Promise<unknown>): Promise<void> {
    const bare = await runtimeClient(database, schemaOf(database, mode), { adapter });
    clients.push(bare);
    const table = modelTable({ schema: schemaOf(database, mode), model: 'Note' });
    const source = new SqlRowSource(prismaDatabase(bare as never, database), table);
    let batches = 0;
    const pace = async (): Promise<number> => {
      if (++batches === 2) await between?.();
      return 0;
    };
    const engine = new JobEngine({ source, keys: keyring, chunkRows: 2 });
    const job = await engine.start({ kind, settings: { batchRows: 2 } });
    await engine.work(job, { pace });
    expect(between === undefined || batches >= 2).toBe(true);
    expect((await engine.status(job)).state).toBe('done');
  }

  it('gives what a plain table gives in every phase, while rows are changed under the jobs', async () => {
    const plain = await open(control, null);
    let next = 0;
    const data = (id: number, title: string | null): Row => ({
      id,
      title,
      photo: Uint8Array.of(id % 256, 7),
      group: id % 3,
    });
    /** The same on both tables: a few rows more, some changed, some emptied, some gone. `count` is a number where it is annotated. */
    const change = async (db: Client, numbers: boolean): Promise<void> => {
      const first = next;
      next += 12;
      const number = (id: number, annotated: boolean) => (annotated ? id : String(id));
      for (const [client, annotated] of [
        [db, numbers],
        [plain, false],
      ] as const) {
        for (let id = first; id < next; id++)
          await client.note.create({ data: { ...data(id, `title ${id % 5}`), count: number(id, annotated) } });
        await client.note.update({ where: { id: first }, data: { title: null, count: null } });
        await client.note.update({ where: { id: first + 1 }, data: { title: { set: 'changed' } } });
        await client.note.updateMany({ where: { group: 2 }, data: { title: `group ${first}` } });
        await client.note.upsert({
          where: { id: first + 2 },
          create: data(-1, 'never'),
          update: { count: number(99, annotated) },
        });
        await client.note.deleteMany({ where: { id: first + 3 } });
      }
    };
    const same = async (db: Client): Promise<void> => {
      const all = async (client: Client) =>
        ((await client.note.findMany({ orderBy: { id: 'asc' }, omit: { titleIndex: true } })) as Row[]).map((row) => ({
          ...row,
          count: row['count'] === null ? null : String(row['count']),
        }));
      expect(await all(db)).toEqual(await all(plain));
      for (const where of [
        { title: 'title 1' },
        { title: { in: ['changed', 'title 4'] } },
        { title: null },
        { NOT: { title: 'title 2' } },
      ]) {
        const ids = async (client: Client) =>
          client.note.findMany({ where, select: { id: true }, orderBy: { id: 'asc' } });
        expect(await ids(db)).toEqual(await ids(plain));
      }
    };
    for (const [at, mode] of PHASES.entries()) {
      const db = await open(adapter, mode);
      await change(db, mode !== null);
      await same(db);
      if (mode === '(mode: migrating)') await work(mode, 'backfill', () => change(db, true));
      if (mode === '(mode: leaving)') {
        await expect(work(mode, 'backfill')).rejects.toEqual(typedError('ERR_OPTIONS'));
        await work(mode, 'restore', () => change(db, true));
        await change(db, true);
      }
      await same(db);
      const stored = (await plainRows()) as Row[];
      const cells = stored.filter(({ title }) => typeof title === 'string' && title.startsWith('fs1:')).length;
      const values = stored.filter(({ title }) => title !== null).length;
      const terms = stored.filter(({ titleIndex }) => titleIndex !== null).length;
      // Encrypted whole from the end of the backfill on; not a cell and not a term is left at the end of the restore.
      expect([at, cells, terms]).toEqual([
        at,
        mode === null || at > 2 ? 0 : values,
        mode === null || at > 2 ? 0 : values,
      ]);
    }
    async function plainRows(): Promise<unknown> {
      return (await open(adapter, null)).note.findMany({});
    }
  });

  it('stores no plaintext that would be taken for a damaged cell', async () => {
    const db = await open(adapter, '(mode: leaving)');
    for (const title of ['fs1:', 'fs1:AAAA'])
      await expect(db.note.create({ data: { id: 9000, title, group: 0 } })).rejects.toEqual(typedError('ERR_VALUE'));
    expect(await db.note.count({ where: { id: 9000 } })).toBe(0);
  });
});
