import type { LegacyPlaintext } from '@fieldseal/core';
import { utf8Text } from './encodings.ts';
import { unserved } from './reader-error.ts';

/** Types of Lockbox attributes that have a type of Fieldseal. */
export type LockboxType =
  | 'string'
  | 'text'
  | 'binary'
  | 'boolean'
  | 'integer'
  | 'float'
  | 'decimal'
  | 'datetime'
  | 'json';

const TYPES: Readonly<Record<LockboxType, (bytes: Buffer) => LegacyPlaintext | null>> = {
  string: utf8Text,
  text: utf8Text,
  binary: (bytes) => Uint8Array.from(bytes),
  boolean: (bytes) => ({ t: 'true', f: 'false' })[bytes.toString('latin1')] ?? null,
  integer: (bytes) => (bytes.length === 8 ? String(bytes.readBigInt64BE()) : null),
  float: (bytes) => (bytes.length === 8 ? String(bytes.readDoubleBE()) : null),
  decimal: utf8Text,
  datetime: (bytes) => isoTime(bytes.toString('latin1')),
  json: utf8Text,
};

/**
 * The text of a value of Lockbox: the canonical text of its type, which a field of that type reads; bytes for `binary`.
 *
 * @throws ERR_VALUE when the bytes are not of the type
 */
export function lockboxValue(type: LockboxType, bytes: Uint8Array): LegacyPlaintext {
  const value = TYPES[type](Buffer.from(bytes));
  if (value === null) throw unserved('lockbox', `is not of the type ${type}`, 'Check `type` of the reader.');
  return value;
}

/** `2026-01-02T03:04:05.678901000Z` in ms. Digits beyond are refused unless they are zeros: nothing is dropped in silence. */
function isoTime(text: string): string | null {
  const [, seconds = '', ms = '', rest = ''] =
    /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3})(\d*))?(?:Z|\+00:00)$/.exec(text) ?? [];
  const time = new Date(`${seconds}.${ms.padEnd(3, '0')}Z`);
  return seconds === '' || Number.isNaN(time.getTime()) || /[^0]/.test(rest) ? null : time.toISOString();
}
