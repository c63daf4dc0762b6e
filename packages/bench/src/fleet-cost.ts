/**
 * How fast a fleet of processes learns that a key was disabled: the time until the last of them has it no more.
 *
 *     npm run -w packages/bench bench:fleet -- [processes] [revocations]
 *
 * Two and ten processes by default, over one Redis and one key store on PostgreSQL, each with the defaults of the cache. Once with announcements,
 * and once with processes that listen to a server which never answers, so that every announcement is lost.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { REDIS_OPTIONS, redisCache } from '@fieldseal/cache';
import {
  createKeyring,
  environmentOpeners,
  formatRawKey,
  generateRawKey,
  type Keyring,
  keyringFile,
  keyStoreTable,
  openKeyring,
  rawKey,
  sqlKeyStore,
} from '@fieldseal/core';
import { startPostgres, startRedis } from '@fieldseal/testkit';
import { PrismaPg } from '@prisma/adapter-pg';
import { Redis } from 'ioredis';
import { clientOf } from './filled-key-store.ts';
import { say } from './printed-line.ts';
import { quantile } from './statistics.ts';

const VARIABLE = 'FIELDSEAL_BENCH_MEMBER';
const SCOPE = 'acme';

/** What a process of the fleet is told. */
interface Membership {
  readonly database: string;
  readonly redis: string;
  /** Where it listens for announcements. */
  readonly ears: string;
  readonly keyring: string;
}

/** What a process is asked; it answers with the id of the primary, or with a time in ms since the Unix epoch. */
type Request = { readonly do: 'primary' | 'rotate' } | { readonly do: 'revoke' | 'gone'; readonly keyId: string };

async function openMember({ database, redis, ears, keyring }: Membership): Promise<Keyring> {
  const adapter = await new PrismaPg({ connectionString: database }).connect();
  const client = new Redis(redis, REDIS_OPTIONS);
  client.on('error', () => undefined);
  await new Promise<void>((resolve) => client.once('ready', () => resolve()));
  const shared = redisCache(client, { subscriber: () => new Redis(ears, { maxRetriesPerRequest: null }) });
  return openKeyring({
    storage: keyringFile(keyring),
    openers: environmentOpeners(process.env),
    keyStore: sqlKeyStore(clientOf(adapter)),
    cache: { shared },
  });
}

const now = (): number => performance.timeOrigin + performance.now();

async function answer(keyring: Keyring, request: Request): Promise<string | number> {
  switch (request.do) {
    case 'rotate':
      return keyring.rotate(SCOPE);
    case 'primary':
      return (await keyring.resolve(SCOPE)).primary.keyId;
    case 'revoke':
      await keyring.disable(request.keyId, SCOPE);
      return now();
    case 'gone':
      return gone(keyring, request.keyId);
  }
}

async function gone(keyring: Keyring, keyId: string): Promise<number> {
  while (keyring.peek(SCOPE)?.keys.has(keyId) !== false) await new Promise((resolve) => setTimeout(resolve, 1));
  return now();
}

async function serve(membership: Membership): Promise<void> {
  const keyring = await openMember(membership);
  process.on('message', (request: Request) => {
    void answer(keyring, request).then((told) => process.send?.(told));
  });
  process.send?.('ready');
}

async function measure(processes: number, revocations: number, lost: boolean): Promise<void> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-bench-'));
  const mute = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(mute, 'listening');
  const database = await postgres.createDatabase();
  const adapter = await new PrismaPg({ connectionString: database }).connect();
  const children: ChildProcess[] = [];
  try {
    const client = clientOf(adapter);
    await client.execute(keyStoreTable('postgresql'), []);
    const key = formatRawKey(generateRawKey());
    const storage = keyringFile(join(folder, 'keyring.json'));
    const { keyring } = await createKeyring({ storage, openers: [rawKey(key)], keyStore: sqlKeyStore(client) });
    await keyring.addScope(SCOPE);
    keyring.close();
    const ears = lost ? `redis://127.0.0.1:${(mute.address() as AddressInfo).port}` : redis.url;
    const membership: Membership = { database, redis: redis.url, ears, keyring: join(folder, 'keyring.json') };
    const env = { ...process.env, FIELDSEAL_KEY: key, [VARIABLE]: JSON.stringify(membership) };
    for (let at = 0; at < processes; at++) children.push(fork(fileURLToPath(import.meta.url), [], { env }));
    await Promise.all(children.map((child) => once(child, 'message')));
    const ask = async (child: ChildProcess, request: Request): Promise<unknown> => {
      child.send(request);
      return (await once(child, 'message'))[0];
    };
    const [changer, ...watchers] = children as [ChildProcess, ...ChildProcess[]];
    const times: number[] = [];
    for (let at = 0; at < revocations; at++) {
      const keyId = (await ask(changer, { do: 'primary' })) as string;
      await ask(changer, { do: 'rotate' });
      // All of them know the new primary, and hold the old key still.
      for (const child of children) while ((await ask(child, { do: 'primary' })) === keyId) await pause(lost ? 100 : 2);
      const seen = watchers.map((child) => ask(child, { do: 'gone', keyId }));
      const revoked = (await ask(changer, { do: 'revoke', keyId })) as number;
      times.push(Math.max(...((await Promise.all(seen)) as number[])) - revoked);
    }
    const shown = (share: number) => `${Math.max(0, quantile(times, share)).toFixed(1)} ms`;
    say(
      `${processes} processes, announcements ${lost ? 'lost' : 'heard'}: a key is gone everywhere after ${shown(0.5)}, p99 ${shown(0.99)}, longest of ${revocations} ${shown(1)}`,
    );
  } finally {
    for (const child of children) child.kill('SIGKILL');
    mute.close();
    await adapter.dispose();
    await Promise.all([postgres.stop(), redis.stop()]);
    rmSync(folder, { recursive: true });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const membership = process.env[VARIABLE];
if (membership !== undefined) await serve(JSON.parse(membership) as Membership);
else {
  const [processes, revocations = 100] = process.argv.slice(2).map(Number);
  for (const fleet of processes === undefined ? [2, 10] : [processes]) {
    await measure(fleet, revocations, false);
    await measure(fleet, Math.ceil(revocations / 10), true);
  }
}
