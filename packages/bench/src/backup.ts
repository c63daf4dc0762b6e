import type { BackupSample, BackupTask } from './backup-child.ts';
import { runChild } from './child.ts';
import { progress, secondsSince } from './progress.ts';
import type { Measurement, SectionResult } from './result.ts';
import type { SectionContext } from './section-context.ts';
import { spreadOf } from './statistics.ts';

/** What is reported of a size, in this order. */
const VALUES: readonly [string, Measurement['unit'], (sample: BackupSample) => number][] = [
  ['rows into a verified archive', 'op/s', ({ createRate }) => createRate],
  ['rows restored', 'op/s', ({ restoreRate }) => restoreRate],
  ['resident memory at most, above the start', 'MB', ({ rssMB }) => rssMB],
  ['keyring restored and opened', 'ms', ({ keyringMs }) => keyringMs],
];

/** Backups by the number of rows: rates, and memory that must not grow with them. Each repeat is a process of its own. */
export async function runBackup({ quick, postgres }: SectionContext): Promise<SectionResult> {
  const sizes = quick ? [1000, 10_000] : [10_000, 100_000, 1_000_000];
  const repeats = quick ? 1 : 3;
  const places = [
    ['no database', null] as const,
    ...('url' in postgres ? [['PostgreSQL', postgres.url] as const] : []),
  ];
  const measurements: Measurement[] = [];
  for (const [place, url] of places)
    for (const rows of sizes) {
      const started = performance.now();
      const samples: BackupSample[] = [];
      for (let repeat = 0; repeat < repeats; repeat++) {
        const task: BackupTask = { rows, url };
        samples.push(await runChild<BackupSample>('backup', task));
      }
      progress(`backup: ${rows} rows, ${place} (${secondsSince(started)})`);
      for (const [value, unit, of] of VALUES)
        measurements.push({
          section: 'backup',
          case: `${rows} rows, ${place}: ${value}`,
          candidate: 'fieldseal',
          unit,
          ...spreadOf(samples.map(of)),
        });
    }
  const absent =
    'url' in postgres ? [] : [{ section: 'backup', candidate: 'PostgreSQL', reason: postgres.reason } as const];
  return { measurements, ratios: [], absent };
}
