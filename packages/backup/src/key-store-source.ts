import { FieldsealError, type KeyStore, type KeysetRecord, loadKeysets } from '@fieldseal/core';
import type { BackupSource } from './create-backup.ts';
import { keyIdsOf } from './keyring-entry.ts';
import { lineEntries } from './lines.ts';

/** Folder of the keysets in an archive. */
export const KEYSETS_FOLDER = 'keysets';

/** Scopes that are asked for at once. */
const BATCH = 500;

/**
 * The wrapped keys of an outside key store: every scope, or those that are wanted. They are taken as they are stored, with their codes.
 *
 * @throws ERR_OPTIONS when the store cannot list its scopes
 */
export function keyStoreSource(store: KeyStore, wanted: (scope: string) => boolean = () => true): BackupSource {
  if (store.scopes === undefined)
    throw new FieldsealError('ERR_OPTIONS', 'the key store cannot list its scopes', {
      hint: 'Give it the method `scopes`.',
    });
  const keys: Record<string, null> = {};
  async function* records(): AsyncGenerator<KeysetRecord> {
    let scopes: string[] = [];
    const batch = async function* (): AsyncGenerator<KeysetRecord> {
      for (const record of (await loadKeysets(store, scopes)).values()) {
        for (const keyId of keyIdsOf(record)) keys[keyId] = null;
        yield record;
      }
      scopes = [];
    };
    for await (const scope of store.scopes?.() ?? []) {
      if (wanted(scope)) scopes.push(scope);
      if (scopes.length === BATCH) yield* batch();
    }
    if (scopes.length > 0) yield* batch();
  }
  return { entries: () => lineEntries(KEYSETS_FOLDER, records()), keys: () => keys, keyStore: true };
}
