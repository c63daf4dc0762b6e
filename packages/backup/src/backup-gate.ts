import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import { type BackupClaim, type BackupFile, checkSignature, listBackups } from './catalogue.ts';
import type { VerifyKey } from './minisign.ts';
import { openSigned } from './signed-archive.ts';
import type { BackupTarget } from './target.ts';

/** Options of {@link backupGate}. */
export interface BackupGateOptions {
  readonly target: BackupTarget;
  /** One of them signed the backup. */
  readonly keys: readonly VerifyKey[];
  /** Opens the backup, to see the key in it. Needed where keys are in a key store outside the keyring. */
  readonly identities?: readonly string[];
  /** The most that the backup may be old, in ms; by default any age. */
  readonly maxAge?: number;
  /** The present, in ms since the epoch; by default the clock's. */
  readonly now?: () => number;
}

/** A key version that is to become the primary one. */
export interface KeyToPromote {
  readonly keyId: string;
  /** The keyring as it is now. */
  readonly keyringId: string;
  readonly generation: number;
  /** Whether the key is in the keyring itself, and not in a key store outside. */
  readonly inKeyring: boolean;
}

/**
 * A gate before promotions: no data is to be encrypted under a key that a disaster may take along.
 *
 * The newest backup counts. Its signature and digest are verified; the key is in it when it was made of this keyring at its present generation or
 * a later one, or, with identities, when its manifest lists the key.
 *
 * @returns a function that throws ERR_BACKUP_GATE, with the reason, unless the newest backup holds the key; ERR_BACKUP_TARGET and ERR_OPTIONS
 */
export function backupGate(options: BackupGateOptions): (key: KeyToPromote) => Promise<void> {
  const { target, keys, identities = [], maxAge = Number.POSITIVE_INFINITY, now = Date.now } = options;
  if (!(maxAge > 0)) throw new FieldsealError('ERR_OPTIONS', 'the age of a backup is a number of ms above 0');
  return async (key) => {
    const { backups } = await listBackups(target);
    const newest = backups.at(-1);
    if (newest === undefined) throw closed('there is no backup');
    const claim = await verified(newest);
    if (claim.keyringId !== key.keyringId) throw closed('the newest backup is of another keyring');
    if (now() - newest.created > maxAge) throw closed('the newest backup is too old');
    const holds = identities.length > 0 ? await lists(newest, claim, key.keyId) : holdsByGeneration(claim, key);
    if (!holds) throw closed('the newest backup does not hold the key');
  };

  async function verified({ name }: BackupFile): Promise<BackupClaim> {
    return checkSignature(target, name, keys).catch((cause: unknown) => {
      throw isFieldsealError(cause, 'ERR_BACKUP_TARGET')
        ? cause
        : closed('the newest backup cannot be verified', cause);
    });
  }

  async function lists({ name }: BackupFile, claim: BackupClaim, keyId: string): Promise<boolean> {
    const manifest = await openSigned(target, name, claim, identities).catch((cause: unknown) => {
      throw isFieldsealError(cause, 'ERR_BACKUP_TARGET') ? cause : closed('the newest backup does not open', cause);
    });
    return Object.hasOwn(manifest.keys, keyId);
  }
}

/** A keyring holds its keys: what was made of it at this generation has all that it has now. */
function holdsByGeneration(claim: BackupClaim, { generation, inKeyring }: KeyToPromote): boolean {
  if (!inKeyring)
    throw closed('the key is in a key store, and only an identity shows whether the backup holds it', undefined);
  return claim.generation >= generation;
}

function closed(message: string, cause?: unknown): FieldsealError {
  return new FieldsealError('ERR_BACKUP_GATE', `the key was not promoted: ${message}`, { cause });
}
