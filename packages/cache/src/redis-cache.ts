import { randomInt } from 'node:crypto';
import type { ChangeFeed, SharedCache } from '@fieldseal/core';

/** What is used of a subscribed connection of ioredis. */
export interface RedisSubscriber {
  readonly status: string;
  connect(): Promise<unknown>;
  subscribe(channel: string): Promise<unknown>;
  on(event: 'ready', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'message', listener: (channel: string, message: string) => void): unknown;
  disconnect(): void;
}

/** What is used of ioredis: a `Redis` has it, connected to one server or by Sentinels, and so has a `Cluster`. */
export interface RedisLike {
  get(key: string): Promise<string | null>;
  set(key: string, value: string, unit: 'PX', ms: number): Promise<unknown>;
  set(key: string, value: string, unit: 'PX', ms: number, condition: 'NX'): Promise<unknown>;
  incr(key: string): Promise<number>;
  publish(channel: string, message: string): Promise<unknown>;
  duplicate(): RedisSubscriber;
}

/** Options of {@link redisCache}. */
export interface RedisCacheOptions {
  /** Makes the connection that listens; by default a duplicate of the client. */
  readonly subscriber?: () => RedisSubscriber;
}

/**
 * Options for the client of ioredis, which by its own would wait for minutes for a server that is away: no retries, no queue while it is not
 * connected, 25 ms for a command. A cluster takes them as its `redisOptions`. A connection with these options is for a cache alone.
 */
export const REDIS_OPTIONS: {
  readonly maxRetriesPerRequest: 0;
  readonly enableOfflineQueue: false;
  readonly enableAutoPipelining: true;
  readonly connectTimeout: number;
  readonly commandTimeout: number;
  readonly retryStrategy: (times: number) => number;
  readonly reconnectOnError: (error: Error) => boolean;
} = {
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  enableAutoPipelining: true,
  connectTimeout: 200,
  commandTimeout: 25,
  // Up to two seconds, and not all processes of a fleet in the same moment.
  retryStrategy: (times) => Math.min(50 * 2 ** times, 2000) + randomInt(50),
  // After a failover the old primary refuses to write: the connection is made again, to the new one.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
};

/** After this time listening is tried again where the server refused it, in ms. */
const RETRY_MS = 1000;

/**
 * A shared cache in Redis. Commands name one key each, so that they work in a cluster as they do elsewhere.
 *
 * @param client - a connection of ioredis, which stays the caller's: attach a listener for its errors, and close it after the keyring.
 * {@link REDIS_OPTIONS} suit it
 *
 * @example
 * ```ts
 * const redis = new Redis(url, REDIS_OPTIONS);
 * redis.on('error', (error) => log.warn(error.message));
 * const keyring = await openKeyring({ storage, openers, keyStore, cache: { shared: redisCache(redis) } });
 * ```
 */
export function redisCache(client: RedisLike, options: RedisCacheOptions = {}): SharedCache {
  return {
    // One command for each key: the keys of a cluster lie on different servers, and ioredis sends what is asked together at once.
    get: (keys) => Promise.all(keys.map((key) => client.get(key))),
    put: async (entries, replace) => {
      const sets = entries.map(({ key, text, ttlMs }) =>
        replace ? client.set(key, text, 'PX', ttlMs) : client.set(key, text, 'PX', ttlMs, 'NX'),
      );
      await Promise.all(sets);
    },
    changes: redisFeed(client, options.subscriber ?? (() => client.duplicate())),
  };
}

function redisFeed(client: RedisLike, subscriber: () => RedisSubscriber): ChangeFeed {
  return {
    announce: async (channel, text) => {
      // Counted first: whoever misses the message sees the count.
      const count = await client.incr(channel);
      await client.publish(channel, `${count}:${text}`);
    },
    count: async (channel) => Number((await client.get(channel)) ?? 0),
    listen: (channel, heard, joined) => {
      const connection = subscriber();
      let retry: NodeJS.Timeout | undefined;
      let ended = false;
      const join = (): void => {
        connection.subscribe(channel).then(joined, () => {
          if (!ended) retry = setTimeout(join, RETRY_MS).unref();
        });
      };
      connection.on('error', () => undefined); // the count finds what is missed
      connection.on('message', (_channel, message) => {
        const [, count, text] = /^(\d{1,15}):(.*)$/.exec(message) ?? [];
        if (!ended) heard(text ?? '', Number(count ?? 0));
      });
      connection.on('ready', join);
      if (connection.status === 'ready') join();
      if (connection.status === 'wait') connection.connect().catch(() => undefined);
      return () => {
        ended = true;
        clearTimeout(retry);
        connection.disconnect();
      };
    },
  };
}
