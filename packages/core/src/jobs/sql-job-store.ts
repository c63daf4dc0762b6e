import { createHash, randomBytes } from 'node:crypto';
import { toHex } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { DATABASE_NOW } from './database-clock.ts';
import type { JobPlan, JobRecord, JobSettings, JobState, JobStatus } from './job.ts';
import type { BatchProgress, ChunkLease, JobStore, LastChunk, PlannedChunk } from './job-store.ts';
import { jobTables } from './job-tables.ts';
import type { RowKey } from './row-source.ts';
import {
  changeRows,
  joined,
  queryRows,
  type RawSql,
  raw,
  type SqlDatabase,
  type SqlDialect,
  type SqlSession,
  selected,
  sql,
} from './sql.ts';

/** Whether a new row that is there already is left out. */
const INSERT: Readonly<Record<SqlDialect, readonly [head: RawSql, tail: RawSql]>> = {
  postgresql: [raw('INSERT INTO'), raw(' ON CONFLICT DO NOTHING')],
  mysql: [raw('INSERT IGNORE INTO'), raw('')],
  sqlite: [raw('INSERT INTO'), raw(' ON CONFLICT DO NOTHING')],
};

/** Numbers are read as texts. SQLite has no other writer while one writes. */
const NUMBER: Readonly<Record<SqlDialect, string>> = { postgresql: 'text', mysql: 'char', sqlite: 'text' };

const TABLES = ['fieldseal_job', 'fieldseal_job_chunk', 'fieldseal_job_quarantine'];

const JOB_COLUMNS = [
  'id',
  'plan',
  'state',
  'reason',
  'settings',
  'planned_rows',
  'created_at',
  'updated_at',
  'before_census',
  'report',
];

/** Values of one INSERT. */
const INSERTED = 200;

type Row = readonly (string | null)[];

/** A {@link JobStore} in three tables of the database that holds the rows. */
export class SqlJobStore implements JobStore {
  readonly #database: SqlDatabase;
  readonly #dialect: SqlDialect;

  constructor(database: SqlDatabase) {
    this.#database = database;
    this.#dialect = database.dialect;
  }

  async prepare(): Promise<void> {
    // Whoever made them in a migration need not be allowed to make tables.
    const there = await Promise.all(TABLES.map((table) => this.#has(table)));
    if (there.every(Boolean)) return;
    for (const text of jobTables(this.#dialect)) await this.#database.execute(text, []);
  }

  async create(plan: JobPlan, settings: JobSettings, before: string | null): Promise<string> {
    const id = toHex(randomBytes(8));
    const active = plan.kind === 'verify' ? null : plan.model;
    const [head, tail] = INSERT[this.#dialect];
    const made = await this.#change(
      sql`${head} fieldseal_job (id, active, plan, state, settings, created_at, updated_at, before_census) VALUES (${id}, ${active}, ${JSON.stringify(plan)}, 'planning', ${JSON.stringify(settings)}, ${this.#now}, ${this.#now}, ${before})${tail}`,
    );
    if (made === 1) return id;
    throw new FieldsealError('ERR_JOB_ACTIVE', 'another job writes to the rows of this model', { model: plan.model });
  }

  async addChunks(job: string, ordinal: number, chunks: readonly PlannedChunk[]): Promise<void> {
    const rows = chunks.map(
      ({ after, upTo, rows: planned }, at) =>
        sql`(${job}, ${whole(ordinal + at)}, ${textOf(after)}, ${textOf(upTo)}, 'todo', ${whole(planned)})`,
    );
    for (let at = 0; at < rows.length; at += INSERTED) {
      const values = joined(rows.slice(at, at + INSERTED), ', ');
      await this.#change(
        sql`INSERT INTO fieldseal_job_chunk (job, ordinal, lo, hi, state, planned_rows) VALUES ${values}`,
      );
    }
  }

  async addSweep(job: string, ordinal: number): Promise<void> {
    const [head, tail] = INSERT[this.#dialect];
    await this.#change(
      sql`${head} fieldseal_job_chunk (job, ordinal, sweep, state) VALUES (${job}, ${whole(ordinal)}, 1, 'todo')${tail}`,
    );
  }

  async load(job: string): Promise<JobRecord> {
    const [row] = await this.#jobs(sql`WHERE id = ${job}`);
    if (row !== undefined) return row;
    throw new FieldsealError('ERR_JOB_UNKNOWN', 'there is no such job');
  }

  async list(): Promise<readonly JobRecord[]> {
    return this.#jobs(raw('ORDER BY created_at DESC, id'));
  }

  async status(job: string): Promise<JobStatus> {
    const record = await this.load(job);
    const sums = ['rows_read', 'rows_done', 'conflicts'].map((column) => this.#number(`coalesce(sum(${column}), 0)`));
    const passed = this.#number(
      "coalesce(sum(CASE WHEN sweep = 1 THEN 0 WHEN state = 'done' OR rows_read > planned_rows THEN planned_rows ELSE rows_read END), 0)",
    );
    const states = ['todo', 'running', 'done'].map((state) =>
      this.#number(`coalesce(sum(CASE WHEN state = '${state}' THEN 1 ELSE 0 END), 0)`),
    );
    const [row] = await this.#query(
      sql`SELECT ${selected([...sums, passed, ...states])} FROM fieldseal_job_chunk WHERE job = ${job}`,
    );
    const [read = 0, done = 0, conflicts = 0, over = 0, todo = 0, running = 0, finished = 0] = (row ?? []).map(Number);
    const [bad] = await this.#query(
      sql`SELECT ${this.#number('count(DISTINCT row_hash)')} FROM fieldseal_job_quarantine WHERE job = ${job}`,
    );
    return {
      ...record,
      counts: { read, done, conflicts },
      passed: over,
      quarantined: Number(bad?.[0] ?? 0),
      chunks: { todo, running, done: finished },
    };
  }

  async changeState(
    job: string,
    from: readonly JobState[],
    to: JobState,
    reason: string | null = null,
  ): Promise<boolean> {
    const ended = to === 'done' || to === 'cancelled';
    const known = joined(
      from.map((state) => sql`${state}`),
      ', ',
    );
    const changed = await this.#change(
      sql`UPDATE fieldseal_job SET state = ${to}, reason = ${reason}, updated_at = ${this.#now}${raw(ended ? ', active = NULL' : '')} WHERE id = ${job} AND state IN (${known})`,
    );
    return changed === 1;
  }

  async changeSettings(job: string, settings: JobSettings): Promise<void> {
    await this.#change(
      sql`UPDATE fieldseal_job SET settings = ${JSON.stringify(settings)}, updated_at = ${this.#now} WHERE id = ${job}`,
    );
  }

  async setRows(job: string, rows: number): Promise<void> {
    await this.#change(sql`UPDATE fieldseal_job SET planned_rows = ${whole(rows)} WHERE id = ${job}`);
  }

  claim(job: string, owner: string, leaseMs: number): Promise<ChunkLease | null> {
    return this.#database.transaction(async (session) => {
      const sqlite = this.#dialect === 'sqlite';
      // A read that becomes a write later would fail where another writes meanwhile: this makes it a write from the start.
      if (sqlite) await this.#change(sql`UPDATE fieldseal_job SET updated_at = updated_at WHERE id = ${job}`, session);
      // A worker has one lease at a time: what else is in its name was taken by a claim of which it was not told.
      const lock = raw(sqlite ? '' : ' FOR UPDATE SKIP LOCKED');
      const [row] = await this.#query(
        sql`SELECT ${selected([this.#number('ordinal'), this.#number('sweep'), raw('lo'), raw('hi'), raw('progress'), this.#number('attempt')])} FROM fieldseal_job_chunk WHERE job = ${job} AND (state = 'todo' OR (state = 'running' AND (lease_until < ${this.#now} OR owner = ${owner}))) ORDER BY fieldseal_job_chunk.ordinal LIMIT 1${lock}`,
        session,
      );
      if (row === undefined) return null;
      const [ordinal, sweep, lo, hi, progress, attempts] = row;
      const attempt = Number(attempts) + 1;
      await this.#change(
        sql`UPDATE fieldseal_job_chunk SET state = 'running', owner = ${owner}, attempt = ${whole(attempt)}, lease_until = ${this.#now} + ${whole(leaseMs)} WHERE job = ${job} AND ordinal = ${whole(Number(ordinal))}`,
        session,
      );
      const after = keyOf(progress ?? lo ?? null);
      return { job, ordinal: Number(ordinal), sweep: sweep === '1', after, upTo: keyOf(hi ?? null), owner, attempt };
    });
  }

  async progress(session: SqlSession, lease: ChunkLease, batch: BatchProgress, leaseMs: number): Promise<boolean> {
    for (const { row, field, code, cellHash } of batch.bad) {
      const key = JSON.stringify(row);
      const hash = createHash('sha256').update(key).digest('hex');
      const [head, tail] = INSERT[this.#dialect];
      await this.#change(
        sql`${head} fieldseal_job_quarantine (job, row_hash, field, row_key, code, cell_hash, noted_at) VALUES (${lease.job}, ${hash}, ${field}, ${key}, ${code}, ${cellHash}, ${this.#now})${tail}`,
        session,
      );
    }
    const changed = await this.#change(
      sql`UPDATE fieldseal_job_chunk SET lease_until = ${this.#now} + ${whole(leaseMs)}, progress = ${textOf(batch.after)}, state = ${batch.finished ? 'done' : 'running'}, rows_read = rows_read + ${whole(batch.read)}, rows_done = rows_done + ${whole(batch.done)}, conflicts = conflicts + ${whole(batch.conflicts)} WHERE ${mine(lease)}`,
      session,
    );
    return changed === 1;
  }

  async position(lease: ChunkLease): Promise<{ readonly after: RowKey | null } | null> {
    const [row] = await this.#query(sql`SELECT progress, lo FROM fieldseal_job_chunk WHERE ${mine(lease)}`);
    return row === undefined ? null : { after: keyOf(row[0] ?? row[1] ?? null) };
  }

  async release(lease: ChunkLease): Promise<void> {
    await this.#change(sql`UPDATE fieldseal_job_chunk SET state = 'todo', owner = NULL WHERE ${mine(lease)}`);
  }

  async remaining(job: string): Promise<{ readonly open: number; readonly last: LastChunk | null }> {
    // By one statement: a last pass that is added between two of them would look like one that is done and found nothing.
    const open = `(SELECT count(*) FROM fieldseal_job_chunk AS others WHERE others.job = fieldseal_job_chunk.job AND others.state <> 'done')`;
    const [row] = await this.#query(
      sql`SELECT ${selected(['ordinal', 'sweep', 'rows_done', open].map((name) => this.#number(name)))} FROM fieldseal_job_chunk WHERE job = ${job} ORDER BY fieldseal_job_chunk.ordinal DESC LIMIT 1`,
    );
    if (row === undefined) return { open: 0, last: null };
    const [ordinal, sweep, done, left] = row;
    return { open: Number(left), last: { ordinal: Number(ordinal), sweep: sweep === '1', done: Number(done) } };
  }

  async finish(job: string, report: string): Promise<boolean> {
    const changed = await this.#change(
      sql`UPDATE fieldseal_job SET state = 'done', reason = NULL, active = NULL, report = ${report}, updated_at = ${this.#now} WHERE id = ${job} AND state = 'running'`,
    );
    return changed === 1;
  }

  async quarantine(
    job: string,
  ): Promise<readonly { readonly field: string; readonly code: string; readonly rows: number }[]> {
    const rows = await this.#query(
      sql`SELECT ${selected([raw('field'), raw('code'), this.#number('count(*)')])} FROM fieldseal_job_quarantine WHERE job = ${job} GROUP BY field, code ORDER BY field, code`,
    );
    return rows.map(([field, code, count]) => ({ field: String(field), code: String(code), rows: Number(count) }));
  }

  async now(): Promise<number> {
    const [row] = await this.#query(sql`SELECT ${this.#number(this.#now.text)}`);
    return Number(row?.[0]);
  }

  #has(table: string): Promise<boolean> {
    return this.#database.query(`SELECT 1 AS found FROM ${table} WHERE 1 = 0`, []).then(
      () => true,
      () => false,
    );
  }

  get #now(): RawSql {
    return DATABASE_NOW[this.#dialect];
  }

  #number(expression: string): RawSql {
    return raw(`CAST(${expression} AS ${NUMBER[this.#dialect]})`);
  }

  async #jobs(tail: RawSql): Promise<JobRecord[]> {
    const columns = JOB_COLUMNS.map((name) => (/_rows|_at$/.test(name) ? this.#number(name) : raw(name)));
    const rows = await this.#query(sql`SELECT ${selected(columns)} FROM fieldseal_job ${tail}`);
    return rows.map(recordOf);
  }

  #query(piece: RawSql, session: SqlSession = this.#database): Promise<readonly Row[]> {
    return queryRows(session, this.#dialect, piece);
  }

  #change(piece: RawSql, session: SqlSession = this.#database): Promise<number> {
    return changeRows(session, this.#dialect, piece);
  }
}

function recordOf(row: Row): JobRecord {
  const [id, plan, state, reason, settings, rows, created, updated, before, report] = row;
  return {
    id: String(id),
    plan: JSON.parse(String(plan)) as JobPlan,
    state: state as JobState,
    reason: reason ?? null,
    settings: JSON.parse(String(settings)) as JobSettings,
    rows: Number(rows),
    created: Number(created),
    updated: Number(updated),
    before: before ?? null,
    report: report ?? null,
  };
}

/** The chunk, if the lease is still the one that holds it. */
function mine({ job, ordinal, owner, attempt }: ChunkLease): RawSql {
  return sql`job = ${job} AND ordinal = ${whole(ordinal)} AND owner = ${owner} AND attempt = ${whole(attempt)} AND state = 'running'`;
}

function keyOf(text: string | null): RowKey | null {
  return text === null ? null : (JSON.parse(text) as RowKey);
}

function textOf(key: RowKey | null): string | null {
  return key === null ? null : JSON.stringify(key);
}

/** A number of ours. */
function whole(value: number): RawSql {
  if (!Number.isSafeInteger(value)) throw new FieldsealError('ERR_OPTIONS', 'a count is no whole number');
  return raw(String(value));
}
