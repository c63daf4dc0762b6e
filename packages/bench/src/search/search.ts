import { runChild } from '../child.ts';
import { absence, type Measurement, type Ratio, type SectionResult } from '../result.ts';
import type { SectionContext } from '../section-context.ts';
import { pairedRatio, spreadOf } from '../statistics.ts';
import type { SearchFindings, SearchSamples, SearchTask } from './search-child.ts';

/** Searches by each kind of index beside the plain query, at growing sizes, on PostgreSQL. */
export async function runSearch({ quick, clients, postgres, searchRows }: SectionContext): Promise<SectionResult> {
  if (clients !== null) return absence('search', 'all', clients);
  if (!('url' in postgres)) return absence('search', 'all', postgres.reason);
  const task: SearchTask = {
    postgresUrl: postgres.url,
    ...(quick ? { rows: [1_000], rounds: 5, sliceMs: 4 } : { rows: [10_000, 100_000], rounds: 31, sliceMs: 15 }),
    ...(searchRows !== null && { rows: searchRows }),
  };
  const { samples, trigrams } = await runChild<SearchFindings>('search', task);
  const missing = 'the server has no pg_trgm: plain endsWith and contains read the whole table';
  return {
    measurements: samples.flatMap(measurementsOf),
    ratios: samples.flatMap((one) => ratioOf(one, samples)),
    absent: trigrams ? [] : absence('search', 'plain with a trigram index', missing).absent,
  };
}

function measurementsOf({ rows, kind, searcher, wall, tableMB }: SearchSamples): Measurement[] {
  const common = { section: 'search', candidate: searcher } as const;
  return [
    { ...common, case: `${rows} rows: ${kind}`, unit: 'ms', ...spreadOf(wall) },
    { ...common, case: `${rows} rows: ${kind}, table with indexes`, unit: 'MB', ...spreadOf([tableMB]) },
  ];
}

function ratioOf({ rows, kind, searcher, wall }: SearchSamples, all: readonly SearchSamples[]): Ratio[] {
  const plain = all.find((one) => one.rows === rows && one.kind === kind && one.searcher === 'plain');
  if (plain === undefined || searcher === 'plain') return [];
  const compared = { section: 'search', case: `${rows} rows: ${kind}`, candidate: searcher, against: 'plain' } as const;
  return [{ ...compared, ...pairedRatio(wall, plain.wall) }];
}
