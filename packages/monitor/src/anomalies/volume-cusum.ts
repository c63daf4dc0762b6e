/** Options of {@link VolumeCusum}. */
export interface VolumeCusumOptions {
  /** Values that count as one event. Queries bring values in rows, so that single values are far from independent; 100 by default. */
  readonly unit?: number;
  /** Values per window that raise no suspicion in a client that is not known yet, and the least that is called usual; 100 by default. */
  readonly expected?: number;
  /** How many times the usual volume is to be found; 5 by default. */
  readonly factor?: number;
  /** Evidence that raises an alarm; 12 by default. */
  readonly threshold?: number;
}

/** Share of a window in what is usual: about an hour of windows of ten seconds. */
const LEARNING = 1 / 360;

/**
 * Finds that one client reads far more than it used to: the CUSUM of {@link FailureCusum} over volumes, against a mean that is learned. A window
 * teaches no more than `factor` times the mean, so that a sudden export is found before it becomes usual; who grows by less than a percent a
 * window is not found.
 */
export class VolumeCusum {
  readonly #unit: number;
  readonly #least: number;
  readonly #factor: number;
  readonly #threshold: number;
  #mean: number;
  #evidence = 0;

  constructor({ unit = 100, expected = 100, factor = 5, threshold = 12 }: VolumeCusumOptions = {}) {
    this.#unit = unit;
    this.#least = expected / unit;
    this.#factor = factor;
    this.#threshold = threshold;
    this.#mean = this.#least;
  }

  /** Takes the values of one window. Returns whether it raises an alarm; the evidence begins anew then. */
  add(values: number): boolean {
    const events = values / this.#unit;
    const usual = Math.max(this.#mean, this.#least);
    const step = events * Math.log(this.#factor) - usual * (this.#factor - 1);
    this.#evidence = Math.max(0, this.#evidence + step);
    this.#mean += LEARNING * (Math.min(events, this.#factor * usual) - this.#mean);
    if (this.#evidence <= this.#threshold) return false;
    this.#evidence = 0;
    return true;
  }
}
