import { expect, test } from 'vitest';
import { sizeOf, tally } from '../src/batch-tally.ts';
import { fieldSpec } from './field-specs.ts';

const a = { ...fieldSpec(), field: 'a' };
const b = { ...fieldSpec(), field: 'b' };
const c = { ...a, model: 'Other' };

function counts(...specs: (typeof a)[]): (string | number)[][] {
  return tally(specs.map((spec) => ({ spec }))).map(({ model, field, count }) => [model, field, count]);
}

test.each([
  ['nothing', [], []],
  ['one', [a], [['Patient', 'a', 1]]],
  ['rows of one field', [a, a, a], [['Patient', 'a', 3]]],
  [
    'rows of two fields',
    [a, b, a, b],
    [
      ['Patient', 'a', 2],
      ['Patient', 'b', 2],
    ],
  ],
  [
    'rows that lack a field',
    [a, b, b, a, a, b],
    [
      ['Patient', 'a', 3],
      ['Patient', 'b', 3],
    ],
  ],
  [
    'another model between',
    [a, c, c, b, a],
    [
      ['Patient', 'a', 2],
      ['Other', 'a', 2],
      ['Patient', 'b', 1],
    ],
  ],
])('%s', (_, specs, expected) => {
  expect(counts(...specs)).toEqual(expected);
});

test('whatever the order, the counts are those of a map', () => {
  const all = [a, b, c];
  let seed = 7;
  const specs = Array.from({ length: 500 }, () => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31;
    return all[Math.floor(seed / 65536) % 3] as typeof a;
  });
  const expected = all.map((spec) => specs.filter((one) => one === spec).length);
  const found = counts(...specs);
  expect(all.map(({ model, field }) => found.find(([m, f]) => m === model && f === field)?.[2])).toEqual(expected);
});

test('the size counts characters of texts and bytes of bytes', () => {
  expect(sizeOf(['abc', new Uint8Array(5), ''])).toBe(8);
});
