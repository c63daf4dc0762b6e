import { randomBytes } from 'node:crypto';
import { type KeySeries, type KeysetRecord, type KeyVersion, XCHACHA20_POLY1305 } from '@fieldseal/core';

/** A keyset record of the right form with random key ids. Its wrapped keys are random bytes: a key store must not look into them. */
export function sampleKeyset(scope: string, generation: number = 1): KeysetRecord {
  return { scope, generation, data: sampleSeries(), index: sampleSeries() };
}

/** The record with another generation, and otherwise the same. */
export function withGeneration(record: KeysetRecord, generation: number): KeysetRecord {
  return { ...record, generation };
}

/** A keyset of a scope that is being shredded, or was at the time `destroyed`. */
export function shreddedKeyset(scope: string, destroyed: string | null): KeysetRecord {
  const record = sampleKeyset(scope);
  const shred = {
    requested: '2026-01-02T00:00:00.000Z',
    destroyAfter: '2026-02-01T00:00:00.000Z',
    enabled: [record.data.primary],
    destroyed,
    census:
      destroyed === null
        ? null
        : {
            counted: '2026-02-01T12:00:00.000Z',
            entries: [{ field: 'Patient.email', keyId: record.data.primary, cells: 3 }],
          },
  };
  return { ...record, data: stopped(record.data, destroyed), index: stopped(record.index, destroyed), shred };
}

function stopped({ primary, versions }: KeySeries, destroyed: string | null): KeySeries {
  const status = destroyed === null ? 'disabled' : 'destroyed';
  return {
    primary,
    versions: versions.map((version) =>
      version.status === 'enabled'
        ? { ...version, status, wrapped: destroyed === null ? version.wrapped : null }
        : version,
    ),
  };
}

/** A series of two versions: a destroyed one, whose id stays reserved, and the primary. */
function sampleSeries(): KeySeries {
  const destroyed = { ...sampleVersion(1), status: 'destroyed', wrapped: null } as const;
  const primary = sampleVersion(2);
  return { primary: primary.keyId, versions: [destroyed, primary] };
}

function sampleVersion(version: number): KeyVersion {
  return {
    keyId: randomBytes(8).toString('hex'),
    version,
    suite: XCHACHA20_POLY1305,
    status: 'enabled',
    created: '2026-01-02T03:04:05.678Z',
    destroyAfter: null,
    kekId: 'kek-1',
    wrapped: randomBytes(73).toString('base64url'),
  };
}
