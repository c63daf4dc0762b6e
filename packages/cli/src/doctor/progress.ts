import type { Io } from '../command.ts';

const QUIET_MS = 1500;
/** Back to the start of the line, and clear it. */
const CLEAR = '\r\u001b[K';

/** What doctor is doing, in one line on a terminal's stderr that is cleared at the end. */
export class Progress {
  readonly #io: Io;
  readonly #started = performance.now();
  readonly #quietMs: number;
  #shown = false;

  /** @param quietMs - work that ends sooner says nothing */
  constructor(io: Io, quietMs: number = QUIET_MS) {
    this.#io = io;
    this.#quietMs = quietMs;
  }

  /** Shows a step, where a person waits. */
  step(text: string): void {
    if (this.#io.interactive !== true || performance.now() - this.#started < this.#quietMs) return;
    this.#io.stderr(`${CLEAR}fieldseal: ${text}`);
    this.#shown = true;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#shown) this.#io.stderr(CLEAR);
    this.#shown = false;
  }
}
