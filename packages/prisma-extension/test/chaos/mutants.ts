/**
 * The engine with one of its promises broken, each with something that happens at the worst moment. They are there to see that the checker
 * notices.
 *
 * @module
 */
import type { JobStore, RowSource, SqlDatabase } from '@fieldseal/core/jobs';
import type { Violation } from './checker.ts';

/** What a scenario can make happen. */
export interface Moment {
  /** The application writes a row, under the new key or one that is old. */
  write(id: number, key: 'new' | 'old'): Promise<void>;
  /** The leases run out, and another worker takes every chunk and works it off. */
  takeOver(): Promise<void>;
}

/** Parts of an engine that a mutant may replace. */
export interface Parts {
  readonly source: RowSource;
  readonly store: JobStore;
}

/** One broken promise. */
export interface Mutant {
  readonly name: string;
  readonly caughtAs: Violation;
  /** What happens between the reading of a batch and its writing. */
  readonly happens?: (moment: Moment) => Promise<void>;
  /** The batch where it happens: 0, the first, by default. */
  readonly at?: number;
  /** Whether the worker dies when it has written the rows of its first batch, before it notes the progress. */
  readonly dies?: boolean;
  mutate(parts: Parts): Parts;
}

/** Thrown where a process would have died. */
export class Died extends Error {}

const withSource = (parts: Parts, change: (source: RowSource) => Partial<RowSource>): Parts => {
  const { source } = parts;
  const own: RowSource = {
    model: source.model,
    scope: source.scope,
    fields: source.fields,
    database: source.database,
    ranges: (rows) => source.ranges(rows),
    read: (...args) => source.read(...args),
    swap: (...args) => source.swap(...args),
    census: (session) => source.census(session),
    fingerprint: (session) => source.fingerprint(session),
    ...change(source),
  };
  return { ...parts, source: own };
};

const withStore = (parts: Parts, change: (store: JobStore) => Partial<JobStore>): Parts => {
  const { store } = parts;
  const replaced = change(store);
  const own = new Proxy(store, {
    get: (target, name) => {
      const member: unknown = Reflect.get(replaced, name) ?? Reflect.get(target, name);
      return typeof member === 'function' ? member.bind(Reflect.has(replaced, name) ? replaced : target) : member;
    },
  });
  return { ...parts, store: own };
};

/** All of them. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: 'no compare-and-swap',
    caughtAs: 'lost update',
    happens: ({ write }) => write(3, 'new'),
    mutate: (parts) =>
      withSource(parts, (source) => ({
        swap: async (session, changes) => {
          const all = await source.read(session, { after: null, upTo: null }, 1000, { what: 'all' });
          const now = new Map(all.map((row) => [row.key[0], row]));
          return source.swap(
            session,
            changes.map((change) => ({
              ...change,
              row: { ...change.row, witness: now.get(change.row.key[0])?.witness },
            })),
          );
        },
      })),
  },
  {
    name: 'no fence',
    caughtAs: 'fencing',
    happens: ({ takeOver }) => takeOver(),
    mutate: (parts) =>
      withStore(parts, (store) => ({
        progress: async (session, lease, batch, leaseMs) => {
          const [now] = await session.query(
            'SELECT owner, attempt::text FROM fieldseal_job_chunk WHERE job = $1 AND ordinal = $2::text::int',
            [lease.job, String(lease.ordinal)],
          );
          await session.execute("UPDATE fieldseal_job_chunk SET state = 'running' WHERE job = $1", [lease.job]);
          await store.progress(
            session,
            { ...lease, owner: String(now?.[0]), attempt: Number(now?.[1]) },
            batch,
            leaseMs,
          );
          return true;
        },
      })),
  },
  {
    name: 'progress outside of the transaction',
    caughtAs: 'accounting',
    dies: true,
    mutate: (parts) =>
      withSource(parts, ({ database }) => ({
        database: {
          dialect: database.dialect,
          query: (...args) => database.query(...args),
          execute: (...args) => database.execute(...args),
          transaction: (work) => work(database),
        } satisfies SqlDatabase,
      })),
  },
  {
    name: 'no last pass',
    caughtAs: 'old key',
    at: 1,
    happens: ({ write }) => write(1, 'old'), // into a chunk that is done
    mutate: (parts) =>
      withStore(parts, (store) => ({
        remaining: async (job) => {
          const { open, last } = await store.remaining(job);
          return { open, last: last === null ? null : { ...last, sweep: true, done: 0 } };
        },
      })),
  },
  {
    name: 'what does not open is taken for plaintext',
    caughtAs: 'corrupted row written',
    mutate: (parts) =>
      withSource(parts, (source) => ({
        read: async (...args) => {
          const rows = await source.read(...args);
          // As if it had opened: a cell of something that can be encrypted.
          const good = rows.find(({ key }) => key[0] === '4');
          const bound = (key: string) => [['id', key]] as const;
          return rows.map((row) =>
            row.key[0] === '5' && good !== undefined ? { ...row, cells: good.cells, bound: bound('4') } : row,
          );
        },
      })),
  },
  {
    name: 'quarantine is forgotten',
    caughtAs: 'quarantine',
    mutate: (parts) =>
      withStore(parts, (store) => ({
        progress: (session, lease, batch, leaseMs) => store.progress(session, lease, { ...batch, bad: [] }, leaseMs),
      })),
  },
  {
    name: 'touches another column',
    caughtAs: 'foreign column',
    mutate: (parts) =>
      withSource(parts, (source) => ({
        swap: async (session, changes) => {
          for (const { row } of changes)
            await session.execute('UPDATE "Patient" SET "updatedAt" = now() WHERE id = $1::text::int', [
              String(row.key[0]),
            ]);
          return source.swap(session, changes);
        },
      })),
  },
  {
    name: 'cells of the wrong row',
    caughtAs: 'undecryptable',
    mutate: (parts) =>
      withSource(parts, (source) => ({
        swap: (session, changes) => {
          const cells = changes.map((change) => change.cells);
          const turned = [...cells.slice(1), ...cells.slice(0, 1)];
          return source.swap(
            session,
            changes.map((change, at) => ({ ...change, cells: turned[at] as readonly unknown[] })),
          );
        },
      })),
  },
];
