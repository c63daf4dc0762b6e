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
