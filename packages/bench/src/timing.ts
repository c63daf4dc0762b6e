import { runChild } from './child.ts';
import { progress, secondsSince } from './progress.ts';
import type { SectionResult } from './result.ts';
import type { SectionContext } from './section-context.ts';
import { spreadOf } from './statistics.ts';
import type { TimingFinding, TimingTask } from './timing-child.ts';

/** Whether the time of opening cells depends on what must not be known. */
export async function runTiming({ quick }: SectionContext): Promise<SectionResult> {
  const repeats = quick ? 1 : 3;
  const task: TimingTask = quick ? { pools: 10, measurements: 2000 } : { pools: 100, measurements: 4000 };
  const found = new Map<string, number[]>();
  for (let repeat = 0; repeat < repeats; repeat++) {
    const started = performance.now();
    for (const { test, t } of await runChild<TimingFinding[]>('timing', task))
      found.set(test, [...(found.get(test) ?? []), Math.abs(t)]);
    progress(`timing ${repeat + 1}/${repeats} (${secondsSince(started)})`);
  }
  return {
    measurements: [...found].map(([test, samples]) => {
      return { section: 'timing', case: test, candidate: 'fieldseal', unit: 't', ...spreadOf(samples) };
    }),
    ratios: [],
    absent: [],
  };
}
