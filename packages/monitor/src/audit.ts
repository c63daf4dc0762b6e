/**
 * @fieldseal/monitor/audit: a tamper-evident log of who used which key for what.
 *
 * @module
 */
export { type AuditEntry, type AuditOutcome, readEntry, type SealedEntry } from './audit/audit-entry.ts';
export {
  type FileSinkOptions,
  fileAuditSink,
  fileWitness,
  readAuditFile,
  readWitnessFile,
} from './audit/audit-file.ts';
export { type AuditEvent, AuditLog, type AuditLogOptions, openAuditLog } from './audit/audit-log.ts';
export type { AuditSink, AuditWitness } from './audit/audit-sink.ts';
export { auditTables, type SqlAuditOptions, sqlAuditSink, sqlWitness } from './audit/audit-sql.ts';
export { type AuditWebhookOptions, webhookAuditSink, webhookWitness } from './audit/audit-webhook.ts';
export { auditedKeyring, auditedTask } from './audit/audited-keyring.ts';
export { type Checkpoint, checkpointText, readCheckpoint } from './audit/checkpoint.ts';
export { type EventRecorderOptions, recordEvents } from './audit/event-recorder.ts';
export {
  consistencyProof,
  inclusionProof,
  leafHash,
  merkleRoot,
  verifyConsistency,
  verifyInclusion,
} from './audit/merkle-tree.ts';
export {
  formatNoteSigner,
  type NoteSigner,
  type NoteVerifier,
  noteSigner,
  parseNoteSigner,
  parseNoteVerifier,
} from './audit/signed-note.ts';
export {
  type AuditVerification,
  type StoredLog,
  type TamperFinding,
  type TamperKind,
  verifyAuditLog,
} from './audit/verification.ts';
