import { setImmediate } from 'node:timers/promises';
import type { NewPerson } from './queries/client.ts';
import { newPeople, seed } from './queries/people.ts';
import { repeatRows } from './queries/tables.ts';
import { type Variant, type VariantName, variantOpener } from './queries/variant.ts';
import { median } from './statistics.ts';

/** What one process is to measure. */
export interface GrowthTask {
  readonly variant: VariantName;
  /** Sizes of the table, ascending. */
  readonly rows: readonly number[];
  readonly lookups: number;
}

/** A table of one size. */
export interface GrowthSample {
  readonly rows: number;
  /** A lookup by index that finds one row, in ms. */
  readonly lookupMs: number;
  /** Reading a page of up to 1000 rows while all rows are read page by page, in ms. */
  readonly pageMs: number;
  /** The most memory of the heap that was in use between two pages, in MB above the start. */
  readonly heapMB: number;
  /** The same of resident memory. */
  readonly rssMB: number;
}

const PAGE = 1000;
/** Rows with cells of their own; further rows are copies of them. */
const DISTINCT = 2000;
/** Lookups and pages before anything is measured. */
const WARM_CALLS = 30;

/** Lets a table grow, and looks up and reads all of it at every size. */
export async function measureGrowth({ variant: name, rows, lookups }: GrowthTask): Promise<GrowthSample[]> {
  const opener = await variantOpener('sqlite', null);
  const variant = await opener.open(name);
  const people: NewPerson[] = [];
  const samples: GrowthSample[] = [];
  try {
    for (const size of rows) {
      const more = newPeople(Math.max(0, Math.min(size, DISTINCT) - people.length));
      await seed(variant.client.person, more);
      people.push(...more);
      await repeatRows(variant.base, variant.schema, 'Person', size);
      if (samples.length === 0) await warmUp(variant, people);
      samples.push({
        rows: size,
        lookupMs: await lookupTime(variant, people, lookups),
        ...(await readAll(variant)),
      });
    }
    return samples;
  } finally {
    await variant.close();
    await opener.close();
  }
}

async function warmUp(variant: Variant, people: readonly NewPerson[]): Promise<void> {
  await lookupTime(variant, people, WARM_CALLS);
  for (let call = 0; call < WARM_CALLS; call++) await readAll(variant);
}

async function lookupTime({ client }: Variant, people: readonly NewPerson[], lookups: number): Promise<number> {
  const times: number[] = [];
  for (let lookup = 0; lookup < lookups; lookup++) {
    const { email } = people[(lookup * 37) % people.length] as NewPerson;
    const started = performance.now();
    const row = await client.person.findFirst({ where: { email } });
    times.push(performance.now() - started);
    if (row?.email !== email) throw new Error('a lookup did not find its row');
  }
  return median(times);
}

async function readAll({ client }: Variant): Promise<Pick<GrowthSample, 'pageMs' | 'heapMB' | 'rssMB'>> {
  globalThis.gc?.();
  const before = process.memoryUsage();
  let [last, heap, rss] = [0, before.heapUsed, before.rss];
  const times: number[] = [];
  for (;;) {
    // SQLite answers without the event loop, at whose turns V8 lets go of what only weak references hold.
    await setImmediate();
    const started = performance.now();
    const page = await client.person.findMany({ where: { id: { gt: last } }, orderBy: { id: 'asc' }, take: PAGE });
    const end = page.at(-1);
    if (end === undefined) break;
    times.push(performance.now() - started);
    last = end.id;
    const now = process.memoryUsage();
    heap = Math.max(heap, now.heapUsed);
    rss = Math.max(rss, now.rss);
  }
  return { pageMs: median(times), heapMB: (heap - before.heapUsed) / 1e6, rssMB: (rss - before.rss) / 1e6 };
}
