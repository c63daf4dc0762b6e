import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { JobEvent } from '@fieldseal/core';
import type { JobStatus } from '@fieldseal/core/jobs';
import type { Io } from '../command.ts';

/** Back to the start of the line, and clear it. */
const CLEAR = '\r\u001b[K';
/** How often the line changes, in ms. */
const EVERY_MS = 200;
/** Times that the rate is taken over, in ms: long enough to be calm, short enough to follow a throttle. */
const WINDOW_MS = 10_000;

/** How far a job is, in one line on a terminal's stderr that is cleared at the end. It counts what this process does. */
export class JobProgress {
  readonly #io: Io;
  readonly #now: () => number;
  #status: JobStatus | null = null;
  #read = 0;
  #conflicts = 0;
  #quarantined = 0;
  #marks: { readonly at: number; readonly read: number }[] = [];
  #shownAt = Number.NEGATIVE_INFINITY;

  constructor(io: Io, now: () => number = () => performance.now()) {
    this.#io = io;
    this.#now = now;
  }

  /** Follows a job while `work` runs. */
  async during<T>(status: JobStatus, work: () => Promise<T>): Promise<T> {
    if (this.#io.interactive !== true) return work();
    this.#status = status;
    [this.#read, this.#conflicts, this.#quarantined] = [status.passed, status.counts.conflicts, status.quarantined];
    this.#marks = [{ at: this.#now(), read: this.#read }];
    const heard = (event: unknown): void => this.heard(event as JobEvent);
    subscribe(CHANNEL, heard);
    try {
      return await work();
    } finally {
      unsubscribe(CHANNEL, heard);
      if (this.#shownAt > 0) this.#io.stderr(CLEAR);
    }
  }

  /** Takes an event of the job. */
  heard({ job, read, conflicts, quarantined }: JobEvent): void {
    if (job !== this.#status?.id) return;
    this.#read += read;
    this.#conflicts += conflicts;
    this.#quarantined += quarantined;
    const now = this.#now();
    if (now - this.#shownAt < EVERY_MS) return;
    this.#shownAt = now;
    this.#marks = [...this.#marks.filter(({ at }) => now - at < WINDOW_MS), { at: now, read: this.#read }];
    this.#io.stderr(`${CLEAR}fieldseal: ${this.line()}`);
  }

  /** The line: rows a second, rows to go, time to go, conflicts and quarantined values. */
  line(): string {
    const { plan, rows } = this.#status as JobStatus;
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    const ms = (last?.at ?? 0) - (first?.at ?? 0);
    const rate = ms <= 0 ? 0 : (((last?.read ?? 0) - (first?.read ?? 0)) / ms) * 1000;
    const left = Math.max(0, rows - this.#read);
    const percent = rows === 0 ? 100 : Math.min(100, Math.floor((100 * (rows - left)) / rows));
    const eta = left === 0 ? 'last pass' : rate === 0 ? 'no estimate yet' : `${duration((left / rate) * 1000)} left`;
    return `${plan.kind} ${plan.model}: ${percent} %, ${Math.round(rate)} rows/s, ${left} to go, ${eta}, ${this.#conflicts} conflicts, ${this.#quarantined} quarantined`;
  }
}

const CHANNEL = 'fieldseal:job';

/** A time for people. */
export function duration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.ceil(minutes / 60)} h`;
}
