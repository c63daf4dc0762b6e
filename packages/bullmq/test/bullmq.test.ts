import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, generateRawKey, isFieldsealError, type Keyring, keyringMemory, rawKey } from '@fieldseal/core';
import { JobControl, JobEngine, type JobRecord, type SqlDatabase, SqlJobStore } from '@fieldseal/core/jobs';
import { adapterDatabase, modelTable, SqlRowSource } from '@fieldseal/prisma/jobs';
import { type RedisService, startRedis } from '@fieldseal/testkit';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, test } from 'vitest';
import { enqueueWork, type QueueLike, type TicketProcessorOptions, ticketProcessor } from '../src/index.ts';

const SCHEMA = `
datasource db {
  provider = "sqlite"
}
model Note {
  id   Int    @id
  /// @encrypted(mode: migrating)
  text String
}
`;
const ROWS = 300;

let folder: string;
let redis: RedisService;
let database: SqlDatabase;
let dispose: () => Promise<void>;
let keyring: Keyring;
let queue: Queue;
let connections: Redis[] = [];
let workers: Worker[] = [];

beforeAll(async () => {
  redis = await startRedis();
  folder = mkdtempSync(join(tmpdir(), 'fieldseal-bullmq-'));
  const adapter = await new PrismaLibSql({ url: `file:${join(folder, 'test.db')}` }).connect();
  database = adapterDatabase(adapter, 'sqlite');
  dispose = () => adapter.dispose();
  await database.execute('CREATE TABLE "Note" ("id" INTEGER PRIMARY KEY, "text" TEXT NOT NULL)', []);
  ({ keyring } = await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] }));
});
let run = 0;
beforeEach(async () => {
  for (const table of ['"Note"', 'fieldseal_job', 'fieldseal_job_chunk', 'fieldseal_job_quarantine'])
    await database.execute(`DELETE FROM ${table}`, []).catch(() => undefined);
  const rows = Array.from({ length: ROWS }, (_, at) => `(${at}, 'note ${at}')`);
  await database.execute(`INSERT INTO "Note" ("id", "text") VALUES ${rows.join(', ')}`, []);
  run += 1;
  queue = new Queue(`fieldseal-${run}`, { connection: connection() });
});
afterEach(async () => {
  for (const worker of workers) await worker.close(true);
  await queue.close();
  for (const one of connections) one.disconnect();
  [workers, connections] = [[], []];
});
afterAll(async () => {
  await dispose();
  rmSync(folder, { recursive: true, force: true });
  await redis.stop();
});

function connection(): Redis {
  const client = new Redis(redis.url, { maxRetriesPerRequest: null });
  connections.push(client);
  return client;
}

const control = () => new JobControl(new SqlJobStore(database));
const engine = () =>
  new JobEngine({
    source: new SqlRowSource(
      database,
      modelTable({ schema: SCHEMA, model: 'Note', fields: undefined, before: undefined }),
    ),
    keys: keyring,
    chunkRows: 50,
  });
const processor = (options: Partial<TicketProcessorOptions> = {}) =>
  ticketProcessor({ queue, control: control(), engine, ...options });
const startWorker = (options: Partial<TicketProcessorOptions> = {}, lockDuration = 30_000): Worker => {
  const worker = new Worker(queue.name, processor(options), {
    connection: connection(),
    lockDuration,
    stalledInterval: 500,
  });
  worker.on('error', () => undefined); // BullMQ tells of connections that are cut
  workers.push(worker);
  return worker;
};
const start = () => engine().start({ kind: 'backfill', settings: { batchRows: 20, leaseMs: 500 } });
/** Until the job has ended, whoever works on it. */
const ended = async (job: string): Promise<JobRecord> => {
  for (;;) {
    const record = await control().status(job);
    if (record.state === 'done') return record;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
const plaintexts = async () =>
  Number((await database.query(`SELECT CAST(count(*) AS TEXT) FROM "Note" WHERE "text" NOT LIKE 'fs1:%'`, []))[0]?.[0]);

it('two workers share a job, each with a ticket of its own', async () => {
  const job = await start();
  // Each waits in its first chunk until the other has one too.
  const inside = new Set<number>();
  let meet: () => void = () => undefined;
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const share = (own: number): Worker =>
    startWorker({
      pace: async () => {
        if (inside.add(own).size === 2) meet();
        await met;
        return 0;
      },
    });
  await Promise.all([share(0), share(1)].map((worker) => worker.waitUntilReady()));
  await enqueueWork(queue, job, 2);
  await ended(job);
  expect(await plaintexts()).toBe(0);
  expect(inside.size).toBe(2);
  expect((await control().status(job)).counts).toMatchObject({ done: ROWS });
});

it('a ticket that runs out of time puts the next one, and duplicates change nothing', async () => {
  const job = await start();
  await enqueueWork(queue, job, 5);
  startWorker({ forMs: 60 });
  startWorker({ forMs: 60 });
  await ended(job);
  expect(await plaintexts()).toBe(0);
  expect((await control().status(job)).counts).toMatchObject({ done: ROWS });
  expect(await processor()({ data: { job } })).toBe('done');
});

it('the ticket of a worker that dies is delivered again', async () => {
  const job = await start();
  await enqueueWork(queue, job);
  // It never comes back to its queue, as a process that was killed.
  let started: () => void = () => undefined;
  const working = new Promise<void>((resolve) => {
    started = resolve;
  });
  const dying = startWorker(
    {
      pace: () => {
        started();
        return new Promise<number>(() => undefined);
      },
    },
    1000,
  );
  await working;
  await dying.close(true);
  for (const client of connections.splice(1)) client.disconnect();
  startWorker({}, 1000);
  await ended(job);
  expect(await plaintexts()).toBe(0);
});

it('a worker that is told to stop puts its ticket back', async () => {
  const job = await start();
  const stopped = new AbortController();
  const put: unknown[] = [];
  const kept: QueueLike = { add: async (_, ticket) => void put.push(ticket) };
  const pace = () => {
    stopped.abort();
    return 0;
  };
  const end = await processor({ queue: kept, signal: stopped.signal, pace })({ data: { job } });
  expect(end).toBe('aborted');
  expect(put).toEqual([{ job }]);
  expect(await plaintexts()).toBeGreaterThan(0);
});

it('a job that was paused or is gone is left alone', async () => {
  const job = await start();
  await control().pause(job);
  expect(await processor()({ data: { job } })).toBe('paused');
  expect(await processor()({ data: { job: 'ab' } })).toBe('unknown');
  expect(await plaintexts()).toBe(ROWS);
});

it('what the job throws fails the ticket, which BullMQ tries again', async () => {
  const job = await start();
  await enqueueWork(queue, job);
  const failing = startWorker({ engine: () => Promise.reject(new Error('no database')) });
  const reason = await new Promise((resolve) => failing.once('failed', (_, error) => resolve(error.message)));
  expect(reason).toBe('no database');
  expect(await queue.getDelayedCount()).toBe(1);
});

test.each([undefined, null, 'ab', {}, { job: 1 }, { job: '' }])('%j is no ticket', async (data) => {
  await expect(processor()({ data })).rejects.toSatisfy((error) => isFieldsealError(error, 'ERR_OPTIONS'));
});

test.each([0, 101, 1.5, Number.NaN])('refuses %d workers', async (count) => {
  await expect(enqueueWork(queue, 'ab', count)).rejects.toSatisfy((error) => isFieldsealError(error, 'ERR_OPTIONS'));
  expect(await queue.count()).toBe(0);
});
