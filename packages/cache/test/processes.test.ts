import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, fileKeyStore, formatRawKey, generateRawKey, keyringFile, rawKey } from '@fieldseal/core';
import { type RedisService, type TcpProxy, tcpProxy } from '@fieldseal/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CompiledPackages, compilePackages } from './compiled-packages.ts';
import { startTestRedis } from './redis-fleet.ts';

const KEY = formatRawKey(generateRawKey());
const SLOW = process.env['SLOW'] === '1';

/** What a process is asked for, and what it answers, once per request. */
interface Request {
  readonly do: 'resolve' | 'revoke' | 'gone' | 'stats';
  readonly keyId?: string;
}

let redis: RedisService;
let compiled: CompiledPackages;
let program = '';
let folder = '';
let ears: TcpProxy;
let children: ChildProcess[] = [];

beforeAll(async () => {
  [redis, compiled] = await Promise.all([startTestRedis(), compilePackages()]);
  program = await compiled.program(
    'member.mjs',
    `import { fileKeyStore, keyringFile, openKeyring, rawKey } from '${compiled.urls.core}';
     import { redisCache } from '${compiled.urls.cache}';
     import { Redis } from 'ioredis';
     const { folder, url, ears, pollMs } = JSON.parse(process.argv[2]);
     const client = new Redis(url);
     const shared = redisCache(client, { subscriber: () => new Redis(ears) });
     const keyring = await openKeyring({
       storage: keyringFile(folder + '/keyring.json'), openers: [rawKey(process.env.FIELDSEAL_KEY)],
       keyStore: fileKeyStore(folder + '/keys.json'), cache: { shared, pollMs, budgetMs: 5000 },
     });
     const actions = {
       resolve: async () => (await keyring.resolve('acme')).primary.keyId,
       revoke: async ({ keyId }) => {
         await keyring.rotate('acme');
         await keyring.disable(keyId, 'acme');
         return Date.now();
       },
       gone: async ({ keyId }) => {
         while (keyring.peek('acme')?.keys.has(keyId) !== false) await new Promise((resolve) => setTimeout(resolve, 1));
         return Date.now();
       },
       stats: async () => keyring.cacheStats(),
     };
     process.on('message', async (request) => process.send(await actions[request.do](request)));
     process.send('ready');`,
  );
});

afterAll(async () => {
  await compiled?.remove();
  await redis?.stop();
});

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-fleet-'));
  ears = await tcpProxy(Number(new URL(redis.url).port));
  const { keyring, recovery } = await createKeyring({
    storage: keyringFile(join(folder, 'keyring.json')),
    openers: [rawKey(KEY)],
    keyStore: fileKeyStore(join(folder, 'keys.json')),
  });
  recovery.wipe();
  await keyring.addScope('acme');
  keyring.close();
});

afterEach(async () => {
  await Promise.all(
    children.map((child) => {
      const ended = once(child, 'exit');
      child.kill('SIGKILL');
      return ended;
    }),
  );
  children = [];
  await ears.close();
  await rm(folder, { recursive: true });
});

type Member = (request: Request) => Promise<unknown>;

/** A process of the fleet. */
async function member(pollMs: number): Promise<Member> {
  const through = Object.assign(new URL(redis.url), { port: String(ears.port) }).href;
  const options = JSON.stringify({ folder, url: redis.url, ears: through, pollMs });
  const child = fork(program, [options], { env: { ...process.env, FIELDSEAL_KEY: KEY } });
  children.push(child);
  await once(child, 'message');
  return async (request) => {
    child.send(request);
    return (await once(child, 'message'))[0];
  };
}

/** Revokes a key in one process; resolves to the longest time in ms until another one does not have it any more. */
async function revokeAndWait(changer: Member, watchers: readonly Member[]): Promise<number> {
  const keyId = (await changer({ do: 'resolve' })) as string;
  for (const watcher of watchers) expect(await watcher({ do: 'resolve' })).toBe(keyId);
  const gone = watchers.map((watcher) => watcher({ do: 'gone', keyId }));
  const revoked = (await changer({ do: 'revoke', keyId })) as number;
  const times = (await Promise.all(gone)) as number[];
  return Math.max(...times) - revoked;
}

describe.each(SLOW ? [2, 10] : [2])('a key that one of %i processes revokes', (count) => {
  it('is gone from the others as soon as they are told', async () => {
    // They do not poll before the test is over: what they know was told.
    const [changer, ...watchers] = await Promise.all(Array.from({ length: count }, () => member(60_000)));
    const ms = await revokeAndWait(changer as Member, watchers);
    if (SLOW) expect(ms).toBeLessThan(1000);
  });

  it('is gone from the others at their next poll when they were not told', async () => {
    const [changer, ...watchers] = await Promise.all(Array.from({ length: count }, () => member(SLOW ? 5000 : 500)));
    await ears.mode('hang');
    const ms = await revokeAndWait(changer as Member, watchers);
    if (SLOW) expect(ms).toBeLessThan(6000);
  });
});
