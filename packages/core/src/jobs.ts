/**
 * @fieldseal/core/jobs: re-encryption, backfill and verification of live rows.
 *
 * @module
 */

export { isConstraint, isTransient } from './database-fault.ts';
export {
  type CompletionReport,
  reportPublicKey,
  type SignedReport,
  signReport,
  verifyReport,
} from './jobs/completion-report.ts';
export { databaseError } from './jobs/database-error.ts';
export { Fleet, type FleetInstance, type FleetOptions, type GateOptions } from './jobs/fleet.ts';
export { type FleetKeyring, Heartbeat, type HeartbeatOptions } from './jobs/heartbeat.ts';
export { instanceTable } from './jobs/instance-table.ts';
export {
  DEFAULT_SETTINGS,
  JOB_KINDS,
  type JobCounts,
  type JobKind,
  type JobPlan,
  type JobRecord,
  type JobSettings,
  type JobState,
  type JobStatus,
  SETTING_NAMES,
  withSettings,
} from './jobs/job.ts';
export { JobControl } from './jobs/job-control.ts';
export {
  JobEngine,
  type JobEngineOptions,
  type JobForecast,
  type JobRequest,
  type WorkOptions,
} from './jobs/job-engine.ts';
export type {
  BatchProgress,
  ChunkLease,
  JobStore,
  LastChunk,
  PlannedChunk,
  QuarantinedField,
} from './jobs/job-store.ts';
export { jobTables } from './jobs/job-tables.ts';
export { type LegacyReaders, type LegacyRowsOptions, legacyRows } from './jobs/legacy-rows.ts';
export { type NewRow, type SealedRow, sealRows } from './jobs/new-rows.ts';
export { openRows } from './jobs/opened-rows.ts';
export { isPartner } from './jobs/partners.ts';
export type { RowPort, StoredRow, StoredRowChange } from './jobs/row-port.ts';
export { openSample, type SampleResult } from './jobs/row-sample.ts';
export type {
  CellForm,
  CensusLine,
  JobField,
  JobIndex,
  JobRow,
  Pending,
  PlaintextCodec,
  RowChange,
  RowKey,
  RowRange,
  RowSource,
} from './jobs/row-source.ts';
export { sameTerms } from './jobs/row-terms.ts';
export {
  changeRows,
  joined,
  queryRows,
  quoted,
  RawSql,
  raw,
  type SqlDatabase,
  type SqlDialect,
  type SqlSession,
  selected,
  sql,
} from './jobs/sql.ts';
export { SqlJobStore } from './jobs/sql-job-store.ts';
export type { Clock } from './jobs/throttle.ts';
export type { WorkEnd } from './jobs/worker.ts';
