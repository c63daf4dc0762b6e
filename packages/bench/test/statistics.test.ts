import { describe, expect, it } from 'vitest';
import { croppedDifferences, median, oneSampleT, pairedRatio, quantile, rounded, spreadOf } from '../src/statistics.ts';

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

describe('oneSampleT', () => {
  it('agrees with the definition, computed in two passes', () => {
    const values = [27.5, 21, -19, 23.6, 17, 17.9];
    const mean = values.reduce((sum, value) => sum + value) / 6;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 5;
    expect(oneSampleT(values)).toBeCloseTo(mean / Math.sqrt(variance / 6), 12);
    expect(oneSampleT(values.map((value) => -value))).toBeCloseTo(-mean / Math.sqrt(variance / 6), 12);
  });

  it('is zero around zero, infinite for a constant', () => {
    expect(oneSampleT([-1, 0, 1])).toBe(0);
    expect(oneSampleT([0, 0])).toBe(0);
    expect(oneSampleT([2, 2])).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps its digits when the samples are large', () => {
    const samples = taken(3, 1000);
    const { mean, deviation } = { mean: 1e9 + 0.5, deviation: Math.sqrt(1 / 12) };
    const t = oneSampleT(samples.map((value) => value + 1e9));
    expect(t / (mean / (deviation / Math.sqrt(1000)))).toBeCloseTo(1, 1);
  });

  it.each([[[]], [[1]]])('refuses %j', (samples) => {
    expect(() => oneSampleT(samples)).toThrow(RangeError);
  });
});

describe('croppedDifferences', () => {
  it('shows a shift that slow outliers hide', () => {
    const shifted = taken(17, 20_000).map((value) => 10 + value / 10 + 0.02);
    const others = taken(13, 20_000).map((value) => 10 + value / 10);
    for (let at = 0; at < 20_000; at += 100) {
      shifted[at] = 10 + 1000 * (at % 7);
      others[at] = 10 + 1000 * (at % 11);
    }
    const [cropped, whole] = croppedDifferences(shifted, others, [0.98, 1]) as [number, number];
    expect(cropped).toBeGreaterThan(0.015);
    expect(cropped).toBeLessThan(0.025);
    expect(whole).toBeLessThan(-1);
  });

  it('is next to nothing between classes alike', () => {
    for (const difference of croppedDifferences(taken(19, 20_000), taken(23, 20_000)))
      expect(Math.abs(difference)).toBeLessThan(0.01);
  });

  // A mean of nothing would be no number, and no t would be beyond any bound then.
  it.each([
    [[], [1, 2]],
    [[1, 2], []],
    [
      [1, 2],
      [3, 3],
    ],
  ])('refuses %j and %j', (first, second) => {
    expect(() => croppedDifferences(first, second)).toThrow(RangeError);
  });
});
