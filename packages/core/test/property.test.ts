import fc from 'fast-check';
import { describe, it } from 'vitest';
import { fromBase64Url, fromHex, pae, toBase64Url, toHex } from '../src/bytes.ts';
import { decodeCell, encodeCell, encodeCellText, encodeHeader } from '../src/cell.ts';
import { canonicalDecimal } from '../src/decimal.ts';
import { FieldCipher } from '../src/field-cipher.ts';
import type { ColumnType } from '../src/field-spec.ts';
import { formatRawKey, formatRecoveryKey, parseRawKey, parseRecoveryKey } from '../src/keyring/key-text.ts';
import { pad, unpad } from '../src/padding.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import type { SuiteId } from '../src/suite.ts';
import { decodeValue, encodeValue, VALUE_TYPES, type ValueType } from '../src/value.ts';
import { fieldSpec } from './field-specs.ts';
import { viewOf } from './test-view.ts';

const runs = { numRuns: process.env['SLOW'] === '1' ? 10_000 : 300 };

const suites = fc.constantFrom<SuiteId>(0x11, 0x12);
const keyIds = fc.uint8Array({ minLength: 8, maxLength: 8 }).map(toHex);
const nonces = fc.uint8Array({ minLength: 24, maxLength: 24 });
const sealed = fc.uint8Array({ minLength: 17, maxLength: 400 });
const texts = fc.string({ unit: 'grapheme', maxLength: 80 });
const pads = fc.constantFrom(null, 1, 16, 64);

/** Values of each type, the edges more often than chance would have it. */
const values: Record<ValueType, fc.Arbitrary<unknown>> = {
  String: texts,
  Bytes: fc.uint8Array({ maxLength: 200 }),
  Int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  BigInt: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  Float: fc.double({ noNaN: true, noDefaultInfinity: true }),
  Decimal: fc.tuple(fc.bigInt(), fc.nat(40)).map(([digits, scale]) => plain(digits, scale)),
  Boolean: fc.boolean(),
  DateTime: fc.date({ noInvalidDate: true }),
  Json: fc.jsonValue().map((json) => JSON.parse(JSON.stringify(json)) as unknown),
};

/** `digits` · 10^-scale in canonical form, by BigInt arithmetic alone. */
function plain(digits: bigint, scale: number): string {
  let [number, places] = [digits, scale];
  while (places > 0 && number % 10n === 0n) [number, places] = [number / 10n, places - 1];
  const magnitude = number < 0n ? -number : number;
  const unit = 10n ** BigInt(places);
  const fraction = places === 0 ? '' : `.${String(magnitude % unit).padStart(places, '0')}`;
  return `${number < 0n ? '-' : ''}${magnitude / unit}${fraction}`;
}

function same(one: unknown, other: unknown): boolean {
  if (one instanceof Uint8Array && other instanceof Uint8Array) return Buffer.compare(one, other) === 0;
  if (one instanceof Date && other instanceof Date) return one.getTime() === other.getTime();
  return typeof one === 'object' && one !== null
    ? JSON.stringify(one) === JSON.stringify(other)
    : Object.is(one, other);
}

function refuses(work: () => unknown): boolean {
  try {
    work();
    return false;
  } catch (error) {
    return error instanceof Error && error.name === 'FieldsealError';
  }
}

describe('a cell', () => {
  it('encodes what it decodes, as bytes and as text', () => {
    fc.assert(
      fc.property(suites, keyIds, nonces, sealed, (suite, keyId, nonce, body) => {
        const bytes = encodeCell(encodeHeader(suite, keyId), nonce, body);
        for (const stored of [bytes, encodeCellText(bytes)]) {
          const cell = decodeCell(stored);
          const again = encodeCell(encodeHeader(cell.suite, cell.keyId), cell.nonce, cell.sealed);
          if (!same(typeof stored === 'string' ? encodeCellText(again) : again, stored)) return false;
        }
        return true;
      }),
      runs,
    );
  });

  it('is any text that is accepted, in one spelling', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'AEIOaeio049-_+/= \n'), minLength: 60, maxLength: 80 });
    fc.assert(
      fc.property(fc.oneof(digits, texts), fc.constantFrom('fs1:', 'fs1:E', 'fs1:Eb', 'FS1:', ''), (text, prefix) => {
        const stored = prefix + text;
        if (refuses(() => decodeCell(stored))) return true;
        const { header, nonce, sealed: body } = decodeCell(stored);
        return encodeCellText(encodeCell(header, nonce, body)) === stored;
      }),
      runs,
    );
  });

  it('is no random bytes but those that start with a suite and are long enough', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const accepted = bytes.length >= 50 && (bytes[0] === 0x11 || bytes[0] === 0x12);
        return refuses(() => decodeCell(bytes)) === !accepted;
      }),
      runs,
    );
  });
});

describe('a value', () => {
  it.each(VALUE_TYPES)('of type %s is the same after encoding and decoding', (type) => {
    fc.assert(
      fc.property(values[type], pads, (value, padTo) => {
        const plaintext = encodeValue(type, value, padTo);
        const decoded = decodeValue(type, plaintext);
        return same(decoded, value) && same(encodeValue(type, decoded, padTo), plaintext);
      }),
      runs,
    );
  });

  it('has one spelling: what decodes, encodes to the same bytes', () => {
    const types = fc.constantFrom(...VALUE_TYPES.filter((type) => type !== 'Json'));
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 12 }), (type, payload) => {
        const plaintext = Uint8Array.of(encodeValue(type, SAMPLES[type], null)[0] as number, ...payload);
        if (refuses(() => decodeValue(type, plaintext))) return true;
        return same(encodeValue(type, decodeValue(type, plaintext), null), plaintext);
      }),
      { numRuns: runs.numRuns * 5 },
    );
  });

  it('or bytes of any kind either decode or are refused with a typed error', () => {
    fc.assert(
      fc.property(fc.constantFrom(...VALUE_TYPES), fc.uint8Array({ maxLength: 40 }), (type, plaintext) => {
        if (refuses(() => decodeValue(type, plaintext))) return true;
        return decodeValue(type, plaintext) !== undefined;
      }),
      { numRuns: runs.numRuns * 5 },
    );
  });

  it('of any kind at all is encoded or refused with a typed error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...VALUE_TYPES),
        fc.anything({ withBigInt: true, withDate: true, withTypedArray: true }),
        (type, value) => {
          if (refuses(() => encodeValue(type, value, 16))) return true;
          return encodeValue(type, value, 16).length > 1;
        },
      ),
      runs,
    );
  });
});

const SAMPLES: Record<ValueType, unknown> = {
  String: '',
  Bytes: new Uint8Array(0),
  Int: 0,
  BigInt: 0n,
  Float: 0,
  Decimal: '0',
  Boolean: true,
  DateTime: new Date(0),
  Json: null,
};

describe('a decimal', () => {
  it('agrees with the arithmetic of BigInt, however it is spelled', () => {
    fc.assert(
      fc.property(
        fc.bigInt(),
        fc.nat(60),
        fc.integer({ min: -30, max: 30 }),
        fc.nat(5),
        (digits, scale, exponent, zeros) => {
          // digits · 10^-scale, written with the point somewhere else, an exponent that makes up for it, and zeros around it
          const magnitude = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
          const at = magnitude.length - scale;
          const spelled = `${digits < 0n ? '-' : '+'}${'0'.repeat(zeros)}${magnitude.slice(0, at)}.${magnitude.slice(at)}${'0'.repeat(zeros)}`;
          const scaled = scale - exponent;
          const expected = scaled >= 0 ? plain(digits, scaled) : plain(digits * 10n ** BigInt(-scaled), 0);
          return (
            canonicalDecimal(spelled) === plain(digits, scale) &&
            canonicalDecimal(`${spelled}e${exponent}`) === expected
          );
        },
      ),
      runs,
    );
  });

  it('is canonical once and for all', () => {
    const spellings = fc.string({ unit: fc.constantFrom(...'0019.-+eE'), maxLength: 12 });
    fc.assert(
      fc.property(spellings, (text) => {
        const canonical = canonicalDecimal(text);
        return (
          canonical === null ||
          (canonicalDecimal(canonical) === canonical &&
            (Math.abs(Number(text)) > 1e300 || Number(canonical) === Number(text)))
        );
      }),
      { numRuns: runs.numRuns * 10 },
    );
  });
});

describe('bytes', () => {
  it('go through hexadecimal, base64url and padding and come back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.integer({ min: 1, max: 80 }), (bytes, size) => {
        const padded = pad(bytes, size);
        const shapes =
          padded.length % size === 0 && padded.length > bytes.length && padded.length <= bytes.length + size;
        return (
          shapes &&
          [fromHex(toHex(bytes)), fromBase64Url(toBase64Url(bytes)), unpad(padded)].every((back) => same(back, bytes))
        );
      }),
      runs,
    );
  });

  it('give no two lists of pieces the same encoding', () => {
    const lists = fc.array(fc.string({ unit: fc.constantFrom('a', '\0', '\u0001'), maxLength: 9 }), { maxLength: 4 });
    fc.assert(
      fc.property(
        lists,
        lists,
        (one, other) => same(pae(...one), pae(...other)) === (JSON.stringify(one) === JSON.stringify(other)),
      ),
      runs,
    );
  });
});

describe('a key as text', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const [raw, recovery] = [SecretBytes.copy(bytes), SecretBytes.copy(bytes.subarray(0, 20))];
        return (
          parseRawKey(formatRawKey(raw)).equals(raw) && parseRecoveryKey(formatRecoveryKey(recovery)).equals(recovery)
        );
      }),
      runs,
    );
  });
});

describe('the field cipher', () => {
  it('brings back every batch of values', () => {
    const fields = VALUE_TYPES.map((type) =>
      fc.record({
        type: fc.constant(type),
        value: values[type],
        column: fc.constantFrom<ColumnType>('String', 'Bytes', 'Json'),
        pad: pads,
        row: texts,
      }),
    );
    const cipher = new FieldCipher();
    fc.assert(
      fc.property(fc.array(fc.oneof(...fields), { maxLength: 8 }), suites, (batch, suite) => {
        const view = viewOf(suite, suite);
        const plain = batch.map(({ type, value, column, pad: padTo, row }) => ({
          spec: fieldSpec(type, column, padTo),
          value,
          binding: row === '' ? null : ([['id', row]] as const),
        }));
        const stored = cipher
          .encrypt(view, plain)
          .map((cell, at) => ({ ...(plain[at] as (typeof plain)[0]), stored: cell }));
        const opened = cipher.decrypt(view, cipher.parse(stored));
        return opened.length === batch.length && opened.every((value, at) => same(value, batch[at]?.value));
      }),
      runs,
    );
  });
});
