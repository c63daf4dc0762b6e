/**
 * A keyset as it is stored: wrapped keys with their statuses, and no secret. {@link parseKeysetRecord} checks whatever was read.
 *
 * @module
 */
import { FieldsealError } from '../errors.ts';
import { isSuite, type SuiteId } from '../suite.ts';

/** What may be done with a key version. Destroyed is final: its key is gone, its id stays reserved. */
export type KeyStatus = 'enabled' | 'disabled' | 'destroyed';

/** One version of a key. */
export interface KeyVersion {
  /** 16 hexadecimal digits that commit to the key. */
  readonly keyId: string;
  /** 1, 2, 3 … within its series. */
  readonly version: number;
  readonly suite: SuiteId;
  readonly status: KeyStatus;
  /** ISO 8601 in UTC. */
  readonly created: string;
  /** A disabled version may be destroyed from this time on (ISO 8601); null when none was asked for. */
  readonly destroyAfter: string | null;
  /** KEK that wrapped it. */
  readonly kekId: string;
  /** Wrapped key in base64url; null once destroyed. */
  readonly wrapped: string | null;
}

/** The versions of one key. Exactly one is the primary: new data is written under it. It is enabled, unless its scope is shredded. */
export interface KeySeries {
  readonly primary: string;
  readonly versions: readonly KeyVersion[];
  /** Of index roots: when the last step of a rotation was made (ISO 8601); left out before the first one. */
  readonly since?: string;
}

/** Cells under a key in one column. */
export interface CensusEntry {
  /** `Model.field` */
  readonly field: string;
  readonly keyId: string;
  /** Values, and elements of lists. */
  readonly cells: number;
}

/** How many cells the keys of a scope had when they were counted. */
export interface Census {
  /** ISO 8601 in UTC. */
  readonly counted: string;
  readonly entries: readonly CensusEntry[];
}

/** The state of a scope that is being shredded, or was. */
export interface ShredState {
  /** ISO 8601 in UTC. */
  readonly requested: string;
  /** The keys may be destroyed from this time on (ISO 8601). */
  readonly destroyAfter: string;
  /** Key ids that were enabled before; taking the request back enables them again. */
  readonly enabled: readonly string[];
  /** When the keys were destroyed (ISO 8601); null until then. */
  readonly destroyed: string | null;
  /** The last count before the keys were destroyed; null when none was given. */
  readonly census: Census | null;
}

/** All keys of one scope. */
export interface KeysetRecord {
  /** Empty for the whole application. */
  readonly scope: string;
  /** Counts the changes, from 1; the compare-and-set of a key store compares it. */
  readonly generation: number;
  /** DEKs. */
  readonly data: KeySeries;
  /** Roots of the blind indexes. */
  readonly index: KeySeries;
  /** Stands in the record of a scope that is being shredded or was: no version of it is enabled. */
  readonly shred?: ShredState;
  /** Authentication code under the keyring's root key, in records of an outside key store: `1.` and base64url. */
  readonly mac?: string;
}

/**
 * Checks a parsed JSON value and returns it as a keyset.
 *
 * @throws ERR_KEY_STORE naming the part that is wrong
 */
export function parseKeysetRecord(json: unknown): KeysetRecord {
  const { scope, generation, data, index, shred, mac } = members(json, 'keyset');
  if (typeof scope !== 'string') throw damaged('scope');
  if (!Number.isSafeInteger(generation) || (generation as number) < 1) throw damaged('generation');
  if (mac !== undefined && typeof mac !== 'string') throw damaged('mac');
  const record: KeysetRecord = {
    scope,
    generation: generation as number,
    data: series(data, 'data'),
    index: series(index, 'index'),
    ...(shred === undefined ? {} : { shred: shredState(shred) }),
    ...(mac === undefined ? {} : { mac }),
  };
  const ids = keyIdsOf(record);
  if (new Set(ids).size < ids.length) throw damaged('a key id stands twice');
  checkStatuses(record, ids);
  return record;
}

/** The primaries are enabled. In a scope that is being shredded no version is; in one that was, all are destroyed. */
function checkStatuses(record: KeysetRecord, ids: readonly string[]): void {
  const { shred } = record;
  for (const name of ['data', 'index'] as const) {
    const { primary, versions } = record[name];
    const statuses = versions.map(({ status }) => status);
    if (shred === undefined) {
      if (versions.find(({ keyId }) => keyId === primary)?.status !== 'enabled') throw damaged(`${name}.primary`);
    } else if (statuses.includes('enabled') || (shred.destroyed !== null && statuses.includes('disabled')))
      throw damaged(`${name}: a version of a shredded scope`);
  }
  if (shred?.enabled.some((keyId) => !ids.includes(keyId))) throw damaged('shred.enabled');
}

function shredState(json: unknown): ShredState {
  const { requested, destroyAfter, enabled, destroyed, census } = members(json, 'shred');
  if (!isTime(requested)) throw damaged('shred.requested');
  if (!isTime(destroyAfter)) throw damaged('shred.destroyAfter');
  if (!Array.isArray(enabled) || !enabled.every(isKeyId)) throw damaged('shred.enabled');
  if (destroyed !== null && !isTime(destroyed)) throw damaged('shred.destroyed');
  return { requested, destroyAfter, enabled, destroyed, census: census === null ? null : parseCensus(census) };
}

/**
 * Checks a parsed JSON value and returns it as a census.
 *
 * @throws ERR_KEY_STORE naming the part that is wrong
 */
export function parseCensus(json: unknown): Census {
  const { counted, entries } = members(json, 'census');
  if (!isTime(counted)) throw damaged('census.counted');
  if (!Array.isArray(entries)) throw damaged('census.entries');
  return {
    counted,
    entries: entries.map((entry: unknown) => {
      const { field, keyId, cells } = members(entry, 'census.entries');
      if (typeof field !== 'string' || !isKeyId(keyId)) throw damaged('census.entries');
      if (!Number.isSafeInteger(cells) || (cells as number) < 0) throw damaged('census.entries');
      return { field, keyId, cells: cells as number };
    }),
  };
}

/** Ids of all keys in the record, destroyed ones included. */
export function keyIdsOf(record: KeysetRecord): string[] {
  return [...record.data.versions, ...record.index.versions].map((version) => version.keyId);
}

function series(json: unknown, name: string): KeySeries {
  const { primary, versions, since } = members(json, name);
  if (since !== undefined && !isTime(since)) throw damaged(`${name}.since`);
  if (!Array.isArray(versions)) throw damaged(`${name}.versions`);
  const parsed = versions.map((version: unknown, at) => keyVersion(version, `${name}.versions[${at}]`));
  const distinct = new Set(parsed.map((version) => version.version));
  const found = parsed.find((version) => version.keyId === primary);
  if (distinct.size !== parsed.length) throw damaged(`${name}: a version stands twice`);
  if (found === undefined) throw damaged(`${name}.primary`);
  return { primary: found.keyId, versions: parsed, ...(since === undefined ? {} : { since }) };
}

function keyVersion(json: unknown, name: string): KeyVersion {
  const { keyId, version, suite, status, created, destroyAfter, kekId, wrapped } = members(json, name);
  if (!isKeyId(keyId)) throw damaged(`${name}.keyId`);
  if (!Number.isSafeInteger(version) || (version as number) < 1) throw damaged(`${name}.version`);
  if (!isSuite(suite)) throw damaged(`${name}.suite`);
  if (status !== 'enabled' && status !== 'disabled' && status !== 'destroyed') throw damaged(`${name}.status`);
  if (!isTime(created)) throw damaged(`${name}.created`);
  if (destroyAfter !== null && !isTime(destroyAfter)) throw damaged(`${name}.destroyAfter`);
  if (typeof kekId !== 'string') throw damaged(`${name}.kekId`);
  if ((status === 'destroyed') !== (wrapped === null)) throw damaged(`${name}.wrapped`);
  if (wrapped !== null && typeof wrapped !== 'string') throw damaged(`${name}.wrapped`);
  return { keyId, version: version as number, suite, status, created, destroyAfter, kekId, wrapped };
}

function members(json: unknown, name: string): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw damaged(name);
  return json as Record<string, unknown>;
}

function isKeyId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f]{16}$/.test(value);
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function damaged(part: string): FieldsealError {
  return new FieldsealError('ERR_KEY_STORE', `a stored keyset is damaged at: ${part}`);
}
