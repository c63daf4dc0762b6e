import { FieldsealError } from '../errors.ts';
import type { KeyStore } from '../key-store/key-store.ts';
import { type KeysetRecord, parseKeysetRecord } from '../key-store/keyset-record.ts';
import { authenticatedStore } from './authenticated-store.ts';
import { openDocument, unionKeyset } from './restore-keyring.ts';
import type { SlotOpener } from './slot.ts';
import type { KeyringStorage } from './storage.ts';

/** Options of {@link restoreKeysets}. */
export interface RestoreKeysetsOptions {
  /** The keyring that the records belong to, restored before them. */
  readonly storage: KeyringStorage;
  readonly openers: readonly SlotOpener[];
  /** Where the records go. */
  readonly keyStore: KeyStore;
  /** Records of the backup, as they were stored. */
  readonly records: AsyncIterable<unknown>;
  /** Which scopes are restored; all by default. */
  readonly wanted?: (scope: string) => boolean;
  /** Only tells what would happen. */
  readonly dryRun?: boolean;
}

/** What restoring keysets did, or would do, in scopes. */
export interface KeysetsRestoration {
  /** Scopes that had no keys. */
  readonly created: number;
  /** Scopes that lacked some. */
  readonly merged: number;
  /** Scopes that lacked none. */
  readonly unchanged: number;
  /** Scopes that were not wanted. */
  readonly skipped: number;
}

/** How often a scope is tried again when other writers come first. */
const ATTEMPTS = 20;

/**
 * Puts the keysets of an outside key store back: those that are missing, and versions that are. What is there keeps its statuses and its primary.
 *
 * @throws ERR_KEY_STORE when a record was changed in the backup or in the store, or the store fails; ERR_KEYRING_LOCKED; ERR_KEYRING_BUSY
 */
export async function restoreKeysets(options: RestoreKeysetsOptions): Promise<KeysetsRestoration> {
  const { storage, openers, keyStore, records, wanted = () => true, dryRun = false } = options;
  const text = await storage.read();
  if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `there is no keyring at ${storage.label}`);
  const { document, root } = await openDocument(text, openers, `the keyring at ${storage.label}`);
  const store = authenticatedStore(keyStore, root, () => document.recordMac === 1);
  const counts = { created: 0, merged: 0, unchanged: 0, skipped: 0 };
  try {
    for await (const json of records) {
      const { scope } = parseKeysetRecord(json);
      if (!wanted(scope)) counts.skipped++;
      else counts[await restoreOne(store, await trusted(json, scope), dryRun)]++;
    }
    return counts;
  } finally {
    root.wipe();
  }

  /** The archived record, once its authentication code is found right: a store that holds it alone is asked for it. */
  async function trusted(json: unknown, scope: string): Promise<KeysetRecord> {
    const alone: KeyStore = { load: async () => json as KeysetRecord, save: async () => false };
    return (await authenticatedStore(alone, root, () => document.recordMac === 1).load(scope)) as KeysetRecord;
  }
}

async function restoreOne(store: KeyStore, record: KeysetRecord, dryRun: boolean): Promise<keyof KeysetsRestoration> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const present = await store.load(record.scope);
    if (present === null) {
      if (dryRun || (await store.save(record, null))) return 'created';
      continue;
    }
    const archivedIsNewer = record.generation > present.generation;
    const merged = archivedIsNewer
      ? (unionKeyset(record, present) ?? { ...record, generation: record.generation + 1 })
      : unionKeyset(present, record);
    if (merged === null) return 'unchanged';
    if (dryRun || (await store.save(merged, present.generation))) return 'merged';
  }
  throw new FieldsealError('ERR_KEYRING_BUSY', 'other writers kept changing a keyset that is being restored');
}
