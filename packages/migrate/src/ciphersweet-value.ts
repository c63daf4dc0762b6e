import type { LegacyPlaintext } from '@fieldseal/core';
import { utf8Text } from './encodings.ts';
import { unserved } from './reader-error.ts';

/** Types of CipherSweet's fields. `bytes` is a string that holds no text. */
export type CipherSweetType = 'string' | 'bytes' | 'int' | 'float' | 'bool';

const TYPES: Readonly<Record<CipherSweetType, (bytes: Buffer) => LegacyPlaintext | null>> = {
  string: utf8Text,
  bytes: (bytes) => Uint8Array.from(bytes),
  int: (bytes) => (bytes.length === 8 ? String(bytes.readBigInt64LE()) : null),
  float: (bytes) => (bytes.length === 8 ? String(bytes.readDoubleLE()) : null),
  bool: (bytes) => ({ '\u0001': 'false', '\u0002': 'true' })[bytes.toString('latin1')] ?? null,
};

/**
 * The text of a value of CipherSweet: the canonical text of its type, which a field of that type reads; bytes for `bytes`.
 *
 * @throws ERR_VALUE when the bytes are not of the type, as for a boolean that is NULL inside
 */
export function cipherSweetValue(type: CipherSweetType, bytes: Uint8Array): LegacyPlaintext {
  const value = TYPES[type](Buffer.from(bytes));
  if (value === null) throw unserved('ciphersweet', `is not of the type ${type}`, 'Check `type` of the reader.');
  return value;
}
