import type { Io } from '../command.ts';
import { duration } from '../jobs/job-progress.ts';

/** Back to the start of the line, and clear it. */
const CLEAR = '\r\u001b[K';
/** How often the line changes, in ms. */
const EVERY_MS = 200;

/** How far rewrapping is, in one line on a terminal's stderr that is cleared at the end. */
export class RewrapLine {
  readonly #io: Io;
  readonly #keys: number;
  readonly #now: () => number;
  readonly #started: number;
  #shownAt = Number.NEGATIVE_INFINITY;

  /** @param keys - those that are left to do */
  constructor(io: Io, keys: number, now: () => number = () => performance.now()) {
    this.#io = io;
    this.#keys = keys;
    this.#now = now;
    this.#started = now();
  }

  /** Shows how many are done, where a person watches. */
  show(done: number): void {
    const now = this.#now();
    if (this.#io.interactive !== true || now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#io.stderr(`${CLEAR}fieldseal: ${this.line(done)}`);
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shownAt > Number.NEGATIVE_INFINITY) this.#io.stderr(CLEAR);
  }

  /** The line: keys a second, keys and time to go. */
  line(done: number): string {
    const ms = this.#now() - this.#started;
    const rate = ms <= 0 ? 0 : (done / ms) * 1000;
    const left = Math.max(0, this.#keys - done);
    const percent = this.#keys === 0 ? 100 : Math.floor((100 * (this.#keys - left)) / this.#keys);
    const eta = left === 0 ? 'last pass' : rate === 0 ? 'no estimate yet' : `${duration((left / rate) * 1000)} left`;
    return `rewrap: ${percent} %, ${Math.round(rate)} keys/s, ${left} to go, ${eta}`;
  }
}
