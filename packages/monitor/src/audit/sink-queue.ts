import type { Clock } from '../clock.ts';
import type { SealedEntry } from './audit-entry.ts';
import type { AuditSink } from './audit-sink.ts';

/** Most entries of one append: what comes while one runs shares the next, and one flush. */
const BATCH = 200;

/** Most entries that wait for one sink. Beyond it the sink is given up until the log is opened again, which fills it up. */
const WAITING = 10_000;

/** First and longest wait before a sink that failed is tried again, in ms. */
const RETRY_MS = 500;
const LONGEST_RETRY_MS = 30_000;

interface Waiting {
  readonly entry: SealedEntry;
  readonly done: () => void;
}

/** The way to one sink: entries in order, one append at a time, tried again until they are there. */
export class SinkQueue {
  readonly sink: AuditSink;
  readonly #timeoutMs: number;
  readonly #clock: Clock;
  readonly #failed: (sink: AuditSink) => void;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  #blocked = false;
  #ended = false;

  constructor(sink: AuditSink, timeoutMs: number, clock: Clock, failed: (sink: AuditSink) => void) {
    this.sink = sink;
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
    this.#failed = failed;
  }

  /** Whether the last append failed or has not answered in time, or the sink was given up. Nobody waits for such a sink. */
  get blocked(): boolean {
    return this.#blocked;
  }

  /** Takes an entry. It resolves when the sink has it, which may be never. */
  push(entry: SealedEntry): Promise<void> {
    if (this.#ended) return new Promise(() => undefined);
    return new Promise((done) => {
      this.#waiting.push({ entry, done });
      if (this.#waiting.length > WAITING) this.#giveUp();
      else this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing waits, or the sink is blocked. */
  async settled(): Promise<void> {
    while (this.#running !== null && !this.#blocked)
      await Promise.race([this.#running, this.#clock.sleep(this.#timeoutMs)]);
  }

  /** Takes no more, and forgets what waits. */
  async close(): Promise<void> {
    this.#ended = true;
    this.#waiting = [];
    await this.sink.close();
  }

  #giveUp(): void {
    this.#ended = true;
    this.#blocked = true;
    this.#waiting = [];
    this.#failed(this.sink);
  }

  async #run(): Promise<void> {
    try {
      for (let retryMs = RETRY_MS; this.#waiting.length > 0; ) {
        const batch = this.#waiting.slice(0, BATCH);
        if (await this.#append(batch.map(({ entry }) => entry))) {
          this.#blocked = false;
          retryMs = RETRY_MS;
          this.#waiting.splice(0, batch.length);
          for (const { done } of batch) done();
          continue;
        }
        this.#blocked = true;
        this.#failed(this.sink);
        await this.#clock.sleep(retryMs);
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    } finally {
      this.#running = null; // in the same turn as the last look at what waits
    }
  }

  /** One append. Late is blocked at once; but the next begins only when this one has ended, so that none overtakes another. */
  async #append(entries: readonly SealedEntry[]): Promise<boolean> {
    const controller = new AbortController();
    let ended = false;
    const late = this.#clock.sleep(this.#timeoutMs).then(() => {
      if (ended) return;
      this.#blocked = true;
      this.#failed(this.sink);
      controller.abort();
    });
    const appended = Promise.resolve()
      .then(() => this.sink.append(entries, controller.signal))
      .then(
        () => true,
        () => false,
      )
      .finally(() => {
        ended = true;
      });
    await Promise.race([appended, late]);
    return appended;
  }
}
