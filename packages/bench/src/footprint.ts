import { runChild } from './child.ts';
import { installSize } from './install-size.ts';
import { progress } from './progress.ts';
import { absence, joined, type Measurement, type SectionResult } from './result.ts';
import type { SectionContext } from './section-context.ts';
import type { StartFindings } from './start-child.ts';
import { startFiles } from './start-files.ts';
import { spreadOf } from './statistics.ts';

/** Reads of 1000 rows before the memory of a program that works is looked at. */
const READS = 20;

/** V8 lets the young generation grow by rules of its own, by tens of megabytes once more is allocated: here it has its full size at once. */
const FIXED_YOUNG = ['--min-semi-space-size=16', '--max-semi-space-size=16'];

/** When memory is looked at, in a process with our extension and in one without. */
const STATES: readonly { readonly name: string; readonly reads: number; readonly flags: readonly string[] }[] = [
  { name: 'after the first query', reads: 0, flags: [] },
  { name: 'after 20,000 rows', reads: READS, flags: [] },
  { name: 'after 20,000 rows, young generation of fixed size', reads: READS, flags: FIXED_YOUNG },
];

/** Memory that our packages add to a program, and the size of an installation. */
export async function runFootprint(context: SectionContext): Promise<SectionResult> {
  const memory =
    context.clients === null ? await memoryAdded(context) : absence('footprint', 'memory', context.clients);
  return joined([memory, await sizeOnDisk()]);
}

async function memoryAdded({ quick }: SectionContext): Promise<SectionResult> {
  const repeats = quick ? 1 : 5;
  const files = await startFiles();
  const measurements: Measurement[] = [];
  try {
    for (const { name, reads, flags } of STATES) {
      const [rss, heap]: [number[], number[]] = [[], []];
      for (let repeat = 0; repeat < repeats; repeat++) {
        const plain = await runChild<StartFindings>('start', files.task(false, reads), flags);
        const ours = await runChild<StartFindings>('start', files.task(true, reads), flags);
        rss.push((ours.rss - plain.rss) / 1e6);
        heap.push((ours.heap - plain.heap) / 1e6);
      }
      measurements.push(
        megabytes(`resident memory added ${name}`, rss),
        megabytes(`heap and buffers added ${name}`, heap),
      );
    }
  } finally {
    files.remove();
  }
  progress(`footprint: memory of ${2 * repeats * STATES.length} processes`);
  return { measurements, ratios: [], absent: [] };
}

async function sizeOnDisk(): Promise<SectionResult> {
  try {
    const { packages, packed, total } = installSize();
    progress(`footprint: ${packages} packages installed`);
    return {
      measurements: [
        megabytes('install size of @fieldseal/core and @fieldseal/prisma with dependencies', [total / 1e6]),
        megabytes('of that: our two packages, packed', [packed / 1e6]),
      ],
      ratios: [],
      absent: [],
    };
  } catch (error) {
    return absence('footprint', 'install size', error);
  }
}

function megabytes(name: string, samples: readonly number[]): Measurement {
  return { section: 'footprint', case: name, candidate: 'fieldseal', unit: 'MB', ...spreadOf(samples) };
}
