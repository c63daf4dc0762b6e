import { runChild } from './child.ts';
import { progress } from './progress.ts';
import { absence, type Measurement, type SectionResult } from './result.ts';
import type { SectionContext } from './section-context.ts';
import type { StartFindings } from './start-child.ts';
import { startFiles } from './start-files.ts';
import { spreadOf } from './statistics.ts';

/** What is reported of a start, and of whom. */
const CASES: readonly { name: string; encrypted: boolean; value: (found: StartFindings) => number }[] = [
  { name: 'modules, keyring by raw key, $extends', encrypted: true, value: ({ openMs }) => openMs },
  { name: 'the same, CPU time', encrypted: true, value: ({ openCpuMs }) => openCpuMs },
  { name: 'of that: modules', encrypted: true, value: ({ loadMs }) => loadMs },
  { name: 'of that: keyring', encrypted: true, value: ({ keyringMs }) => keyringMs },
  { name: 'first query', encrypted: true, value: ({ firstQueryMs }) => firstQueryMs },
  { name: 'first query', encrypted: false, value: ({ firstQueryMs }) => firstQueryMs },
];

/** Wall times of starting, in fresh processes. */
export async function runStart({ quick, clients }: SectionContext): Promise<SectionResult> {
  if (clients !== null) return absence('start', 'all', clients);
  const repeats = quick ? 2 : 15;
  const files = await startFiles();
  const found: Record<'plain' | 'fieldseal', StartFindings[]> = { plain: [], fieldseal: [] };
  try {
    for (let repeat = 0; repeat < repeats; repeat++) {
      found.plain.push(await runChild<StartFindings>('start', files.task(false, 0)));
      found.fieldseal.push(await runChild<StartFindings>('start', files.task(true, 0)));
    }
  } finally {
    files.remove();
  }
  progress(`start: ${2 * repeats} processes`);
  const measurements = CASES.map(({ name, encrypted, value }): Measurement => {
    const candidate = encrypted ? 'fieldseal' : 'plain';
    return { section: 'start', case: name, candidate, unit: 'ms', ...spreadOf(found[candidate].map(value)) };
  });
  return { measurements, ratios: [], absent: [] };
}
