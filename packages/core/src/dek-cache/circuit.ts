/** Failures in a row after which the other side is given up. */
const FAILURES = 5;

/** How often it is tried again after that, in ms. */
const TRIAL_MS = 1000;

/** What happens to a {@link Circuit}. */
export interface CircuitListener {
  /** A call failed or took too long. */
  failed(): void;
  opened(): void;
  /** The other side answers again. */
  closed(): void;
}

/**
 * Keeps calls of something that may fail or hang within a budget, and gives it up for a while when it does so too often (a circuit breaker).
 *
 * No caller pays for finding out whether it is back: that is a trial of its own, once a second.
 */
export class Circuit {
  readonly #budgetMs: number;
  readonly #trial: () => Promise<unknown>;
  readonly #listener: CircuitListener;
  #failures = 0;
  #trials: NodeJS.Timeout | undefined;
  #trying = false;

  /** @param trial - shows by its success that the other side is back */
  constructor(budgetMs: number, trial: () => Promise<unknown>, listener: CircuitListener) {
    this.#budgetMs = budgetMs;
    this.#trial = trial;
    this.#listener = listener;
  }

  /** Whether the other side was given up. */
  get open(): boolean {
    return this.#trials !== undefined;
  }

  /** What `work` gives; `otherwise` when it fails, takes longer than the budget, or is not asked at all. Never rejects. */
  async run<T, O>(work: () => Promise<T>, otherwise: O): Promise<T | O> {
    if (this.open) return otherwise;
    try {
      const value = await this.#inTime(work);
      this.#failures = 0;
      return value;
    } catch {
      this.#listener.failed();
      if (++this.#failures >= FAILURES && !this.open) {
        this.#trials = setInterval(() => void this.#try(), TRIAL_MS).unref();
        this.#listener.opened();
      }
      return otherwise;
    }
  }

  /** Ends the trials. */
  stop(): void {
    clearInterval(this.#trials);
    this.#trials = undefined;
  }

  async #try(): Promise<void> {
    if (this.#trying) return;
    this.#trying = true;
    try {
      await this.#inTime(this.#trial);
      if (!this.open) return;
      this.stop();
      this.#failures = 0;
      this.#listener.closed();
    } catch {
      this.#listener.failed();
    } finally {
      this.#trying = false;
    }
  }

  async #inTime<T>(work: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      // One turn of the event loop more: where this process was busy itself, the answer may lie there unread.
      timer = setTimeout(() => setImmediate(() => reject(new Error('too late'))), this.#budgetMs);
    });
    try {
      return await Promise.race([work(), late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
