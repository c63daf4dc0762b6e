/** Fewest and most bits of a term, both included. */
export interface BitRange {
  readonly least: number;
  readonly most: number;
}

/** Populations below it are too small for a blind index, as CipherSweet's planner says. */
export const LEAST_POPULATION = 16;

/**
 * Bits with which a term stands for several values and a search still reads few rows too many: 2 ≤ population / 2^bits < √population.
 * CipherSweet's planner takes the rows for the population, the beacons of the AWS Database Encryption SDK the distinct values.
 *
 * @returns null for a population below {@link LEAST_POPULATION}
 */
export function bitRange(population: number): BitRange | null {
  if (population < LEAST_POPULATION) return null;
  const size = Math.log2(population);
  return { least: Math.floor(size / 2) + 1, most: Math.floor(size - 1) };
}

/** Pairs of different values that are expected to share a term of so many bits: the birthday bound. */
export function expectedCollisions(distinct: number, bits: number): number {
  return distinct < 2 ? 0 : (distinct * (distinct - 1)) / 2 ** (bits + 1);
}
