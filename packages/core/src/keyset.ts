/**
 * What may happen to the versions of a key, as pure functions from one series to the next.
 *
 *     add → enabled → promote → primary        enabled ⇄ disabled → (waiting time, no rows) → destroyed
 *
 * @module
 */
import { FieldsealError } from './errors.ts';
import type { KeySeries, KeyVersion } from './key-store/keyset-record.ts';

/** The shortest time between asking for a key's destruction and doing it, in ms: seven days to notice a mistake. */
export const DESTROY_WAIT_MS: number = 7 * 24 * 60 * 60 * 1000;

/** A version to be added; its number is the next one of the series. */
export type NewKeyVersion = Omit<KeyVersion, 'version' | 'status' | 'destroyAfter'>;

/** A series of one version, which is the primary. */
export function startSeries(key: NewKeyVersion): KeySeries {
  return { primary: key.keyId, versions: [{ ...key, version: 1, status: 'enabled', destroyAfter: null }] };
}

/** Adds an enabled version that decrypts but does not encrypt yet: give every instance time to see it before promoting it. */
export function addVersion(series: KeySeries, key: NewKeyVersion): KeySeries {
  if (series.versions.some((version) => version.keyId === key.keyId))
    throw refused(key.keyId, 'the key id exists already');
  const version = Math.max(...series.versions.map((other) => other.version)) + 1;
  return { ...series, versions: [...series.versions, { ...key, version, status: 'enabled', destroyAfter: null }] };
}

/**
 * Adds an enabled index root, which is searched for and does not name rows yet (docs/search.md). Its number is odd where that of the primary is
 * even, and even where it is odd: it tells in which of two columns a unique index has the terms.
 *
 * @param now - ms since the Unix epoch
 * @throws ERR_KEY_STATUS while another root is enabled beside the primary
 */
export function addIndexVersion(series: KeySeries, key: NewKeyVersion, now: number): KeySeries {
  const enabled = series.versions.filter(({ status }) => status === 'enabled');
  if (enabled.length > 1)
    throw refused(key.keyId, 'the index is being rotated already; retire one of its two roots first');
  const { versions, ...rest } = addVersion(series, key);
  const odd = find(series, series.primary).version % 2;
  const { version } = versions.at(-1) as KeyVersion;
  const added = { ...(versions.at(-1) as KeyVersion), version: version % 2 === odd ? version + 1 : version };
  return { ...rest, versions: [...versions.slice(0, -1), added], since: new Date(now).toISOString() };
}

/** Makes an enabled index root the primary. Says when, as {@link addIndexVersion} does. */
export function promoteIndexVersion(series: KeySeries, keyId: string, now: number): KeySeries {
  if (series.primary === keyId) throw refused(keyId, 'it is the primary already');
  return { ...promote(series, keyId), since: new Date(now).toISOString() };
}

/** Takes an index root out of use, reversibly only by adding another one. The primary is refused. */
export function retireIndexVersion(series: KeySeries, keyId: string, now: number): KeySeries {
  return { ...disable(series, keyId), since: new Date(now).toISOString() };
}

/** Makes an enabled version the primary. */
export function promote(series: KeySeries, keyId: string): KeySeries {
  if (find(series, keyId).status !== 'enabled') throw refused(keyId, 'only an enabled version can become the primary');
  return { ...series, primary: keyId };
}

/** Stops a version from decrypting, reversibly. The primary is refused. */
export function disable(series: KeySeries, keyId: string): KeySeries {
  if (find(series, keyId).status !== 'enabled') throw refused(keyId, 'only an enabled version can be disabled');
  if (series.primary === keyId) throw refused(keyId, 'the primary cannot be disabled; promote another version first');
  return change(series, keyId, { status: 'disabled' });
}

/** Lets a disabled version decrypt again, and cancels its destruction. */
export function enable(series: KeySeries, keyId: string): KeySeries {
  if (find(series, keyId).status !== 'disabled') throw refused(keyId, 'only a disabled version can be enabled');
  return change(series, keyId, { status: 'enabled', destroyAfter: null });
}

/**
 * Asks for the destruction of a disabled version.
 *
 * @param now - ms since the Unix epoch
 * @param waitMs - at least {@link DESTROY_WAIT_MS}
 */
export function scheduleDestroy(
  series: KeySeries,
  keyId: string,
  now: number,
  waitMs: number = DESTROY_WAIT_MS,
): KeySeries {
  if (find(series, keyId).status !== 'disabled')
    throw refused(keyId, 'only a disabled version can be destroyed; disable it first');
  const end = new Date(now + waitMs);
  if (!(waitMs >= DESTROY_WAIT_MS)) throw refused(keyId, 'the waiting time before destruction is at least seven days');
  if (Number.isNaN(end.getTime())) throw refused(keyId, 'the waiting time before destruction has no end');
  return change(series, keyId, { destroyAfter: end.toISOString() });
}

/** Takes the request for destruction back; the version stays disabled. */
export function cancelDestroy(series: KeySeries, keyId: string): KeySeries {
  const version = find(series, keyId);
  if (version.status !== 'disabled' || version.destroyAfter === null)
    throw refused(keyId, 'no destruction was asked for');
  return change(series, keyId, { destroyAfter: null });
}

/**
 * Destroys a version for good: its wrapped key is dropped, its id stays reserved.
 *
 * @param now - ms since the Unix epoch
 * @param rows - cells that the census found under the key; anything but 0 is refused
 */
export function destroy(series: KeySeries, keyId: string, now: number, rows: number): KeySeries {
  const { status, destroyAfter } = find(series, keyId);
  if (status !== 'disabled' || destroyAfter === null)
    throw refused(keyId, 'ask for the destruction of a disabled version first');
  if (now < Date.parse(destroyAfter)) throw refused(keyId, `the waiting time ends at ${destroyAfter}`);
  if (rows !== 0) throw refused(keyId, 'the census still finds cells under this key; re-encrypt them first');
  return change(series, keyId, { status: 'destroyed', destroyAfter: null, wrapped: null });
}

function find(series: KeySeries, keyId: string): KeyVersion {
  const version = series.versions.find((candidate) => candidate.keyId === keyId);
  if (version === undefined)
    throw new FieldsealError('ERR_KEY_UNKNOWN', 'the keyset has no such key version', { keyId });
  return version;
}

function change(series: KeySeries, keyId: string, to: Partial<KeyVersion>): KeySeries {
  return {
    ...series,
    versions: series.versions.map((version) => (version.keyId === keyId ? { ...version, ...to } : version)),
  };
}

function refused(keyId: string, reason: string): FieldsealError {
  return new FieldsealError('ERR_KEY_STATUS', reason, { keyId });
}
