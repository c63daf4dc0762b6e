import { describe, expect, it } from 'vitest';
import { Buckets, MAX_BUCKETS } from '../src/blind-index/buckets.ts';
import { defineIndex, type IndexDefinition } from '../src/blind-index/define-index.ts';
import { blindIndexTerm, blindIndexTerms } from '../src/blind-index/equality-terms.ts';
import { type IndexSearch, searchTerms, serves, storedTerms } from '../src/blind-index/index-terms.ts';
import type { FieldSpec, IndexSpec } from '../src/field-spec.ts';
import { IndexRoot } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import type { ValueType } from '../src/value.ts';
import { codeOf } from './error-code.ts';
import { fieldSpec, indexSpec } from './field-specs.ts';

function root(version = 1): IndexRoot {
  return new IndexRoot('be6edbca880fc191', version, SecretBytes.take(new Uint8Array(32).fill(9)));
}

const named = (field: string, type: ValueType = 'String'): FieldSpec => ({
  ...fieldSpec(type),
  field,
  context: { model: 'Patient', field },
});
const stored = (index: IndexSpec, ...values: unknown[]) => storedTerms(root(), [{ index, values }])[0];
const prefix = indexSpec(fieldSpec(), { kind: 'prefix', min: 2, max: 4 });
const suffix = indexSpec(fieldSpec(), { kind: 'suffix', min: 4, max: 4 });
const ngram = indexSpec(fieldSpec(), { kind: 'ngram', n: 3 });
const age = indexSpec(named('age', 'Int'), { kind: 'range', range: { from: '0', to: '120', step: '5' } });
const compound = indexSpec(named('a'), { sources: [named('a'), named('b')] });

describe('storedTerms', () => {
  it('are one term, a sorted list without repetition, or null', () => {
    expect(stored(indexSpec(), 'ada')).toBe(blindIndexTerm(root(), indexSpec(), 'ada'));
    expect(stored(age, 33)).toMatch(/^1\.[0-9a-f]{32}$/);
    expect(stored(suffix, 'Lovelace')).toMatch(/^1\./);
    expect(stored(suffix, 'Ada')).toBeNull();
    expect(stored(prefix, 'Lovelace')).toHaveLength(3);
    expect(stored(prefix, 'x')).toEqual([]);
    expect(stored(ngram, 'aaaaaaaa')).toHaveLength(1);
    const many = stored(ngram, 'abcdefghijk') as string[];
    expect(many).toHaveLength(9);
    expect(many).toEqual([...many].sort());
    for (const index of [indexSpec(), age, suffix, prefix, ngram]) expect(stored(index, null)).toBeNull();
  });

  it('come in the order of the rows, whatever has none, one or many', () => {
    const rows = [
      { index: ngram, values: ['abcd'] },
      { index: indexSpec(), values: [null] },
      { index: suffix, values: ['x'] },
      { index: indexSpec(), values: ['ada'] },
      { index: compound, values: ['a', 'b'] },
      { index: prefix, values: ['abc'] },
    ];
    expect(storedTerms(root(), rows)).toEqual(rows.map(({ index, values }) => stored(index, ...values)));
    expect(storedTerms(root(), [])).toEqual([]);
  });

  it('count code points, not UTF-16 units', () => {
    expect(stored(ngram, '💊💊')).toEqual([]);
    expect(stored(ngram, '💊💉🩺')).toHaveLength(1);
    expect(stored(prefix, '💊💉🩺')).toHaveLength(2);
  });

  it('of several fields are told apart by order and border, and null with one NULL', () => {
    const terms = [
      ['ab', 'c'],
      ['a', 'bc'],
      ['c', 'ab'],
      ['', 'abc'],
    ].map((values) => stored(compound, ...values));
    expect(new Set(terms).size).toBe(4);
    expect(stored(compound, 'a', null)).toBeNull();
    expect(stored(compound, null, 'b')).toBeNull();
    const turned = indexSpec(named('a'), { sources: [named('b'), named('a')] });
    expect(stored(turned, 'ab', 'c')).not.toBe(stored(compound, 'ab', 'c'));
  });

  it('in partitions are spread over all of them, and found in each', () => {
    const index = indexSpec(fieldSpec(), { partitions: 4 });
    const found = new Set(Array.from({ length: 200 }, () => stored(index, 'ada')));
    expect(found.size).toBe(4); // 200 draws miss one of four with a probability of 4 × 0.75^200
    expect(new Set(searchTerms(root(), index, { equals: 'ada' })?.terms)).toEqual(found);
    expect(found).not.toContain(stored(indexSpec(), 'ada'));
  });

  it('are never equal over kinds, lengths and names', () => {
    const text = 'abc';
    const indexes = [
      indexSpec(),
      indexSpec(fieldSpec(), { partitions: 2 }),
      indexSpec(fieldSpec(), { kind: 'prefix', min: 3, max: 3 }),
      indexSpec(fieldSpec(), { kind: 'suffix', min: 3, max: 3 }),
      ngram,
      indexSpec(fieldSpec(), { kind: 'ngram', n: 3, name: 'other' }),
      indexSpec(named('other'), { kind: 'ngram', n: 3 }),
      indexSpec(named('a'), { sources: [fieldSpec(), named('b')] }),
    ];
    const terms = indexes.flatMap((index) => stored(index, ...index.sources.map(() => text)) ?? []);
    expect(terms).toHaveLength(8);
    expect(new Set(terms).size).toBe(8);
  });

  it('fail as a whole, and name the field whose value is refused', () => {
    const rows = [
      { index: ngram, values: ['abc'] },
      { index: age, values: ['33'] },
    ];
    expect(() => storedTerms(root(), rows)).toThrow(
      expect.objectContaining({ code: 'ERR_VALUE', model: 'Patient', field: 'age' }),
    );
    expect(codeOf(() => stored(compound, 'a', 5))).toBe('ERR_VALUE');
    expect(codeOf(() => stored(prefix, '\ud800'))).toBe('ERR_VALUE');
    expect(codeOf(() => stored(age, Number.NaN))).toBe('ERR_VALUE');
    expect(codeOf(() => stored(age, undefined))).toBe('ERR_VALUE');
    const long = Array.from({ length: 70_000 }, (_, at) => String.fromCodePoint(0x4e00 + (at % 20_000))).join('');
    const wide = indexSpec(fieldSpec(), { kind: 'ngram', n: 8 });
    expect(stored(wide, long)).toHaveLength(20_000);
    const different = Array.from({ length: 70_000 }, (_, at) => String.fromCodePoint(0x10000 + at)).join('');
    expect(codeOf(() => stored(wide, different))).toBe('ERR_VALUE');
  });

  it('are not made under a wiped root, even if a value wipes it on the way', () => {
    const wiped = root();
    const sum = indexSpec(fieldSpec('Decimal'), { kind: 'range', range: { from: '0', to: '9', step: '1' } });
    const value = {
      toFixed: () => {
        wiped.wipe();
        return '1.5';
      },
    };
    expect(codeOf(() => storedTerms(wiped, [{ index: sum, values: [value] }]))).toBe('ERR_KEY_WIPED');
  });
});

describe('searchTerms', () => {
  const search = (index: IndexSpec, looked: IndexSearch) => searchTerms(root(), index, looked);

  it.each<[string, IndexSpec, IndexSearch]>([
    ['a part of a text in an equality index', indexSpec(), { contains: 'ada' }],
    ['a beginning in an equality index', indexSpec(), { startsWith: 'ada' }],
    ['a range in an equality index', indexSpec(fieldSpec('Int')), { range: { gt: 1 } }],
    ['an end in a prefix index', prefix, { endsWith: 'ada' }],
    ['a part in a prefix index', prefix, { contains: 'ada' }],
    ['a beginning in a suffix index', suffix, { startsWith: 'adaa' }],
    ['a range in a prefix index', prefix, { range: { gt: 'a' } }],
    ['a range in an n-gram index', ngram, { range: { gt: 'a' } }],
    ['a part in a range index', age, { contains: '3' }],
    ['a beginning that is too short', prefix, { startsWith: 'a' }],
    ['an empty beginning', prefix, { startsWith: '' }],
    ['an end that is too short', suffix, { endsWith: 'ace' }],
    ['a value that is too short', prefix, { equals: 'a' }],
    ['a needle that is too short', ngram, { contains: 'ab' }],
    ['a needle of few code points', ngram, { contains: '💊💊' }],
    ['an empty needle', ngram, { contains: '' }],
    [
      'a needle that normalising makes too short',
      indexSpec(fieldSpec(), { kind: 'ngram', n: 3, normalize: ['trim'] }),
      { contains: '  ab ' },
    ],
  ])('gives null for %s', (_, index, looked) => {
    expect(search(index, looked)).toBeNull();
    expect(serves(index, looked)).toBe(false);
  });

  it('needs all n-grams of a needle, and one of the buckets of a range', () => {
    expect(search(ngram, { contains: 'love' })).toMatchObject({ match: 'all', exact: false });
    expect(search(ngram, { contains: 'lov' })).toMatchObject({ match: 'all', exact: true });
    expect(search(ngram, { startsWith: 'lov' })).toMatchObject({ match: 'all', exact: false });
    expect(search(age, { range: { gte: 20, lt: 40 } })?.terms).toHaveLength(4);
    expect(search(age, { range: {} })?.terms).toHaveLength(26);
    expect(search(age, { range: { gte: 40, lt: 20 } })).toEqual({ match: 'any', terms: [], exact: true });
  });

  it('is exact for a prefix up to the longest, and not beyond', () => {
    expect(search(prefix, { startsWith: 'love' })).toMatchObject({ exact: true });
    expect(search(prefix, { startsWith: 'lovel' })).toMatchObject({ exact: false });
    expect(search(prefix, { startsWith: 'lovel' })?.terms).toEqual(search(prefix, { startsWith: 'love' })?.terms);
    expect(search(prefix, { equals: 'love' })).toMatchObject({ exact: false });
  });

  it('is exact only with enough bits', () => {
    expect(search(indexSpec(fieldSpec(), { bits: 96 }), { equals: 'x' })).toMatchObject({ exact: true });
    expect(search(indexSpec(fieldSpec(), { bits: 95 }), { equals: 'x' })).toMatchObject({ exact: false });
    expect(search(indexSpec(fieldSpec(), { partitions: 2 }), { equals: 'x' })).toMatchObject({ exact: true });
  });

  it('refuses operands of another type, by place', () => {
    expect(codeOf(() => search(age, { range: { gt: '20' } }))).toBe('ERR_VALUE');
    expect(codeOf(() => search(ngram, { contains: 5 }))).toBe('ERR_VALUE');
    expect(codeOf(() => search(compound, { equals: ['a', null] }))).toBe('ERR_VALUE');
    expect(() => search(age, { equals: 1.5 })).toThrow(expect.objectContaining({ field: 'age' }));
  });
});

describe('defineIndex', () => {
  const define = (options: Partial<IndexDefinition>, type: ValueType = 'String') =>
    codeOf(() => indexSpec(fieldSpec(type), options));

  it.each<[string, Partial<IndexDefinition>, ValueType?]>([
    ['an unknown kind', { kind: 'sound' as never }],
    ['a kind of the prototype', { kind: 'constructor' as never }],
    ['no bits', { bits: 0 }],
    ['too many bits', { bits: 257 }],
    ['half a bit', { bits: 96.5 }],
    ['no partition', { partitions: 0 }],
    ['too many partitions', { partitions: 257 }],
    ['partitions of n-grams', { kind: 'ngram', n: 3, partitions: 2 }],
    ['n-grams of one character', { kind: 'ngram', n: 1 }],
    ['n-grams of nine', { kind: 'ngram', n: 9 }],
    ['n-grams without n', { kind: 'ngram' }],
    ['n-grams of numbers', { kind: 'ngram', n: 3 }, 'Int'],
    ['a prefix without lengths', { kind: 'prefix' }],
    ['a prefix from long to short', { kind: 'prefix', min: 4, max: 3 }],
    ['a prefix of a date', { kind: 'prefix', min: 1, max: 3 }, 'DateTime'],
    ['a suffix without min', { kind: 'suffix', max: 3 }],
    ['a range without bounds', { kind: 'range' }, 'Int'],
    [
      'a range with normalisers',
      { kind: 'range', range: { from: '0', to: '1', step: '1' }, normalize: ['trim'] },
      'Int',
    ],
    ['a range of texts', { kind: 'range', range: { from: '0', to: '1', step: '1' } }],
    ['prefixes of several fields', { kind: 'prefix', min: 1, max: 2, sources: [fieldSpec(), fieldSpec()] }],
    ['an unreadable normaliser', { normalize: ['no name'] }],
    ['a version that there is not', { normalize: ['trim@2'] }],
    ['a normaliser twice', { normalize: ['trim', 'trim@1'] }],
    ['nfkc behind another', { normalize: ['trim', 'nfkc'] }],
    ['diacritics behind another', { normalize: ['lowercase', 'diacritics'] }],
    ['something behind last4', { normalize: ['last4', 'trim'] }],
    ['the year of texts', { sources: [named('a'), named('b')], normalize: ['year'] }],
    ['trimmed numbers', { sources: [named('a', 'Int'), named('b', 'DateTime')], normalize: ['trim'] }],
    ['the year of a number', { normalize: ['year'] }, 'Int'],
    ['the last four of a number', { normalize: ['last4'] }, 'Int'],
  ])('refuses %s', (_, options, type) => {
    expect(define(options, type)).toBe('ERR_OPTIONS');
  });

  it('knows which kinds have many terms', () => {
    expect([indexSpec(), prefix, suffix, ngram, age, compound].map(({ many }) => many)).toEqual([
      false,
      true,
      false,
      true,
      false,
      false,
    ]);
    expect(defineIndex({ model: 'A', column: 'b', name: 'c', sources: [fieldSpec()] })).toMatchObject({
      kind: 'equality',
      bits: 128,
      partitions: 1,
    });
  });

  it('keeps the functions for plain equality from the others', () => {
    for (const index of [compound, ngram, indexSpec(fieldSpec(), { partitions: 2 })]) {
      expect(codeOf(() => blindIndexTerm(root(), index, 'x'))).toBe('ERR_OPTIONS');
      expect(codeOf(() => blindIndexTerms(root(), [{ index, value: 'x' }]))).toBe('ERR_OPTIONS');
    }
  });
});

describe('Buckets', () => {
  const buckets = (type: ValueType, from: string, to: string, step: string) => new Buckets(type, { from, to, step });

  it.each<[ValueType, string, string, string, unknown, [string, string]]>([
    ['Int', '0', '120', '50', -1, ['', '0']],
    ['Int', '0', '120', '50', 99, ['50', '100']],
    ['Int', '0', '120', '50', 119, ['100', '120']],
    ['Int', '0', '120', '50', 120, ['120', '']],
    [
      'BigInt',
      '0',
      '9007199254740993',
      '9007199254740992',
      9007199254740992n,
      ['9007199254740992', '9007199254740993'],
    ],
    ['Float', '0', '1', '0.1', 0.30000000000000004, ['0.3', '0.4']],
    ['Float', '0', '1', '0.1', -1e-300, ['', '0']],
    ['Float', '0', '1', '0.1', 1e300, ['1', '']],
    ['Float', '0', '1', '0.1', -0, ['0', '0.1']],
    ['Decimal', '-1', '1', '0.5', '-0.000001', ['-0.5', '0']],
    [
      'DateTime',
      '1900-01-01',
      '2000-01-01',
      'year',
      new Date('1960-02-29T23:59:59.999Z'),
      ['1960-01-01T00:00:00.000Z', '1961-01-01T00:00:00.000Z'],
    ],
    [
      'DateTime',
      '2000-02-01',
      '2001-01-01',
      'month',
      new Date('2000-02-29'),
      ['2000-02-01T00:00:00.000Z', '2000-03-01T00:00:00.000Z'],
    ],
    [
      'DateTime',
      '0001-01-01',
      '0100-01-01',
      'year',
      new Date('0050-06-01'),
      ['0050-01-01T00:00:00.000Z', '0051-01-01T00:00:00.000Z'],
    ],
  ])('of %s from %s to %s by %s: %s', (type, from, to, step, value, bounds) => {
    expect(buckets(type, from, to, step).of(value)).toEqual(bounds);
  });

  it.each<[string, ValueType, string, string, string]>([
    ['that ends where it begins', 'Int', '5', '5', '1'],
    ['backwards', 'Int', '5', '0', '1'],
    ['without width', 'Int', '0', '5', '0'],
    ['of negative width', 'Int', '0', '5', '-1'],
    ['of words', 'Int', 'a', 'b', 'c'],
    ['of broken whole numbers', 'Int', '0', '5', '0.5'],
    ['of too many buckets', 'Int', '0', '1023', '1'],
    ['of far too many buckets', 'Decimal', '0', '1e300', '1e-20'],
    ['of days that there are not', 'DateTime', '2000-02-30', '2001-01-01', 'day'],
    ['of local time', 'DateTime', '2000-01-01T00:00', '2001-01-01', 'day'],
    ['by hours in words', 'DateTime', '2000-01-01', '2001-01-01', 'hour'],
    ['by a member of the prototype', 'DateTime', '2000-01-01', '2001-01-01', 'constructor'],
    ['by no seconds', 'DateTime', '2000-01-01', '2001-01-01', '0'],
    ['by months from the middle of one', 'DateTime', '2000-01-02', '2001-01-01', 'month'],
    ['of texts', 'String', '0', '1', '1'],
  ])('refuses a range %s', (_, type, from, to, step) => {
    expect(codeOf(() => buckets(type, from, to, step))).toBe('ERR_OPTIONS');
  });

  it('accepts as many buckets as there may be', () => {
    expect(buckets('Int', '0', String(MAX_BUCKETS - 2), '1').of(7)).toEqual(['7', '8']);
  });
});
