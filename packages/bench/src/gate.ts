import type { Bound } from './bounds.ts';
import type { Results, Section, Spread } from './result.ts';

/** What became of a bound. */
export interface Verdict {
  readonly bound: Bound;
  /** What was measured; null when nothing was. */
  readonly found: Spread | null;
  readonly verdict: 'met' | 'missed' | 'not measured';
}

/**
 * Holds results against bounds. What was not measured does not pass: a rival that cannot be installed must not open the gate.
 *
 * @param slack - a factor of 1 or more by which a bound may be missed
 */
export function judge(
  bounds: readonly Bound[],
  results: Pick<Results, 'measurements' | 'ratios'>,
  slack = 1,
): Verdict[] {
  return bounds.map((bound) => {
    const found = findSpread(bound, results);
    if (found === null) return { bound, found, verdict: 'not measured' };
    return { bound, found, verdict: passes(bound, found.median, slack) ? 'met' : 'missed' };
  });
}

/** Bounds of some sections. */
export function boundsOf(bounds: readonly Bound[], sections: readonly Section[]): Bound[] {
  return bounds.filter(({ section }) => sections.includes(section));
}

function findSpread(bound: Bound, { measurements, ratios }: Pick<Results, 'measurements' | 'ratios'>): Spread | null {
  const same = (other: { section: Section; case: string; candidate: string }): boolean =>
    other.section === bound.section && other.case === bound.case && other.candidate === bound.candidate;
  if (bound.against === null) return measurements.find(same) ?? null;
  return ratios.find((ratio) => same(ratio) && ratio.against === bound.against) ?? null;
}

/** A comparison with NaN is false: nothing passes by being no number. */
function passes({ sense, limit }: Bound, value: number, slack: number): boolean {
  return sense === 'at least' ? value >= limit / slack : value <= limit * slack;
}
