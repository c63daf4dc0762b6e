import { FieldsealError } from '../errors.ts';
import type { KeyStore } from './key-store.ts';
import { type KeysetRecord, keyIdsOf } from './keyset-record.ts';

/** A key store in memory, for tests and short-lived processes. */
export function memoryKeyStore(): KeyStore {
  let records: readonly KeysetRecord[] = [];
  return {
    load: async (scope) => records.find((record) => record.scope === scope) ?? null,
    save: async (record, expected) => {
      const next = replaceRecord(records, record, expected);
      if (next === null) return false;
      records = next;
      return true;
    },
  };
}

/**
 * The compare-and-set that all stores share: the records with `record` in its place, or null when the stored generation is not `expected`.
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
  if (twice !== undefined)
    throw new FieldsealError('ERR_KEY_STORE', 'a key id is already stored for another scope', { keyId: twice });
  return [...others, structuredClone(record)];
}
