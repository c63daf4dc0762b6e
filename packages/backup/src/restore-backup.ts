import {
  FieldsealError,
  type KeyringRestoration,
  type KeyringStorage,
  type KeyStore,
  type KeysetsRestoration,
  restoreKeyring,
  restoreKeysets,
  type SlotOpener,
} from '@fieldseal/core';
import type { RowPort } from '@fieldseal/core/jobs';
import { told } from './backup-event.ts';
import { checkSignature } from './catalogue.ts';
import { KEYSETS_FOLDER } from './key-store-source.ts';
import { KEYRING_NAME, type KeysetText, keyIdsOf, keysetsOf } from './keyring-entry.ts';
import { parseLines } from './lines.ts';
import type { Manifest } from './manifest.ts';
import type { VerifyKey } from './minisign.ts';
import { ROWS_FOLDER, type RowSelection, type RowsRestoration, restoreRows } from './rows.ts';
import { openSigned, trustedEntries, trustedRecords } from './signed-archive.ts';
import type { BackupTarget } from './target.ts';

/** Options of {@link restoreBackup}. */
export interface RestoreBackupOptions {
  readonly target: BackupTarget;
  readonly name: string;
  /** One of them signed it. */
  readonly keys: readonly VerifyKey[];
  readonly identities: readonly string[];
  /** Open the keyring of the archive. */
  readonly openers: readonly SlotOpener[];
  /** Where the keyring goes; left out, it is only read to know that it is the right one. */
  readonly keyring?: KeyringStorage;
  /** Where the keysets of an outside key store go; left out, they stay in the archive. */
  readonly keyStore?: KeyStore;
  /** Where rows go; left out, they stay in the archive. */
  readonly rows?: RowPort;
  readonly select?: RestoreSelection;
  /** Column with an ISO time that says which row is newer, where `onConflict` is `newer`. */
  readonly newerBy?: string;
  /** What happens to a row that is there and differs; `fail` by default, before anything is written. */
  readonly onConflict?: RowSelection['onConflict'];
  /** Whether an older state of the keyring may replace a newer one. */
  readonly allowRollback?: boolean;
  /** Writes. Without it the plan is made and nothing is changed. */
  readonly apply?: boolean;
}

/** What is restored; everything by default. */
export interface RestoreSelection {
  readonly scopes?: readonly string[];
  readonly models?: readonly string[];
  /** Rows with a cell under one of these keys. */
  readonly keyIds?: readonly string[];
}

/** What a restore did, or would do. */
export interface Restoration {
  readonly applied: boolean;
  readonly manifest: Manifest;
  /** null where no place was given. */
  readonly keyring: KeyringRestoration | null;
  readonly keysets: KeysetsRestoration | null;
  readonly rows: RowsRestoration | null;
}

/**
 * Restores from a backup: keys first, then keysets, then rows. The archive is read once to its end before anything is written, and again to
 * write, so that a damaged one changes nothing.
 *
 * @throws ERR_BACKUP_SIGNATURE, ERR_BACKUP_LOCKED, ERR_BACKUP_DAMAGED; ERR_BACKUP_ROLLBACK when a row differs and `onConflict` is `fail`;
 * the errors of restoreKeyring and restoreKeysets of @fieldseal/core; what the row port throws
 */
export async function restoreBackup(options: RestoreBackupOptions): Promise<Restoration> {
  if (options.apply !== true) return restored(options); // only looks
  return told(
    'restore',
    () => restored(options),
    ({ manifest: { entries } }) => ({ ok: true, entries }),
  );
}

async function restored(options: RestoreBackupOptions): Promise<Restoration> {
  const {
    target,
    name,
    keys,
    identities,
    openers,
    keyStore,
    rows: port,
    apply = false,
    allowRollback = false,
  } = options;
  const claim = await checkSignature(target, name, keys);
  let archived: string | undefined;
  const manifest = await openSigned(target, name, claim, identities, (entry) => {
    if (entry.name === KEYRING_NAME) archived = entry.content.toString('utf8');
  });
  if (archived === undefined) throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the backup holds no keyring');
  const selection = options.select ?? {};
  const plan = await pass(archived, true);
  const conflicts = plan.rows?.conflicts ?? 0;
  if (apply && conflicts > 0 && (options.onConflict ?? 'fail') === 'fail')
    throw new FieldsealError('ERR_BACKUP_ROLLBACK', `${conflicts} rows are there and differ from the backup`, {
      hint: 'Nothing was written. Say what is to happen to them: skip, newer or overwrite.',
    });
  return { applied: apply, manifest, ...(apply ? await pass(archived, false) : plan) };

  async function pass(text: string, dryRun: boolean): Promise<Pick<Restoration, 'keyring' | 'keysets' | 'rows'>> {
    const { keyring: storage } = options;
    // Proves that the openers open it, even where the keyring itself is not wanted.
    const place = storage ?? { label: 'the backup', read: async () => null, replace: async () => true };
    const merged = await restoreKeyring({
      storage: place,
      archived: text,
      openers,
      allowRollback,
      dryRun: dryRun || storage === undefined,
    });
    const there = storage !== undefined && (!dryRun || (await storage.read()) !== null) ? storage : textStorage(text);
    const keysets =
      keyStore === undefined
        ? null
        : await restoreKeysets({
            storage: there,
            openers,
            keyStore,
            dryRun,
            records: keysetsIn(),
            ...(selection.scopes && { wanted: (scope: string) => selection.scopes?.includes(scope) === true }),
          });
    const rows =
      port === undefined
        ? null
        : await restoreRows(port, rowsIn(), {
            ...selection,
            ...(options.newerBy !== undefined && { newerBy: options.newerBy }),
            ...(selection.scopes !== undefined && { scopeKeys: await keysOfScopes(text, selection.scopes) }),
            onConflict: options.onConflict ?? 'fail',
            dryRun,
          });
    return { keyring: storage === undefined ? null : merged, keysets, rows };
  }

  /** Key ids of scopes: in the keyring, or in the keysets beside it. */
  async function keysOfScopes(text: string, scopes: readonly string[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    const look = (record: KeysetText): void => {
      if (scopes.includes(record.scope)) for (const keyId of keyIdsOf(record)) found.add(keyId);
    };
    for (const record of keysetsOf(text)) look(record);
    for await (const record of keysetsIn()) look(record as KeysetText);
    return found;
  }

  function keysetsIn(): AsyncGenerator<unknown> {
    return trustedRecords(KEYSETS_FOLDER, target, name, manifest, identities);
  }

  async function* rowsIn(): AsyncGenerator<{ readonly model: string; readonly rows: readonly unknown[] }> {
    for await (const { name: entry, content } of trustedEntries(target, name, manifest, identities)) {
      const [folder, model = ''] = entry.split('/');
      if (folder === ROWS_FOLDER) yield { model, rows: parseLines(content) };
    }
  }
}

function textStorage(text: string): KeyringStorage {
  return { label: 'the backup', read: async () => text, replace: async () => false };
}
