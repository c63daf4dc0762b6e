/**
 * Laws of the kinds of index: a search finds every row that a comparison of values finds, and where it calls itself exact no other one.
 *
 * @module
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type IndexSearch, searchTerms, storedTerms } from '../src/blind-index/index-terms.ts';
import { indexedText } from '../src/blind-index/pieces.ts';
import type { IndexSpec } from '../src/field-spec.ts';
import { IndexRoot } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { fieldSpec, indexSpec } from './field-specs.ts';

const ROOT = new IndexRoot('be6edbca880fc191', 1, SecretBytes.take(new Uint8Array(32).fill(9)));
const RUNS = process.env['SLOW'] === undefined ? 60 : 2000;

/** Texts of few characters, so that they have much in common; marks, capitals and characters outside the BMP among them. */
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'A', ' ', 'é', 'e\u0301', '💊', '1'), maxLength: 9 });

/** Whether the row with these terms is among those that the search finds. */
function finds(index: IndexSpec, value: unknown, search: IndexSearch): { found: boolean; exact: boolean } | null {
  const looked = searchTerms(ROOT, index, search);
  if (looked === null) return null;
  const stored = [storedTerms(ROOT, [{ index, values: [value] }])[0] ?? []].flat();
  const has = (term: string): boolean => stored.includes(term);
  return { found: looked.match === 'any' ? looked.terms.some(has) : looked.terms.every(has), exact: looked.exact };
}

/** Found if it matches; if the search is exact, only then. */
function holds(result: { found: boolean; exact: boolean } | null, matches: boolean): void {
  if (result === null) return;
  if (matches || result.exact) expect(result.found).toBe(matches);
}

const TEXT_INDEXES: readonly (readonly [string, IndexSpec])[] = [
  ['equality', indexSpec()],
  ['equality with normalisers', indexSpec(fieldSpec(), { normalize: ['diacritics', 'trim', 'lowercase'] })],
  ['equality with partitions', indexSpec(fieldSpec(), { partitions: 3 })],
  ['equality of few bits', indexSpec(fieldSpec(), { bits: 2 })],
  ['prefix', indexSpec(fieldSpec(), { kind: 'prefix', min: 1, max: 3 })],
  ['prefix of one length', indexSpec(fieldSpec(), { kind: 'prefix', min: 2, max: 2, normalize: ['lowercase'] })],
  ['suffix', indexSpec(fieldSpec(), { kind: 'suffix', min: 2, max: 5, normalize: ['trim'] })],
  ['ngram', indexSpec(fieldSpec(), { kind: 'ngram', n: 2, normalize: ['nfkc'] })],
  ['ngram of few bits', indexSpec(fieldSpec(), { kind: 'ngram', n: 3, bits: 8 })],
];

describe('a search in an index over texts', () => {
  it.each(TEXT_INDEXES)('%s: finds what it should, and nothing else where it is exact', (_, index) => {
    const normal = (value: string): string => indexedText(index, value);
    fc.assert(
      fc.property(text, text, (value, needle) => {
        const [whole, part] = [normal(value), normal(needle)];
        holds(finds(index, value, { equals: needle }), whole === part);
        holds(finds(index, value, { contains: needle }), whole.includes(part));
        holds(finds(index, value, { startsWith: needle }), whole.startsWith(part));
        holds(finds(index, value, { endsWith: needle }), whole.endsWith(part));
        // Parts of the value itself, which random texts seldom are.
        const points = [...value];
        for (let from = 0; from < points.length; from++) {
          const inside = points.slice(from, from + 3).join('');
          holds(finds(index, value, { contains: inside }), whole.includes(normal(inside)));
          holds(finds(index, value, { startsWith: inside }), whole.startsWith(normal(inside)));
          holds(
            finds(index, value, { endsWith: points.slice(from).join('') }),
            whole.endsWith(normal(points.slice(from).join(''))),
          );
        }
      }),
      { numRuns: RUNS },
    );
  });
});

const range = (type: 'Int' | 'Float' | 'Decimal' | 'DateTime', from: string, to: string, step: string): IndexSpec =>
  indexSpec(fieldSpec(type), { kind: 'range', range: { from, to, step } });

const date = fc.date({ min: new Date('1999-06-01'), max: new Date('2002-06-01'), noInvalidDate: true });
const RANGES: readonly (readonly [string, IndexSpec, fc.Arbitrary<number | Date>])[] = [
  ['Int', range('Int', '-10', '21', '4'), fc.integer({ min: -20, max: 30 })],
  ['Float', range('Float', '-1', '1', '0.3'), fc.double({ min: -2, max: 2, noNaN: true })],
  ['Float of all sizes', range('Float', '-1', '1', '0.3'), fc.double({ noNaN: true, noDefaultInfinity: true })],
  ['Decimal', range('Decimal', '0.05', '1', '0.1'), fc.integer({ min: -5, max: 130 }).map((n) => n / 100)],
  ['days', range('DateTime', '2000-01-01', '2001-12-31T12:00Z', 'day'), date],
  ['weeks', range('DateTime', '2000-01-01', '2001-12-31', 'week'), date],
  ['months', range('DateTime', '2000-02-01', '2001-12-31', 'month'), date],
  ['years', range('DateTime', '2000-02-01', '2001-12-31', 'year'), date],
  ['seconds', range('DateTime', '2000-01-01', '2000-01-02', '3600'), date],
];

describe('a search in an index of buckets', () => {
  it.each(RANGES)('%s: finds what it should, and nothing else where it is exact', (_, index, values) => {
    const bound = fc.oneof(values, fc.constantFrom(...edges(index)));
    fc.assert(
      fc.property(bound, bound, bound, (value, one, other) => {
        const [low, high] = +one <= +other ? [one, other] : [other, one];
        holds(finds(index, value, { equals: one }), +value === +one);
        holds(finds(index, value, { range: { gt: one } }), +value > +one);
        holds(finds(index, value, { range: { gte: one } }), +value >= +one);
        holds(finds(index, value, { range: { lt: one } }), +value < +one);
        holds(finds(index, value, { range: { lte: one } }), +value <= +one);
        holds(finds(index, value, { range: { gte: low, lt: high } }), +value >= +low && +value < +high);
        holds(finds(index, value, { range: { gt: high, lte: low } }), +value > +high && +value <= +low);
      }),
      { numRuns: RUNS },
    );
  });

  it('is exact where it begins and ends as buckets do', () => {
    const exact = (search: IndexSearch): boolean | undefined =>
      searchTerms(ROOT, range('Int', '0', '120', '5'), search)?.exact;
    expect(exact({ range: { gte: 20, lt: 40 } })).toBe(true);
    expect(exact({ range: { gte: 120 } })).toBe(true);
    expect(exact({ range: { lt: 0 } })).toBe(true);
    expect(exact({ range: { gte: 20, lt: 41 } })).toBe(false);
    expect(exact({ range: { gt: 20 } })).toBe(false);
    expect(exact({ range: { lte: 20 } })).toBe(false);
    expect(exact({ range: { gte: 121 } })).toBe(false);
    expect(exact({ range: { gte: 40, lt: 20 } })).toBe(true); // no bucket at all
  });
});

/** Values where buckets begin, on either side of the range too. */
function edges(index: IndexSpec): (number | Date)[] {
  const { from = '', to = '' } = index.range ?? {};
  const read = (written: string): number | Date =>
    index.sources[0].type === 'DateTime' ? new Date(written) : Number(written);
  return [read(from), read(to)];
}
