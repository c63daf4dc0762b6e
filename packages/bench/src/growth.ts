import { runChild } from './child.ts';
import type { GrowthSample, GrowthTask } from './growth-child.ts';
import { progress, secondsSince } from './progress.ts';
import type { VariantName } from './queries/variant.ts';
import { absence, type Measurement, type SectionResult } from './result.ts';
import type { SectionContext } from './section-context.ts';
import { spreadOf } from './statistics.ts';

const COMPARED: readonly VariantName[] = ['plain', 'fieldseal'];

/** How lookups, pages and memory behave while a table grows. Each repeat is a process of its own. */
export async function runGrowth({ quick, clients }: SectionContext): Promise<SectionResult> {
  if (clients !== null) return absence('growth', 'all', clients);
  const rows = quick ? [100, 1000, 10_000] : [100, 1000, 10_000, 100_000, 1_000_000];
  const repeats = quick ? 1 : 2;
  const found = new Map<VariantName, GrowthSample[]>(COMPARED.map((variant) => [variant, []]));
  for (let repeat = 0; repeat < repeats; repeat++)
    for (const variant of COMPARED) {
      const started = performance.now();
      const task: GrowthTask = { variant, rows, lookups: quick ? 50 : 300 };
      found.get(variant)?.push(...(await runChild<GrowthSample[]>('growth', task)));
      progress(`growth ${repeat + 1}/${repeats}: ${variant} (${secondsSince(started)})`);
    }
  const measurements = rows.flatMap((size) =>
    COMPARED.flatMap((variant) =>
      measurementsOf(
        size,
        variant,
        (found.get(variant) ?? []).filter((sample) => sample.rows === size),
      ),
    ),
  );
  return { measurements, ratios: [], absent: [] };
}

/** What is reported of a size, in this order. */
const VALUES: readonly [string, Measurement['unit'], (sample: GrowthSample) => number][] = [
  ['lookup by index', 'ms', ({ lookupMs }) => lookupMs],
  ['page of up to 1000 rows', 'ms', ({ pageMs }) => pageMs],
  ['heap at most, above the start', 'MB', ({ heapMB }) => heapMB],
  ['resident memory at most, above the start', 'MB', ({ rssMB }) => rssMB],
];

function measurementsOf(rows: number, candidate: string, samples: readonly GrowthSample[]): Measurement[] {
  return VALUES.map(([value, unit, of]) => ({
    section: 'growth',
    case: `${rows} rows: ${value}`,
    candidate,
    unit,
    ...spreadOf(samples.map(of)),
  }));
}
