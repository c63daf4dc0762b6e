/** Options of {@link FailureCusum}. */
export interface FailureCusumOptions {
  /** Share of failures that is usual; one in 10 000 at least, and by default. */
  readonly baseline?: number;
  /** How many times the usual share is to be found; 5 by default. */
  readonly factor?: number;
  /** Evidence that raises an alarm; 12 by default. Below 10 or so busy services alarm daily for nothing. */
  readonly threshold?: number;
}

/**
 * Finds a rise of the failure rate: a one-sided CUSUM (Page, Biometrika 41, 1954) over windows of equal length. Each adds the logarithm of how
 * much likelier its failures are under `factor` times the usual rate, for failures that are Poisson distributed.
 */
export class FailureCusum {
  readonly #p0: number;
  readonly #p1: number;
  readonly #threshold: number;
  #evidence = 0;

  constructor(options: FailureCusumOptions = {}) {
    this.#p0 = Math.max(options.baseline ?? 0, 1e-4);
    this.#p1 = this.#p0 * (options.factor ?? 5);
    this.#threshold = options.threshold ?? 12;
  }

  /** Takes one window. Returns whether it raises an alarm; the evidence begins anew then. */
  add(operations: number, failures: number): boolean {
    const step = failures * Math.log(this.#p1 / this.#p0) - operations * (this.#p1 - this.#p0);
    this.#evidence = Math.max(0, this.#evidence + step);
    if (this.#evidence <= this.#threshold) return false;
    this.#evidence = 0;
    return true;
  }
}
