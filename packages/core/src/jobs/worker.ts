import { randomBytes } from 'node:crypto';
import { toHex } from '../bytes.ts';
import { cellTextPrefix } from '../cell.ts';
import { isConstraint } from '../database-fault.ts';
import { FieldsealError } from '../errors.ts';
import { type JobEvent, observed, publish } from '../events.ts';
import type { FieldCipher } from '../field-cipher.ts';
import type { KeySource } from '../keyring/key-view.ts';
import type { JobRecord, JobState } from './job.ts';
import type { BatchProgress, ChunkLease, JobStore } from './job-store.ts';
import { legacyBytes } from './legacy-rows.ts';
import { patiently } from './patience.ts';
import type { JobRow, Pending, RowChange, RowSource } from './row-source.ts';
import { workOn } from './row-work.ts';
import { type Clock, Throttle } from './throttle.ts';

/** How long a worker waits for a chunk that others may give back, in ms. */
const IDLE_MS = 250;
/** How often it is counted for those who watch how many rows are left, in ms. */
const COUNT_EVERY_MS = 1000;
/** How often rows that others keep changing are read again before the worker rests a little. */
const CALM_AFTER = 3;

/** What a worker works with. */
export interface WorkerParts {
  readonly store: JobStore;
  readonly source: RowSource;
  readonly keys: KeySource;
  readonly cipher: FieldCipher;
  readonly clock: Clock;
  /** How long errors that may go away are borne without any success, in ms. */
  readonly patienceMs: number;
  /** Asked before every batch: how many ms to rest, as where replicas lag. Whatever it throws ends the work. */
  readonly pace?: (() => Promise<number> | number) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Why a worker stopped: the job has ended or paused, its time was up, or it was told to. */
export type WorkEnd = Exclude<JobState, 'planning' | 'running'> | 'time' | 'aborted';

/** One worker of a job. Any number may work on one job, in any processes. */
export class JobWorker {
  /** Names this worker among all: two never share a lease. */
  readonly #owner = toHex(randomBytes(12));
  readonly #parts: WorkerParts;
  readonly #throttle: Throttle;
  readonly #job: string;
  /** Stops the work at this time of the clock. */
  readonly #until: number;
  /** When rows are counted next for those who watch, by the clock. */
  #countAt = Number.NEGATIVE_INFINITY;

  constructor(parts: WorkerParts, job: string, forMs: number) {
    this.#parts = parts;
    this.#job = job;
    this.#throttle = new Throttle(parts.clock);
    this.#until = parts.clock.now() + forMs;
  }

  /**
   * Works until the job ends or pauses, or the time is up.
   *
   * @param finish - ends the job when nothing is left to do
   */
  async run(finish: (job: JobRecord) => Promise<void>): Promise<WorkEnd> {
    for (;;) {
      const end = await this.#step(finish);
      if (end !== null) return end;
    }
  }

  /** One chunk, or one look for one. */
  async #step(finish: (job: JobRecord) => Promise<void>): Promise<WorkEnd | null> {
    const stop = this.#stop();
    if (stop !== null) return stop;
    const { store } = this.#parts;
    const job = await this.#patiently(() => store.load(this.#job));
    if (job.state !== 'running') return endOf(job);
    const lease = await this.#patiently(() => store.claim(job.id, this.#owner, job.settings.leaseMs));
    if (lease !== null)
      try {
        return await this.#chunk(lease);
      } catch (error) {
        // Others need not wait until the lease runs out; where this fails too, they do.
        await store.release(lease).catch(() => undefined);
        throw error;
      }
    const { open, last } = await this.#patiently(() => store.remaining(job.id));
    if (open > 0) {
      await this.#sleep(IDLE_MS);
      return null;
    }
    // Rows may have come behind the workers: written by an instance that had not seen the new key, say. A pass over what is left tells.
    const swept = job.plan.kind === 'verify' || last === null || (last.sweep && last.done === 0);
    if (swept) await this.#patiently(() => finish(job));
    else await this.#patiently(() => store.addSweep(job.id, last.ordinal + 1));
    return null;
  }

  async #chunk(first: ChunkLease): Promise<WorkEnd | null> {
    const { store, clock, pace } = this.#parts;
    let lease = first;
    let contended = 0;
    for (;;) {
      const job = await this.#patiently(() => store.load(lease.job));
      const stop = job.state === 'running' ? this.#stop() : endOf(job);
      const rest = stop === null ? ((await pace?.()) ?? 0) : 0;
      if (stop !== null || rest > 0) {
        // A lease that runs out while nobody works would look like a worker that died.
        await this.#patiently(() => store.release(lease));
        await this.#sleep(rest);
        return stop;
      }
      const started = clock.now();
      let again = false;
      const batch = await this.#patiently(async () => {
        // After a lost connection only the database knows whether the transaction was committed.
        const known = again ? await store.position(lease) : lease;
        if (known === null) return 'lost';
        lease = { ...lease, after: known.after };
        again = true;
        return this.#batch(job, lease);
      });
      if (batch === 'lost') return null;
      publishJob(job, 'batch', batch, await this.#left(job));
      if (batch.bad.length > 0 && job.plan.kind !== 'verify') await this.#patiently(() => this.#heedBudget(job));
      if (batch.finished) return null;
      lease = { ...lease, after: batch.after };
      contended = batch.conflicts > 0 ? contended + 1 : 0;
      const pause = this.#throttle.took(batch.read, batch.bytes, clock.now() - started, job.settings);
      const calm = contended > CALM_AFTER ? IDLE_MS : 0;
      if (pause > 0 || calm > 0) await this.#sleep(Math.max(pause, calm));
    }
  }

  /** Reads, works, writes: rows and progress in one transaction. */
  async #batch(job: JobRecord, lease: ChunkLease): Promise<BatchProgress | 'lost'> {
    const { source, keys, cipher } = this.#parts;
    const limit = this.#throttle.rows(job.settings);
    const pending = lease.sweep ? await this.#pending(job) : ALL;
    const rows = await source.read(source.database, { after: lease.after, upTo: lease.upTo }, limit, pending);
    const work = await workOn(cipher, keys, job.plan, source, rows);
    const finished = rows.length < limit;
    const last = rows.at(-1)?.key ?? lease.after;
    const progressOf = (swapped: number, bad: BatchProgress['bad'] = work.bad): BatchProgress => {
      const conflicts = work.changes.length - swapped;
      // Whoever lost a row to another writer reads the same rows again: what is done already is left alone then.
      const passed = conflicts === 0;
      return {
        after: passed ? last : lease.after,
        finished: passed && finished,
        read: passed ? rows.length : 0,
        bytes: passed ? bytesIn(rows) : 0,
        done: swapped + work.verified,
        conflicts,
        bad,
      };
    };
    try {
      return await this.#commit(job, lease, work.changes, progressOf);
    } catch (error) {
      if (!isConstraint(error)) throw error;
      return this.#oneByOne(job, lease, work.changes, work.bad, progressOf);
    }
  }

  async #commit(
    job: JobRecord,
    lease: ChunkLease,
    changes: readonly RowChange[],
    progressOf: (swapped: number) => BatchProgress,
  ): Promise<BatchProgress | 'lost'> {
    const { source, store } = this.#parts;
    try {
      return await source.database.transaction(async (session) => {
        const swapped = changes.length === 0 ? 0 : await source.swap(session, changes);
        const progress = progressOf(swapped);
        if (!(await store.progress(session, lease, progress, job.settings.leaseMs))) throw new LostLease();
        return progress;
      });
    } catch (error) {
      if (error instanceof LostLease) return 'lost';
      throw error;
    }
  }

  /** Each row in a transaction of its own, so that only those are set apart that the database refuses: a unique index, a CHECK. */
  async #oneByOne(
    job: JobRecord,
    lease: ChunkLease,
    changes: readonly RowChange[],
    bad: BatchProgress['bad'],
    progressOf: (swapped: number, bad: BatchProgress['bad']) => BatchProgress,
  ): Promise<BatchProgress | 'lost'> {
    const refused = [...bad];
    let swapped = 0;
    for (const change of changes) {
      const one = (count: number): BatchProgress => ({
        after: lease.after,
        finished: false,
        read: 0,
        bytes: 0,
        done: count,
        conflicts: 0,
        bad: [],
      });
      try {
        const progress = await this.#commit(job, lease, [change], one);
        if (progress === 'lost') return 'lost';
        swapped += progress.done;
      } catch (error) {
        if (!isConstraint(error)) throw error;
        swapped += 1; // no conflict: there is no use in reading it again
        const [field] = this.#parts.source.fields;
        refused.push({
          row: change.row.key,
          field: field?.form.spec.field ?? '',
          code: 'ERR_ROW_REFUSED',
          cellHash: null,
        });
      }
    }
    // The rows were counted by the transactions that changed them.
    return this.#commit(job, lease, [], () => ({ ...progressOf(swapped, refused), done: 0 }));
  }

  /** Rows that all workers together have not passed yet, where somebody wants to know and it was not asked for a second. */
  async #left({ id, rows }: JobRecord): Promise<number | null> {
    const { store, clock } = this.#parts;
    if (!observed('fieldseal:job') || clock.now() < this.#countAt) return null;
    this.#countAt = clock.now() + COUNT_EVERY_MS;
    const { passed } = await this.#patiently(() => store.status(id));
    return Math.max(0, rows - passed);
  }

  async #heedBudget(job: JobRecord): Promise<void> {
    const { store } = this.#parts;
    const { quarantined, rows, settings } = await store.status(job.id);
    const allowed = Math.max(settings.errorRows, Math.floor(rows * settings.errorShare));
    if (quarantined > allowed && (await store.changeState(job.id, ['running'], 'paused', 'ERR_JOB_BUDGET')))
      publishJob(job, 'pause');
  }

  /** What a pass looks for, so that it need not read what is done. */
  async #pending({ plan }: JobRecord): Promise<Pending> {
    if (plan.kind === 'backfill') return { what: 'plaintext' };
    if (plan.kind === 'restore') return { what: 'cells' };
    const { source, keys } = this.#parts;
    if (
      plan.kind !== 'reencrypt' ||
      plan.target === null ||
      source.scope === null ||
      source.fields.some(({ before }) => before !== null)
    )
      return ALL;
    const key = (await keys.resolve(source.scope, [plan.target])).keys.get(plan.target);
    return key === undefined
      ? ALL
      : { what: 'other-keys', prefix: cellTextPrefix(key.suite, key.keyId), header: key.header };
  }

  #patiently<T>(work: () => Promise<T>): Promise<T> {
    return patiently(this.#parts.clock, this.#parts.patienceMs, work);
  }

  #stop(): WorkEnd | null {
    if (this.#parts.signal?.aborted === true) return 'aborted';
    return this.#parts.clock.now() >= this.#until ? 'time' : null;
  }

  /** Rests, not beyond the time that the worker has. */
  #sleep(ms: number): Promise<void> {
    const { clock } = this.#parts;
    return clock.sleep(Math.max(0, Math.min(ms, this.#until - clock.now())));
  }
}

const ALL: Pending = { what: 'all' };

/** Bytes of the texts and bytes in cells, lists included; parsed JSON is small beside its cell, and is not counted. */
function bytesIn(rows: readonly JobRow[]): number {
  const sizeOf = (stored: unknown): number => {
    if (typeof stored === 'string' || stored instanceof Uint8Array) return stored.length;
    return Array.isArray(stored) ? stored.reduce((sum: number, item) => sum + sizeOf(item), 0) : legacyBytes(stored);
  };
  return rows.reduce((sum, { cells }) => sum + sizeOf(cells), 0);
}

/** The chunk is another worker's now: its transaction is rolled back, and nobody is told. */
class LostLease extends Error {
  override readonly name = 'LostLease';
}

function endOf({ state }: JobRecord): WorkEnd {
  if (state === 'done' || state === 'paused' || state === 'cancelled') return state;
  throw new FieldsealError('ERR_JOB_STATE', 'the job is not planned to its end', {
    hint: 'Whoever planned it was stopped: cancel it and start a new one.',
  });
}

function publishJob(
  { id, plan, rows }: JobRecord,
  action: JobEvent['action'],
  batch?: BatchProgress,
  left: number | null = null,
): void {
  if (!observed('fieldseal:job')) return;
  const { read = 0, done = 0, conflicts = 0, bad = [] } = batch ?? {};
  const { kind, model } = plan;
  publish('fieldseal:job', {
    action,
    job: id,
    kind,
    model,
    rows,
    left,
    read,
    done,
    conflicts,
    quarantined: bad.length,
  });
}
