import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { Database, NewPerson } from './queries/client.ts';
import { READ_ROWS } from './queries/operations.ts';
import { newPeople, newPerson, seed } from './queries/people.ts';
import { VARIANTS, type Variant, type VariantName, variantOpener } from './queries/variant.ts';
import type { Absence } from './result.ts';
import { quantile } from './statistics.ts';

/** What one process is to measure. */
export interface ConcurrencyTask {
  readonly database: Database;
  readonly postgresUrl: string | null;
  readonly clients: number;
  readonly turns: number;
  readonly turnMs: number;
  readonly withPeer: boolean;
}

/** One variant under one workload: a sample per turn. Latencies and the delay are in ms. */
export interface ConcurrencySamples {
  readonly workload: string;
  readonly variant: VariantName;
  readonly perSecond: readonly number[];
  readonly p50: readonly number[];
  readonly p99: readonly number[];
  /** How late the event loop came, 99th percentile. */
  readonly delay: readonly number[];
}

/** What one process found. */
export interface ConcurrencyFindings {
  readonly samples: readonly ConcurrencySamples[];
  readonly absent: readonly Pick<Absence, 'candidate' | 'reason'>[];
}

interface Workload {
  readonly name: string;
  readonly run: (variant: Variant, people: readonly NewPerson[], call: number) => Promise<unknown>;
}

/** Resolution of the event loop's clock in ms: a loop that is never late shows this. */
const RESOLUTION_MS = 1;
/** A client that walks the rows in steps of this, which shares no factor with their count. */
const STEP = 37;

const WORKLOADS: readonly Workload[] = [
  {
    name: 'single rows: 8 findUnique, 1 lookup, 1 create in ten',
    run: ({ client }, people, call) => {
      const id = 1 + ((call * STEP) % READ_ROWS);
      if (call % 10 === 8) return client.person.findFirst({ where: { email: (people[id - 1] as NewPerson).email } });
      if (call % 10 === 9) return client.entry.create({ data: newPerson() });
      return client.person.findUnique({ where: { id } });
    },
  },
  { name: 'bulk: findMany 1000', run: ({ client }) => client.person.findMany() },
];

/** Lets many clients work at once on each variant, the variants taking turns. */
export async function measureConcurrency(task: ConcurrencyTask): Promise<ConcurrencyFindings> {
  const opener = await variantOpener(task.database, task.postgresUrl);
  const people = newPeople(READ_ROWS);
  const absent: ConcurrencyFindings['absent'][number][] = [];
  const variants: Variant[] = [];
  try {
    for (const name of VARIANTS) {
      if (name === 'plain again' || (name === 'prisma-field-encryption' && !task.withPeer)) continue;
      const variant = await opener.open(name).catch((error: Error) => error);
      if (variant instanceof Error) absent.push({ candidate: name, reason: variant.message });
      else {
        variants.push(variant);
        await seed(variant.client.person, people);
      }
    }
    const samples: ConcurrencySamples[] = [];
    for (const workload of WORKLOADS) samples.push(...(await measureWorkload(workload, variants, people, task)));
    return { samples, absent };
  } finally {
    for (const variant of variants) await variant.close();
    await opener.close();
  }
}

async function measureWorkload(
  workload: Workload,
  variants: readonly Variant[],
  people: readonly NewPerson[],
  task: ConcurrencyTask,
): Promise<ConcurrencySamples[]> {
  const turns = new Map<VariantName, Turn[]>(variants.map(({ name }) => [name, []]));
  for (const variant of variants) await runTurn(workload, variant, people, { ...task, turnMs: task.turnMs / 3 });
  for (let turn = 0; turn < task.turns; turn++)
    for (const variant of variants) {
      globalThis.gc?.();
      turns.get(variant.name)?.push(await runTurn(workload, variant, people, task));
      await variant.base.entry.deleteMany();
    }
  return [...turns].map(([variant, all]) => ({
    workload: workload.name,
    variant,
    perSecond: all.map(({ perSecond }) => perSecond),
    p50: all.map(({ p50 }) => p50),
    p99: all.map(({ p99 }) => p99),
    delay: all.map(({ delay }) => delay),
  }));
}

interface Turn {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly delay: number;
}

async function runTurn(
  { run }: Workload,
  variant: Variant,
  people: readonly NewPerson[],
  { clients, turnMs }: ConcurrencyTask,
): Promise<Turn> {
  const latencies: number[] = [];
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const started = performance.now();
  let call = 0;
  const client = async (): Promise<void> => {
    while (performance.now() - started < turnMs) {
      // A request comes by the event loop; SQLite answers without it, and would keep all others waiting.
      await setImmediate();
      const asked = performance.now();
      await run(variant, people, call++);
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - started) / 1000;
  // A loop that was blocked to the end has its delay recorded only when it turns again.
  await setTimeout(2 * RESOLUTION_MS);
  histogram.disable();
  return {
    perSecond: latencies.length / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
    delay: histogram.percentile(99) / 1e6,
  };
}
