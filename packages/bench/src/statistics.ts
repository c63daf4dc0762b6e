import type { Spread } from './result.ts';

/**
 * The value below which a share of the samples lies, between neighbours by linear interpolation.
 *
 * @param share - 0 to 1
 * @throws RangeError without samples, or when one is no number
 */
export function quantile(samples: Iterable<number>, share: number): number {
  const sorted = Float64Array.from(samples).sort();
  return quantileOfSorted(sorted, share);
}

/** The middle one of the samples; between the two middle ones when their count is even. */
export function median(samples: Iterable<number>): number {
  return quantile(samples, 0.5);
}

/** Median, quartiles and extremes. Throws RangeError without samples. */
export function spreadOf(samples: Iterable<number>): Spread {
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number): number => rounded(quantileOfSorted(sorted, share));
  return { median: at(0.5), q1: at(0.25), q3: at(0.75), min: at(0), max: at(1), samples: sorted.length };
}

/**
 * Spread of the ratios of samples that were taken side by side, pair by pair.
 *
 * @throws RangeError when the counts differ
 */
export function pairedRatio(numerators: readonly number[], denominators: readonly number[]): Spread {
  if (numerators.length !== denominators.length)
    throw new RangeError('samples that were taken side by side are as many');
  return spreadOf(numerators.map((value, at) => value / (denominators[at] as number)));
}

/**
 * How far the mean of samples lies from zero, in standard errors. 0 when all are 0.
 *
 * @throws RangeError for fewer than two samples
 */
export function oneSampleT(samples: readonly number[]): number {
  const { mean, variance } = momentsOf(samples);
  return mean === 0 ? 0 : mean / Math.sqrt(variance / samples.length);
}

/**
 * Differences of the means of two classes, when samples above each of these quantiles of all are left out: slow outliers (a garbage
 * collection, an interrupt) hide a difference that the rest shows.
 *
 * @throws RangeError when a class has no sample below a quantile
 */
export function croppedDifferences(
  first: readonly number[],
  second: readonly number[],
  shares: readonly number[] = CROPS,
): number[] {
  const sorted = Float64Array.from([...first, ...second]).sort();
  return shares.map((share) => {
    const limit = quantileOfSorted(sorted, share);
    const below = (value: number): boolean => value <= limit;
    return meanOf(first.filter(below)) - meanOf(second.filter(below));
  });
}

/** Quantiles at which {@link croppedDifferences} looks; 1 leaves nothing out. */
const CROPS: readonly number[] = [0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1];

function quantileOfSorted(sorted: Float64Array, share: number): number {
  if (sorted.length === 0 || Number.isNaN(sorted[sorted.length - 1]))
    throw new RangeError('no samples, or not numbers');
  const place = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(place)] as number, sorted[Math.ceil(place)] as number];
  return low + (high - low) * (place - Math.floor(place));
}

function meanOf(samples: readonly number[]): number {
  if (samples.length === 0) throw new RangeError('no samples');
  return samples.reduce((sum, value) => sum + value, 0) / samples.length;
}

function momentsOf(samples: readonly number[]): { mean: number; variance: number } {
  if (samples.length < 2) throw new RangeError('a variance needs two samples');
  // In one pass, so that means of hundreds of thousands of samples lose nothing (Welford).
  let [count, mean, squares] = [0, 0, 0];
  for (const value of samples) {
    count++;
    const distance = value - mean;
    mean += distance / count;
    squares += distance * (value - mean);
  }
  return { mean, variance: squares / (count - 1) };
}

/** Four significant digits: more would be noise in the committed results. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
