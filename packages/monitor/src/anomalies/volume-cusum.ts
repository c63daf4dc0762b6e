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

/** Windows that make up what is usual: an hour of ten seconds each. The first ones of a client count for more. */
const MEMORY = 360;

/**
 * Finds that one client reads far more than it used to: the CUSUM of FailureCusum over volumes, against a mean that is learned. A window teaches
 * no more than `factor` times the mean, so that a sudden export is found before it becomes usual; who grows slowly, by a percent a window, is
 * not found.
 */
export class VolumeCusum {
  readonly #unit: number;
  readonly #least: number;
  readonly #factor: number;
  readonly #threshold: number;
  #mean: number;
  #evidence = 0;
  #windows = 0;

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
    this.#windows = Math.min(this.#windows + 1, MEMORY);
    this.#mean += (Math.min(events, this.#factor * usual) - this.#mean) / (this.#windows + 1);
    if (this.#evidence <= this.#threshold) return false;
    this.#evidence = 0;
    return true;
  }
}
