import { FieldsealError } from '@fieldseal/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type BackupPoint,
  isBackupDue,
  runSchedule,
  type ScheduleClock,
  type ScheduledTasks,
  type ScheduleStep,
} from '../src/index.ts';

const MINUTE = 60_000;
const START = Date.UTC(2026, 0, 1);

/** A clock that stands still but for what is slept, and ends the schedule at a time. */
class TestClock implements ScheduleClock {
  readonly #controller = new AbortController();
  readonly #until: number;
  readonly slept: number[] = [];
  /** Added to what is told as the time. */
  shift = 0;
  #at = START;

  constructor(ms: number) {
    this.#until = START + ms;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  now(): number {
    return this.#at + this.shift;
  }

  async sleep(ms: number): Promise<void> {
    this.slept.push(ms);
    this.#at += ms;
    if (this.#at >= this.#until) this.#controller.abort();
  }
}

/** A place of backups and a keyring. */
function world(clock: TestClock, more: Partial<ScheduledTasks> = {}) {
  const made: BackupPoint[] = [];
  const at = { generation: 1 };
  const tasks: ScheduledTasks = {
    newest: async () => made.at(-1) ?? null,
    generation: async () => at.generation,
    create: async () => {
      const point = { created: clock.now(), generation: at.generation };
      made.push(point);
      return point;
    },
    ...more,
  };
  return { made, at, tasks };
}

const run = (clock: TestClock, tasks: ScheduledTasks, drillEveryMs: number | null = null) => {
  const steps: ScheduleStep[] = [];
  const tell = (step: ScheduleStep) => void steps.push(step);
  const times = { everyMs: 15 * MINUTE, drillEveryMs };
  return runSchedule(tasks, times, { clock, signal: clock.signal, tell }).then((state) => ({ state, steps }));
};

describe('a backup is due', () => {
  it.each<[string, BackupPoint | null, boolean]>([
    ['where there is none', null, true],
    ['at its age', { created: START - 15 * MINUTE, generation: 1 }, true],
    ['when the keyring was changed since', { created: START, generation: 0 }, true],
    ['when it comes from the future', { created: START + 2 * MINUTE, generation: 1 }, true],
  ])('%s', (_, newest, due) => {
    expect(isBackupDue(newest, 1, START, 15 * MINUTE)).toBe(due);
  });

  it('not before, nor for a clock that is a little behind', () => {
    expect(isBackupDue({ created: START - 14 * MINUTE, generation: 1 }, 1, START, 15 * MINUTE)).toBe(false);
    expect(isBackupDue({ created: START + 1000, generation: 1 }, 1, START, 15 * MINUTE)).toBe(false);
  });
});

describe('a schedule', () => {
  it('makes backups by age, and measures what would have been lost', async () => {
    const clock = new TestClock(60 * MINUTE);
    const { made, tasks } = world(clock);
    const { state } = await run(clock, tasks);
    expect(made.map(({ created }) => (created - START) / MINUTE)).toEqual([0, 15, 30, 45]);
    expect(state).toMatchObject({ made: 4, failures: 0, longestGapMs: 15 * MINUTE, recoverySeconds: null });
  });

  it('makes one as soon as it sees that the keyring was changed', async () => {
    const clock = new TestClock(5 * MINUTE);
    const { made, at, tasks } = world(clock);
    const looked = { ...tasks, generation: async () => (clock.now() > START + MINUTE ? 2 : 1) };
    at.generation = 1;
    const created = async () => {
      at.generation = await looked.generation();
      return (tasks.create as NonNullable<ScheduledTasks['create']>)();
    };
    await run(clock, { ...looked, create: created });
    expect(made.map((point) => [(point.created - START) / MINUTE, point.generation])).toEqual([
      [0, 1],
      [1.5, 2],
    ]);
  });

  it('goes on after failures, more and more slowly, and tells of each', async () => {
    const clock = new TestClock(30 * MINUTE);
    const { made, tasks } = world(clock);
    let failing = true;
    const create = async () => {
      if (clock.now() > START + 20 * MINUTE) failing = false;
      if (failing) throw new FieldsealError('ERR_BACKUP_TARGET', 'the disk is full');
      return (tasks.create as NonNullable<ScheduledTasks['create']>)();
    };
    const { state, steps } = await run(clock, { ...tasks, create });
    const failures = steps.filter(({ error }) => error === 'ERR_BACKUP_TARGET');
    expect(failures.length).toBe(state.failures);
    expect(clock.slept.slice(0, 8)).toEqual([5000, 10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]);
    expect(made).toHaveLength(1);
    expect(clock.slept.at(-1)).toBe(30_000);
    expect(failures[0]?.message).toContain('the disk is full');
  });

  it('never says what an error that is not ours says', async () => {
    const clock = new TestClock(1000);
    const { tasks } = world(clock, {
      create: async () => {
        throw new Error('canary');
      },
    });
    const { steps } = await run(clock, tasks);
    expect(steps[0]).toMatchObject({ error: 'ERR_UNEXPECTED' });
    expect(JSON.stringify(steps)).not.toContain('canary');
  });

  it('does not make backups while it cannot tell which are there', async () => {
    const clock = new TestClock(10 * MINUTE);
    let readable = false;
    const { made, tasks } = world(clock);
    const newest = async () => {
      if (!readable) throw new FieldsealError('ERR_BACKUP_SIGNATURE', 'the newest backup was changed');
      return { created: START, generation: 1 };
    };
    await run(clock, { ...tasks, newest });
    expect(made).toEqual([]);
    readable = true;
    const { state } = await run(new TestClock(1000), { ...tasks, newest });
    expect(state).toMatchObject({ made: 0, failures: 0, newest: { created: START } });
  });

  it('prunes after a backup, and not after one that failed', async () => {
    let [pruned, broken] = [0, true];
    const clock = new TestClock(MINUTE);
    const { tasks } = world(clock, { prune: async () => void pruned++ });
    const create = async () => {
      if (broken) throw new FieldsealError('ERR_BACKUP_TARGET', 'away');
      return { created: clock.now(), generation: 1 };
    };
    await run(clock, { ...tasks, create });
    expect(pruned).toBe(0);
    broken = false;
    await run(new TestClock(1000), { ...tasks, create });
    expect(pruned).toBe(1);
  });

  it('drills at once and then by the time, and again soon where one found faults', async () => {
    const clock = new TestClock(65 * MINUTE);
    const times: number[] = [];
    const { tasks } = world(clock, {
      drill: async () => {
        times.push((clock.now() - START) / MINUTE);
        return { ok: times.length !== 2, seconds: 1.5 };
      },
    });
    const { state, steps } = await run(clock, tasks, 30 * MINUTE);
    expect(times[0]).toBe(0);
    expect(times[1]).toBe(30);
    expect(times[2]).toBeCloseTo(30 + 5 / 60, 5);
    expect(state).toMatchObject({ failures: 1, recoverySeconds: 1.5 });
    expect(steps.filter(({ task }) => task === 'drill').map(({ error }) => error)).toEqual([
      null,
      'ERR_BACKUP_DAMAGED',
      null,
      null,
    ]);
  });

  it('drills on backups of others where it makes none, and on nothing where there is none', async () => {
    const clock = new TestClock(10 * MINUTE);
    const seen: number[] = [];
    const { tasks } = world(clock);
    const { create: _, ...watching } = tasks;
    const newest = async () => (clock.now() < START + 5 * MINUTE ? null : { created: START, generation: 9 });
    await run(
      clock,
      { ...watching, newest, drill: async () => ({ ok: seen.push(clock.now()) > 0, seconds: 1 }) },
      MINUTE,
    );
    expect(seen.length).toBeGreaterThan(3);
    expect(seen[0]).toBe(START + 5 * MINUTE);
  });

  it('neither races nor stands still when the clock jumps', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -90, max: 90 }), { minLength: 1, maxLength: 6 }), async (days) => {
        const clock = new TestClock(180 * MINUTE);
        const { made, tasks } = world(clock);
        const jumps = [...days];
        const generation = async () => {
          if (jumps.length > 0 && made.length > days.length - jumps.length)
            clock.shift += (jumps.shift() ?? 0) * 86_400_000;
          return 1;
        };
        await run(clock, { ...tasks, generation });
        // One for each quarter of an hour, and one more for each jump at most.
        expect(made.length).toBeLessThanOrEqual(13 + days.length);
        expect(made.length).toBeGreaterThanOrEqual(12 - days.length);
      }),
      { numRuns: 50 },
    );
  });

  it('does what is due once, where it is asked to', async () => {
    const clock = new TestClock(60 * MINUTE);
    const { made, tasks } = world(clock);
    const once = () => runSchedule(tasks, { everyMs: MINUTE }, { clock, once: true });
    expect(await once()).toMatchObject({ made: 1 });
    expect(await once()).toMatchObject({ made: 0 });
    expect(made).toHaveLength(1);
    expect(clock.slept).toEqual([]);
  });

  it('refuses times of nothing', async () => {
    const clock = new TestClock(0);
    const { tasks } = world(clock);
    for (const times of [{ everyMs: 0 }, { everyMs: Number.NaN }, { everyMs: MINUTE, drillEveryMs: 10 }])
      await expect(runSchedule(tasks, times, { clock })).rejects.toMatchObject({ code: 'ERR_OPTIONS' });
  });
});
