import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';
import { describe, expect, it } from 'vitest';
import { blindIndexTerm, blindIndexTerms, formatTerm, indexMac } from '../src/blind-index/equality-terms.ts';
import { pae, toHex } from '../src/bytes.ts';
import { deriveIndexKey } from '../src/kdf.ts';
import { IndexRoot } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import type { ValueType } from '../src/value.ts';
import { codeOf } from './error-code.ts';
import { fieldSpec, indexSpec } from './field-specs.ts';

function root(version = 1): IndexRoot {
  return new IndexRoot('be6edbca880fc191', version, SecretBytes.take(new Uint8Array(32).fill(9)));
}

describe('blindIndexTerm', () => {
  it('agrees with an independent HMAC', () => {
    const key = deriveIndexKey(SecretBytes.take(new Uint8Array(32).fill(9)), 'Patient', 'notes', 'eq');
    const mac = toHex(hmac(sha256, key.expose(), pae('ada')));
    expect(blindIndexTerm(root(4), indexSpec(), 'ada')).toBe(`4.${mac.slice(0, 32)}`);
  });

  it('is the same for equal values only', () => {
    const term = (value: unknown) => blindIndexTerm(root(), indexSpec(), value);
    expect(term('ada')).toBe(term('ada'));
    expect(new Set(['ada', 'Ada', 'ada ', '', '\0', 'adaa'].map(term)).size).toBe(6);
  });

  it('normalises first', () => {
    const index = indexSpec(fieldSpec(), { normalize: ['trim', 'lowercase'] });
    expect(blindIndexTerm(root(), index, ' ADA ')).toBe(blindIndexTerm(root(), index, 'ada'));
    expect(blindIndexTerm(root(), index, 'ada')).toBe(blindIndexTerm(root(), indexSpec(), 'ada'));
  });

  it('differs by model, field, name and root', () => {
    const source = fieldSpec();
    const terms = [
      blindIndexTerm(root(), indexSpec(), 'ada'),
      blindIndexTerm(root(), indexSpec({ ...source, context: { model: 'User', field: 'notes' } }), 'ada'),
      blindIndexTerm(root(), indexSpec({ ...source, context: { model: 'Patient', field: 'name' } }), 'ada'),
      blindIndexTerm(root(), indexSpec(source, { name: 'prefix' }), 'ada'),
      blindIndexTerm(new IndexRoot('', 1, SecretBytes.take(new Uint8Array(32))), indexSpec(), 'ada'),
    ];
    expect(new Set(terms).size).toBe(terms.length);
  });

  it('does not depend on the names in the schema, only on the stable ones', () => {
    const renamed = indexSpec(
      { ...fieldSpec(), model: 'Person', field: 'remarks' },
      { model: 'Person', column: 'remarksIndex' },
    );
    expect(blindIndexTerm(root(), renamed, 'ada')).toBe(blindIndexTerm(root(), indexSpec(), 'ada'));
  });

  it.each<[ValueType, unknown, unknown]>([
    ['Int', 5, 5],
    ['Int', 0, -0],
    ['BigInt', 5n, 5],
    ['Decimal', '1.50', 1.5],
    ['DateTime', new Date(0), new Date('1970-01-01')],
    ['Boolean', true, true],
    ['Bytes', Uint8Array.of(1), Buffer.of(1)],
  ])('finds a value of %s in any of its spellings', (type, one, other) => {
    const index = indexSpec(fieldSpec(type));
    expect(blindIndexTerm(root(), index, one)).toBe(blindIndexTerm(root(), index, other));
  });

  it.each<[ValueType, unknown]>([
    ['String', null],
    ['String', undefined],
    ['String', 5],
    ['String', '\ud800'],
    ['Int', '5'],
    ['Float', Number.NaN],
    ['DateTime', new Date(Number.NaN)],
    ['Bytes', 'text'],
  ])('refuses, for %s, the value %j', (type, value) => {
    expect(codeOf(() => blindIndexTerm(root(), indexSpec(fieldSpec(type)), value))).toBe('ERR_VALUE');
  });

  it('is not made under a wiped root', () => {
    const wiped = root();
    wiped.wipe();
    expect(codeOf(() => blindIndexTerm(wiped, indexSpec(), 'ada'))).toBe('ERR_KEY_WIPED');
  });
});

describe('blindIndexTerms', () => {
  const plain = indexSpec(fieldSpec(), { normalize: ['trim', 'lowercase'] });
  const number = indexSpec(fieldSpec('Int'), { name: 'number', bits: 13 });
  const values = [' Ada ', '', 'Zażółć 👩‍⚕️', 'x'.repeat(39), 'x'.repeat(300), 'x'.repeat(20_000)];

  it('are those of the values one by one, for one value or many, of several indexes', () => {
    for (const count of [1, 2, 3, 4, 5, 300]) {
      const items = Array.from({ length: count }, (_, at) =>
        at % 3 === 2 ? { index: number, value: at } : { index: plain, value: values[at % values.length] },
      );
      const expected = items.map(({ index, value }) => blindIndexTerm(root(3), index, value));
      expect(blindIndexTerms(root(3), items)).toEqual(expected);
    }
    expect(blindIndexTerms(root(), [])).toEqual([]);
  });

  it('fail as a whole, and name the field whose value is refused', () => {
    const index = indexSpec({ ...fieldSpec('Int'), field: 'age' });
    const items = [
      { index: plain, value: 'ada' },
      { index, value: 'ada' },
    ];
    expect(() => blindIndexTerms(root(), items)).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE', model: 'Patient', field: 'age' }),
    );
    expect(codeOf(() => blindIndexTerms(root(), [{ index: plain, value: '\ud800' }]))).toBe('ERR_VALUE');
  });

  it('are not made under a wiped root, even if a value wipes it on the way', () => {
    const wiped = root();
    const decimal = indexSpec(fieldSpec('Decimal'));
    const value = {
      toFixed: () => {
        wiped.wipe();
        return '1.5';
      },
    };
    const items = [
      { index: decimal, value: '1' },
      { index: decimal, value },
    ];
    expect(codeOf(() => blindIndexTerms(wiped, items))).toBe('ERR_KEY_WIPED');
  });

  it('let an error that is not ours through as it is', () => {
    const hostile = {
      index: plain,
      get value(): unknown {
        throw new RangeError('from outside');
      },
    };
    expect(() => blindIndexTerms(root(), [hostile])).toThrow(RangeError);
  });
});

describe('formatTerm', () => {
  const mac = Uint8Array.from({ length: 32 }, () => 0xff);

  it.each([
    [1, '1.8'],
    [2, '1.c'],
    [3, '1.e'],
    [4, '1.f'],
    [5, '1.f8'],
    [7, '1.fe'],
    [8, '1.ff'],
    [9, '1.ff8'],
    [12, '1.fff'],
    [13, '1.fff8'],
    [256, `1.${'f'.repeat(64)}`],
  ])('keeps %i bits', (bits, term) => {
    expect(formatTerm(1, mac, bits)).toBe(term);
  });

  it('keeps exactly the first bits for every length, and leaves the MAC alone', () => {
    const random = indexMac(SecretBytes.take(new Uint8Array(32)), ['x']);
    const before = toHex(random);
    const binary = [...random].map((byte) => byte.toString(2).padStart(8, '0')).join('');
    for (let bits = 1; bits <= 256; bits++) {
      const digits = formatTerm(12, random, bits).slice(3);
      const shown = [...digits].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
      expect(shown).toBe(binary.slice(0, bits).padEnd(Math.ceil(bits / 4) * 4, '0'));
    }
    expect(toHex(random)).toBe(before);
  });
});

describe('indexMac', () => {
  it('confuses no two lists of values', () => {
    const key = SecretBytes.take(new Uint8Array(32));
    const lists = [[], [''], ['', ''], ['a'], ['a', ''], ['', 'a'], ['ab'], ['a', 'b']];
    expect(new Set(lists.map((list) => toHex(indexMac(key, list)))).size).toBe(lists.length);
  });
});
