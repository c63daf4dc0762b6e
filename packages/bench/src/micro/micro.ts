import { runChild } from '../child.ts';
import { progress, secondsSince } from '../progress.ts';
import type { Absence, Measurement, Ratio, SectionResult } from '../result.ts';
import type { SectionContext } from '../section-context.ts';
import { pairedRatio, spreadOf } from '../statistics.ts';
import { CANDIDATES, NODE_GCM, OURS, OURS_AES, OURS_INDEX } from './candidates.ts';
import type { MicroSample, MicroTask } from './micro-child.ts';

const FULL = {
  sizes: [16, 40, 200, 1024, 16 * 1024, 1 << 20],
  batches: [1, 4, 64, 3000],
  repeats: 3,
  firstWarmMs: 150,
  plan: { sliceMs: 5, slices: 21, warmMs: 50, limitMs: 500 },
};
const QUICK = {
  sizes: [40, 1024],
  batches: [1, 4, 64],
  repeats: 1,
  firstWarmMs: 80,
  plan: { sliceMs: 4, slices: 5, warmMs: 20, limitMs: 100 },
};

/** Samples of one case: one per process, in the order of the repeats. */
type CaseSamples = Map<string, number[]>;

/** CPU time per field of every candidate, each in processes of its own, which take turns. */
export async function runMicro({ quick, rivals }: SectionContext): Promise<SectionResult> {
  const { repeats, ...task } = quick ? QUICK : FULL;
  const absent: Absence[] = [];
  const found = new Map<string, CaseSamples>();
  let remaining = CANDIDATES.filter(({ name, rival }) => {
    if (!rival || rivals === null) return true;
    absent.push({ section: 'micro', candidate: name, reason: rivals });
    return false;
  });
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const candidate of remaining) {
      const started = performance.now();
      const samples = await runChild<MicroSample[]>('micro', {
        ...task,
        candidate: candidate.name,
      } satisfies MicroTask).catch((error: Error) => error);
      progress(`micro ${repeat + 1}/${repeats}: ${candidate.name} (${secondsSince(started)})`);
      if (samples instanceof Error) {
        absent.push({ section: 'micro', candidate: candidate.name, reason: samples.message });
        found.delete(candidate.name);
        remaining = remaining.filter((other) => other !== candidate);
      } else keep(found, candidate.name, samples);
    }
  }
  return { measurements: measurementsOf(found), ratios: ratiosOf(found), absent };
}

/** How a case is called in the results. */
export function microCase(operation: MicroSample['operation'], size: number, batch: number): string {
  return `${operation} ${sizeText(size)}, batch ${batch}`;
}

function sizeText(bytes: number): string {
  if (bytes >= 1 << 20) return `${bytes / (1 << 20)} MiB`;
  return bytes >= 1024 ? `${bytes / 1024} KiB` : `${bytes} B`;
}

function keep(found: Map<string, CaseSamples>, candidate: string, samples: readonly MicroSample[]): void {
  const cases = found.get(candidate) ?? new Map<string, number[]>();
  found.set(candidate, cases);
  for (const { operation, size, batch, ns } of samples) {
    const name = microCase(operation, size, batch);
    cases.set(name, [...(cases.get(name) ?? []), ns]);
  }
}

function measurementsOf(found: ReadonlyMap<string, CaseSamples>): Measurement[] {
  return [...found].flatMap(([candidate, cases]) =>
    [...cases].map(([name, samples]): Measurement => {
      return { section: 'micro', case: name, candidate, unit: 'ns', ...spreadOf(samples) };
    }),
  );
}

/** Whom each of ours is compared with; null for everybody. */
const COMPARED: readonly [string, readonly string[] | null][] = [
  [OURS, null],
  [OURS_AES, [NODE_GCM]],
  [OURS_INDEX, null],
];

/**
 * Every candidate against ours, case by case. One that takes a single value at a time stands against each of our batches: that is what a
 * program that reads many rows has to choose between.
 */
function ratiosOf(found: ReadonlyMap<string, CaseSamples>): Ratio[] {
  const ratios: Ratio[] = [];
  for (const [against, only] of COMPARED)
    for (const [name, ours] of found.get(against) ?? [])
      for (const [candidate, cases] of found) {
        const theirs = cases.get(name) ?? singleOf(cases, name);
        if (candidate === against || theirs === undefined || only?.includes(candidate) === false) continue;
        ratios.push({ section: 'micro', case: name, candidate, against, ...pairedRatio(theirs, ours) });
      }
  return ratios;
}

/** The case without a batch, of a candidate that has none. */
function singleOf(cases: CaseSamples, name: string): number[] | undefined {
  const hasBatches = [...cases.keys()].some((other) => !other.endsWith('batch 1'));
  return hasBatches ? undefined : cases.get(name.replace(/batch \d+$/, 'batch 1'));
}
