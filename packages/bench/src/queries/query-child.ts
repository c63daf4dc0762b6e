import { BenchError } from '../bench-error.ts';
import type { Absence } from '../result.ts';
import type { Database } from './client.ts';
import { KEPT_ROWS, OPERATIONS, type Operation, READ_ROWS } from './operations.ts';
import { newPeople, newPerson, seed } from './people.ts';
import { requireRoundTrip, VARIANTS, type Variant, type VariantName, variantOpener } from './variant.ts';

/** What one process is to measure. */
export interface QueryTask {
  readonly database: Database;
  readonly postgresUrl: string | null;
  readonly rounds: number;
  /** Wall time of a slice of plain Prisma, in ms; the others get as many calls. */
  readonly sliceMs: number;
  readonly withPeer: boolean;
}

/** One operation of one variant, in ms per call: one sample per round, the rounds of all variants side by side. */
export interface QuerySamples {
  readonly operation: string;
  readonly variant: VariantName;
  readonly wall: readonly number[];
  /** CPU time of this process: without the server, and without waiting for it. */
  readonly cpu: readonly number[];
}

/** What one process found. */
export interface QueryFindings {
  readonly samples: readonly QuerySamples[];
  readonly absent: readonly Pick<Absence, 'candidate' | 'reason'>[];
}

/** Calls before anything is measured, per variant and operation; slow ones are called fewer times, but often enough to be compiled. */
const WARM_CALLS = { least: 12, most: 60 };

/** Measures all operations on one database, the variants taking turns in an order that changes from round to round. */
export async function measureQueries(task: QueryTask): Promise<QueryFindings> {
  const opener = await variantOpener(task.database, task.postgresUrl);
  const absent: QueryFindings['absent'][number][] = [];
  const variants: Variant[] = [];
  const people = newPeople(READ_ROWS);
  try {
    for (const name of VARIANTS.filter((variant) => task.withPeer || variant !== 'prisma-field-encryption')) {
      const variant = await prepared(opener.open(name), people).catch((error: Error) => error);
      if (variant instanceof Error) absent.push({ candidate: name, reason: variant.message });
      else variants.push(variant);
    }
    const samples: QuerySamples[] = [];
    for (const operation of OPERATIONS) samples.push(...(await measureOperation(operation, variants, people, task)));
    return { samples, absent };
  } finally {
    for (const variant of variants) await variant.close();
    await opener.close();
  }
}

async function prepared(opening: Promise<Variant>, people: ReturnType<typeof newPeople>): Promise<Variant> {
  const variant = await opening;
  await requireRoundTrip(variant, newPerson());
  await seed(variant.client.person, people);
  await restart(variant);
  await seed(variant.client.entry, newPeople(KEPT_ROWS));
  if ((await variant.client.person.findMany()).length !== READ_ROWS)
    throw new BenchError(`${variant.name} did not write its rows`);
  return variant;
}

/** Ids of the written table begin at 1 again. */
async function restart({ base }: Variant): Promise<void> {
  await base.$executeRawUnsafe('DELETE FROM "Entry"');
  await base
    .$executeRawUnsafe(`DELETE FROM sqlite_sequence WHERE name = 'Entry'`)
    .catch(() => base.$executeRawUnsafe('ALTER SEQUENCE "Entry_id_seq" RESTART WITH 1'));
}

async function measureOperation(
  operation: Operation,
  variants: readonly Variant[],
  people: ReturnType<typeof newPeople>,
  { rounds, sliceMs }: QueryTask,
): Promise<QuerySamples[]> {
  const samples = new Map(variants.map(({ name }) => [name, { wall: [] as number[], cpu: [] as number[] }]));
  let calls = 1;
  const slice = async (variant: Variant): Promise<{ wall: number; cpu: number }> => {
    globalThis.gc?.({ type: 'minor' });
    const before = process.cpuUsage();
    const started = performance.now();
    for (let call = 0; call < calls; call++) await operation.run(variant, people, call);
    const wall = performance.now() - started;
    const { user, system } = process.cpuUsage(before);
    if (operation.grows) await variant.base.entry.deleteMany({ where: { id: { gt: KEPT_ROWS } } });
    return { wall: wall / calls, cpu: (user + system) / 1000 / calls };
  };
  for (const variant of variants) {
    const started = performance.now();
    const isWarm = (call: number): boolean => call >= WARM_CALLS.least && performance.now() - started > 40 * sliceMs;
    for (let call = 0; call < WARM_CALLS.most && !isWarm(call); call++) await operation.run(variant, people, call);
  }
  const [plain] = variants;
  if (plain === undefined) return [];
  calls = Math.max(1, Math.round(sliceMs / (await slice(plain)).wall));
  for (const variant of variants) await slice(variant);
  for (let round = 0; round < rounds; round++)
    // Each variant comes as often first as last, and after each other one.
    for (let at = 0; at < variants.length; at++) {
      const place = round % 2 === 0 ? at + round : round - at + variants.length * rounds;
      const variant = variants[place % variants.length] as Variant;
      const { wall, cpu } = await slice(variant);
      samples.get(variant.name)?.wall.push(wall);
      samples.get(variant.name)?.cpu.push(cpu);
    }
  return [...samples].map(([variant, times]) => ({ operation: operation.name, variant, ...times }));
}
