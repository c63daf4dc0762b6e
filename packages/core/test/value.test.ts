import { describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../src/bytes.ts';
import { canonicalText, decodeValue, encodeValue, VALUE_TYPES, type ValueType } from '../src/value.ts';
import { codeOf } from './error-code.ts';

/** An object of a decimal library. */
function decimal(text: string): { toFixed(): string } {
  return { toFixed: () => text };
}

function circular(): object {
  const object: { canaryMember?: object } = {};
  object.canaryMember = object;
  return object;
}

function deep(depth: number): unknown {
  let value: unknown = null;
  for (let at = 0; at < depth; at++) value = [value];
  return value;
}

const DAY = new Date('1969-12-31T23:59:59.999Z');

describe('encodeValue', () => {
  it.each<[ValueType, unknown, string]>([
    ['String', '', '01'],
    ['String', 'ż', '01c5bc'],
    ['String', '\ufeff', '01efbbbf'],
    ['Bytes', new Uint8Array(0), '02'],
    ['Bytes', Buffer.from([0, 255]), '0200ff'],
    ['Int', 0, '0330'],
    ['Int', -0, '0330'],
    ['Int', -2147483648, '032d32313437343833363438'],
    ['BigInt', 9223372036854775807n, '0439323233333732303336383534373735383037'],
    ['BigInt', 5, '0435'],
    ['BigInt', -0, '0430'],
    ['Float', 0.1, '053fb999999999999a'],
    ['Float', -0, '058000000000000000'],
    ['Float', Number.MAX_VALUE, '057fefffffffffffff'],
    ['Float', 5e-324, '050000000000000001'],
    ['Decimal', '1234.5600', '06313233342e3536'],
    ['Decimal', 1e21, '0631303030303030303030303030303030303030303030'],
    ['Decimal', 12n, '063132'],
    ['Decimal', decimal('-0.50'), '062d302e35'],
    ['Boolean', true, '0701'],
    ['Boolean', false, '0700'],
    ['DateTime', DAY, '08ffffffffffffffff'],
    ['DateTime', new Date(8.64e15), '08001eb208c2dc0000'],
    ['Json', null, '096e756c6c'],
    ['Json', { b: [1, 'é'], a: undefined }, '097b2262223a5b312c22c3a9225d7d'],
  ])('writes %s %s', (type, value, hex) => {
    expect(toHex(encodeValue(type, value, null))).toBe(hex);
  });

  it('sets the padding bit, and pads the payload without its tag', () => {
    expect(toHex(encodeValue('String', 'abc', 4))).toBe('8161626380');
    expect(toHex(encodeValue('String', 'abcd', 4))).toBe('816162636480000000');
    expect(toHex(encodeValue('Boolean', true, 1))).toBe('870180');
  });

  it.each<[ValueType, unknown]>([
    ...VALUE_TYPES.map((type): [ValueType, unknown] => [type, undefined]),
    ...VALUE_TYPES.filter((type) => type !== 'Json').map((type): [ValueType, unknown] => [type, null]),
    ...VALUE_TYPES.filter((type) => type !== 'Json').map((type): [ValueType, unknown] => [type, {}]),
    ['String', 1],
    ['String', 'a\ud800'],
    ['String', '\udc00\ud800'],
    ['String', Object('boxed')],
    ['Bytes', 'text'],
    ['Bytes', [1, 2]],
    ['Bytes', new ArrayBuffer(2)],
    ['Bytes', new Uint16Array(2)],
    ['Int', 1.5],
    ['Int', 2147483648],
    ['Int', -2147483649],
    ['Int', Number.NaN],
    ['Int', Number.POSITIVE_INFINITY],
    ['Int', 1n],
    ['Int', '1'],
    ['Int', true],
    ['BigInt', 9223372036854775808n],
    ['BigInt', -9223372036854775809n],
    ['BigInt', 2 ** 53],
    ['BigInt', 0.5],
    ['BigInt', '1'],
    ['Float', Number.NaN],
    ['Float', Number.POSITIVE_INFINITY],
    ['Float', Number.NEGATIVE_INFINITY],
    ['Float', '0.1'],
    ['Float', 1n],
    ['Decimal', ''],
    ['Decimal', 'abc'],
    ['Decimal', Number.NaN],
    ['Decimal', Number.NEGATIVE_INFINITY],
    ['Decimal', decimal('NaN')],
    ['Decimal', { toFixed: '1' }],
    ['Decimal', true],
    ['Boolean', 0],
    ['Boolean', 'true'],
    ['DateTime', new Date(Number.NaN)],
    ['DateTime', DAY.getTime()],
    ['DateTime', DAY.toISOString()],
    ['Json', () => 1],
    ['Json', Symbol('no')],
    ['Json', 1n],
    ['Json', { nested: [1n] }],
    ['Json', circular()],
    ['Json', deep(200_000)],
  ])('refuses, as %s, the value %#', (type, value) => {
    expect(codeOf(() => encodeValue(type, value, null))).toBe('ERR_VALUE');
    expect(codeOf(() => encodeValue(type, value, 16))).toBe('ERR_VALUE');
    expect(codeOf(() => canonicalText(type, value))).toBe('ERR_VALUE');
  });

  it('refuses a Json value whose own code throws, and shows nothing of it', () => {
    const hostile = {
      toJSON: () => {
        throw new Error('canary');
      },
    };
    for (const value of [hostile, circular()]) {
      expect(() => encodeValue('Json', value, null)).toThrow(/^(?![\s\S]*canary)a value is not a valid Json/);
    }
  });
});

describe('decodeValue', () => {
  it.each<[ValueType, unknown]>([
    ['String', '\ufeffZażółć 👩‍⚕️'],
    ['Int', -7],
    ['BigInt', -9223372036854775808n],
    ['Float', -0],
    ['Decimal', '-0.000001'],
    ['Boolean', false],
    ['DateTime', DAY],
    ['DateTime', new Date(-8.64e15)],
    ['Json', { a: [1, null, 'é', { b: false }] }],
    ['Json', null],
    ['Json', '\ud800'],
    ['Bytes', Uint8Array.of(0, 128, 0)],
  ])('reads %s %s, padded or not', (type, value) => {
    for (const padTo of [null, 1, 16, 64]) {
      const read = decodeValue(type, encodeValue(type, value, padTo));
      if (value instanceof Uint8Array) expect(Buffer.compare(read as Uint8Array, value)).toBe(0);
      else expect(read).toStrictEqual(value);
    }
  });

  it('gives Bytes in memory of their own', () => {
    const plaintext = Uint8Array.of(2, 1, 2, 3);
    const value = decodeValue('Bytes', plaintext) as Uint8Array;
    plaintext.fill(0);
    expect([...value]).toEqual([1, 2, 3]);
  });

  it.each<[string, ValueType, string]>([
    ['no byte at all', 'String', ''],
    ['malformed UTF-8', 'String', '01ff'],
    ['an encoded surrogate', 'String', '01eda080'],
    ['an Int with a sign', 'Int', '032b31'],
    ['an Int with a leading zero', 'Int', '033031'],
    ['minus zero as Int', 'Int', '032d30'],
    ['an Int with white space', 'Int', '0320313 1'.replace(' ', '')],
    ['an Int beyond 32 bits', 'Int', '0332313437343833363438'],
    ['an empty Int', 'Int', '03'],
    ['an Int as hexadecimal', 'Int', '03307831'],
    ['a BigInt beyond 64 bits', 'BigInt', '0439323233333732303336383534373735383038'],
    ['a BigInt with a leading zero', 'BigInt', '043031'],
    ['an empty BigInt', 'BigInt', '04'],
    ['a Float of seven bytes', 'Float', '053fb99999999999'],
    ['a Float of nine bytes', 'Float', '053fb999999999999a00'],
    ['NaN', 'Float', '057ff8000000000000'],
    ['infinity', 'Float', '057ff0000000000000'],
    ['a Decimal with trailing zeros', 'Decimal', '06312e30'],
    ['a Decimal with an exponent', 'Decimal', '06316533'],
    ['a Decimal without a leading zero', 'Decimal', '062e35'],
    ['minus zero as Decimal', 'Decimal', '062d30'],
    ['a Boolean of another value', 'Boolean', '0702'],
    ['an empty Boolean', 'Boolean', '07'],
    ['a Boolean of two bytes', 'Boolean', '070001'],
    ['a DateTime out of range', 'DateTime', '08001eb208c2dc0001'],
    ['the largest DateTime', 'DateTime', '087fffffffffffffff'],
    ['a DateTime of four bytes', 'DateTime', '0800000000'],
    ['what is not JSON', 'Json', '097b'],
    ['empty Json', 'Json', '09'],
    ['Json of malformed UTF-8', 'Json', '0922ff22'],
    ['another type', 'String', '0930'],
    ['a reserved type', 'String', '0a30'],
    ['tag zero', 'String', '0030'],
    ['a padded value without its bit', 'Boolean', '070180'],
    ['the bit without padding', 'Boolean', '8701'],
    ['the bit with nothing behind it', 'String', '81'],
    ['padding of zeros alone', 'String', '81000000'],
    ['padding behind which something stands', 'String', '81618001'],
  ])('refuses %s', (_what, type, hex) => {
    expect(codeOf(() => decodeValue(type, fromHex(hex) as Uint8Array))).toBe('ERR_VALUE_TYPE');
  });

  it('refuses every tag but the own one of each type', () => {
    for (const type of VALUE_TYPES) {
      const plaintext = encodeValue(type, SAMPLES[type], null);
      for (let tag = 0; tag < 256; tag++) {
        if ((tag & 0x7f) === plaintext[0]) continue;
        const other = Uint8Array.from(plaintext);
        other[0] = tag;
        expect(codeOf(() => decodeValue(type, other))).toBe('ERR_VALUE_TYPE');
      }
    }
  });
});

const SAMPLES: Record<ValueType, unknown> = {
  String: 'a',
  Bytes: Uint8Array.of(1),
  Int: 1,
  BigInt: 1n,
  Float: 1,
  Decimal: '1',
  Boolean: true,
  DateTime: DAY,
  Json: 1,
};

describe('canonicalText', () => {
  it.each<[ValueType, unknown, string]>([
    ['String', ' As is ', ' As is '],
    ['Bytes', Uint8Array.of(0xab, 0), 'ab00'],
    ['Int', -5, '-5'],
    ['BigInt', 5n, '5'],
    ['Float', 0.1, '0.1'],
    ['Float', 1e21, '1e+21'],
    ['Decimal', '01.50', '1.5'],
    ['Boolean', true, 'true'],
    ['Boolean', false, 'false'],
    ['DateTime', DAY, '1969-12-31T23:59:59.999Z'],
    ['Json', { a: 1 }, '{"a":1}'],
  ])('of %s %s', (type, value, text) => {
    expect(canonicalText(type, value)).toBe(text);
  });
});
