import type { KeysetRecord } from './keyset-record.ts';

/**
 * Keeps the wrapped keys of scopes. It sees no secret: whoever reads a key store gains nothing without the KEK.
 *
 * Implementations pass the contract suite of @fieldseal/testkit.
 */
export interface KeyStore {
  /** The keyset of a scope; null when it has none. Throws ERR_KEY_STORE when the store cannot be read or is damaged. */
  load(scope: string): Promise<KeysetRecord | null>;
  /** The keysets of many scopes in one round trip, by scope; those that have none are left out. Without it, {@link load} is asked for each. */
  loadMany?(scopes: readonly string[]): Promise<ReadonlyMap<string, KeysetRecord>>;
  /**
   * Compare-and-set: stores `record` if the generation stored now is `expected` (null: nothing is stored), and returns whether it did.
   * False is no fault: another writer was first; load and try again. Throws ERR_KEY_STORE when writing fails, or when a key id of the
   * record is already stored for another scope.
   */
  save(record: KeysetRecord, expected: number | null): Promise<boolean>;
  /**
   * {@link save} of many records that are there, whose key ids do not change, in one round trip. Returns the scopes whose record was stored. Without it, `save` is asked
   * for each.
   */
  saveMany?(changes: readonly RecordChange[]): Promise<ReadonlySet<string>>;
  /** Every scope that has keys, each once, in any order and without holding all of them in memory. Scopes added meanwhile may be left out. */
  scopes?(): AsyncIterable<string>;
}

/** A keyset that is to take the place of another. */
export interface RecordChange {
  readonly record: KeysetRecord;
  /** Generation of the record that is there. */
  readonly expected: number;
}

/** Stores records in one round trip where the store can, else one by one. Returns the scopes whose record was stored. */
export async function saveKeysets(store: KeyStore, changes: readonly RecordChange[]): Promise<ReadonlySet<string>> {
  if (changes.length === 0) return new Set();
  if (store.saveMany !== undefined) return store.saveMany(changes);
  const saved = new Set<string>();
  for (const { record, expected } of changes) if (await store.save(record, expected)) saved.add(record.scope);
  return saved;
}

/** The keysets of many scopes: in one round trip where the store can, else one by one. Scopes without keys are left out. */
export async function loadKeysets(
  store: KeyStore,
  scopes: readonly string[],
): Promise<ReadonlyMap<string, KeysetRecord>> {
  if (store.loadMany !== undefined) return store.loadMany(scopes);
  const found = new Map<string, KeysetRecord>();
  const records = await Promise.all([...new Set(scopes)].map((scope) => store.load(scope)));
  for (const record of records) if (record !== null) found.set(record.scope, record);
  return found;
}
