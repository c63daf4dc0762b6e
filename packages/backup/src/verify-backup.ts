import {
  FieldsealError,
  isFieldsealError,
  type Keyring,
  type KeyStore,
  type KeysetRecord,
  keyringMemory,
  openKeyring,
  type SlotOpener,
} from '@fieldseal/core';
import { told } from './backup-event.ts';
import { type BackupClaim, type BackupFile, checkSignature, listBackups, parseName } from './catalogue.ts';
import { KEYSETS_FOLDER } from './key-store-source.ts';
import { KEYRING_NAME } from './keyring-entry.ts';
import type { Manifest } from './manifest.ts';
import type { VerifyKey } from './minisign.ts';
import { openSigned, trustedRecords } from './signed-archive.ts';
import type { BackupTarget } from './target.ts';

/** How much is proved: 0 signature, digest and chain; 1 decryption and manifest; 2 the keyring opens cells; 3 a restore into a scratch place. */
export type VerifyLevel = 0 | 1 | 2 | 3;

/** A fault of a backup, with what to do. */
export interface BackupFault {
  readonly level: VerifyLevel;
  readonly code: string;
  readonly message: string;
  readonly next: string;
}

/** What was found out about a backup. */
export interface BackupVerdict {
  readonly name: string;
  /** The highest level that was tried. */
  readonly level: VerifyLevel;
  readonly faults: readonly BackupFault[];
  /** What could not be tried, and why. */
  readonly unchecked: readonly string[];
  readonly claim: BackupClaim | null;
  readonly manifest: Manifest | null;
  /** Rows of the database that the keyring of the backup opened, at level 2. */
  readonly rowsOpened: number | null;
  /** Wall time in ms. */
  readonly ms: number;
}

/** Options of {@link verifyBackup}. */
export interface VerifyBackupOptions {
  readonly target: BackupTarget;
  readonly name: string;
  readonly level: VerifyLevel;
  /** One of them signed it. */
  readonly keys: readonly VerifyKey[];
  /** From level 1 on. */
  readonly identities?: readonly string[];
  /** From level 2 on: opens the keyring of the archive. */
  readonly openers?: readonly SlotOpener[];
  /** At level 2: opens a sample of live rows with the keyring, and tells how many opened and how many did not. */
  readonly openSample?: (keyring: Keyring) => Promise<{ readonly opened: number; readonly failed: number }>;
  /** At level 3: restores into a scratch place and throws when something is missing there. */
  readonly restoreScratch?: () => Promise<void>;
}

/**
 * Verifies a backup and lists every fault. It throws only when it cannot look at all: for a place that cannot be read (ERR_BACKUP_TARGET), or
 * options that a level needs (ERR_OPTIONS).
 */
export async function verifyBackup(options: VerifyBackupOptions): Promise<BackupVerdict> {
  return told(
    'verify',
    () => verified(options),
    ({ faults, manifest }) => ({ ok: faults.length === 0, entries: manifest?.entries ?? [] }),
  );
}

async function verified(options: VerifyBackupOptions): Promise<BackupVerdict> {
  const { target, name, level, keys, identities = [], openers = [] } = options;
  if (level >= 1 && identities.length === 0) throw new FieldsealError('ERR_OPTIONS', 'level 1 needs an identity');
  if (level >= 2 && openers.length === 0)
    throw new FieldsealError('ERR_OPTIONS', 'level 2 needs a way to open the keyring');
  const started = performance.now();
  const faults: BackupFault[] = [];
  const unchecked: string[] = [];
  const tried = async <T>(at: VerifyLevel, work: () => Promise<T>): Promise<T | null> => {
    try {
      return await work();
    } catch (error) {
      if (!isFieldsealError(error) || error.code === 'ERR_BACKUP_TARGET' || error.code === 'ERR_OPTIONS') throw error;
      faults.push({ level: at, code: error.code, message: error.summary, next: error.hint });
      return null;
    }
  };
  const { backups } = await listBackups(target);
  const claim = await tried(0, () => checkSignature(target, name, keys));
  if (claim !== null) await tried(0, () => checkChain(target, backups, name, claim, keys));
  let manifest: Manifest | null = null;
  let rowsOpened: number | null = null;
  if (level >= 1 && claim === null) unchecked.push('levels above 0: nothing of a backup that nobody signed is opened');
  if (level >= 1 && claim !== null) {
    let keyringText: string | undefined;
    manifest = await tried(1, async () => {
      const found = await openSigned(target, name, claim, identities, (entry) => {
        if (entry.name === KEYRING_NAME) keyringText = entry.content.toString('utf8');
      });
      if (keyringText === undefined) throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the backup holds no keyring');
      if (Date.parse(found.created) !== parseName(name)?.created)
        throw new FieldsealError('ERR_BACKUP_SIGNATURE', 'the backup was made at another time than its name says');
      return found;
    });
    if (level >= 2 && keyringText !== undefined && manifest !== null) {
      const found: Manifest = manifest;
      const archived = {
        text: keyringText,
        keyStore: found.entries.some(({ name: entry }) => entry.startsWith(`${KEYSETS_FOLDER}/`))
          ? archivedKeysets(() => trustedRecords(KEYSETS_FOLDER, target, name, found, identities))
          : null,
      };
      rowsOpened = await tried(2, () => openRows(archived, openers, options.openSample));
      if (options.openSample === undefined)
        unchecked.push('level 2: no sample of rows was given, so only the keyring was opened');
    }
  }
  if (level === 3) {
    const { restoreScratch } = options;
    if (restoreScratch === undefined) throw new FieldsealError('ERR_OPTIONS', 'level 3 needs a place to restore into');
    if (faults.length === 0) await tried(3, restoreScratch);
    else unchecked.push('level 3: the levels before it found faults');
  }
  return { name, level, faults, unchecked, claim, manifest, rowsOpened, ms: performance.now() - started };
}

/** The backup before this one is still the one that it was made behind, if it is there. */
async function checkChain(
  target: BackupTarget,
  backups: readonly BackupFile[],
  name: string,
  { sequence, previous }: BackupClaim,
  keys: readonly VerifyKey[],
): Promise<void> {
  const before = backups.filter((other) => other.sequence < sequence).at(-1);
  if (backups.some((other) => other.name !== name && other.sequence === sequence))
    throw new FieldsealError('ERR_BACKUP_ROLLBACK', 'two backups have the same number', {
      hint: 'Two programs wrote at once, or one was put back: keep both until you know which is right.',
    });
  // The one before may have been pruned; a gap is no fault, another content is.
  if (before === undefined || before.sequence !== sequence - 1) return;
  const claim = await checkSignature(target, before.name, keys);
  if (claim.sha256 !== previous)
    throw new FieldsealError(
      'ERR_BACKUP_ROLLBACK',
      'the backup before this one is not the one that it was made behind',
    );
}

async function openRows(
  { text, keyStore }: { readonly text: string; readonly keyStore: KeyStore | null },
  openers: readonly SlotOpener[],
  openSample: VerifyBackupOptions['openSample'],
): Promise<number | null> {
  const keyring = await openKeyring({
    storage: keyringMemory(text),
    openers,
    ...(keyStore !== null && { keyStore }),
  });
  try {
    if (keyStore === null) await keyring.describe(); // throws where its keys lay in a key store
    if (openSample === undefined) return null;
    const { opened, failed } = await openSample(keyring);
    if (failed > 0)
      throw new FieldsealError(
        'ERR_DECRYPT',
        `${failed} of ${opened + failed} rows do not open with the keyring of the backup`,
        {
          hint: 'Rows were written under keys that came after the backup, or the backup is of another keyring: make a new one.',
        },
      );
    return opened;
  } finally {
    keyring.close();
  }
}

/** The keysets of an archive, looked for in it each time: of a million tenants only those that a sample needs are held in memory. */
function archivedKeysets(records: () => AsyncIterable<unknown>): KeyStore {
  const loadMany = async (scopes: readonly string[]): Promise<ReadonlyMap<string, KeysetRecord>> => {
    const wanted = new Set(scopes);
    const found = new Map<string, KeysetRecord>();
    for await (const given of records()) {
      const record = given as KeysetRecord;
      if (wanted.has(record.scope)) found.set(record.scope, record);
    }
    return found;
  };
  return {
    load: async (scope) => (await loadMany([scope])).get(scope) ?? null,
    loadMany,
    save: async () => false,
  };
}
