import { runChild } from '../child.ts';
import { progress, secondsSince } from '../progress.ts';
import { absence, joined, type Measurement, type Ratio, type SectionResult } from '../result.ts';
import type { SectionContext } from '../section-context.ts';
import { pairedRatio, spreadOf } from '../statistics.ts';
import { DATABASES, type Database } from './client.ts';
import type { QueryFindings, QuerySamples, QueryTask } from './query-child.ts';

/** Wall times of whole queries, and their ratios to plain Prisma and to an empty extension. */
export async function runQueries(context: SectionContext): Promise<SectionResult> {
  if (context.clients !== null) return absence('queries', 'all', context.clients);
  const parts: SectionResult[] = [];
  for (const database of DATABASES) parts.push(await runDatabase(database, context));
  if (context.rivals !== null) parts.push(absence('queries', 'prisma-field-encryption', context.rivals));
  return joined(parts);
}

async function runDatabase(database: Database, context: SectionContext): Promise<SectionResult> {
  const url = postgresUrlFor(database, context);
  if (url instanceof Error) return absence('queries', database, url);
  const started = performance.now();
  const task: QueryTask = {
    database,
    postgresUrl: url,
    withPeer: context.rivals === null,
    ...(context.quick ? { rounds: 5, sliceMs: 4 } : { rounds: 51, sliceMs: 15 }),
  };
  const found = await runChild<QueryFindings>('queries', task).catch((error: Error) => error);
  progress(`queries: ${database} (${secondsSince(started)})`);
  if (found instanceof Error) return absence('queries', database, found);
  return {
    measurements: CLOCKS.flatMap((clock) => found.samples.map((samples) => measurementOf(database, samples, clock))),
    ratios: CLOCKS.flatMap((clock) => ratiosOf(database, found.samples, clock)),
    absent: found.absent.map((part) => ({ section: 'queries', ...part })),
  };
}

/** The server that a database needs: null for none. */
export function postgresUrlFor(database: Database, { postgres }: SectionContext): string | null | Error {
  if (database === 'sqlite') return null;
  return 'url' in postgres ? postgres.url : new Error(postgres.reason);
}

/** What is measured of each query. */
const CLOCKS = ['wall', 'cpu'] as const;
type Clock = (typeof CLOCKS)[number];

function caseName(database: Database, operation: string, clock: Clock): string {
  return `${database} ${operation}${clock === 'cpu' ? ', CPU of the client' : ''}`;
}

function measurementOf(database: Database, samples: QuerySamples, clock: Clock): Measurement {
  const { operation, variant } = samples;
  return {
    section: 'queries',
    case: caseName(database, operation, clock),
    candidate: variant,
    unit: 'ms',
    ...spreadOf(samples[clock]),
  };
}

function ratiosOf(database: Database, all: readonly QuerySamples[], clock: Clock): Ratio[] {
  const ratios: Ratio[] = [];
  for (const samples of all)
    for (const against of ['plain', 'empty extension'] as const) {
      const { operation, variant } = samples;
      if (variant === 'plain again' && against !== 'plain') continue;
      const other = all.find((one) => one.operation === operation && one.variant === against);
      if (other === undefined || variant === against || variant === 'plain') continue;
      const ratio = pairedRatio(samples[clock], other[clock]);
      ratios.push({
        section: 'queries',
        case: caseName(database, operation, clock),
        candidate: variant,
        against,
        ...ratio,
      });
    }
  return ratios;
}
