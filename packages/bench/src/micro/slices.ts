import { spreadOf } from '../statistics.ts';

/** How long and how often is measured. */
export interface SlicePlan {
  /** CPU time of a slice, in ms. Shorter ones are as coarse as the clock, longer ones are interrupted more often. */
  readonly sliceMs: number;
  readonly slices: number;
  readonly warmMs: number;
  /** Slow candidates get fewer slices, so that one case takes no longer than this; but at least {@link LEAST_SLICES}. */
  readonly limitMs: number;
}

const LEAST_SLICES = 3;

/** A call that is measured. Returns what it made, so that no compiler can leave it out. */
export type Call = (round: number) => unknown;

/**
 * Median CPU time of one call in ns. CPU time counts the threads of the garbage collector, and does not count other programs of the machine.
 *
 * @returns the median over the slices, and their count
 */
export async function cpuTimeOf(call: Call, plan: SlicePlan): Promise<{ ns: number; slices: number }> {
  const started = performance.now();
  const first = call(0);
  const slice = first instanceof Promise ? waitingSlice : slicing;
  await first;
  let calls = 1;
  for (;;) {
    const ms = await slice(call, calls);
    const spent = performance.now() - started;
    if (ms < plan.sliceMs / 2 && spent < plan.limitMs) calls *= 2;
    else if (spent >= plan.warmMs) {
      calls = Math.max(1, Math.round((calls * plan.sliceMs) / Math.max(ms, 0.1)));
      break;
    }
  }
  const samples: number[] = [];
  const begun = performance.now();
  while (samples.length < plan.slices && (samples.length < LEAST_SLICES || performance.now() - begun < plan.limitMs))
    samples.push(((await slice(call, calls)) * 1e6) / calls);
  return { ns: spreadOf(samples).median, slices: samples.length };
}

/** What the last call made: the compiler cannot know that nobody looks at it. */
const kept: { last: unknown } = { last: undefined };

/** CPU time of a number of calls, in ms. */
function slicing(call: Call, calls: number): number {
  const before = process.cpuUsage();
  for (let round = 0; round < calls; round++) kept.last = call(round);
  return millisecondsSince(before);
}

/** The same for calls that have to be waited for: others must not pay for an `await`. */
async function waitingSlice(call: Call, calls: number): Promise<number> {
  const before = process.cpuUsage();
  for (let round = 0; round < calls; round++) kept.last = await call(round);
  return millisecondsSince(before);
}

function millisecondsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
