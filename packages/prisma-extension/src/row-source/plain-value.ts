/**
 * Values of encrypted fields as JSON has them: whole numbers of any size and decimals as text, bytes in base64, times in ISO 8601.
 *
 * @module
 */
import { canonicalText, type FieldSpec, FieldsealError, type ValueType } from '@fieldseal/core';

/** A value that the cipher decrypted, as JSON has it. */
export function toPlain(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return value.toISOString();
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}

/**
 * The value that the cipher encrypts.
 *
 * @throws ERR_VALUE when it is not of the field's type
 */
export function fromPlain({ type, model, field }: FieldSpec, json: unknown): unknown {
  const value = READERS[type](json);
  if (value === undefined)
    throw new FieldsealError('ERR_VALUE', `a value is no ${type} as JSON has it`, { model, field, hint: HINT });
  canonicalText(type, value); // throws for what cannot be encrypted
  return value;
}

const HINT =
  'BigInt and Decimal are texts of digits, Bytes are base64, and DateTime is ISO 8601 in UTC, as `fieldseal backup export` writes them.';

/** The value of each type, or undefined for what is none. */
const READERS: Readonly<Record<ValueType, (json: unknown) => unknown>> = {
  String: textual,
  Decimal: textual,
  Int: (json) => (Number.isInteger(json) ? json : undefined),
  BigInt: (json) => (typeof json === 'string' && /^-?\d{1,19}$/.test(json) ? BigInt(json) : undefined),
  Float: (json) => (typeof json === 'number' ? json : undefined),
  Boolean: (json) => (typeof json === 'boolean' ? json : undefined),
  Bytes: (json) => {
    if (typeof json !== 'string') return undefined;
    const bytes = Buffer.from(json, 'base64');
    return bytes.toString('base64') === json ? Uint8Array.from(bytes) : undefined;
  },
  DateTime: (json) => {
    const date = new Date(typeof json === 'string' ? json : Number.NaN);
    return !Number.isNaN(date.getTime()) && date.toISOString() === json ? date : undefined;
  },
  Json: (json) => json,
};

function textual(json: unknown): unknown {
  return typeof json === 'string' ? json : undefined;
}
