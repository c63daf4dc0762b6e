import type { SharedCache } from '@fieldseal/core';
import type { RedisService } from '@fieldseal/testkit';
import { Redis } from 'ioredis';
import { Keyv } from 'keyv';
import { Keyv as Keyv6 } from 'keyv-6';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { type KeyvLike, keyvCache, REDIS_OPTIONS, redisCache } from '../src/index.ts';
import { startTestRedis } from './redis-fleet.ts';

let redis: RedisService;
let client: Redis;
let prefix = '';
let tests = 0;

beforeAll(async () => {
  redis = await startTestRedis();
  client = new Redis(redis.url, { ...REDIS_OPTIONS, commandTimeout: 5000, enableOfflineQueue: true });
});

afterAll(async () => {
  client?.disconnect();
  await redis?.stop();
});

beforeEach(() => {
  prefix = `contract:${process.pid}:${tests++}:`;
});

const CACHES: readonly [string, () => SharedCache][] = [
  ['redisCache, ioredis 6', () => redisCache(client)],
  ['keyvCache, keyv 5', () => keyvCache(new Keyv())],
  ['keyvCache, keyv 6', () => keyvCache(new Keyv6())],
  ['keyvCache, keyv 5 with a namespace', () => keyvCache(new Keyv({ namespace: 'app' }))],
  ['keyvCache, keyv 6 with a namespace', () => keyvCache(new Keyv6({ namespace: 'app' }))],
];

describe.each(CACHES)('shared cache contract: %s', (name, make) => {
  let cache: SharedCache;
  beforeEach(() => {
    cache = make();
  });
  const entry = (key: string, text: string, ttlMs = 60_000) => ({ key: prefix + key, text, ttlMs });
  const get = async (...keys: string[]) => cache.get(keys.map((key) => prefix + key));

  it('gives null for what is not there', async () => {
    expect(await get('a', 'b', '__proto__')).toEqual([null, null, null]);
    expect(await cache.get([])).toEqual([]);
  });

  it('gives back what was put, in the order that is asked for', async () => {
    const text = 'Zażółć-_ "{}" '.repeat(100);
    await cache.put([entry('a', text), entry('b', '2')], false);
    expect(await get('b', 'c', 'a', 'b')).toEqual(['2', null, text, '2']);
  });

  it('keeps what is there, unless it is to be replaced', async () => {
    await cache.put([entry('a', '1')], false);
    await cache.put([entry('a', '2')], false);
    expect(await get('a')).toEqual(['1']);
    await cache.put([entry('a', '3')], true);
    expect(await get('a')).toEqual(['3']);
  });

  it('forgets what is older than it may be, and not before', async () => {
    await cache.put([entry('short', '1', 40), entry('long', '2', 60_000)], false);
    await vi.waitFor(async () => expect(await get('short', 'long')).toEqual([null, '2']), 5000);
    await cache.put([entry('long', '3', 40)], true);
    await vi.waitFor(async () => expect(await get('long')).toEqual([null]), 5000);
  });

  it('counts announcements', async () => {
    const { changes } = cache;
    const channel = `${prefix}changes`;
    const counts = [await changes.count(channel)];
    for (let at = 0; at < 3; at++) {
      await changes.announce(channel, `text ${at}`);
      counts.push(await changes.count(channel));
    }
    expect(new Set(counts).size).toBe(4);
    expect(await changes.count(`${prefix}other`)).toBe(0);
    if (name.startsWith('redis')) expect(counts).toEqual([0, 1, 2, 3]);
  });
});

describe('redisCache', () => {
  it('tells listeners of announcements, with their counts, until they stop', async () => {
    const { changes } = redisCache(client);
    const channel = `${prefix}changes`;
    const heard: [string, number][] = [];
    const joined = vi.fn();
    const stop = changes.listen?.(channel, (text, count) => heard.push([text, count]), joined);
    await vi.waitFor(() => expect(joined).toHaveBeenCalledTimes(1), 5000);
    await changes.announce(channel, 'one:two');
    await changes.announce(`${prefix}other`, 'not for them');
    await changes.announce(channel, '');
    await vi.waitFor(
      () =>
        expect(heard).toEqual([
          ['one:two', 1],
          ['', 2],
        ]),
      5000,
    );
    await client.publish(channel, 'nonsense');
    await vi.waitFor(() => expect(heard.at(-1)).toEqual(['', 0]), 5000);
    stop?.();
    await changes.announce(channel, 'late');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(heard).toHaveLength(3);
  });

  it('listens again when the connection was cut', async () => {
    const { changes } = redisCache(client);
    const channel = `${prefix}changes`;
    const heard: string[] = [];
    const joined = vi.fn();
    const stop = changes.listen?.(channel, (text) => heard.push(text), joined);
    await vi.waitFor(() => expect(joined).toHaveBeenCalledTimes(1), 5000);
    await client.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await vi.waitFor(() => expect(joined).toHaveBeenCalledTimes(2), 5000);
    await changes.announce(channel, 'again');
    await vi.waitFor(() => expect(heard).toEqual(['again']), 5000);
    stop?.();
  });

  it('connects a subscriber of a lazy client, and one that is given', async () => {
    const lazy = new Redis(redis.url, { lazyConnect: true });
    const given = new Redis(redis.url);
    const joined = vi.fn();
    const stops = [
      redisCache(lazy).changes.listen?.(`${prefix}a`, () => {}, joined),
      redisCache(client, { subscriber: () => given }).changes.listen?.(`${prefix}a`, () => {}, joined),
    ];
    await vi.waitFor(() => expect(joined).toHaveBeenCalledTimes(2), 5000);
    for (const stop of stops) stop?.();
    await vi.waitFor(() => expect(given.status).toBe('end'), 5000);
    lazy.disconnect();
  });
});

describe.each<[string, (store: Map<string, unknown>) => KeyvLike]>([
  ['5', (store) => new Keyv(store)],
  ['6', (store) => new Keyv6(store)],
])('keyvCache over a store that fails, keyv %s', (_version, make) => {
  it('gives nothing or rejects, and disturbs nobody', async () => {
    const fails = () => {
      throw new Error('the store is down');
    };
    const cache = keyvCache(make(Object.assign(new Map<string, unknown>(), { get: fails, set: fails })));
    const outcome = (work: Promise<unknown>) => work.then(JSON.stringify, () => 'rejected');
    expect(['[null]', 'rejected']).toContain(await outcome(cache.get(['a'])));
    expect(['0', 'rejected']).toContain(await outcome(cache.changes.count('a')));
    await outcome(cache.put([{ key: 'a', text: '1', ttlMs: 1000 }], true));
    await outcome(cache.changes.announce('a', 'text'));
  });
});
