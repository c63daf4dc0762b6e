import { REDIS_OPTIONS, redisCache } from '@fieldseal/cache';
import {
  type CacheOptions,
  createKeyring,
  generateRawKey,
  type Keyring,
  type KeyStore,
  type KeysetRecord,
  keyringMemory,
  openKeyring,
  rawKey,
} from '@fieldseal/core';
import { ScopeCache } from '@fieldseal/core/internal';
import { Redis } from 'ioredis';
import { cpuTimeOf } from './micro/slices.ts';
import type { Measurement } from './result.ts';
import { paretoScopes } from './scope-load.ts';
import { slowKeks } from './slow-kek.ts';

/** What one process is to measure. */
export interface CacheTask {
  readonly quick: boolean;
  /** A Redis, or null. */
  readonly redisUrl: string | null;
}

/** What was measured of a case. */
export interface CacheFinding extends Pick<Measurement, 'case' | 'candidate' | 'unit'> {
  readonly values: readonly number[];
}

/** How long a key service takes here, in ms. */
const SERVICE_MS = 20;

/** Scopes of the hit rate. */
const SCOPES = 100_000;

const MISSES = 10_000;

/** Everything of the cache, in one process. */
export async function measureCache({ quick, redisUrl }: CacheTask): Promise<CacheFinding[]> {
  const findings = [...(await hitCost(quick)), ...hitRates(quick), await oneUnwrap()];
  if (redisUrl === null) return [...findings, ...(await missCost(null, quick))];
  return [
    ...findings,
    ...(await missCost(null, quick)),
    ...(await missCost(redisUrl, quick)),
    await revocation(redisUrl, quick),
  ];
}

/** A keyring whose keys lie outside, with some scopes. */
class Fleet {
  readonly #records = new Map<string, KeysetRecord>();
  readonly #storage = keyringMemory();
  readonly #opener = rawKey(generateRawKey());
  readonly #ends: (() => void)[] = [];
  readonly keyStore: KeyStore = {
    load: async (scope) => this.#records.get(scope) ?? null,
    loadMany: async (scopes) =>
      new Map(
        scopes.flatMap((scope) =>
          this.#records.has(scope) ? [[scope, this.#records.get(scope) as KeysetRecord]] : [],
        ),
      ),
    save: async (record, expected) => {
      if ((this.#records.get(record.scope)?.generation ?? null) !== expected) return false;
      this.#records.set(record.scope, record);
      return true;
    },
  };

  async create(scopes: readonly string[]): Promise<void> {
    const { keyring } = await createKeyring({
      storage: this.#storage,
      openers: [this.#opener],
      keyStore: this.keyStore,
    });
    for (const scope of scopes) await keyring.addScope(scope);
    keyring.close();
  }

  /** Another process, as far as the keyring can tell. */
  async open(redisUrl: string | null, cache: CacheOptions = {}): Promise<Keyring> {
    const options = { storage: this.#storage, openers: [this.#opener], keyStore: this.keyStore };
    if (redisUrl === null) return openKeyring({ ...options, cache });
    // The budget is that of a machine that does nothing else.
    const client = new Redis(redisUrl, { ...REDIS_OPTIONS, commandTimeout: 1000 });
    await new Promise((resolve) => client.once('ready', resolve));
    this.#ends.push(() => client.disconnect());
    return openKeyring({ ...options, cache: { ...cache, shared: redisCache(client), budgetMs: 1000 } });
  }

  end(): void {
    for (const end of this.#ends) end();
  }
}

const named = (count: number): string[] => Array.from({ length: count }, (_, at) => `tenant-${at}`);

async function hitCost(quick: boolean): Promise<CacheFinding[]> {
  const plan = { sliceMs: quick ? 5 : 20, slices: quick ? 5 : 21, warmMs: quick ? 50 : 300, limitMs: 3000 };
  const findings: CacheFinding[] = [];
  for (const count of [1, 1000]) {
    const fleet = new Fleet();
    const scopes = named(count);
    await fleet.create(scopes);
    const keyring = await fleet.open(null);
    await keyring.resolveMany(new Map(scopes.map((scope) => [scope, []])));
    // A hundred hits a call, so that the loop around them does not count.
    const order = Array.from({ length: 100 }, (_, at) => scopes[(at * 7919) % count] as string);
    const { ns } = await cpuTimeOf(() => {
      let last: unknown;
      for (const scope of order) last = keyring.peek(scope);
      return last;
    }, plan);
    findings.push({ case: `a hit among ${count} scopes`, candidate: 'fieldseal', unit: 'ns', values: [ns / 100] });
    keyring.close();
  }
  return findings;
}

/** The rule of eviction alone, which is what decides: a hundred thousand scopes of which a fifth has four fifths of the load. */
function hitRates(quick: boolean): CacheFinding[] {
  const requests = quick ? 200_000 : 1_000_000;
  return [10_000, 50_000, 80_000, 100_000].map((capacity) => {
    const cache = new ScopeCache<null>(capacity, 3_600_000, () => undefined);
    const load = paretoScopes(SCOPES);
    let hits = 0;
    for (let request = -requests; request < requests; request++) {
      const scope = load();
      if (cache.get(scope) !== undefined) hits += request >= 0 ? 1 : 0;
      else cache.set(scope, null, Date.now());
    }
    cache.clear();
    const name = `hits, 80/20 load over ${SCOPES} scopes, room for ${capacity}`;
    return { case: name, candidate: 'fieldseal', unit: '%', values: [(100 * hits) / requests] };
  });
}

async function oneUnwrap(): Promise<CacheFinding> {
  const fleet = new Fleet();
  await fleet.create(['acme']);
  const keyring = await fleet.open(null);
  const keks = slowKeks(SERVICE_MS);
  await Promise.all(Array.from({ length: MISSES }, () => keyring.resolve('acme')));
  keks.restore();
  keyring.close();
  // A scope has two keys: one for data, one for indexes.
  return {
    case: `unwraps per key for ${MISSES} misses at once`,
    candidate: 'fieldseal',
    unit: 'calls',
    values: [keks.unwraps / 2],
  };
}

/** A cold process whose KEK takes as long as a key service. */
async function missCost(redisUrl: string | null, quick: boolean): Promise<CacheFinding[]> {
  const scopes = named(quick ? 10 : 50);
  const fleet = new Fleet();
  await fleet.create(scopes);
  const keks = slowKeks(SERVICE_MS);
  try {
    const warm = await fleet.open(redisUrl);
    await warm.resolveMany(new Map(scopes.map((scope) => [scope, []])));
    await new Promise((resolve) => setTimeout(resolve, 200)); // what it learnt is in Redis then
    const cold = await fleet.open(redisUrl);
    const values: number[] = [];
    keks.unwraps = 0;
    for (const scope of scopes) {
      const started = performance.now();
      await cold.resolve(scope);
      values.push(performance.now() - started);
    }
    const candidate = redisUrl === null ? 'without a shared tier' : 'with Redis';
    warm.close();
    cold.close();
    return [
      // The first miss with Redis pays for the group key.
      { case: `a cold miss, KEK of ${SERVICE_MS} ms`, candidate, unit: 'ms', values: values.slice(1) },
      { case: `the first cold miss, KEK of ${SERVICE_MS} ms`, candidate, unit: 'ms', values: values.slice(0, 1) },
      { case: `unwraps by the KEK for ${scopes.length} cold scopes`, candidate, unit: 'calls', values: [keks.unwraps] },
    ];
  } finally {
    keks.restore();
    fleet.end();
  }
}

/** From the return of `disable` in one process to the moment when another has not the key any more. */
async function revocation(redisUrl: string, quick: boolean): Promise<CacheFinding> {
  const scopes = named(quick ? 10 : 100);
  const fleet = new Fleet();
  await fleet.create(scopes);
  const [changer, watcher] = [await fleet.open(redisUrl), await fleet.open(redisUrl)];
  await watcher.resolveMany(new Map(scopes.map((scope) => [scope, []])));
  await new Promise((resolve) => setTimeout(resolve, 200));
  const values: number[] = [];
  for (const scope of scopes) {
    const { keyId } = (await changer.resolve(scope)).primary;
    await changer.rotate(scope);
    const started = performance.now();
    await changer.disable(keyId, scope);
    while (watcher.peek(scope)?.keys.has(keyId) !== false) await new Promise((resolve) => setImmediate(resolve));
    values.push(performance.now() - started);
  }
  changer.close();
  watcher.close();
  fleet.end();
  return { case: 'from disabling a key to its end in another keyring', candidate: 'with Redis', unit: 'ms', values };
}
