import type { JobCounts, JobPlan, JobRecord, JobSettings, JobState, JobStatus } from './job.ts';
import type { RowKey } from './row-source.ts';
import type { SqlSession } from './sql.ts';

/** A range of rows that one worker has. */
export interface ChunkLease {
  readonly job: string;
  readonly ordinal: number;
  /** Whether it is a pass over all rows for what is left. */
  readonly sweep: boolean;
  readonly after: RowKey | null;
  readonly upTo: RowKey | null;
  readonly owner: string;
  /** Counts the times that the chunk was taken: with `owner` it tells this lease from every other. */
  readonly attempt: number;
}

/** What a batch did. */
export interface BatchProgress extends JobCounts {
  /** Where the next batch begins, or null for the start of the chunk. */
  readonly after: RowKey | null;
  /** Whether the chunk is finished. */
  readonly finished: boolean;
  /** Bytes of the cells that were read, about. */
  readonly bytes: number;
  readonly bad: readonly QuarantinedField[];
}

/** A value that cannot be served. */
export interface QuarantinedField {
  readonly row: RowKey;
  readonly field: string;
  /** Code of the error. */
  readonly code: string;
  /** SHA-256 of the stored cell, hexadecimal; null for what is not a cell, since a hash of plaintext could be guessed. */
  readonly cellHash: string | null;
}

/** Where jobs are kept: beside the rows, in the same database, so that progress and rows change in one transaction. */
export interface JobStore {
  /** Time of the database in ms since the Unix epoch. */
  now(): Promise<number>;
  /** Makes the tables where they are missing. */
  prepare(): Promise<void>;
  /** Stores a new job in state `planning`. Throws ERR_JOB_ACTIVE when the model has an unfinished job that writes. */
  create(plan: JobPlan, settings: JobSettings, before: string | null): Promise<string>;
  /** Adds planned chunks, the first at `ordinal`. */
  addChunks(job: string, ordinal: number, chunks: readonly PlannedChunk[]): Promise<void>;
  /** Adds a pass over all rows at `ordinal` unless it is there already. */
  addSweep(job: string, ordinal: number): Promise<void>;
  /** The job of this id. Throws ERR_JOB_UNKNOWN. */
  load(job: string): Promise<JobRecord>;
  /** Jobs, the newest first. */
  list(): Promise<readonly JobRecord[]>;
  status(job: string): Promise<JobStatus>;
  /** Changes the state if it is one of `from` now, and returns whether it was. */
  changeState(job: string, from: readonly JobState[], to: JobState, reason?: string | null): Promise<boolean>;
  changeSettings(job: string, settings: JobSettings): Promise<void>;
  setRows(job: string, rows: number): Promise<void>;
  /** Takes a chunk that nobody has, or whose lease ran out by the database's clock, or that is the owner's already; null when there is none. */
  claim(job: string, owner: string, leaseMs: number): Promise<ChunkLease | null>;
  /**
   * Notes what a batch did, in the transaction that did it, and prolongs the lease.
   *
   * @returns whether the lease is still this one; if not, the caller rolls the transaction back
   */
  progress(session: SqlSession, lease: ChunkLease, batch: BatchProgress, leaseMs: number): Promise<boolean>;
  /** Where the chunk of a lease stands, or null when the lease is another worker's now. */
  position(lease: ChunkLease): Promise<{ readonly after: RowKey | null } | null>;
  /** Gives a chunk back before it is finished. */
  release(lease: ChunkLease): Promise<void>;
  /** What is left: chunks that are not done, and the last chunk. */
  remaining(job: string): Promise<{ readonly open: number; readonly last: LastChunk | null }>;
  /** Ends a job with its report, if it runs; false when another worker did. */
  finish(job: string, report: string): Promise<boolean>;
  /** Quarantined values by field and code. */
  quarantine(job: string): Promise<readonly { readonly field: string; readonly code: string; readonly rows: number }[]>;
}

/** A chunk of a plan. */
export interface PlannedChunk {
  readonly after: RowKey | null;
  readonly upTo: RowKey | null;
  readonly rows: number;
}

/** The chunk with the highest number. */
export interface LastChunk {
  readonly ordinal: number;
  readonly sweep: boolean;
  /** Rows that it changed. */
  readonly done: number;
}
