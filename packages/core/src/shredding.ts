/**
 * Crypto-shredding: what may happen to all keys of a scope at once, as pure functions from one record to the next.
 *
 *     shred: all versions disabled ⇄ cancelled        → (waiting time) → all versions destroyed
 *
 * @module
 */
import { FieldsealError } from './errors.ts';
import {
  type Census,
  type KeySeries,
  type KeysetRecord,
  type KeyVersion,
  keyIdsOf,
  parseCensus,
} from './key-store/keyset-record.ts';
import { DESTROY_WAIT_MS } from './keyset.ts';

/**
 * Disables all versions of a scope, the primaries and the index roots too.
 *
 * @param now - ms since the Unix epoch
 * @param waitMs - time until they may be destroyed, at least {@link DESTROY_WAIT_MS}
 * @throws ERR_KEY_STATUS when it is being shredded or was
 */
export function shredRecord(record: KeysetRecord, now: number, waitMs: number = DESTROY_WAIT_MS): KeysetRecord {
  if (record.shred !== undefined)
    throw refused(record.shred.destroyed === null ? 'the scope is being shredded already' : 'the scope was shredded');
  const end = new Date(now + waitMs);
  if (!(waitMs >= DESTROY_WAIT_MS)) throw refused('the waiting time before keys are destroyed is at least seven days');
  if (Number.isNaN(end.getTime())) throw refused('the waiting time before keys are destroyed has no end');
  const versions = [...record.data.versions, ...record.index.versions];
  const enabled = versions.filter(({ status }) => status === 'enabled').map(({ keyId }) => keyId);
  const shred = {
    requested: new Date(now).toISOString(),
    destroyAfter: end.toISOString(),
    enabled,
    destroyed: null,
    census: null,
  };
  return {
    ...changed(record, (version) => (version.status === 'enabled' ? { ...version, status: 'disabled' } : version)),
    shred,
  };
}

/** Takes {@link shredRecord} back: what was enabled is enabled again. Throws ERR_KEY_STATUS when there is nothing to take back. */
export function cancelShredRecord(record: KeysetRecord): KeysetRecord {
  const { shred, ...rest } = record;
  if (shred === undefined) throw refused('the scope is not being shredded');
  if (shred.destroyed !== null) throw refused('the scope was shredded; its keys are gone');
  const enabled = new Set(shred.enabled);
  return changed(rest, (version) => (enabled.has(version.keyId) ? { ...version, status: 'enabled' } : version));
}

/**
 * Destroys all keys of a scope for good. Unlike the destruction of one version it asks for no census of zero: the rows are what is shredded.
 *
 * @param now - ms since the Unix epoch
 * @param census - the cells that can never be read again, counted after the request; null when nobody counted
 * @throws ERR_KEY_STATUS before the waiting time has passed, ERR_OPTIONS for a census of another time or of other keys
 */
export function destroyShreddedRecord(record: KeysetRecord, now: number, census: Census | null): KeysetRecord {
  const { shred } = record;
  if (shred === undefined) throw refused('ask for the shredding of the scope first');
  if (shred.destroyed !== null) throw refused('the scope was shredded; its keys are gone');
  if (now < Date.parse(shred.destroyAfter)) throw refused(`the waiting time ends at ${shred.destroyAfter}`);
  const destroyed = new Date(now).toISOString();
  return {
    ...withoutKeys(record),
    shred: {
      ...shred,
      destroyed,
      census: census === null ? null : checkedCensus(record, census, shred.requested, now),
    },
  };
}

/** What a receipt says of a scope. */
export interface ShreddedScope {
  readonly scope: string;
  readonly keys: readonly { readonly keyId: string }[];
  readonly requested: string;
  readonly destroyAfter: string;
  readonly destroyed: string;
  readonly census: Census | null;
}

/**
 * Destroys the keys of a scope once more, which a backup of the key store brought back. There is no waiting time: it has passed before.
 *
 * @param receipt - verified by the caller
 * @throws ERR_KEY_STATUS when they are destroyed, or the scope has keys that the receipt does not name
 */
export function destroyRestoredRecord(record: KeysetRecord, receipt: ShreddedScope): KeysetRecord {
  if (record.shred?.destroyed != null) throw refused('the scope was shredded; its keys are gone');
  const named = new Set(receipt.keys.map(({ keyId }) => keyId));
  if (record.scope !== receipt.scope || keyIdsOf(record).some((keyId) => !named.has(keyId)))
    throw refused('the receipt is of other keys than those of the scope');
  const { requested, destroyAfter, destroyed, census } = receipt;
  return { ...withoutKeys(record), shred: { requested, destroyAfter, enabled: [], destroyed, census } };
}

/** The error of using a scope that is being shredded or was; undefined for any other scope. Returned, not thrown. */
export function shreddedError({ shred, data }: KeysetRecord): FieldsealError | undefined {
  if (shred === undefined) return undefined;
  const keyId = data.primary;
  if (shred.destroyed !== null)
    return new FieldsealError('ERR_KEY_DESTROYED', 'the keys of the scope were destroyed', {
      keyId,
      hint: 'The scope was shredded: what it held can never be read again.',
    });
  return new FieldsealError('ERR_KEY_DISABLED', 'the scope is being shredded', {
    keyId,
    hint: `Until ${shred.destroyAfter} at least, cancelShred (\`fieldseal keys cancel\`) takes it back.`,
  });
}

function checkedCensus(record: KeysetRecord, given: Census, requested: string, now: number): Census {
  const census = parseCensus(given);
  const counted = Date.parse(census.counted);
  if (counted < Date.parse(requested) || counted > now)
    throw new FieldsealError('ERR_OPTIONS', 'the census was not counted between the request and now');
  const ids = new Set(keyIdsOf(record));
  if (census.entries.some(({ keyId }) => !ids.has(keyId)))
    throw new FieldsealError('ERR_OPTIONS', 'the census counts cells of keys that are not of this scope');
  return census;
}

function withoutKeys(record: KeysetRecord): KeysetRecord {
  return changed(record, (version) => ({ ...version, status: 'destroyed', destroyAfter: null, wrapped: null }));
}

function changed<R extends { readonly data: KeySeries; readonly index: KeySeries }>(
  record: R,
  step: (version: KeyVersion) => KeyVersion,
): R {
  const series = ({ primary, versions }: KeySeries): KeySeries => ({ primary, versions: versions.map(step) });
  return { ...record, data: series(record.data), index: series(record.index) };
}

function refused(reason: string): FieldsealError {
  return new FieldsealError('ERR_KEY_STATUS', reason, { hint: 'Look at the scope with `fieldseal keys list`.' });
}
