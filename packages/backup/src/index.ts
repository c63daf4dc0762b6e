/**
 * @fieldseal/backup: backups of keyrings, key stores and encrypted rows, and their recovery.
 *
 * @module
 */
export type { PostQuantum } from './age-file.ts';
export { type BackupClaim, type BackupFile, checkSignature, listBackups } from './catalogue.ts';
export { type BackupSource, type CreateBackupOptions, type CreatedBackup, createBackup } from './create-backup.ts';
export { folderTarget } from './folder-target.ts';
export { formatVerifyKey, parseVerifyKey, type SigningKey, signingKey, type VerifyKey } from './minisign.ts';
export { type KeptFor, planRetention, type RetentionFacts, type RetentionPolicy } from './retention.ts';
export { combineShares, readLabel, type ShareLabel, type ShareSet, splitSecret } from './shares.ts';
export type { BackupTarget } from './target.ts';
