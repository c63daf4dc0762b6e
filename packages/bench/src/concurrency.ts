import { runChild } from './child.ts';
import type { ConcurrencyFindings, ConcurrencySamples, ConcurrencyTask } from './concurrency-child.ts';
import { progress, secondsSince } from './progress.ts';
import { DATABASES, type Database } from './queries/client.ts';
import { postgresUrlFor } from './queries/queries.ts';
import { absence, joined, type Measurement, type Ratio, type SectionResult } from './result.ts';
import type { SectionContext } from './section-context.ts';
import { pairedRatio, spreadOf } from './statistics.ts';

/** Throughput, latency and event-loop delay with many clients at once. */
export async function runConcurrency(context: SectionContext): Promise<SectionResult> {
  if (context.clients !== null) return absence('concurrency', 'all', context.clients);
  const parts: SectionResult[] = [];
  for (const database of DATABASES) parts.push(await runDatabase(database, context));
  if (context.rivals !== null) parts.push(absence('concurrency', 'prisma-field-encryption', context.rivals));
  return joined(parts);
}

async function runDatabase(database: Database, context: SectionContext): Promise<SectionResult> {
  const url = postgresUrlFor(database, context);
  if (url instanceof Error) return absence('concurrency', database, url);
  const started = performance.now();
  const task: ConcurrencyTask = {
    database,
    postgresUrl: url,
    withPeer: context.rivals === null,
    ...(context.quick ? { clients: 10, turns: 1, turnMs: 300 } : { clients: 50, turns: 3, turnMs: 1000 }),
  };
  const found = await runChild<ConcurrencyFindings>('concurrency', task).catch((error: Error) => error);
  progress(`concurrency: ${database} (${secondsSince(started)})`);
  if (found instanceof Error) return absence('concurrency', database, found);
  const label = `${database}, ${task.clients} clients`;
  return {
    measurements: found.samples.flatMap((samples) => measurementsOf(label, samples)),
    ratios: ratiosOf(label, found.samples),
    absent: found.absent.map((part) => ({ section: 'concurrency', ...part })),
  };
}

/** What is reported of a workload, in this order. */
const VALUES: readonly [string, Measurement['unit'], (samples: ConcurrencySamples) => readonly number[]][] = [
  ['throughput', 'op/s', ({ perSecond }) => perSecond],
  ['latency p50', 'ms', ({ p50 }) => p50],
  ['latency p99', 'ms', ({ p99 }) => p99],
  ['event-loop delay p99', 'ms', ({ delay }) => delay],
];

function measurementsOf(label: string, samples: ConcurrencySamples): Measurement[] {
  return VALUES.map(([value, unit, values]) => ({
    section: 'concurrency',
    case: `${label}, ${samples.workload}: ${value}`,
    candidate: samples.variant,
    unit,
    ...spreadOf(values(samples)),
  }));
}

/** Throughputs as times per operation, so that all ratios mean the same: over 1 is slower. */
function ratiosOf(label: string, all: readonly ConcurrencySamples[]): Ratio[] {
  return all.flatMap((samples): Ratio[] => {
    const plain = all.find(({ workload, variant }) => workload === samples.workload && variant === 'plain');
    if (plain === undefined || plain === samples) return [];
    const name = `${label}, ${samples.workload}`;
    const ratio = pairedRatio(plain.perSecond, samples.perSecond);
    return [{ section: 'concurrency', case: name, candidate: samples.variant, against: 'plain', ...ratio }];
  });
}
