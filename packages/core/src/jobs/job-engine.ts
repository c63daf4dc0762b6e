import { createHash } from 'node:crypto';
import { FieldsealError, isFieldsealError } from '../errors.ts';
import { observed, publish } from '../events.ts';
import { FieldCipher } from '../field-cipher.ts';
import { APPLICATION_SCOPE, type KeySource } from '../keyring/key-view.ts';
import { type CompletionReport, signReport } from './completion-report.ts';
import { databaseError } from './database-error.ts';
import {
  DEFAULT_SETTINGS,
  type JobKind,
  type JobPlan,
  type JobRecord,
  type JobSettings,
  type JobStatus,
  withSettings,
} from './job.ts';
import type { JobStore, PlannedChunk } from './job-store.ts';
import { isPartner } from './partners.ts';
import { patiently } from './patience.ts';
import type { CensusLine, RowKey, RowSource } from './row-source.ts';
import { SqlJobStore } from './sql-job-store.ts';
import { type Clock, PROCESS_CLOCK } from './throttle.ts';
import { JobWorker, type WorkEnd } from './worker.ts';

/** Rows of a chunk: enough that taking one costs nothing beside its work, few enough that what a dead worker held is soon done. */
const CHUNK_ROWS = 2000;
/** How long errors that may go away are borne, in ms. */
const PATIENCE_MS = 60_000;

/** Options of {@link JobEngine}. */
export interface JobEngineOptions {
  /** Rows of the model; its database keeps the jobs too. */
  readonly source: RowSource;
  /** Keys; a keyring. */
  readonly keys: KeySource;
  /** By default three tables beside the rows. */
  readonly store?: JobStore;
  readonly cipher?: FieldCipher;
  /** Rows of a chunk, 2000 by default. */
  readonly chunkRows?: number;
  /** How long a worker bears a database that is away, in ms; a minute by default. */
  readonly patienceMs?: number;
  /** @internal Time, in tests. */
  readonly clock?: Clock;
}

/** What a job is to do. */
export interface JobRequest {
  readonly kind: JobKind;
  /** Share of the rows that `verify` opens, above 0 to 1; all by default. */
  readonly sample?: number;
  readonly settings?: Partial<JobSettings>;
  /** Whether the columns that no job writes are digested before and after, which reads the table twice. */
  readonly fingerprint?: boolean;
}

/** What a job would do, before anything is written. */
export interface JobForecast {
  readonly plan: JobPlan;
  /** Rows of the model. */
  readonly rows: number;
  readonly chunks: number;
  readonly census: readonly CensusLine[];
}

/** Jobs that write the terms of their fields' indexes. */
const WRITES_TERMS: readonly JobKind[] = ['backfill', 'restore', 'reindex'];

/** Options of {@link JobEngine.work}. */
export interface WorkOptions {
  /** How long to work, in ms; until the job ends by default. */
  readonly forMs?: number;
  readonly signal?: AbortSignal;
  /** Asked before every batch: how many ms to rest first, as where a replica lags behind. */
  readonly pace?: () => Promise<number> | number;
}

/**
 * Jobs over the rows of one model: started once, worked on by any number of processes, stopped and taken up at any time.
 *
 * Nothing is lost whatever dies: a row is written only while it still holds what was read, rows and progress change in one transaction, and a
 * worker that lost its lease writes nothing.
 *
 * @example
 * ```ts
 * const jobs = new JobEngine({ source, keys: keyring });
 * const job = await jobs.start({ kind: 'reencrypt' });
 * await jobs.work(job, { forMs: 30_000 });
 * ```
 */
export class JobEngine {
  readonly #source: RowSource;
  readonly #keys: KeySource;
  readonly #store: JobStore;
  readonly #cipher: FieldCipher;
  readonly #chunkRows: number;
  readonly #patienceMs: number;
  readonly #clock: Clock;

  constructor(options: JobEngineOptions) {
    this.#source = options.source;
    this.#keys = options.keys;
    this.#store = options.store ?? new SqlJobStore(options.source.database);
    this.#cipher = options.cipher ?? new FieldCipher();
    this.#chunkRows = options.chunkRows ?? CHUNK_ROWS;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
    this.#clock = options.clock ?? PROCESS_CLOCK;
  }

  /**
   * What a job would do. Nothing is written.
   *
   * @throws ERR_OPTIONS for a request that cannot be served, ERR_JOB_DATABASE
   */
  forecast(request: JobRequest): Promise<JobForecast> {
    return safely(async () => {
      const plan = await this.#plan(request);
      let [rows, chunks] = [0, 0];
      for await (const range of this.#source.ranges(this.#chunkRows)) {
        rows += range.rows;
        chunks += 1;
      }
      return { plan, rows, chunks, census: await this.#source.census(this.#source.database) };
    });
  }

  /**
   * Plans a job and stores it, ready for {@link work}. Returns its id.
   *
   * @throws ERR_JOB_ACTIVE when another job writes to the model, ERR_OPTIONS for a request that cannot be served, ERR_JOB_DATABASE
   */
  start(request: JobRequest): Promise<string> {
    return safely(async () => {
      const plan = await this.#plan(request);
      const settings = withSettings(DEFAULT_SETTINGS, request.settings ?? {});
      const { database } = this.#source;
      await this.#store.prepare();
      const census = await this.#source.census(database);
      const fingerprint = request.fingerprint === true ? await this.#source.fingerprint(database) : null;
      const before: Before = { census, fingerprint };
      const job = await this.#store.create(plan, settings, JSON.stringify(before));
      let rows: number;
      try {
        rows = await this.#cut(job);
        await this.#store.setRows(job, rows);
      } catch (error) {
        // It would stand in the way of the next one.
        await this.#store.changeState(job, ['planning'], 'cancelled').catch(() => undefined);
        throw error;
      }
      await this.#store.changeState(job, ['planning'], 'running');
      this.#publish('start', { id: job, plan, rows });
      return job;
    });
  }

  /**
   * Works on a job until it ends or pauses, or the time is up. Any number of processes may do so at once.
   *
   * @throws ERR_JOB_UNKNOWN; ERR_SCHEMA_STALE when the fields are written in another way than when the job was planned; ERR_KEY_STATUS when
   * another key is the primary; ERR_JOB_DATABASE for an error of the database that does not go away
   */
  work(job: string, options: WorkOptions = {}): Promise<WorkEnd> {
    return safely(async () => {
      const { plan } = await patiently(this.#clock, this.#patienceMs, () => this.#store.load(job));
      if (plan.schema !== schemaDigest(this.#source) || plan.model !== this.#source.model)
        throw new FieldsealError('ERR_SCHEMA_STALE', 'the job was planned with another schema', {
          model: plan.model,
          hint: 'Work with the schema that the job was started with, or cancel it and start a new one.',
        });
      const worker = new JobWorker(
        {
          store: this.#store,
          source: this.#source,
          keys: this.#keys,
          cipher: this.#cipher,
          clock: this.#clock,
          patienceMs: this.#patienceMs,
          pace: options.pace,
          signal: options.signal,
        },
        job,
        options.forMs ?? Number.POSITIVE_INFINITY,
      );
      return worker.run((record) => this.#finish(record));
    });
  }

  /** A job and how far it is. Throws ERR_JOB_UNKNOWN. */
  status(job: string): Promise<JobStatus> {
    return safely(() => this.#store.status(job));
  }

  /** Cuts the rows into chunks, and returns how many rows there are. */
  async #cut(job: string): Promise<number> {
    let rows = 0;
    let ordinal = 0;
    let after: RowKey | null = null;
    for await (const range of this.#source.ranges(this.#chunkRows)) {
      const chunk: PlannedChunk = { after, upTo: range.upTo, rows: range.rows };
      await this.#store.addChunks(job, ordinal, [chunk]);
      rows += range.rows;
      ordinal += 1;
      after = range.upTo;
    }
    return rows;
  }

  async #plan({ kind, sample = 1 }: JobRequest): Promise<JobPlan> {
    const { model, fields, scope } = this.#source;
    if (!(sample > 0 && sample <= 1))
      throw new FieldsealError('ERR_OPTIONS', 'a sample is a share above 0 and up to 1');
    if (sample < 1 && kind !== 'verify') throw new FieldsealError('ERR_OPTIONS', 'only verify takes a sample');
    for (const [at, { form, migrating, leaving, outOfReach, before, plaintext }] of fields.entries()) {
      const { field } = form.spec;
      const refused = (message: string, hint: string) =>
        new FieldsealError('ERR_OPTIONS', message, { model, field, hint });
      const partner = kind === 'backfill' && isPartner(fields, at);
      if ((kind === 'backfill' || kind === 'restore') && !migrating && !partner)
        throw refused(
          `${kind} needs a field with mode: ${kind === 'restore' ? 'leaving' : 'migrating'}`,
          'Set the mode and deploy it first, so that the application reads both kinds of rows; or leave the field out.',
        );
      if (kind === 'backfill' && leaving)
        throw refused(
          'backfill would encrypt a field with mode: leaving, to which plaintext is written',
          'Set mode: migrating to encrypt it, or start a restore.',
        );
      if (kind !== 'backfill' && plaintext.origin !== undefined)
        throw refused('only backfill reads what another system encrypted', 'Leave the readers out.');
      if (WRITES_TERMS.includes(kind) && outOfReach.length > 0)
        throw refused(
          `${kind} cannot write the index ${outOfReach.join(', ')}, which is over fields that the job leaves out, or whose table of terms points elsewhere`,
          'Name all fields of the index; a table of terms points to the id of the model.',
        );
      if (kind === 'reindex' && !fields.some((field) => field.indexes.length > 0))
        throw refused('no field of the job has an index', 'Leave it out.');
      if (before !== null && kind !== 'reencrypt')
        throw refused('only reencrypt changes how cells are written', 'Leave the older schema out.');
    }
    if (fields.length === 0) throw new FieldsealError('ERR_OPTIONS', 'the job has no field to work on', { model });
    const writes = kind === 'reencrypt' || kind === 'backfill';
    const target = writes && scope !== null ? await this.#primary(kind, scope) : null;
    const names = fields.map(({ form }) => form.spec.field);
    const origins = new Set(fields.flatMap(({ plaintext: { origin } }) => (origin === undefined ? [] : [origin])));
    const origin = origins.size === 0 ? {} : { origin: [...origins].join(', ') };
    const confined = scope === null || scope === APPLICATION_SCOPE ? {} : { scope };
    return { kind, model, fields: names, schema: schemaDigest(this.#source), target, sample, ...confined, ...origin };
  }

  /** The key that a job writes under; null for a scope whose keys its first write makes. */
  async #primary(kind: JobKind, scope: string): Promise<string | null> {
    try {
      return (await this.#keys.resolve(scope)).primary.keyId;
    } catch (error) {
      if (kind !== 'backfill' || scope === APPLICATION_SCOPE || !isFieldsealError(error, 'ERR_KEY_UNKNOWN'))
        throw error;
      return null;
    }
  }

  async #finish(job: JobRecord): Promise<void> {
    const { database } = this.#source;
    const { census, fingerprint }: Before = JSON.parse(job.before ?? '{"census":[],"fingerprint":null}') as Before;
    const after = await this.#source.census(database);
    const digest = fingerprint === null ? null : await this.#source.fingerprint(database);
    const { counts, created } = await this.#store.status(job.id);
    const { kind, model, fields, target, sample } = job.plan;
    const report: CompletionReport = {
      format: 'fieldseal-job-report/1',
      job: job.id,
      kind,
      model,
      fields,
      target,
      sample,
      started: new Date(created).toISOString(),
      ended: new Date(await this.#store.now()).toISOString(),
      counts,
      quarantine: await this.#store.quarantine(job.id),
      census: { before: census, after },
      fingerprint: fingerprint === null || digest === null ? null : { before: fingerprint, after: digest },
    };
    const { indexRoot } = await this.#keys.resolve(APPLICATION_SCOPE);
    if (await this.#store.finish(job.id, JSON.stringify(signReport(report, indexRoot)))) this.#publish('done', job);
  }

  #publish(action: 'start' | 'done', { id, plan, rows }: Pick<JobRecord, 'id' | 'plan' | 'rows'>): void {
    if (!observed('fieldseal:job')) return;
    const none = { read: 0, done: 0, conflicts: 0, quarantined: 0 };
    const left = action === 'start' ? rows : 0;
    publish('fieldseal:job', { action, job: id, kind: plan.kind, model: plan.model, rows, left, ...none });
  }
}

/** What was there before a job. */
interface Before {
  readonly census: readonly CensusLine[];
  readonly fingerprint: string | null;
}

/** Digest of all that decides which rows are worked on, and how fields are read and written. */
function schemaDigest({ fields, scope }: RowSource): string {
  const shapes = fields.map(({ form, before, list, migrating, indexes, plaintext: { origin } }) => {
    const terms = indexes.map(({ spec: { column, name, normalize, bits }, second }) => [
      column,
      name,
      normalize,
      bits,
      second === null ? null : [second.spec.column, second.spec.normalize],
    ]);
    return [form, before, list, migrating, terms, ...(origin === undefined ? [] : [origin])];
  });
  // Of jobs of the application's scope it is what it was before there were others.
  const whole = scope === APPLICATION_SCOPE ? shapes : { scope, shapes };
  return createHash('sha256').update(JSON.stringify(whole)).digest('hex');
}

/** Without the messages of drivers, which may hold values. */
async function safely<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw databaseError(error);
  }
}
