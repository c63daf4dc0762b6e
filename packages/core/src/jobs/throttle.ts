import type { JobSettings } from './job.ts';

/** The least rows of a batch that takes too long. */
const LEAST_ROWS = 10;
/** How many rows a batch grows by while it is fast enough. */
const GROWTH = 25;

/** The most bytes of cells that a batch should hold, so that large values do not fill the memory. */
const BATCH_BYTES = 16 * 1024 * 1024;

/** Time as the throttle sees it; tests have one of their own. */
export interface Clock {
  /** Monotonic time in ms. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

/** The clock of the process. */
export const PROCESS_CLOCK: Clock = {
  now: () => performance.now(),
  sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
};

/**
 * How large batches are and how long a worker rests between them. The size follows the time that batches take by additive increase and
 * multiplicative decrease (Chiu and Jain 1989), so that several workers share a busy database fairly.
 */
export class Throttle {
  #rows = 100;
  /** Rows that fit the memory, by the largest of the last batches. */
  #fitting: number = Number.POSITIVE_INFINITY;
  /** Earliest time of the next batch, by the rows a second that are allowed. */
  #next: number;
  readonly #clock: Clock;

  constructor(clock: Clock = PROCESS_CLOCK) {
    this.#clock = clock;
    this.#next = clock.now();
  }

  /** Rows of the next batch. */
  rows({ batchRows, rowsPerSecond }: JobSettings): number {
    const allowed = rowsPerSecond > 0 ? Math.max(1, Math.ceil(rowsPerSecond)) : batchRows; // a batch is one second's rows at most
    return Math.min(this.#rows, batchRows, allowed, this.#fitting);
  }

  /**
   * Notes that a batch of `rows` rows, which held `bytes` bytes, took `ms` ms, and returns how many ms to rest before the next one.
   */
  took(rows: number, bytes: number, ms: number, { batchRows, batchMs, rowsPerSecond }: JobSettings): number {
    const fitting = bytes === 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor((BATCH_BYTES / bytes) * rows));
    this.#fitting = Math.min(fitting, this.#fitting * 2); // not at once back from one large value
    if (ms > batchMs)
      this.#rows = Math.max(Math.min(LEAST_ROWS, batchRows), Math.floor(Math.min(this.#rows, batchRows) / 2));
    else this.#rows = Math.min(this.#rows + GROWTH, batchRows);
    const now = this.#clock.now();
    if (rowsPerSecond <= 0) return 0;
    // What was not used before is not made up for: a burst would be what the limit is there to prevent.
    this.#next = Math.max(this.#next, now - ms) + (rows / rowsPerSecond) * 1000;
    return Math.max(0, this.#next - now);
  }
}
