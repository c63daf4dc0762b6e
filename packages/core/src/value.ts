/**
 * Typed values as bytes (spec/format.md §3): plaintext = typeTag(1) ‖ payload. Decoding is strict: one value has one spelling.
 *
 * @module
 */
import { concat, fromUtf8, isWellFormed, toHex, utf8, view } from './bytes.ts';
import { canonicalDecimal } from './decimal.ts';
import { FieldsealError } from './errors.ts';
import { pad, unpad } from './padding.ts';

/** Names of the value types, as Prisma writes them. */
export type ValueType = 'String' | 'Bytes' | 'Int' | 'BigInt' | 'Float' | 'Decimal' | 'Boolean' | 'DateTime' | 'Json';

/** One type: how its values become bytes and text. A function returns null for a value or payload that it refuses. */
interface ValueCodec {
  readonly tag: number;
  readonly encode: (value: unknown) => Uint8Array | null;
  readonly decode: (payload: Uint8Array) => unknown;
  /** Canonical text, for row binding and index terms. */
  readonly text: (value: unknown) => string | null;
}

/** Set in the type tag when the payload is padded. */
const PADDED = 0x80;
const INT_MIN = -(2 ** 31);
const INT_MAX = 2 ** 31 - 1;
const BIGINT_MIN = -(2n ** 63n);
const BIGINT_MAX = 2n ** 63n - 1n;
/** The largest distance from the epoch that a Date can hold, in ms (ECMA-262 §21.4.1.1). */
const MAX_TIME = 8.64e15;
/** Largest pad size, in bytes. */
export const MAX_PAD = 65_536;
/** "undefined" cannot be a payload, so it marks a refusal of `decode`; null is a JSON value. */
const REFUSED = undefined;

/** A codec whose payload is the UTF-8 of its canonical text. */
function textual(tag: number, text: ValueCodec['text'], read: (text: string) => unknown): ValueCodec {
  return {
    tag,
    text,
    encode: (value) => {
      const canonical = text(value);
      return canonical === null ? null : utf8(canonical);
    },
    decode: (payload) => {
      const canonical = fromUtf8(payload);
      if (canonical === null) return REFUSED;
      const value = read(canonical);
      return value !== REFUSED && text(value) === canonical ? value : REFUSED;
    },
  };
}

function intText(value: unknown): string | null {
  const fits = Number.isInteger(value) && (value as number) >= INT_MIN && (value as number) <= INT_MAX;
  return fits ? String((value as number) + 0) : null;
}

function bigIntText(value: unknown): string | null {
  const wide = Number.isSafeInteger(value) ? BigInt(value as number) : value;
  return typeof wide === 'bigint' && wide >= BIGINT_MIN && wide <= BIGINT_MAX ? wide.toString() : null;
}

/** Numbers, texts and objects of decimal libraries, whose `toFixed()` writes all digits without an exponent. */
function decimalText(value: unknown): string | null {
  if (typeof value === 'string') return canonicalDecimal(value);
  if (typeof value === 'number' || typeof value === 'bigint') return canonicalDecimal(String(value));
  const decimal = value as { toFixed?: unknown } | null;
  // Number objects have a toFixed() too, which rounds.
  return typeof decimal === 'object' && !(decimal instanceof Number) && typeof decimal?.toFixed === 'function'
    ? canonicalDecimal(String(decimal.toFixed()))
    : null;
}

function jsonText(value: unknown): string | null {
  try {
    const text: string | undefined = JSON.stringify(value);
    return text === undefined || !isWellFormed(text) ? null : text;
  } catch {
    return null; // a BigInt, a cycle, nesting without end, or a toJSON() that throws; the message would name members of the value
  }
}

function float(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value);
}

function date(value: unknown): value is Date {
  return value instanceof Date && !Number.isNaN(value.getTime());
}

/** 8 bytes, big-endian, written by `write`. */
function eightBytes(write: (to: DataView) => void): Uint8Array {
  const bytes = new Uint8Array(8);
  write(new DataView(bytes.buffer));
  return bytes;
}

const CODECS: Readonly<Record<ValueType, ValueCodec>> = {
  String: textual(
    0x01,
    (value) => (typeof value === 'string' && isWellFormed(value) ? value : null),
    (text) => text,
  ),
  Bytes: {
    tag: 0x02,
    encode: (value) => (value instanceof Uint8Array ? value : null),
    decode: (payload) => Uint8Array.from(payload),
    text: (value) => (value instanceof Uint8Array ? toHex(value) : null),
  },
  Int: textual(0x03, intText, (text) => (/^-?\d{1,10}$/.test(text) ? Number(text) : REFUSED)),
  BigInt: textual(0x04, bigIntText, (text) => (/^-?\d{1,19}$/.test(text) ? BigInt(text) : REFUSED)),
  Float: {
    tag: 0x05,
    encode: (value) => (float(value) ? eightBytes((to) => to.setFloat64(0, value)) : null),
    decode: (payload) => {
      const value = payload.length === 8 ? view(payload).readDoubleBE() : REFUSED;
      return float(value) ? value : REFUSED;
    },
    text: (value) => (float(value) ? String(value) : null),
  },
  Decimal: textual(0x06, decimalText, (text) => text),
  Boolean: {
    tag: 0x07,
    encode: (value) => (typeof value === 'boolean' ? Uint8Array.of(Number(value)) : null),
    decode: (payload) => (payload.length === 1 && (payload[0] === 0 || payload[0] === 1) ? payload[0] === 1 : REFUSED),
    text: (value) => (typeof value === 'boolean' ? String(value) : null),
  },
  DateTime: {
    tag: 0x08,
    encode: (value) => (date(value) ? eightBytes((to) => to.setBigInt64(0, BigInt(value.getTime()))) : null),
    decode: (payload) => {
      const time = payload.length === 8 ? Number(view(payload).readBigInt64BE()) : Number.NaN;
      return Math.abs(time) <= MAX_TIME ? new Date(time) : REFUSED;
    },
    text: (value) => (date(value) ? value.toISOString() : null),
  },
  Json: {
    tag: 0x09,
    encode: (value) => {
      const text = jsonText(value);
      return text === null ? null : utf8(text);
    },
    decode: (payload) => {
      try {
        return JSON.parse(fromUtf8(payload) ?? '') as unknown;
      } catch {
        return REFUSED;
      }
    },
    text: jsonText,
  },
};

/** All value types. */
export const VALUE_TYPES: readonly ValueType[] = Object.keys(CODECS) as ValueType[];

/**
 * Plaintext bytes of a value.
 *
 * @param padTo - pad size in bytes, or null for none
 * @throws ERR_VALUE when the value is not of the type: a lone surrogate, NaN, an Int beyond 32 bits, an invalid Date
 */
export function encodeValue(type: ValueType, value: unknown, padTo: number | null): Uint8Array {
  const codec = CODECS[type];
  if (padTo !== null && !(Number.isInteger(padTo) && padTo >= 1 && padTo <= MAX_PAD))
    throw new FieldsealError('ERR_OPTIONS', `a pad size is 1 to ${MAX_PAD} bytes`);
  const payload = refusing(() => codec.encode(value));
  if (payload === null) throw valueError(type);
  return padTo === null
    ? concat(Uint8Array.of(codec.tag), payload)
    : concat(Uint8Array.of(codec.tag | PADDED), pad(payload, padTo));
}

/**
 * Value of plaintext bytes. Decimal gives its text, Bytes a copy. A padded payload is accepted whatever the field's pad size is now.
 *
 * @throws ERR_VALUE_TYPE when the bytes hold another type, or a payload that is not canonical
 */
export function decodeValue(type: ValueType, plaintext: Uint8Array): unknown {
  const codec = CODECS[type];
  const [tag = 0] = plaintext;
  const stored = plaintext.subarray(1);
  const payload = (tag & PADDED) === 0 ? stored : unpad(stored);
  if ((tag & ~PADDED) !== codec.tag || payload === null) throw typeError(type);
  const value = codec.decode(payload);
  if (value === REFUSED) throw typeError(type);
  return value;
}

/**
 * Canonical text of a value (spec/format.md §3), which row binding and index terms use.
 *
 * @throws ERR_VALUE when the value is not of the type
 */
export function canonicalText(type: ValueType, value: unknown): string {
  const text = refusing(() => CODECS[type].text(value));
  if (text === null) throw valueError(type);
  return text;
}

/** A value whose own methods throw is refused like any other; what they threw could hold the value, and is dropped. */
function refusing<T>(work: () => T | null): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function valueError(type: ValueType): FieldsealError {
  const detail = type === 'String' ? ' (a lone surrogate counts as none)' : '';
  return new FieldsealError('ERR_VALUE', `a value is not a valid ${type}${detail}`);
}

function typeError(type: ValueType): FieldsealError {
  return new FieldsealError('ERR_VALUE_TYPE', `a cell does not hold a valid ${type}`);
}
