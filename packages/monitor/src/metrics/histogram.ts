/** Upper bounds of the buckets for the time of a query, in seconds: 50 µs to 1 s. */
export const DURATION_BOUNDS: readonly number[] = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
];

/** Counts of observations by bucket: of fixed size however many there are. */
export class Histogram {
  readonly bounds: readonly number[];
  /** Observations of each bucket, the one above the last bound included. */
  readonly #counts: number[];
  #sum = 0;
  #count = 0;

  /** @param bounds - upper bounds, ascending; a value that equals one belongs to its bucket */
  constructor(bounds: readonly number[] = DURATION_BOUNDS) {
    this.bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  /** Sum of all observations. */
  get sum(): number {
    return this.#sum;
  }

  /** Number of observations. */
  get count(): number {
    return this.#count;
  }

  /** Counts one observation. */
  observe(value: number): void {
    let at = 0;
    while (at < this.bounds.length && value > (this.bounds[at] as number)) at++;
    (this.#counts[at] as number)++;
    this.#sum += value;
    this.#count++;
  }

  /** Observations up to each bound, and all of them last. */
  cumulative(): number[] {
    let sum = 0;
    return this.#counts.map((count) => {
      sum += count;
      return sum;
    });
  }

  /**
   * Estimate of a quantile, by linear interpolation inside its bucket as Prometheus' histogram_quantile does; the last bound for what lies
   * above it, NaN without observations.
   *
   * @param q - 0 to 1
   */
  quantile(q: number): number {
    if (this.#count === 0) return Number.NaN;
    const rank = q * this.#count;
    const up = this.cumulative();
    const at = up.findIndex((count) => count >= rank);
    if (at >= this.bounds.length) return this.bounds.at(-1) as number;
    const [below, lower] = at === 0 ? [0, 0] : [up[at - 1] as number, this.bounds[at - 1] as number];
    const inside = (up[at] as number) - below;
    const upper = this.bounds[at] as number;
    return inside === 0 ? upper : lower + ((upper - lower) * (rank - below)) / inside;
  }
}
