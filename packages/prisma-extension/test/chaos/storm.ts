import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Keyring } from '@fieldseal/core';
import { JobControl, JobEngine, SqlJobStore } from '@fieldseal/core/jobs';
import type { PostgresPair, PostgresService } from '@fieldseal/testkit';
import { Application } from './application.ts';
import type { Evidence, Write } from './checker.ts';
import { WORKER } from './checker.ts';
import { Clinic, MODEL, SCHEMA, urlAs } from './clinic.ts';
import { Random } from './random.ts';

/** How hard a run is. */
export interface StormSize {
  readonly rows: number;
  readonly corrupted: number;
  /** Faults while the job is held back, and after it was let go. */
  readonly faults: readonly [slow: number, fast: number];
}

/** Keys as a process gets them. */
export interface StormKeys {
  readonly keyring: Keyring;
  readonly env: Readonly<Record<string, string>>;
}

/** What a run did, for its message. */
export interface StormResult {
  readonly evidence: Evidence;
  readonly faults: readonly string[];
  readonly writes: number;
}

const LEASE_MS = 400;
const WORKERS = 2;
const HOUR_MS = 3_600_000;
/** By how much the clocks of workers jump, one after another: not at all, by two hours, by 90 days. */
const CLOCKS: readonly number[] = [0, 2 * HOUR_MS, -2 * HOUR_MS, 90 * 24 * HOUR_MS];

/**
 * One run: two workers in processes of their own re-encrypt a table that an application writes to, one part of which does not know the new key,
 * while a verification reads it, and workers, connections and the database die at times that the seed decides. The clocks of most workers jump.
 */
export async function storm(
  seed: number,
  size: StormSize,
  postgres: Server,
  { keyring, env }: StormKeys,
  program: string,
  kinds: readonly Fault[] = FAULTS,
): Promise<StormResult> {
  const random = new Random(seed);
  const clinic = await Clinic.open(await postgres.createDatabase(), keyring, size.rows);
  const old = await keyring.resolve('');
  const damaged = new Set<number>();
  while (damaged.size < size.corrupted) damaged.add(random.below(size.rows));
  await clinic.corrupt([...damaged]);
  const primary = await keyring.rotate();
  const staleView = { ...old, keys: (await keyring.resolve('')).keys };
  const own = await clinic.database('test');
  const engine = new JobEngine({ source: clinic.source(own.database), keys: keyring, chunkRows: 200 });
  const control = new JobControl(new SqlJobStore(own.database));
  // Held back, so that nothing ends before the part of the application that does not know the key has.
  const settings = { leaseMs: LEASE_MS, batchRows: 20, rowsPerSecond: size.rows / 60, errorRows: size.corrupted };
  const job = await engine.start({ kind: 'reencrypt', settings });
  await clinic.watchChunks();
  const workers = new Workers(
    program,
    { ...env, CHAOS_JOB: job, CHAOS_SCHEMA: SCHEMA, CHAOS_MODEL: MODEL },
    clinic.url,
  );
  const healthy = Array.from({ length: size.rows }, (_, id) => id).filter((id) => !damaged.has(id));
  const part = (which: number): number[] => healthy.filter((id) => id % 2 === which);
  const applications = [
    new Application(clinic, 'app-new', part(0), await keyring.resolve(''), random),
    new Application(clinic, 'app-old', part(1), staleView, random),
  ];
  const [fresh, stale] = applications.map((application) => application.run());
  const verifying = engine
    .start({ kind: 'verify' })
    .then((id) => engine.work(id))
    .catch(() => 'cut');
  const faults: string[] = [];
  const strike = async (count: number): Promise<void> => {
    for (let at = 0; at < count; at++) {
      await workers.keep(WORKERS);
      await pause(random.below(120));
      faults.push((await kinds[random.below(kinds.length)]?.(clinic, workers, random, postgres)) ?? '');
    }
  };
  try {
    await strike(size.faults[0]);
    applications[1]?.stop();
    await stale;
    await patiently(() => control.set(job, { rowsPerSecond: 0, batchRows: 100 }));
    await strike(size.faults[1]);
    for (;;) {
      const { state } = await patiently(() => control.status(job));
      if (state !== 'running') break;
      await workers.keep(WORKERS);
      await pause(20);
    }
  } finally {
    for (const application of applications) application.stop();
    await Promise.all([fresh, stale, verifying]);
    await workers.kill();
  }
  const evidence = await gather(clinic, job, primary, applications, (await control.status(job)).counts.done);
  await own.close();
  await clinic.close();
  return { evidence, faults, writes: applications.reduce((sum, { acknowledged }) => sum + acknowledged, 0) };
}

/** What is judged in the end. */
export async function gather(
  clinic: Clinic,
  job: string,
  primary: string,
  applications: readonly { readonly writes: ReadonlyMap<number, readonly Write[]> }[],
  done: number,
): Promise<Evidence> {
  const rowLog = await clinic.admin.query('SELECT actor, row, touched FROM row_log ORDER BY at');
  const chunkLog = await clinic.admin.query('SELECT actor, ordinal, claimed FROM chunk_log ORDER BY at');
  return {
    primary,
    rows: await clinic.finalRows(),
    corrupted: clinic.corrupted,
    writes: new Map(applications.flatMap(({ writes }) => [...writes])),
    quarantined: await clinic.quarantined(job),
    done,
    rowLog: rowLog.rows,
    chunkLog: chunkLog.rows,
  };
}

/** Where the database of a run is. */
export type Server = Pick<PostgresService, 'createDatabase' | 'source'>;

/** Something that happens; it says what. */
export type Fault = (clinic: Clinic, workers: Workers, random: Random, server: Server) => Promise<string>;

const FAULTS: readonly Fault[] = [
  async (_, workers, random) => {
    workers.one(random)?.kill('SIGKILL');
    return 'kill -9';
  },
  async (_, workers, random) => {
    workers.one(random)?.kill('SIGKILL');
    workers.one(random)?.kill('SIGKILL');
    return 'kill -9 of both';
  },
  async (_, workers, random) => {
    // Longer than its lease: it goes on to write when the chunk is another worker's.
    const worker = workers.one(random);
    worker?.kill('SIGSTOP');
    await pause(LEASE_MS * 1.5);
    worker?.kill('SIGCONT');
    return 'frozen beyond its lease';
  },
  async (clinic) => {
    await clinic.admin
      .query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
      .catch(() => {});
    return 'connections cut';
  },
  async (clinic, workers, random, server) => {
    if (server.source !== 'local' || random.below(3) > 0) return FAULTS[0]?.(clinic, workers, random, server) ?? '';
    // One of its processes dies: PostgreSQL ends all connections, replays its log and starts again.
    const { rows } = await clinic.admin.query('SELECT pg_backend_pid() AS pid');
    process.kill(Number(rows[0].pid), 'SIGKILL');
    await patiently(() => clinic.admin.query('SELECT 1'));
    return 'crash of the database';
  },
];

/** The primary dies and the standby takes over, once; a worker is killed each other time. */
export function failover({ failOver }: Pick<PostgresPair, 'failOver'>): Fault {
  let over = false;
  return async (clinic, workers, random, server) => {
    if (over) return FAULTS[0]?.(clinic, workers, random, server) ?? '';
    over = true;
    const started = performance.now();
    await failOver();
    const promoted = performance.now() - started;
    const { rows } = await patiently(() => clinic.admin.query(WORKERS_WROTE));
    await patiently(async () => {
      await workers.keep(WORKERS);
      const { rows: now } = await clinic.admin.query(WORKERS_WROTE);
      if (Number(now[0].count) <= Number(rows[0].count)) throw new Error('no worker has written yet');
    });
    const back = performance.now() - started;
    return `failover: promoted after ${promoted.toFixed(0)} ms, a worker wrote after ${back.toFixed(0)} ms`;
  };
}

const WORKERS_WROTE = `SELECT count(*) FROM row_log WHERE actor LIKE '${WORKER}%'`;

/** The workers of a run. */
class Workers {
  readonly #program: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #url: string;
  readonly #running = new Set<ChildProcess>();
  #started = 0;

  constructor(program: string, env: Readonly<Record<string, string>>, url: string) {
    this.#program = program;
    this.#env = env;
    this.#url = url;
  }

  /** Starts as many as are missing, and waits until those work. */
  async keep(count: number): Promise<void> {
    const started: Promise<void>[] = [];
    while (this.#running.size < count) started.push(this.#start());
    await Promise.all(started);
  }

  one(random: Random): ChildProcess | undefined {
    return this.#running.size === 0 ? undefined : random.of([...this.#running]);
  }

  async kill(): Promise<void> {
    await Promise.all(
      [...this.#running].map((child) => {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        return gone;
      }),
    );
  }

  #start(): Promise<void> {
    const name = `${WORKER}${++this.#started}`;
    const env = {
      PATH: process.env['PATH'] ?? '',
      ...this.#env,
      CHAOS_URL: urlAs(this.#url, name),
      CHAOS_CLOCK: String(CLOCKS[this.#started % CLOCKS.length]),
    };
    const child = spawn(process.execPath, [this.#program], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    this.#running.add(child);
    return new Promise((resolve) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', () => {
        this.#running.delete(child);
        resolve();
      });
    });
  }
}

async function patiently<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt > 200) throw error;
      await pause(50);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Environment with which a process opens a keyring. */
export function environmentOf(folder: string, key: string): Readonly<Record<string, string>> {
  return { FIELDSEAL_KEYRING: join(folder, 'keyring.json'), FIELDSEAL_KEY: key };
}
