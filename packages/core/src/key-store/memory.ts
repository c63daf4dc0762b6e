import { FieldsealError } from '../errors.ts';
import type { KeyStore } from './key-store.ts';
import { type KeysetRecord, keyIdsOf } from './keyset-record.ts';

/** A key store in memory, for tests and short-lived processes. */
export function memoryKeyStore(): KeyStore {
  const records = new Map<string, KeysetRecord>();
  const owners = new Map<string, string>();
  return {
    load: async (scope) => records.get(scope) ?? null,
    save: async (record, expected) => {
      if ((records.get(record.scope)?.generation ?? null) !== expected) return false;
      const ids = keyIdsOf(record);
      for (const id of ids) if ((owners.get(id) ?? record.scope) !== record.scope) throw takenKeyId(id);
      for (const id of ids) owners.set(id, record.scope);
      records.set(record.scope, structuredClone(record));
      return true;
    },
    loadMany: async (scopes) => picked(records, scopes),
    scopes: async function* () {
      yield* records.keys();
    },
  };
}

/** The records of these scopes. */
export function picked(
  records: ReadonlyMap<string, KeysetRecord>,
  scopes: readonly string[],
): ReadonlyMap<string, KeysetRecord> {
  const found = new Map<string, KeysetRecord>();
  for (const scope of scopes) {
    const record = records.get(scope);
    if (record !== undefined) found.set(scope, record);
  }
  return found;
}

/**
 * The compare-and-set of stores that are replaced whole: the records with `record` in its place, or null when the stored generation is not
 * `expected`.
 *
 * @throws ERR_KEY_STORE when a key id of the record belongs to another scope
 */
export function replaceRecord(
  records: readonly KeysetRecord[],
  record: KeysetRecord,
  expected: number | null,
): readonly KeysetRecord[] | null {
  const others = records.filter((other) => other.scope !== record.scope);
  const stored = records.find((other) => other.scope === record.scope);
  if ((stored?.generation ?? null) !== expected) return null;
  const taken = new Set(others.flatMap(keyIdsOf));
  const twice = keyIdsOf(record).find((keyId) => taken.has(keyId));
  if (twice !== undefined) throw takenKeyId(twice);
  return [...others, structuredClone(record)];
}

/** The error of a record with a key id of another scope. Returned, not thrown. */
export function takenKeyId(keyId: string): FieldsealError {
  return new FieldsealError('ERR_KEY_STORE', 'a key id is already stored for another scope', { keyId });
}
