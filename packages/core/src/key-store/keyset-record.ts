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

/** The versions of one key. Exactly one, enabled, is the primary: new data is written under it. */
export interface KeySeries {
  readonly primary: string;
  readonly versions: readonly KeyVersion[];
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
}

/**
 * Checks a parsed JSON value and returns it as a keyset.
 *
 * @throws ERR_KEY_STORE naming the part that is wrong
 */
export function parseKeysetRecord(json: unknown): KeysetRecord {
  const { scope, generation, data, index } = members(json, 'keyset');
  if (typeof scope !== 'string') throw damaged('scope');
  if (!Number.isSafeInteger(generation) || (generation as number) < 1) throw damaged('generation');
  const record = { scope, generation: generation as number, data: series(data, 'data'), index: series(index, 'index') };
  const ids = keyIdsOf(record);
  if (new Set(ids).size < ids.length) throw damaged('a key id stands twice');
  return record;
}

/** Ids of all keys in the record, destroyed ones included. */
export function keyIdsOf(record: KeysetRecord): string[] {
  return [...record.data.versions, ...record.index.versions].map((version) => version.keyId);
}

function series(json: unknown, name: string): KeySeries {
  const { primary, versions } = members(json, name);
  if (!Array.isArray(versions)) throw damaged(`${name}.versions`);
  const parsed = versions.map((version: unknown, at) => keyVersion(version, `${name}.versions[${at}]`));
  const distinct = new Set(parsed.map((version) => version.version));
  const found = parsed.find((version) => version.keyId === primary);
  if (distinct.size !== parsed.length) throw damaged(`${name}: a version stands twice`);
  if (found?.status !== 'enabled') throw damaged(`${name}.primary`);
  return { primary: found.keyId, versions: parsed };
}

function keyVersion(json: unknown, name: string): KeyVersion {
  const { keyId, version, suite, status, created, destroyAfter, kekId, wrapped } = members(json, name);
  if (typeof keyId !== 'string' || !/^[0-9a-f]{16}$/.test(keyId)) throw damaged(`${name}.keyId`);
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

function isTime(value: unknown): value is string {
  return typeof value === 'string' && !Number.isNaN(Date.parse(value));
}

function damaged(part: string): FieldsealError {
  return new FieldsealError('ERR_KEY_STORE', `a stored keyset is damaged at: ${part}`);
}
