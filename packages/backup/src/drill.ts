import { FieldsealError } from '@fieldseal/core';
import { tell } from './backup-event.ts';
import { isSignedText, type SigningKey, signText, type VerifyKey } from './minisign.ts';
import type { BackupVerdict } from './verify-backup.ts';

/** What a drill proved: kept as evidence, and read by whatever watches the age of the last one. */
export interface DrillEvidence {
  readonly format: 'fieldseal-drill/1';
  /** ISO 8601 in UTC. */
  readonly at: string;
  readonly backup: string;
  readonly level: number;
  readonly faults: readonly { readonly level: number; readonly code: string }[];
  readonly keyringId: string | null;
  readonly generation: number | null;
  readonly rowsOpened: number | null;
  /** Age of the backup, in seconds: what would have been lost. */
  readonly recoveryPointSeconds: number | null;
  /** How long the drill took, in seconds. */
  readonly recoveryTimeSeconds: number;
  /** Ed25519 over the text before it, base64. */
  readonly signature: string;
}

/** The signed evidence of a verified backup, of which whoever listens on `fieldseal:backup` is told as of a drill. */
export function drillEvidence(verdict: BackupVerdict, key: SigningKey, now: Date = new Date()): DrillEvidence {
  const { name, level, faults, claim, manifest, rowsOpened, ms } = verdict;
  tell('drill', { ok: faults.length === 0, entries: manifest?.entries ?? [], ms });
  const made = manifest === null ? null : Date.parse(manifest.created);
  const facts: Omit<DrillEvidence, 'signature'> = {
    format: 'fieldseal-drill/1',
    at: now.toISOString(),
    backup: name,
    level,
    faults: faults.map((fault) => ({ level: fault.level, code: fault.code })),
    keyringId: claim?.keyringId ?? null,
    generation: claim?.generation ?? null,
    rowsOpened,
    recoveryPointSeconds: made === null ? null : Math.round((now.getTime() - made) / 1000),
    recoveryTimeSeconds: Math.round(ms) / 1000,
  };
  return { ...facts, signature: signText(key, JSON.stringify(facts)) };
}

/**
 * Checks evidence that was kept.
 *
 * @throws ERR_BACKUP_SIGNATURE when none of the keys signed it, or it was changed
 */
export function checkEvidence(evidence: DrillEvidence, keys: readonly VerifyKey[]): void {
  const { signature, ...facts } = evidence;
  if (!isSignedText(keys, JSON.stringify(facts), signature))
    throw new FieldsealError(
      'ERR_BACKUP_SIGNATURE',
      'the evidence of a drill was changed, or an unknown key signed it',
    );
}
