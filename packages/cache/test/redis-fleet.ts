import {
  type CacheOptions,
  createKeyring,
  generateRawKey,
  type Keyring,
  type KeyringStorage,
  type KeyStore,
  keyringMemory,
  memoryKeyStore,
  openKeyring,
  rawKey,
  type SlotOpener,
} from '@fieldseal/core';
import { type RedisService, startRedis, type TcpProxy, tcpProxy } from '@fieldseal/testkit';
import { Redis } from 'ioredis';
import { REDIS_OPTIONS, redisCache } from '../src/index.ts';

/** A key store in memory, with the number of its readings. */
export interface CountedStore extends KeyStore {
  readings: number;
}

/** Processes of an application, as far as the cache can tell, that share a keyring, a key store and a Redis behind a proxy. */
export interface RedisFleet {
  readonly storage: KeyringStorage;
  readonly opener: SlotOpener;
  readonly keyStore: CountedStore;
  readonly proxy: TcpProxy;
  /** The way of announcements alone. */
  readonly ears: TcpProxy;
  /** Speaks to Redis without the proxy. */
  readonly admin: Redis;
  /** Scopes that have keys. */
  readonly scopes: readonly string[];
  /** Another process. */
  open(cache?: CacheOptions): Promise<Keyring>;
  /** Ends everything. */
  close(): Promise<void>;
}

/** A Redis for a file of tests. Never one that was given by URL: the tests empty it, stop it, and make it a replica. */
export function startTestRedis(): Promise<RedisService> {
  const { TEST_REDIS_URL: _url, TEST_SERVICES: forced, ...env } = process.env;
  return startRedis({ env: forced === undefined || forced === 'url' ? env : { ...env, TEST_SERVICES: forced } });
}

/** @param url - of a Redis */
export async function redisFleet(url: string, scopeCount = 20): Promise<RedisFleet> {
  const inner = memoryKeyStore();
  const keyStore: CountedStore = {
    readings: 0,
    load: (scope) => {
      keyStore.readings++;
      return inner.load(scope);
    },
    save: (record, expected) => inner.save(record, expected),
  };
  const storage = keyringMemory();
  const opener = rawKey(generateRawKey());
  const { keyring, recovery } = await createKeyring({ storage, openers: [opener], keyStore });
  recovery.wipe();
  const scopes = Array.from({ length: scopeCount }, (_, at) => `tenant-${at}`);
  for (const scope of scopes) await keyring.addScope(scope);
  keyring.close();
  const target = new URL(url);
  const proxy = await tcpProxy(Number(target.port));
  const ears = await tcpProxy(Number(target.port));
  const through = ({ port }: TcpProxy): string => Object.assign(new URL(url), { port: String(port) }).href;
  const admin = new Redis(url);
  const clients: Redis[] = [];
  const keyrings: Keyring[] = [];
  keyStore.readings = 0;
  return {
    storage,
    opener,
    keyStore,
    proxy,
    ears,
    admin,
    scopes,
    // What is slow here is the machine; where a fault is tried, the test names the budget.
    open: async ({ budgetMs = 2000, ...cache } = {}) => {
      const options = { ...REDIS_OPTIONS, commandTimeout: budgetMs, retryStrategy: () => 50 };
      const client = new Redis(through(proxy), options);
      client.on('error', () => undefined);
      clients.push(client);
      if (client.status !== 'ready')
        await new Promise<void>((resolve) => {
          client.once('ready', resolve);
          client.once('close', resolve);
        });
      const shared = redisCache(client, { subscriber: () => new Redis(through(ears), options) });
      const keyring = await openKeyring({
        storage,
        openers: [opener],
        keyStore,
        cache: { shared, budgetMs, ...cache },
      });
      keyrings.push(keyring);
      return keyring;
    },
    close: async () => {
      for (const keyring of keyrings) keyring.close();
      for (const client of clients) client.disconnect();
      await admin.flushall();
      admin.disconnect();
      await Promise.all([proxy.close(), ears.close()]);
    },
  };
}
