/**
 * @fieldseal/backup: backups of keyrings, key stores and encrypted rows, and their recovery.
 *
 * @module
 */
export type { RowPort, StoredRow, StoredRowChange } from '@fieldseal/core/jobs';
export { openStream, openText, type PostQuantum, sealStream } from './age-file.ts';
export { type ArchiveEntry, openManifest } from './archive.ts';
export { type BackupGateOptions, backupGate, type KeyToPromote } from './backup-gate.ts';
export { type BackupClaim, type BackupFile, checkSignature, listBackups, removeBackup } from './catalogue.ts';
export { type BackupSource, type CreateBackupOptions, type CreatedBackup, createBackup } from './create-backup.ts';
export { checkEvidence, type DrillEvidence, drillEvidence } from './drill.ts';
export { folderTarget } from './folder-target.ts';
export { type Holder, type IssuedShares, issueShares } from './issue-shares.ts';
export { keyStoreSource } from './key-store-source.ts';
export { type KeyringFacts, readKeyring } from './keyring-entry.ts';
export type { Manifest, ManifestEntry } from './manifest.ts';
export { formatVerifyKey, parseVerifyKey, type SigningKey, signingKey, type VerifyKey } from './minisign.ts';
export { type ObjectStore, objectTarget } from './object-target.ts';
export { type RecoveryFacts, recoverySheet } from './recovery-sheet.ts';
export { type Restoration, type RestoreBackupOptions, type RestoreSelection, restoreBackup } from './restore-backup.ts';
export { type KeptFor, planRetention, type RetentionFacts, type RetentionPolicy } from './retention.ts';
export { type RowSelection, type RowsRestoration, rowSource } from './rows.ts';
export {
  type BackupPoint,
  type DrillResult,
  isBackupDue,
  runSchedule,
  type ScheduleClock,
  type ScheduledTasks,
  type ScheduleState,
  type ScheduleStep,
  type ScheduleTimes,
} from './schedule.ts';
export { shareIdentity, shareOpener } from './share-keys.ts';
export {
  activateShares,
  checkShareSet,
  formatShareSet,
  parseShareSet,
  provenShare,
  type ShareHolder,
  type ShareSetFile,
  signShareSet,
} from './share-set-file.ts';
export { formatShare, parseShare, shareWords } from './share-text.ts';
export { combineShares, readLabel, type ShareLabel, type ShareSet, splitSecret } from './shares.ts';
export { BACKUP_TABLE, BACKUP_TABLE_MYSQL, sqlTarget } from './sql-target.ts';
export type { BackupTarget } from './target.ts';
export {
  type BackupFault,
  type BackupVerdict,
  type VerifyBackupOptions,
  type VerifyLevel,
  verifyBackup,
} from './verify-backup.ts';
