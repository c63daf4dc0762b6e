import type { Clock } from '../src/clock.ts';

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Sets the time, in ms, and does what is due. */
  advanceTo(ms: number): void;
}

export function manualClock(start = 0): ManualClock {
  let now = start;
  const waiting: { at: number; wake: () => void }[] = [];
  const tasks = new Set<{ next: number; every: number; task: () => void }>();
  return {
    now: () => now,
    sleep: (ms) => new Promise((wake) => void waiting.push({ at: now + ms, wake })),
    every: (ms, task) => {
      const entry = { next: now + ms, every: ms, task };
      tasks.add(entry);
      return () => void tasks.delete(entry);
    },
    advanceTo: (ms) => {
      now = ms;
      for (const one of waiting.splice(0)) {
        if (one.at <= now) one.wake();
        else waiting.push(one);
      }
      for (const entry of tasks) {
        for (; entry.next <= now; entry.next += entry.every) entry.task();
      }
    },
  };
}
