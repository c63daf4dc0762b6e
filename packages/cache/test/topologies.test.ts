import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createKeyring,
  generateRawKey,
  type Keyring,
  keyringMemory,
  memoryKeyStore,
  openKeyring,
  rawKey,
} from '@fieldseal/core';
import { type RedisService, startRedis } from '@fieldseal/testkit';
import { Cluster, Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { REDIS_OPTIONS, type RedisLike, redisCache } from '../src/index.ts';

const SLOW = process.env['SLOW'] === '1';
/** Slots of a cluster. */
const SLOTS = 16_384;

const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function server(...args: string[]): Promise<RedisService> {
  const started = await startRedis({ args });
  ends.push(() => started.stop());
  return started;
}

async function send(url: string, command: string, ...args: string[]): Promise<unknown> {
  const client = new Redis(url);
  try {
    return await client.call(command, ...args);
  } finally {
    client.disconnect();
  }
}

const portOf = ({ url }: RedisService): string => new URL(url).port;

/** Two keyrings that share keys and a cache, one of which has put its keysets there. */
async function pair(connect: () => RedisLike): Promise<{ one: Keyring; two: Keyring; scopes: string[] }> {
  const [storage, keyStore, opener] = [keyringMemory(), memoryKeyStore(), rawKey(generateRawKey())];
  const { keyring } = await createKeyring({ storage, openers: [opener], keyStore });
  const scopes = Array.from({ length: 20 }, (_, at) => `tenant-${at}`);
  for (const scope of scopes) await keyring.addScope(scope);
  keyring.close();
  const open = async (): Promise<Keyring> => {
    const cache = { shared: redisCache(connect()), budgetMs: 2000, pollMs: 500 };
    const opened = await openKeyring({ storage, openers: [opener], keyStore, cache });
    ends.push(() => opened.close());
    return opened;
  };
  const [one, two] = [await open(), await open()];
  for (const scope of scopes) await one.resolve(scope);
  return { one, two, scopes };
}

const hits = (keyring: Keyring): number => keyring.cacheStats().shared?.hits ?? 0;

async function expectShared(two: Keyring, scopes: readonly string[]): Promise<void> {
  for (const scope of scopes) await two.resolve(scope);
  expect(hits(two)).toBe(scopes.length);
}

/** Waits until a change that one makes is known to the other. */
async function expectTold(one: Keyring, two: Keyring, scope: string): Promise<void> {
  const added = await one.addKey(scope);
  await vi.waitFor(() => expect(two.peek(scope, [added])).toBeDefined(), 10_000);
}

describe.each(SLOW ? [1, 3] : [1])('a cluster of %i', (count) => {
  it('serves keysets, wherever their slots are, and announcements', async () => {
    const nodes = await Promise.all(
      Array.from({ length: count }, () => server('--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1')),
    );
    for (const [at, node] of nodes.entries()) {
      const range = [at, at + 1].map((part) => Math.floor((SLOTS * part) / count));
      await send(node.url, 'CLUSTER', 'ADDSLOTSRANGE', String(range[0]), String((range[1] as number) - 1));
      if (at > 0) await send(node.url, 'CLUSTER', 'MEET', '127.0.0.1', portOf(nodes[0] as RedisService));
    }
    for (const { url } of nodes)
      await vi.waitFor(async () => expect(await send(url, 'CLUSTER', 'INFO')).toContain('cluster_state:ok'), 15_000);
    const clients: Cluster[] = [];
    const { one, two, scopes } = await pair(() => {
      const options = { redisOptions: { ...REDIS_OPTIONS, commandTimeout: 2000 }, enableOfflineQueue: true };
      const cluster = new Cluster([(nodes[0] as RedisService).url], options);
      cluster.on('error', () => undefined);
      ends.push(() => cluster.disconnect());
      clients.push(cluster);
      return cluster;
    });
    await vi.waitFor(async () => {
      const sizes = await Promise.all(nodes.map(({ url }) => send(url, 'DBSIZE') as Promise<number>));
      expect(sizes.reduce((sum, size) => sum + size)).toBeGreaterThanOrEqual(scopes.length);
      expect(sizes.every((size) => size > 0)).toBe(true);
    }, 5000);
    await expectShared(two, scopes);
    await expectTold(one, two, 'tenant-0');
  });
});

describe.each(SLOW ? ['a failover'] : [])('Sentinel: %s', () => {
  it('fails no query, and both ends find the new primary', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'fieldseal-sentinel-'));
    ends.push(() => rm(folder, { recursive: true }));
    const primary = await server();
    const replica = await server('--replicaof', '127.0.0.1', portOf(primary));
    const configuration = join(folder, 'sentinel.conf');
    await writeFile(
      configuration,
      [
        `sentinel monitor keys 127.0.0.1 ${portOf(primary)} 1`,
        'sentinel down-after-milliseconds keys 500',
        'sentinel failover-timeout keys 5000',
      ].join('\n'),
    );
    const sentinel = await server(configuration, '--sentinel');
    const replicas = () => send(sentinel.url, 'SENTINEL', 'REPLICAS', 'keys') as Promise<unknown[]>;
    await vi.waitFor(async () => expect(await replicas()).toHaveLength(1), 20_000);
    const { one, two, scopes } = await pair(() => {
      const sentinels = [{ host: '127.0.0.1', port: Number(portOf(sentinel)) }];
      const client = new Redis({
        ...REDIS_OPTIONS,
        commandTimeout: 2000,
        sentinels,
        name: 'keys',
        failoverDetector: true,
      });
      client.on('error', () => undefined);
      ends.push(() => client.disconnect());
      return client;
    });
    await vi.waitFor(async () => expect(await send(primary.url, 'DBSIZE')).toBeGreaterThanOrEqual(scopes.length), 5000);
    await expectShared(two, scopes);
    await expectTold(one, two, 'tenant-0');
    await primary.stop();
    let resolved = 0;
    await vi.waitFor(async () => {
      for (const scope of scopes) resolved += (await two.resolve(scope)).scope === scope ? 1 : 0;
      const roles = (await send(replica.url, 'ROLE')) as unknown[];
      expect(roles[0]).toBe('master');
    }, 30_000);
    expect(resolved % scopes.length).toBe(0);
    await expectTold(one, two, 'tenant-1');
    await vi.waitFor(() => expect(one.cacheStats().shared?.open).toBe(false), 10_000);
  });
});
