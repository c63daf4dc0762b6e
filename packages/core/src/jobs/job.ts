import { FieldsealError } from '../errors.ts';

/**
 * What a job does with every row of a model:
 *
 * - `reencrypt`: cells of other keys, or of an older way to write them, become cells of the primary key
 * - `backfill`: plaintext of fields that are being migrated becomes cells, with their index terms
 * - `restore`: cells become plaintext again, and their index terms NULL
 * - `reindex`: index terms are computed again; cells stay
 * - `verify`: every cell is opened, or those of a sample; nothing is written
 */
export type JobKind = 'reencrypt' | 'backfill' | 'restore' | 'reindex' | 'verify';

/** All kinds, for tables and for reading what was stored. */
export const JOB_KINDS: readonly JobKind[] = ['reencrypt', 'backfill', 'restore', 'reindex', 'verify'];

/** Where a job stands. `done` and `cancelled` are final. */
export type JobState = 'planning' | 'running' | 'paused' | 'done' | 'cancelled';

/** What may be changed while a job runs; every worker heeds it from its next batch on. */
export interface JobSettings {
  /** The most rows a second and worker, or 0 for as many as it can. */
  readonly rowsPerSecond: number;
  /** The most rows of a batch, which is a transaction. */
  readonly batchRows: number;
  /** How long a batch should take, in ms: batches shrink when they take longer, and grow again. */
  readonly batchMs: number;
  /** How long a worker holds a chunk without a sign of life, in ms of the database's clock. */
  readonly leaseMs: number;
  /** Rows that may be quarantined before the job pauses. The larger of the two budgets counts. */
  readonly errorRows: number;
  /** Share of the rows that may be quarantined before the job pauses, 0 to 1. */
  readonly errorShare: number;
}

/** Settings of a job that says nothing else. */
export const DEFAULT_SETTINGS: JobSettings = {
  rowsPerSecond: 0,
  batchRows: 500,
  batchMs: 200,
  leaseMs: 15_000,
  errorRows: 100,
  errorShare: 0.0001,
};

/** The least and the most that each setting may be. */
const BOUNDS: Readonly<Record<keyof JobSettings, readonly [least: number, most: number, whole: boolean]>> = {
  rowsPerSecond: [0, 10_000_000, false],
  batchRows: [1, 10_000, true],
  batchMs: [1, 60_000, true],
  leaseMs: [100, 3_600_000, true],
  errorRows: [0, 1_000_000_000, true],
  errorShare: [0, 1, false],
};

/** Names of the settings. */
export const SETTING_NAMES: readonly (keyof JobSettings)[] = Object.keys(BOUNDS) as (keyof JobSettings)[];

/**
 * Settings with some of them replaced.
 *
 * @throws ERR_OPTIONS for a name that is none, or a number out of its bounds
 */
export function withSettings(settings: JobSettings, changes: Readonly<Record<string, unknown>>): JobSettings {
  for (const [name, value] of Object.entries(changes)) {
    const bounds = Object.hasOwn(BOUNDS, name) ? BOUNDS[name as keyof JobSettings] : undefined;
    if (bounds === undefined)
      throw new FieldsealError('ERR_OPTIONS', 'a job has no such setting', {
        hint: `It has ${SETTING_NAMES.join(', ')}.`,
      });
    const [least, most, whole] = bounds;
    const fits = typeof value === 'number' && value >= least && value <= most && (!whole || Number.isInteger(value));
    if (!fits)
      throw new FieldsealError(
        'ERR_OPTIONS',
        `${name} is ${whole ? 'a whole number' : 'a number'} from ${least} to ${most}`,
      );
  }
  return { ...settings, ...changes };
}

/** What a job was asked to do. It does not change once the job is stored. */
export interface JobPlan {
  readonly kind: JobKind;
  /** Model of the schema whose rows are worked on. */
  readonly model: string;
  /** Names of the fields. */
  readonly fields: readonly string[];
  /** Digest of how the fields are written and were written before: a worker with another schema is refused. */
  readonly schema: string;
  /** Key id of the primary when the job was planned, which is what re-encrypted cells are under; null where no cell is written, or rows have scopes of their own. */
  readonly target: string | null;
  /** The scope whose rows alone are worked on, or absent. */
  readonly scope?: string;
  /** What the values were written by where it was another system, or absent. */
  readonly origin?: string;
  /** Share of the rows that `verify` opens, above 0 to 1; 1 for the other kinds. */
  readonly sample: number;
}

/** Counts of a job. Each row that was changed is counted once, in the transaction that changed it. */
export interface JobCounts {
  /** Rows that were looked at, in every pass. */
  readonly read: number;
  /** Rows that were changed, or that `verify` opened. */
  readonly done: number;
  /** Rows that somebody else changed meanwhile, and that were read again. */
  readonly conflicts: number;
}

/** A job as it is stored. */
export interface JobRecord {
  readonly id: string;
  readonly plan: JobPlan;
  readonly state: JobState;
  /** Why it paused, as a code, or null. */
  readonly reason: string | null;
  readonly settings: JobSettings;
  /** Rows that the plan counted. */
  readonly rows: number;
  /** Times of the database's clock, in ms since the Unix epoch. */
  readonly created: number;
  readonly updated: number;
  /** Text that was kept at the start: the census before, as JSON. */
  readonly before: string | null;
  /** Signed report as JSON, once the job is done. */
  readonly report: string | null;
}

/** A job and how far it is. */
export interface JobStatus extends JobRecord {
  readonly counts: JobCounts;
  /** Rows of the plan that lie behind the workers. */
  readonly passed: number;
  /** Rows that were quarantined. */
  readonly quarantined: number;
  readonly chunks: { readonly todo: number; readonly running: number; readonly done: number };
}
