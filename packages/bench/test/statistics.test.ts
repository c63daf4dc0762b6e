import { describe, expect, it } from 'vitest';
import { median, pairedRatio, quantile, rounded, spreadOf, welchT, worstCroppedT } from '../src/statistics.ts';

/** Numbers that look random and are always the same (Park and Miller). */
function* numbers(seed: number): Generator<number> {
  for (let state = seed; ; ) {
    state = (state * 48271) % 2147483647;
    yield state / 2147483647;
  }
}

function taken(seed: number, count: number): number[] {
  const source = numbers(seed);
  return Array.from({ length: count }, () => source.next().value as number);
}

describe('median and quantile', () => {
  it.each([
    [[3], 3],
    [[4, 1], 2.5],
    [[9, 1, 5], 5],
    [[10, 9, 100, 2], 9.5],
    [[-1, -1, 7], -1],
  ])('the middle of %j is %d', (samples, expected) => {
    expect(median(samples)).toBe(expected);
  });

  it('lies between neighbours by its share', () => {
    expect([0, 0.25, 0.5, 0.9, 1].map((share) => quantile([10, 20, 30, 40, 50], share))).toEqual([10, 20, 30, 46, 50]);
  });

  it('leaves the samples as they were', () => {
    const samples = [3, 1, 2];
    median(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  it.each([[[]], [[Number.NaN]], [[1, Number.NaN, 3]]])('refuses %j', (samples: number[]) => {
    expect(() => median(samples)).toThrow(RangeError);
    expect(() => spreadOf(samples)).toThrow(RangeError);
  });
});

describe('spreadOf', () => {
  it('gives median, quartiles, extremes and the count', () => {
    expect(spreadOf([5, 1, 4, 2, 3])).toEqual({ median: 3, q1: 2, q3: 4, min: 1, max: 5, samples: 5 });
  });

  it('keeps four significant digits', () => {
    expect([123456, 1.23456, 0.000123456, 0].map(rounded)).toEqual([123500, 1.235, 0.0001235, 0]);
  });
});

describe('pairedRatio', () => {
  it('divides pair by pair: a drift that both share cancels out', () => {
    expect(pairedRatio([2, 4, 800], [1, 2, 400])).toMatchObject({ median: 2, min: 2, max: 2, samples: 3 });
  });

  it('refuses samples that were not taken side by side', () => {
    expect(() => pairedRatio([1, 2], [1])).toThrow(RangeError);
    expect(() => pairedRatio([], [])).toThrow(RangeError);
  });
});

describe('welchT', () => {
  it('agrees with the definition, computed in two passes', () => {
    const [a, b] = [
      [27.5, 21, 19, 23.6, 17, 17.9],
      [27.1, 22, 20.8, 23.4, 23.4, 23.5, 25.8],
    ] as const;
    const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value) / values.length;
    const variance = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + (value - mean(values)) ** 2, 0) / (values.length - 1);
    const expected = (mean(a) - mean(b)) / Math.sqrt(variance(a) / a.length + variance(b) / b.length);
    expect(welchT([...a], [...b])).toBeCloseTo(expected, 12);
    expect(welchT([...b], [...a])).toBeCloseTo(-expected, 12);
  });

  it('is zero for equal means, infinite for different constants', () => {
    expect(welchT([1, 2, 3], [3, 2, 1])).toBe(0);
    expect(welchT([2, 2], [2, 2])).toBe(0);
    expect(welchT([2, 2], [1, 1])).toBe(Number.POSITIVE_INFINITY);
  });

  it('is small for classes alike, and large when one is shifted', () => {
    const [a, b] = [taken(7, 50_000), taken(11, 50_000)];
    expect(Math.abs(welchT(a, b))).toBeLessThan(4.5);
    expect(
      Math.abs(
        welchT(
          a,
          b.map((value) => value + 0.02),
        ),
      ),
    ).toBeGreaterThan(10);
  });

  it('keeps its digits when the samples are large', () => {
    const [a, b] = [taken(3, 1000), taken(5, 1000)];
    const far = (values: number[]): number[] => values.map((value) => value + 1e9);
    expect(welchT(far(a), far(b))).toBeCloseTo(welchT(a, b), 4);
  });

  it.each([
    [[], [1, 2]],
    [[1], [1, 2]],
    [[1, 2], [3]],
  ])('refuses %j and %j', (a, b) => {
    expect(() => welchT(a, b)).toThrow(RangeError);
  });
});

describe('worstCroppedT', () => {
  it('finds a shift that slow outliers hide', () => {
    const shifted = taken(17, 20_000).map((value) => 10 + value / 10 + 0.004);
    const others = taken(13, 20_000).map((value) => 10 + value / 10);
    for (let at = 0; at < 20_000; at += 100) {
      shifted[at] = 10 + 1000 * (at % 7);
      others[at] = 10 + 1000 * (at % 11);
    }
    expect(Math.abs(welchT(shifted, others))).toBeLessThan(4.5);
    expect(Math.abs(worstCroppedT(shifted, others))).toBeGreaterThan(10);
  });

  it('finds none between classes alike', () => {
    expect(Math.abs(worstCroppedT(taken(19, 20_000), taken(23, 20_000)))).toBeLessThan(4.5);
  });
});
