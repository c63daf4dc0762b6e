/**
 * Values of a column that is being migrated and still holds plaintext in some rows.
 *
 * @module
 */
import {
  canonicalText,
  type FieldSpec,
  FieldsealError,
  isSuite,
  legacyStored,
  openLegacy,
  TEXT_PREFIX,
  unrecognized,
  type ValueType,
} from '@fieldseal/core';
import type { EncryptedNode } from '../schema/compiled-schema.ts';
import { type DecimalClass, fromCipher } from './typed-value.ts';

/** How the canonical text of a type is read. The result is checked by writing it again. */
const READERS: Readonly<Partial<Record<ValueType, (text: string) => unknown>>> = {
  String: (text) => text,
  Int: Number,
  BigInt: BigInt,
  Float: Number,
  Decimal: (text) => text,
  Boolean: (text) => text === 'true',
  DateTime: (text) => new Date(text),
  Json: JSON.parse,
};

/** The smallest cell, in bytes (spec/format.md §1). */
const MIN_CELL_BYTES = 50;

/** What a column stores for a value in plaintext: the value itself where the column has its type, or its canonical text. */
export function writePlaintext({ column, type }: FieldSpec, value: unknown): unknown {
  if (column === type) return value;
  const text = canonicalText(type, value);
  return column === 'Bytes' ? Uint8Array.from(Buffer.from(text, 'utf8')) : text;
}

/** Whether a stored value is plaintext. Whatever begins as a cell does is taken for one, so that a damaged cell is never given back. */
export function isPlaintext({ spec }: EncryptedNode, stored: unknown): boolean {
  if (spec.column !== 'Bytes') return !(typeof stored === 'string' && stored.startsWith(TEXT_PREFIX));
  return !(stored instanceof Uint8Array && stored.length >= MIN_CELL_BYTES && isSuite(stored[0]));
}

/**
 * What a column holds in plaintext, where another system may have encrypted it: that system's value is opened, and never given back.
 *
 * @throws ERR_CELL_FORMAT for a value that no reader recognizes, unless such are accepted; ERR_DECRYPT and others of the reader
 */
export function plaintextOf({ legacy, spec }: EncryptedNode, stored: unknown): unknown {
  if (legacy === null) return stored;
  const content = openLegacy(legacy.readers, stored);
  if (content !== null) return legacyStored(spec, content);
  if (legacy.unrecognized === 'accept') return stored;
  throw unrecognized(spec);
}

/**
 * The value of a column that holds plaintext: a value of the column's own type, or the canonical text of the field's.
 *
 * @throws ERR_VALUE_TYPE when it is not of the field's type
 */
export function readPlaintext(node: EncryptedNode, stored: unknown, decimal: DecimalClass): unknown {
  const { column, type, model, field } = node.spec;
  if (column === type) return fromCipher(node, stored, decimal);
  const text = stored instanceof Uint8Array ? Buffer.from(stored).toString('utf8') : String(stored);
  try {
    const value = READERS[type]?.(text);
    if (canonicalText(type, value) === text) return fromCipher(node, value, decimal);
  } catch {
    // what is thrown could hold the text
  }
  throw new FieldsealError('ERR_VALUE_TYPE', `a column that is being migrated does not hold a valid ${type}`, {
    model,
    field,
  });
}
