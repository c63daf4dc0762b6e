import type { ErrorCode } from '@fieldseal/core';
import type { CliErrorCode } from './cli-error.ts';

/** Exit codes and their meaning. A code never changes its meaning. */
export const EXIT_CODES = {
  0: 'done',
  1: 'failed for another reason than those below',
  2: 'wrong usage, of an option or of a variable',
  3: 'the key is wrong or missing',
  4: 'there is no keyring',
  5: 'the keyring is damaged',
  6: 'a file cannot be read or written',
  7: 'the keyring or the key exists already; nothing was overwritten',
  8: 'doctor found errors',
  9: 'the TPM cannot be reached, or refuses',
  10: 'the KEK outside the keyring cannot be reached, or refuses',
  11: 'a job paused by itself, or set rows apart that it cannot serve',
  12: 'a backup or a share has faults, cannot be opened, or was refused',
  13: 'the audit log does not verify',
} as const;

/** One of {@link EXIT_CODES}. */
export type ExitCode = keyof typeof EXIT_CODES;

/** Errors that have an exit code of their own; every other one ends with 1. */
const OF_ERROR: Partial<Record<ErrorCode | CliErrorCode, ExitCode>> = {
  ERR_USAGE: 2,
  ERR_OPTIONS: 2,
  ERR_KEY_INVALID: 3,
  ERR_KEY_MISSING: 3,
  ERR_KEYRING_LOCKED: 3,
  ERR_KEYRING_MISSING: 4,
  ERR_KEYRING_DAMAGED: 5,
  ERR_AUDIT_DAMAGED: 13,
  ERR_FILE_IO: 6,
  ERR_KEYRING_BUSY: 6,
  ERR_KEYRING_IO: 6,
  ERR_KEY_EXISTS: 7,
  ERR_KEYRING_EXISTS: 7,
};

/** Exit code for an error code. */
export function exitCodeOf(code: ErrorCode | CliErrorCode): ExitCode {
  if (code.startsWith('ERR_KEK_')) return 10;
  if (/^ERR_(BACKUP_|SHARE)/.test(code)) return 12;
  return OF_ERROR[code] ?? (code.startsWith('ERR_TPM_') ? 9 : 1);
}
