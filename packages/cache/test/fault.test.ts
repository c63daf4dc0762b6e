import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Keyring } from '@fieldseal/core';
import type { RedisService } from '@fieldseal/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { holdsAny, keyNeedles } from './key-needles.ts';
import { type RedisFleet, redisFleet, startTestRedis } from './redis-fleet.ts';

let redis: RedisService;
let fleet: RedisFleet;

beforeAll(async () => {
  redis = await startTestRedis();
});

afterAll(() => redis?.stop());

beforeEach(async () => {
  fleet = await redisFleet(redis.url);
});

afterEach(async () => {
  await fleet.admin.config('SET', 'maxmemory', '0');
  await fleet.admin.call('REPLICAOF', 'NO', 'ONE');
  await fleet.close();
});

/** Resolves every scope; each one that fails, fails the test. */
async function resolveAll(keyring: Keyring): Promise<void> {
  for (const scope of fleet.scopes) {
    const view = await keyring.resolve(scope);
    if (view.scope !== scope || view.primary.key.wiped) throw new Error(`a wrong view of ${scope}`);
  }
}

const shared = (keyring: Keyring) => {
  const { shared: stats } = keyring.cacheStats();
  if (stats === null) throw new Error('nothing is shared');
  return stats;
};

/** Waits until the keysets of all scopes, which are put there in the background, are in Redis. */
async function stored({ id }: Keyring): Promise<void> {
  const keys = () => fleet.admin.keys(`fs:${id}:*`);
  await vi.waitFor(async () => expect((await keys()).length).toBeGreaterThanOrEqual(fleet.scopes.length), 5000);
}

async function warmRedis(): Promise<Keyring> {
  const keyring = await fleet.open();
  await resolveAll(keyring);
  await stored(keyring);
  fleet.keyStore.readings = 0;
  return keyring;
}

/** Stops the server as an operating system does that has no time for it; a server elsewhere is cut off instead. */
async function freeze(): Promise<() => Promise<void>> {
  if (redis.source !== 'local') {
    await fleet.proxy.mode('hang');
    return () => fleet.proxy.mode('reset').then(() => fleet.proxy.mode('pass'));
  }
  const pid = Number(/process_id:(\d+)/.exec(await fleet.admin.info('server'))?.[1]);
  process.kill(pid, 'SIGSTOP');
  return async () => void process.kill(pid, 'SIGCONT');
}

describe('Redis', () => {
  it('spares a second process the key store', async () => {
    await warmRedis();
    const other = await fleet.open();
    await resolveAll(other);
    expect([fleet.keyStore.readings, shared(other).hits, shared(other).failures]).toEqual([0, fleet.scopes.length, 0]);
  });

  it.each<[string, () => Promise<() => Promise<void>>]>([
    ['frozen', freeze],
    [
      'swallowing all that is sent',
      async () => {
        await fleet.proxy.mode('hang');
        return () => fleet.proxy.mode('reset').then(() => fleet.proxy.mode('pass'));
      },
    ],
    [
      'refusing connections',
      async () => {
        await fleet.proxy.mode('refuse');
        return () => fleet.proxy.mode('pass');
      },
    ],
    [
      'resetting connections',
      async () => {
        await fleet.proxy.mode('reset');
        return () => fleet.proxy.mode('pass');
      },
    ],
  ])('%s fails no query, is given up after five calls, and serves again afterwards', async (_what, fault) => {
    await warmRedis();
    const keyring = await fleet.open({ budgetMs: 25 });
    const mend = await fault();
    await resolveAll(keyring);
    const { failures, open } = shared(keyring);
    // Each call that fails costs 25 ms at most; after the fifth none is made, so that what is added does not grow with the scopes.
    expect([open, fleet.keyStore.readings]).toEqual([true, fleet.scopes.length]);
    expect(failures).toBeLessThanOrEqual(5 + 5); // those under way when it was given up, and the poll
    const before = shared(keyring).failures;
    for (let at = 0; at < 1000; at++) await keyring.resolve('tenant-0', [at.toString(16).padStart(16, '0')]);
    expect(shared(keyring).failures - before).toBeLessThanOrEqual(3); // trials, one a second
    await mend();
    await vi.waitFor(() => expect(shared(keyring).open).toBe(false), 10_000);
    const hits = shared(keyring).hits;
    const next = await fleet.open();
    await resolveAll(next);
    expect([shared(keyring).hits - hits, shared(next).hits]).toEqual([0, fleet.scopes.length]);
  });

  it('frozen under a thousand queries at once fails none of them', async () => {
    const keyring = await fleet.open({ budgetMs: 25 });
    const mend = await freeze();
    try {
      const all = Array.from({ length: 1000 }, (_, at) =>
        keyring.resolve(fleet.scopes[at % fleet.scopes.length] as string),
      );
      expect(new Set((await Promise.all(all)).map(({ scope }) => scope)).size).toBe(fleet.scopes.length);
      expect(fleet.keyStore.readings).toBe(fleet.scopes.length);
    } finally {
      await mend();
    }
  });

  it('flushed loses time, and nothing else', async () => {
    const keyring = await warmRedis();
    await fleet.admin.flushall();
    const other = await fleet.open();
    await resolveAll(other);
    expect([fleet.keyStore.readings, shared(other).failures, shared(other).refused]).toEqual([
      fleet.scopes.length,
      0,
      0,
    ]);
    await stored(other);
    await resolveAll(keyring);
  });

  it('flushed again and again under load fails no query', async () => {
    const keyring = await fleet.open({ maxScopes: 5 });
    for (let round = 0; round < 10; round++) {
      await Promise.all([resolveAll(keyring), fleet.admin.flushall(), keyring.addKey('tenant-1')]);
    }
    expect(shared(keyring)).toMatchObject({ open: false, refused: 0 });
  });

  it('out of memory fails no query, and changes are announced as soon as there is some', async () => {
    const watcher = await fleet.open({ pollMs: 200 });
    const changer = await fleet.open({ pollMs: 200 });
    await resolveAll(watcher);
    await fleet.admin.config('SET', 'maxmemory-policy', 'noeviction');
    await fleet.admin.config('SET', 'maxmemory', '1');
    await resolveAll(changer);
    const added = await changer.addKey('tenant-3');
    await resolveAll(changer);
    expect(watcher.peek('tenant-3', [added])).toBeUndefined();
    await fleet.admin.config('SET', 'maxmemory', '0');
    await vi.waitFor(() => expect(watcher.peek('tenant-3', [added])).toBeDefined(), 6000);
  });

  it('that became a replica serves what it has, and fails no query', async () => {
    await warmRedis();
    await fleet.admin.call('REPLICAOF', '127.0.0.1', '1');
    const keyring = await fleet.open();
    await resolveAll(keyring);
    expect([shared(keyring).hits, fleet.keyStore.readings]).toEqual([fleet.scopes.length, 0]);
    const added = await keyring.addKey('tenant-2');
    expect((await keyring.resolve('tenant-2', [added])).keys.has(added)).toBe(true);
  });

  it.each<[string, (keys: string[]) => Promise<unknown>]>([
    ['poisoned', (keys) => fleet.admin.mset(keys.flatMap((key) => [key, 'poison']))],
    [
      'with entries in each other’s place',
      async (keys) => {
        const texts = await fleet.admin.mget(keys);
        await fleet.admin.mset(keys.flatMap((key, at) => [key, texts[(at + 1) % texts.length] ?? '']));
      },
    ],
    [
      'with entries of another type',
      async (keys) => {
        await fleet.admin.flushall();
        for (const key of keys) await fleet.admin.lpush(key, 'poison');
      },
    ],
    [
      'with megabytes in each entry',
      (keys) => fleet.admin.mset(keys.slice(0, 3).flatMap((key) => [key, 'A'.repeat(3 << 20)])),
    ],
  ])('%s fails no query, and gives no entry that is not true', async (_what, poison) => {
    await warmRedis();
    const keys = (await fleet.admin.keys('fs:*')).filter((key) => !key.endsWith(':changes'));
    await poison(keys);
    const keyring = await fleet.open();
    await resolveAll(keyring);
    const { hits, refused, failures } = shared(keyring);
    expect([fleet.keyStore.readings + hits, refused + failures > 0]).toEqual([fleet.scopes.length, true]);
  });

  it('restarted under load fails no query', async () => {
    const keyring = await fleet.open({ maxScopes: 5, budgetMs: 250 });
    const other = await startTestRedis();
    let resolved = 0;
    let over = false;
    const load = (async () => {
      while (!over) {
        await resolveAll(keyring);
        resolved += fleet.scopes.length;
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    // A restart that keeps nothing, as a cache is set up.
    for (const { url } of process.env['SLOW'] === '1' ? [other, redis, other, redis, other] : [other]) {
      await fleet.proxy.mode('refuse');
      fleet.proxy.target = Number(new URL(url).port);
      await new Promise((resolve) => setTimeout(resolve, 100));
      await fleet.proxy.mode('pass');
      const hits = shared(keyring).hits;
      await vi.waitFor(() => expect(shared(keyring).hits).toBeGreaterThan(hits), 10_000);
    }
    over = true;
    await load;
    expect(resolved).toBeGreaterThan(0);
    await other.stop();
  });
});

describe('an announcement', () => {
  async function revoked(changer: Keyring): Promise<string> {
    const first = (await changer.resolve('tenant-0')).primary.keyId;
    await changer.rotate('tenant-0');
    await changer.disable(first, 'tenant-0');
    return first;
  }

  it('reaches who listens, whose key is wiped', async () => {
    const watcher = await fleet.open();
    const { primary } = await watcher.resolve('tenant-0');
    await vi.waitFor(
      async () => expect((await fleet.admin.pubsub('NUMSUB', `fs:${watcher.id}:changes`))[1]).toBe(1),
      5000,
    );
    await revoked(await fleet.open());
    await vi.waitFor(() => expect(primary.key.wiped).toBe(true), 5000);
    expect(watcher.peek('tenant-0')?.statuses.get(primary.keyId)).toBe('disabled');
  });

  it.each(['hang', 'refuse'] as const)(
    'that does not arrive, for its connection does %s, is found by the count',
    async (mode) => {
      const watcher = await fleet.open({ pollMs: 500 });
      const { primary } = await watcher.resolve('tenant-0');
      const changer = await fleet.open({ pollMs: 60_000 });
      await fleet.ears.mode(mode);
      const first = await revoked(changer);
      expect(first).toBe(primary.keyId);
      await vi.waitFor(() => expect(primary.key.wiped).toBe(true), 6000);
      await fleet.ears.mode('pass');
    },
  );
});

describe('what Redis gets to see', () => {
  it('holds no key: not in its traffic, nor in its files', async () => {
    await fleet.admin.config('SET', 'appendonly', 'yes');
    await fleet.admin.config('SET', 'rdbcompression', 'no');
    const keyring = await warmRedis();
    const added = await keyring.addKey('tenant-0');
    await keyring.promote(added, 'tenant-0');
    const other = await fleet.open();
    await resolveAll(other);
    await fleet.admin.save();
    const needles: Buffer[] = [];
    for (const scope of fleet.scopes) needles.push(...keyNeedles(await other.resolve(scope)));
    const traffic = Buffer.concat(fleet.proxy.passed);
    const dumps: Uint8Array[] = [traffic];
    for (const key of await fleet.admin.keys('*')) dumps.push(await fleet.admin.dumpBuffer(key));
    if (redis.source === 'local') {
      const folder = ((await fleet.admin.config('GET', 'dir')) as string[])[1] as string;
      dumps.push(await readFile(join(folder, 'dump.rdb')));
      dumps.push(await readFile(join(folder, 'appendonlydir', 'appendonly.aof.1.incr.aof')));
    }
    await fleet.admin.config('SET', 'appendonly', 'no');
    expect(dumps.reduce((bytes, dump) => bytes + dump.length, 0)).toBeGreaterThan(10_000);
    for (const dump of dumps) expect(holdsAny(dump, needles)).toBe(false);
    for (const scope of fleet.scopes) expect(traffic.includes(scope)).toBe(false);
    // And it would be found.
    for (const needle of needles.slice(0, 12))
      expect(holdsAny(Buffer.concat([traffic, needle, traffic]), needles)).toBe(true);
  });
});
