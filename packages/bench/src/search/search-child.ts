import { startPostgres } from '@fieldseal/testkit';
import { BenchError } from '../bench-error.ts';
import { SEARCH_KINDS, type SearchKind } from './kinds.ts';
import { type NewPatient, patientsFrom } from './patients.ts';
import { openSearcher, SEARCHERS, type Searcher, type SearcherName } from './tables.ts';

/** What the process is to measure. */
export interface SearchTask {
  readonly postgresUrl: string;
  /** Sizes of the tables, ascending. */
  readonly rows: readonly number[];
  readonly rounds: number;
  /** Wall time of a slice of plain Prisma, in ms; the other gets as many calls. */
  readonly sliceMs: number;
}

/** One kind at one size by one client. */
export interface SearchSamples {
  readonly rows: number;
  readonly kind: string;
  readonly searcher: SearcherName;
  /** ms per search: one sample a round, the rounds of both clients side by side. */
  readonly wall: readonly number[];
  /** Table with its indexes, in MB. */
  readonly tableMB: number;
}

/** What the process found. */
export interface SearchFindings {
  readonly samples: readonly SearchSamples[];
  /** Whether the plain tables have trigram indexes for `contains` and `endsWith`; otherwise they are read as a whole. */
  readonly trigrams: boolean;
}

/** Patients that are looked for in turn. */
const WANTED = 97;
const WARM_CALLS = 12;

/** Lets the tables grow, and measures every kind of search at each size, both clients taking turns. */
export async function measureSearch({ postgresUrl, rows, ...task }: SearchTask): Promise<SearchFindings> {
  const server = await startPostgres({ env: { TEST_POSTGRES_URL: postgresUrl, TEST_SERVICES: 'url' } });
  const searchers: Searcher[] = [];
  try {
    for (const name of SEARCHERS) searchers.push(await openSearcher(name, await server.createDatabase()));
    const samples: SearchSamples[] = [];
    for (const size of rows) {
      for (const searcher of searchers) await searcher.grow(size);
      const wanted = patientsFrom(0, size).filter((_, at) => at % Math.ceil(size / WANTED) === 0);
      for (const kind of SEARCH_KINDS) samples.push(...(await measureKind(kind, searchers, size, wanted, task)));
    }
    return { samples, trigrams: searchers.some(({ trigrams }) => trigrams) };
  } finally {
    for (const searcher of searchers) await searcher.close();
    await server.stop();
  }
}

async function measureKind(
  kind: SearchKind,
  searchers: readonly Searcher[],
  rows: number,
  wanted: readonly NewPatient[],
  { rounds, sliceMs }: Pick<SearchTask, 'rounds' | 'sliceMs'>,
): Promise<SearchSamples[]> {
  await requireSame(kind, searchers, wanted);
  const [plain] = searchers as [Searcher, ...Searcher[]];
  let next = 0;
  const slice = async (searcher: Searcher, calls: number): Promise<number> => {
    globalThis.gc?.({ type: 'minor' });
    const started = performance.now();
    for (let call = 0; call < calls; call++)
      await searcher.model(kind).findMany({ where: kind.where(wanted[next++ % wanted.length] as NewPatient) });
    return (performance.now() - started) / calls;
  };
  for (const searcher of searchers) await slice(searcher, WARM_CALLS);
  const calls = Math.max(1, Math.round(sliceMs / (await slice(plain, WARM_CALLS))));
  const wall = new Map(searchers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++)
    for (const searcher of round % 2 === 0 ? searchers : [...searchers].reverse())
      wall.get(searcher.name)?.push(await slice(searcher, calls));
  const samples = searchers.map(async (searcher): Promise<SearchSamples> => {
    const tableMB = (await searcher.size(kind)) / 1e6;
    return { rows, kind: kind.name, searcher: searcher.name, wall: wall.get(searcher.name) ?? [], tableMB };
  });
  return Promise.all(samples);
}

/**
 * Checks that all clients find the same rows, and that they find any.
 *
 * @throws BenchError when they do not
 */
async function requireSame(
  kind: SearchKind,
  searchers: readonly Searcher[],
  wanted: readonly NewPatient[],
): Promise<void> {
  for (const patient of wanted.slice(0, 10)) {
    const found = await Promise.all(
      searchers.map((searcher) =>
        searcher.model(kind).findMany({ where: kind.where(patient), orderBy: { id: 'asc' } }),
      ),
    );
    const [expected, ...others] = found.map((rows) =>
      JSON.stringify(rows.map(({ id, name, born }) => [id, name, born])),
    );
    if (expected === '[]' || others.some((other) => other !== expected))
      throw new BenchError(`${kind.name} does not find what plain Prisma finds`);
  }
}
