/**
 * What a million tenants cost, each with keys of its own in a key store on PostgreSQL: how long a process takes to start, what a scope costs
 * that was not used lately, how often there is none, and how much memory the cache takes.
 *
 *     npm run -w packages/bench bench:tenants -- [tenants]
 *
 * The load is self-similar: a fifth of the tenants has four fifths of the requests, and among those again.
 */
import { openKeyring } from '@fieldseal/core';
import { startPostgres } from '@fieldseal/testkit';
import { PrismaPg } from '@prisma/adapter-pg';
import { clientOf, fillKeyStore } from './filled-key-store.ts';
import { megabytes, say } from './printed-line.ts';
import { paretoScopes } from './scope-load.ts';
import { quantile } from './statistics.ts';

const COLD = 2000;
const BATCH = 1000;
const REQUESTS = 200_000;
/** Room for scopes: the default, and more. */
const CAPACITIES = [10_000, 100_000];

async function main(tenants: number): Promise<void> {
  const postgres = await startPostgres();
  const adapter = await new PrismaPg({ connectionString: await postgres.createDatabase() }).connect();
  const client = clientOf(adapter);
  try {
    const filling = performance.now();
    const filled = await fillKeyStore(client, tenants);
    const seconds = (performance.now() - filling) / 1000;
    const [size] = await client.rows('SELECT pg_total_relation_size($1) AS bytes', ['fieldseal_key']);
    say(
      `${count(tenants)} tenants in ${seconds.toFixed(0)} s; table and indexes ${megabytes(Number(size?.['bytes']))} MB`,
    );

    const open = (maxScopes: number) => openKeyring({ ...filled, cache: { maxScopes } });
    const started = await timed(async () => {
      const keyring = await open(10_000);
      await keyring.resolve('tenant-0');
      keyring.close();
    });
    say(`a process is ready, with the keys of its first tenant, after ${started.toFixed(1)} ms`);

    const keyring = await open(10_000);
    const cold: number[] = [];
    for (let at = 0; at < COLD; at++) {
      const scope = `tenant-${(at * 7919) % tenants}`;
      cold.push(await timed(() => keyring.resolve(scope)));
    }
    say(
      `a tenant that was not used lately: ${quantile(cold, 0.5).toFixed(2)} ms, p99 ${quantile(cold, 0.99).toFixed(2)} ms`,
    );
    const many = new Map(Array.from({ length: BATCH }, (_, at) => [`tenant-${(at * 104_729 + 1) % tenants}`, []]));
    const together = await timed(() => keyring.resolveMany(many));
    say(`${count(BATCH)} such tenants in one result: ${together.toFixed(0)} ms`);
    keyring.close();

    for (const capacity of CAPACITIES) await underLoad(tenants, capacity, () => open(capacity));
  } finally {
    await adapter.dispose();
    await postgres.stop();
  }
}

/** A long run of requests, the first half of which fills the cache. */
async function underLoad(tenants: number, capacity: number, open: () => ReturnType<typeof openKeyring>): Promise<void> {
  const before = held();
  const keyring = await open();
  const load = paretoScopes(tenants);
  const request = async (): Promise<void> => {
    const scope = load();
    if (keyring.peek(scope) === undefined) await keyring.resolve(scope);
  };
  for (let at = 0; at < REQUESTS; at++) await request();
  const { hits, misses } = keyring.cacheStats();
  const ms = await timed(async () => {
    for (let at = 0; at < REQUESTS; at++) await request();
  });
  const now = keyring.cacheStats();
  const rate = (now.hits - hits) / (now.hits - hits + now.misses - misses);
  const memory = held() - before;
  say(
    `room for ${count(capacity)}: ${(100 * rate).toFixed(1)} % hits, ${((1000 * ms) / REQUESTS).toFixed(0)} µs a request, ${megabytes(memory)} MB`,
  );
  keyring.close();
}

/** Memory that is in use, in bytes. */
function held(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

function count(value: number): string {
  return value.toLocaleString('en');
}

await main(Number(process.argv[2] ?? 1_000_000));
