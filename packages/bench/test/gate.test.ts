import { describe, expect, it } from 'vitest';
import { BOUNDS, type Bound } from '../src/bounds.ts';
import { boundsOf, judge } from '../src/gate.ts';
import { measurement, ratio, resultsOf } from './results.ts';

const FASTER: Bound = {
  goal: 'three times as fast',
  section: 'micro',
  case: 'decrypt 40 B, batch 4',
  candidate: 'rival',
  against: 'fieldseal',
  sense: 'at least',
  limit: 3,
};
const SMALLER: Bound = {
  goal: 'small',
  section: 'footprint',
  case: 'install size',
  candidate: 'fieldseal',
  against: null,
  sense: 'at most',
  limit: 10,
};

function verdictOf(bound: Bound, parts: Parameters<typeof resultsOf>[0], slack?: number): string | undefined {
  return judge([bound], resultsOf(parts), slack)[0]?.verdict;
}

const rivalAt = (median: number) => ({
  ratios: [ratio('micro', FASTER.case, 'rival', 'fieldseal', median)],
});
const sizeOf = (median: number) => ({
  measurements: [measurement('footprint', SMALLER.case, 'fieldseal', 'MB', median)],
});

describe('judge', () => {
  it('lets a bound be met exactly, and not missed by a little', () => {
    expect([3.01, 3, 2.99].map((value) => verdictOf(FASTER, rivalAt(value)))).toEqual(['met', 'met', 'missed']);
    expect([9.99, 10, 10.01].map((value) => verdictOf(SMALLER, sizeOf(value)))).toEqual(['met', 'met', 'missed']);
  });

  it('applies slack in the direction of the bound', () => {
    expect([2.5, 2.4].map((value) => verdictOf(FASTER, rivalAt(value), 1.2))).toEqual(['met', 'missed']);
    expect([12, 12.1].map((value) => verdictOf(SMALLER, sizeOf(value), 1.2))).toEqual(['met', 'missed']);
  });

  it('does not pass what was not measured', () => {
    expect(verdictOf(FASTER, {})).toBe('not measured');
    expect(verdictOf(SMALLER, {})).toBe('not measured');
  });

  it.each([
    ['another candidate', ratio('micro', FASTER.case, 'other', 'fieldseal', 9)],
    ['another case', ratio('micro', 'decrypt 40 B, batch 64', 'rival', 'fieldseal', 9)],
    ['another section', ratio('queries', FASTER.case, 'rival', 'fieldseal', 9)],
    ['another opponent', ratio('micro', FASTER.case, 'rival', 'fieldseal, XAES-256-GCM', 9)],
  ])('does not take %s for the one that is bound', (_what, other) => {
    expect(verdictOf(FASTER, { ratios: [other] })).toBe('not measured');
  });

  it('does not take a ratio for a measurement', () => {
    expect(verdictOf(SMALLER, { ratios: [ratio('footprint', SMALLER.case, 'fieldseal', 'plain', 1)] })).toBe(
      'not measured',
    );
  });

  it('does not pass what is no number', () => {
    expect(verdictOf(FASTER, rivalAt(Number.NaN))).toBe('missed');
    expect(verdictOf(SMALLER, sizeOf(Number.NaN))).toBe('missed');
  });
});

describe('BOUNDS', () => {
  it('names each place in the results once', () => {
    const places = BOUNDS.map((bound) => [bound.section, bound.case, bound.candidate, bound.against].join('\0'));
    expect(new Set(places).size).toBe(places.length);
  });

  it('is chosen by section', () => {
    expect(boundsOf(BOUNDS, ['start']).map(({ section }) => section)).toEqual(['start']);
    expect(boundsOf(BOUNDS, [])).toEqual([]);
  });
});
