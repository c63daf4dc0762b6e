import { FieldsealError } from '@fieldseal/core';

/** What is known of a backup that was made. */
export interface BackupPoint {
  /** When it was begun, in ms since the epoch. */
  readonly created: number;
  /** Generation of the keyring in it. */
  readonly generation: number;
}

/** How a drill ended. */
export interface DrillResult {
  readonly ok: boolean;
  /** How long opening the backup took: what a recovery takes at least. */
  readonly seconds: number;
}

/** What a schedule does. Whatever is missing is not done. */
export interface ScheduledTasks {
  /** The newest backup of the place, its signature checked; null where there is none. Asked at the beginning, and before a drill where none is made here. */
  newest(): Promise<BackupPoint | null>;
  /** Generation of the keyring as it is now. */
  generation(): Promise<number>;
  /** Without it, backups are made elsewhere: the newest one is looked for each time. */
  create?(): Promise<BackupPoint>;
  /** After each backup. */
  prune?(): Promise<void>;
  drill?(): Promise<DrillResult>;
}

/** When it does it. */
export interface ScheduleTimes {
  /** Age in ms from which a newer backup is made: the most that is lost (RPO) while all goes well. */
  readonly everyMs: number;
  /** Time between drills, in ms; null for none. The first is made at once. */
  readonly drillEveryMs?: number | null;
  /** How often the keyring is looked at, in ms: a backup is made as soon as it has changed. 30 000 by default. */
  readonly lookMs?: number;
}

/** A clock, so that tests can hold it. */
export interface ScheduleClock {
  /** In ms since the epoch. */
  now(): number;
  /** Resolves after `ms`, or when the signal is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** A step of a schedule, told as it ends. */
export interface ScheduleStep {
  readonly task: 'look' | 'create' | 'prune' | 'drill';
  /** Code of the error, or ERR_UNEXPECTED for one that is none of ours; null when it went well. */
  readonly error: string | null;
  /** What went wrong, as whoever reads it is told. */
  readonly message: string | null;
  /** In ms since the epoch. */
  readonly at: number;
  readonly state: ScheduleState;
}

/** What was measured since the schedule began. */
export interface ScheduleState {
  readonly made: number;
  readonly failures: number;
  readonly newest: BackupPoint | null;
  /** The longest time between two backups, in ms: what would have been lost at worst. Null before there were two. */
  readonly longestGapMs: number | null;
  /** Of the last drill that went well, in seconds; null before. */
  readonly recoverySeconds: number | null;
}

const LOOK_MS = 30_000;
/** A task that failed is tried again after this time, doubled with each failure in a row, in ms. */
const RETRY_MS = 5000;
const LONGEST_RETRY_MS = 300_000;
const SHORTEST_MS = 1000;
/** Errors whose messages hold no value: of the libraries and of the command line. */
const OURS: readonly string[] = ['FieldsealError', 'CliError'];
/** Backups from so far ahead, in ms, are not waited for: the clock was set back. */
const AHEAD_MS = 60_000;

/**
 * What is due. A backup is due by age, when the keyring was changed since, and when it seems to come from the future: a clock that was set back must
 * not stop backups until it has caught up.
 */
export function isBackupDue(newest: BackupPoint | null, generation: number, now: number, everyMs: number): boolean {
  if (newest === null || newest.generation !== generation) return true;
  const age = now - newest.created;
  return age >= everyMs || age < -AHEAD_MS;
}

/**
 * Makes backups until the signal is aborted, or once: whatever is due at the beginning. A task that fails is told of and tried again later; it never
 * ends the schedule.
 *
 * @param tell - is told of every task as it ends
 * @throws ERR_OPTIONS for times below a second
 * @returns what was measured
 */
export async function runSchedule(
  tasks: ScheduledTasks,
  times: ScheduleTimes,
  {
    clock = PROCESS_CLOCK,
    signal = new AbortController().signal,
    once = false,
    tell = () => undefined,
  }: {
    readonly clock?: ScheduleClock;
    readonly signal?: AbortSignal;
    readonly once?: boolean;
    readonly tell?: (step: ScheduleStep) => void;
  } = {},
): Promise<ScheduleState> {
  const { everyMs, drillEveryMs = null, lookMs = LOOK_MS } = times;
  if (![everyMs, drillEveryMs ?? SHORTEST_MS, lookMs].every((ms) => ms >= SHORTEST_MS))
    throw new FieldsealError('ERR_OPTIONS', 'the times of a schedule are a second at least');
  const schedule = new Schedule(tasks, clock, tell);
  for (;;) {
    const failed = await schedule.pass(everyMs, drillEveryMs);
    if (once || signal.aborted) return schedule.state;
    const retry = failed === 0 ? lookMs : Math.min(RETRY_MS * 2 ** (failed - 1), LONGEST_RETRY_MS);
    await clock.sleep(Math.min(retry, everyMs), signal);
    if (signal.aborted) return schedule.state;
  }
}

class Schedule {
  readonly #tasks: ScheduledTasks;
  readonly #clock: ScheduleClock;
  readonly #tell: (step: ScheduleStep) => void;
  #known = false;
  #drilledAt: number | null = null;
  /** Passes that failed, in a row. */
  #failed = 0;
  state: ScheduleState = { made: 0, failures: 0, newest: null, longestGapMs: null, recoverySeconds: null };

  constructor(tasks: ScheduledTasks, clock: ScheduleClock, tell: (step: ScheduleStep) => void) {
    this.#tasks = tasks;
    this.#clock = clock;
    this.#tell = tell;
  }

  /** Does what is due. Resolves to the number of passes in a row in which something failed. */
  async pass(everyMs: number, drillEveryMs: number | null): Promise<number> {
    const { failures } = this.state;
    const { create } = this.#tasks;
    if (!this.#known || (create === undefined && this.#isDrillDue(drillEveryMs))) await this.#look();
    if (create !== undefined && this.#known) await this.#createIfDue(create, everyMs);
    if (this.state.newest !== null && this.#isDrillDue(drillEveryMs)) await this.#drill();
    this.#failed = this.state.failures > failures ? this.#failed + 1 : 0;
    return this.#failed;
  }

  async #look(): Promise<void> {
    const found = await this.#attempt('look', async () => ({ newest: await this.#tasks.newest() }));
    if (found === null) return;
    this.#known = true;
    this.state = { ...this.state, newest: found.newest };
  }

  async #createIfDue(create: () => Promise<BackupPoint>, everyMs: number): Promise<void> {
    const generation = await this.#attempt('look', () => this.#tasks.generation());
    if (generation === null || !isBackupDue(this.state.newest, generation, this.#clock.now(), everyMs)) return;
    const point = await this.#attempt('create', async () => {
      const made = await create();
      this.#made(made);
      return made;
    });
    const { prune } = this.#tasks;
    if (point !== null && prune !== undefined) await this.#attempt('prune', prune);
  }

  #made(point: BackupPoint): void {
    const { newest, longestGapMs, made } = this.state;
    const gap = newest === null ? null : Math.max(0, point.created - newest.created);
    const longest = gap === null ? longestGapMs : Math.max(gap, longestGapMs ?? 0);
    this.state = { ...this.state, made: made + 1, newest: point, longestGapMs: longest };
  }

  /** Drills are counted from the last one that went well. */
  #isDrillDue(everyMs: number | null): boolean {
    if (this.#tasks.drill === undefined || everyMs === null) return false;
    const since = this.#drilledAt === null ? Number.POSITIVE_INFINITY : Math.abs(this.#clock.now() - this.#drilledAt);
    return since >= everyMs;
  }

  async #drill(): Promise<void> {
    await this.#attempt('drill', async () => {
      const { drill } = this.#tasks;
      const result = await drill?.();
      if (result?.ok !== true)
        throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the drill found faults in the newest backup', {
          hint: 'Run `fieldseal backup drill`, which lists them.',
        });
      this.#drilledAt = this.#clock.now();
      this.state = { ...this.state, recoverySeconds: result.seconds };
    });
  }

  /** Does a task and tells of it. Null when it failed. */
  async #attempt<Result>(task: ScheduleStep['task'], work: () => Promise<Result>): Promise<Result | null> {
    let error: ScheduleStep['error'] = null;
    let message: string | null = null;
    let result: Result | null = null;
    try {
      result = await work();
    } catch (cause) {
      this.state = { ...this.state, failures: this.state.failures + 1 };
      const ours = cause instanceof Error && OURS.includes(cause.name);
      error = ours ? (cause as Error & { readonly code: string }).code : 'ERR_UNEXPECTED';
      message = ours ? cause.message : 'an unexpected error'; // what it says may hold values of a row
    }
    if (task !== 'look' || error !== null)
      this.#tell({ task, error, message, at: this.#clock.now(), state: this.state });
    return result;
  }
}

const PROCESS_CLOCK: ScheduleClock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end);
    }),
};
