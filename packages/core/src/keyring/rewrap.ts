/**
 * Wraps keys again under the newest KEK. Which keys are left is read off the keys themselves, so that nothing else is stored: it may be stopped in any
 * way, called again, and run in several processes at once.
 *
 * @module
 */
import { fromBase64Url, toBase64Url } from '../bytes.ts';
import { type ErrorCode, FieldsealError, isFieldsealError } from '../errors.ts';
import { deriveKeyId } from '../kdf.ts';
import type { KeyPurpose, KeyWrapper } from '../kek/key-wrapper.ts';
import { type KeyStore, loadKeysets, type RecordChange, saveKeysets } from '../key-store/key-store.ts';
import type { KeySeries, KeysetRecord, KeyVersion } from '../key-store/keyset-record.ts';
import type { KeyringDocument } from './document.ts';
import { INDEX_WAIT_MS } from './index-rotation.ts';

/** Options of {@link rewrapKeys}. */
export interface RewrapOptions {
  /** Scopes that are read, and stored, together; 500 by default. */
  readonly batch?: number;
  /** Keys that are wrapped at once, which matters where a key service does it; 8 by default. */
  readonly concurrency?: number;
  /** Stops behind the batch under way. */
  readonly signal?: AbortSignal;
  /** Told behind every batch; the next one waits for what it returns, so that it can throttle. */
  readonly progress?: (progress: RewrapProgress) => Promise<void> | void;
}

/** Options of removing a KEK. */
export interface RemoveKekOptions {
  /** Whether the caller vouches that every process was started again since another KEK was added; by default 25 hours have to pass. */
  readonly everyProcessKnows?: boolean;
}

/** How far it is. */
export interface RewrapProgress {
  /** Scopes that were looked at. */
  readonly scopes: number;
  /** Keys that are under the newest KEK now and were not. */
  readonly rewrapped: number;
  /** Keysets that somebody changed meanwhile, and that were looked at again. */
  readonly conflicts: number;
  /** Keys that could not be unwrapped: they stay as they are. */
  readonly failed: readonly FailedKey[];
}

/** A key that its KEK does not open. */
export interface FailedKey {
  readonly keyId: string;
  readonly kekId: string;
  readonly code: ErrorCode;
}

/** Where keys are wrapped. */
export interface KekPlace {
  readonly store: KeyStore;
  /** The KEK that keys go under. */
  readonly newest: KeyWrapper;
  kek(id: string): KeyWrapper;
}

const BATCH = 500;
const CONCURRENCY = 8;
/** Batches under way: one is wrapped while the key store works on the other. */
const LANES = 2;
/** How often keysets that others keep changing are looked at again; those left over are met by the next call. */
const ATTEMPTS = 5;

/**
 * Wraps every key again that is not under the newest KEK. Processes that have not read the keyring since go on making keys under an older one: count
 * them, and call this again.
 *
 * Keysets are stored by compare-and-set, so that no change is lost. A key whose KEK does not open it is left alone and listed.
 *
 * @throws ERR_KEY_STORE when the key store cannot list its scopes
 */
export async function rewrapKeys(place: KekPlace, options: RewrapOptions = {}): Promise<RewrapProgress> {
  const tally = { scopes: 0, rewrapped: 0, conflicts: 0, failed: new Map<string, FailedKey>() };
  const told = (): RewrapProgress => ({ ...tally, failed: [...tally.failed.values()] });
  const work = batches(scopesOf(place.store), options.batch ?? BATCH);
  const lane = async (): Promise<void> => {
    for await (const scopes of work) {
      if (options.signal?.aborted === true) return;
      let left: readonly string[] = scopes;
      for (let attempt = 0; left.length > 0 && attempt < ATTEMPTS; attempt++) {
        const records = [...(await loadKeysets(place.store, left)).values()];
        const changes = await rewrapped(place, records, options.concurrency ?? CONCURRENCY, tally.failed);
        const saved = await saveKeysets(place.store, changes);
        for (const { record, keys } of changes) if (saved.has(record.scope)) tally.rewrapped += keys;
        left = changes.flatMap(({ record }) => (saved.has(record.scope) ? [] : [record.scope]));
        tally.conflicts += left.length;
      }
      tally.scopes += scopes.length;
      await options.progress?.(told());
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return told();
}

/**
 * Counts keys by the KEK that wraps them. No key is unwrapped; destroyed ones are not counted.
 *
 * @throws ERR_KEY_STORE when the key store cannot list its scopes
 */
export async function countByKek(store: KeyStore): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for await (const scopes of batches(scopesOf(store), BATCH))
    for (const record of (await loadKeysets(store, scopes)).values())
      for (const { kekId, wrapped } of versionsOf(record))
        if (wrapped !== null) counts.set(kekId, (counts.get(kekId) ?? 0) + 1);
  return counts;
}

/**
 * A keyring without a KEK.
 *
 * @param left - keys that are under it
 * @throws ERR_OPTIONS for a KEK that it does not have; ERR_KEY_STATUS for the newest KEK, while keys are under it, or before every process is sure
 * to know its successor
 */
export function withoutKek(
  document: KeyringDocument,
  kekId: string,
  left: number,
  { everyProcessKnows = false }: RemoveKekOptions,
): KeyringDocument {
  const { keks } = document;
  const at = keks.findIndex(({ id }) => id === kekId);
  if (at < 0) throw new FieldsealError('ERR_OPTIONS', `the keyring has no KEK ${kekId}`);
  const successor = keks[at + 1];
  if (successor === undefined)
    throw refused(`the KEK ${kekId} is the one that wraps new keys`, 'Add another one first.');
  // No process uses a keyring that it read longer ago, whatever its cache.
  const end = Date.parse(successor.created) + INDEX_WAIT_MS;
  if (!everyProcessKnows && Date.now() < end)
    throw refused(
      `processes may still wrap new keys under the KEK ${kekId}`,
      `Wait until ${new Date(end).toISOString()}, or say that every process was started again since another KEK was added.`,
    );
  if (left > 0)
    throw refused(`${left} keys are under the KEK ${kekId}`, 'Wrap them again first: `fieldseal rewrap work`.');
  return { ...document, keks: keks.filter(({ id }) => id !== kekId) };
}

interface RewrappedRecord extends RecordChange {
  readonly keys: number;
}

/** The records that hold keys under another KEK, with those under the newest. */
async function rewrapped(
  place: KekPlace,
  records: readonly KeysetRecord[],
  concurrency: number,
  failed: Map<string, FailedKey>,
): Promise<RewrappedRecord[]> {
  const stale = records.flatMap((record) =>
    (['data', 'index'] as const).flatMap((use) =>
      record[use].versions
        .filter(({ kekId, wrapped }) => wrapped !== null && kekId !== place.newest.id)
        .map((version) => ({ record, use, version })),
    ),
  );
  const found = new Map<string, KeyVersion>();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let one = stale[next++]; one !== undefined; one = stale[next++]) {
      const { record, use, version } = one;
      try {
        found.set(`${record.scope} ${version.keyId}`, await wrappedAgain(place, record.scope, use, version));
      } catch (error) {
        if (!isFieldsealError(error) || !OF_KEYS.includes(error.code)) throw error;
        failed.set(version.keyId, { keyId: version.keyId, kekId: version.kekId, code: error.code });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(concurrency, stale.length)) }, worker));
  return records.flatMap((record): RewrappedRecord[] => {
    let keys = 0;
    const series = (given: KeySeries): KeySeries => ({
      ...given,
      versions: given.versions.map((version) => {
        const again = found.get(`${record.scope} ${version.keyId}`);
        if (again !== undefined) keys++;
        return again ?? version;
      }),
    });
    const [data, index] = [series(record.data), series(record.index)];
    const { generation } = record;
    return keys === 0
      ? []
      : [{ record: { ...record, data, index, generation: generation + 1 }, expected: generation, keys }];
  });
}

/** Errors that lie in one key. */
const OF_KEYS: readonly ErrorCode[] = ['ERR_DECRYPT', 'ERR_KEK_MISSING', 'ERR_KEY_STORE'];

async function wrappedAgain(
  place: KekPlace,
  scope: string,
  purpose: KeyPurpose,
  version: KeyVersion,
): Promise<KeyVersion> {
  const { keyId, kekId } = version;
  const wrapped = fromBase64Url(version.wrapped as string);
  if (wrapped === null) throw new FieldsealError('ERR_KEY_STORE', 'a wrapped key is damaged', { keyId });
  const context = { keyId, scope, purpose };
  const key = await place.kek(kekId).unwrap(wrapped, context);
  try {
    if (deriveKeyId(key) !== keyId)
      throw new FieldsealError('ERR_KEY_STORE', 'a wrapped key is another one', { keyId });
    return { ...version, kekId: place.newest.id, wrapped: toBase64Url(await place.newest.wrap(key, context)) };
  } finally {
    key.wipe();
  }
}

function versionsOf({ data, index }: KeysetRecord): readonly KeyVersion[] {
  return [...data.versions, ...index.versions];
}

function scopesOf(store: KeyStore): AsyncIterable<string> {
  if (store.scopes !== undefined) return store.scopes();
  throw new FieldsealError('ERR_KEY_STORE', 'the key store cannot list its scopes', {
    hint: 'Give it the method `scopes`.',
  });
}

async function* batches(scopes: AsyncIterable<string>, size: number): AsyncGenerator<readonly string[]> {
  let batch: string[] = [];
  for await (const scope of scopes) {
    batch.push(scope);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

function refused(message: string, hint: string): FieldsealError {
  return new FieldsealError('ERR_KEY_STATUS', message, { hint });
}
