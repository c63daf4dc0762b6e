/**
 * What a job over live rows costs on PostgreSQL: rows a second of one worker and of two, memory, and what an application feels of it.
 *
 *     npm run -w packages/bench bench:jobs -- [rows] [rounds]
 *
 * 100 000 rows with two encrypted fields of 40 bytes by default, three rounds; without rounds a backfill alone, which shows the memory for many
 * millions of rows. One worker and two take turns in every round, each a process of its
 * own, so that what else the machine does meets both. The application is a SELECT of one row every few ms, beside no job, a job that is held to
 * 2000 rows a second, and one that is not held.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import {
  createKeyring,
  environmentOpeners,
  FieldCipher,
  type FieldSpec,
  formatRawKey,
  generateRawKey,
  type Keyring,
  keyringFile,
  openKeyring,
  rawKey,
} from '@fieldseal/core';
import { JobControl, JobEngine, type JobRow, type SqlDatabase, SqlJobStore } from '@fieldseal/core/jobs';
import { adapterDatabase, modelTable, SqlRowSource } from '@fieldseal/prisma/jobs';
import { startPostgres } from '@fieldseal/testkit';
import { PrismaPg } from '@prisma/adapter-pg';
import { megabytes, say } from './printed-line.ts';
import { quantile } from './statistics.ts';

const SCHEMA = `
datasource db {
  provider = "postgresql"
}
model Person {
  id    Int    @id
  /// @encrypted(mode: migrating)
  name  String
  /// @encrypted(mode: migrating)
  phone String
}
`;
const VARIABLE = 'FIELDSEAL_BENCH_JOB';
const SELECTS = 400;
const SELECT_EVERY_MS = 3;

/** What a worker process is told. */
interface Task {
  readonly url: string;
  readonly keyring: string;
  readonly job: string;
}

interface Opened {
  readonly database: SqlDatabase;
  readonly source: SqlRowSource;
  close(): Promise<void>;
}

async function open(url: string): Promise<Opened> {
  const adapter = await new PrismaPg({ connectionString: url }).connect();
  const database = adapterDatabase(adapter, 'postgresql');
  const table = modelTable({ schema: SCHEMA, model: 'Person', fields: undefined, before: undefined });
  return { database, source: new SqlRowSource(database, table), close: () => adapter.dispose() };
}

/**
 * What a worker process tells: when it worked, in ms since the Unix epoch, the most memory that it held, in bytes, and by how much its event loop was
 * late, p99 in ms.
 */
interface Worked {
  readonly started: number;
  readonly ended: number;
  readonly memory: number;
  readonly delay: number;
}

/** Works on the job until it ends. */
async function work({ url, keyring: path, job }: Task): Promise<void> {
  const keyring = await openKeyring({ storage: keyringFile(path), openers: environmentOpeners(process.env) });
  const { source, close } = await open(url);
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const started = Date.now();
  await new JobEngine({ source, keys: keyring }).work(job);
  const ended = Date.now();
  loop.disable();
  await close();
  keyring.close();
  const memory = process.resourceUsage().maxRSS * 1024;
  const worked: Worked = { started, ended, memory, delay: loop.percentile(99) / 1e6 };
  process.stdout.write(JSON.stringify(worked));
}

async function main(rows: number, rounds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-jobs-'));
  const postgres = await startPostgres();
  const url = await postgres.createDatabase();
  const { database, source, close } = await open(url);
  try {
    const key = generateRawKey();
    const path = join(folder, 'keyring.json');
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers: [rawKey(key)] });
    const env = { ...process.env, FIELDSEAL_KEY: formatRawKey(key) };
    const text = `repeat('x', 32) || lpad(at::text, 8, '0')`;
    await database.execute(
      `CREATE TABLE "Person" AS SELECT at AS id, ${text} AS name, ${text} AS phone FROM generate_series(1, ${rows}) at`,
      [],
    );
    await database.execute('ALTER TABLE "Person" ADD PRIMARY KEY (id)', []);
    const jobs = new JobEngine({ source, keys: keyring });
    const run = async (
      job: string,
      workers: number,
    ): Promise<{ readonly seconds: number; readonly memory: number; readonly delay: number }> => {
      const all = await Promise.all(Array.from({ length: workers }, () => child({ url, keyring: path, job }, env)));
      // From the first one that works to the last: loading programs is not the job.
      const ms = Math.max(...all.map(({ ended }) => ended)) - Math.min(...all.map(({ started }) => started));
      const most = (of: 'memory' | 'delay'): number => Math.max(...all.map((worked) => worked[of]));
      return { seconds: ms / 1000, memory: most('memory'), delay: most('delay') };
    };
    const first = await run(await jobs.start({ kind: 'backfill' }), 1);
    say(`backfill, 1 worker: ${rate(rows, first.seconds)} rows/s, ${megabytes(first.memory)} MB at most`);
    const seconds: Record<1 | 2, number[]> = { 1: [], 2: [] };
    for (let round = 0; round < rounds; round++)
      for (const workers of round % 2 === 0 ? ([1, 2] as const) : ([2, 1] as const)) {
        const found = await run(await rotated(keyring, jobs), workers);
        seconds[workers].push(found.seconds);
        say(
          `reencrypt, ${workers} worker${workers === 1 ? '' : 's'}: ${rate(rows, found.seconds)} rows/s, ${megabytes(found.memory)} MB at most, event loop late by ${found.delay.toFixed(1)} ms (p99)`,
        );
      }
    if (rounds === 0) return;
    say(
      `2 workers over 1, medians of ${rounds}: ${(quantile(seconds[1], 0.5) / quantile(seconds[2], 0.5)).toFixed(2)} times as fast`,
    );
    say(`cryptography of a row, opened and encrypted again: ${(await cryptography(source, keyring)).toFixed(1)} µs`);
    await foreground(database, rows, 'no job');
    for (const rowsPerSecond of [2000, 0]) {
      const job = await rotated(keyring, jobs, rowsPerSecond);
      const working = run(job, 1);
      await foreground(
        database,
        rows,
        rowsPerSecond === 0 ? 'a job at full speed' : `a job at ${rowsPerSecond} rows/s`,
      );
      const control = new JobControl(new SqlJobStore(database));
      if ((await control.status(job)).state === 'running') await control.cancel(job);
      await working;
    }
    await foreground(database, rows, 'no job again');
    keyring.close();
  } finally {
    await close();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function rotated(keyring: Keyring, jobs: JobEngine, rowsPerSecond = 0): Promise<string> {
  await keyring.rotate();
  return jobs.start({ kind: 'reencrypt', settings: { rowsPerSecond } });
}

/** What a row costs in cryptography alone, in µs: its two cells are opened, and encrypted again, in batches as a job does it. */
async function cryptography(source: SqlRowSource, keyring: Keyring): Promise<number> {
  const rows: readonly JobRow[] = await source.read(source.database, { after: null, upTo: null }, 500, { what: 'all' });
  const cipher = new FieldCipher();
  const stored = rows.flatMap(({ cells }) =>
    cells.map((cell, at) => ({ spec: source.fields[at]?.form.spec as FieldSpec, stored: cell, binding: null })),
  );
  const view = await keyring.resolve('', new Set(cipher.parse(stored).map(({ cell }) => cell.keyId)));
  const times: number[] = [];
  for (let round = 0; round < 60; round++) {
    const started = performance.now();
    const values = cipher.decrypt(view, cipher.parse(stored));
    cipher.encrypt(
      view,
      stored.map(({ spec }, at) => ({ spec, value: values[at], binding: null })),
    );
    times.push(performance.now() - started);
  }
  return (quantile(times, 0.5) * 1000) / rows.length;
}

/** Times of SELECTs of one row, as an application sends them. */
async function foreground(database: SqlDatabase, rows: number, beside: string): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1500)); // workers load and open the keyring
  const times: number[] = [];
  for (let at = 0; at < SELECTS; at++) {
    const started = performance.now();
    await database.query(`SELECT name FROM "Person" WHERE id = ${1 + ((at * 7919) % rows)}`, []);
    times.push(performance.now() - started);
    await new Promise((resolve) => setTimeout(resolve, SELECT_EVERY_MS));
  }
  const ms = (share: number): string => quantile(times, share).toFixed(2);
  say(`SELECT of one row beside ${beside}: p50 ${ms(0.5)} ms, p99 ${ms(0.99)} ms`);
}

/** Runs a worker process. */
function child(task: Task, env: NodeJS.ProcessEnv): Promise<Worked> {
  return new Promise((resolve, reject) => {
    const program = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
      env: { ...env, [VARIABLE]: JSON.stringify(task) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let answer = '';
    program.stdout.on('data', (part: Buffer) => {
      answer += part.toString();
    });
    program.once('error', reject);
    program.once('close', (code) =>
      code === 0 ? resolve(JSON.parse(answer) as Worked) : reject(new Error(`a worker ended with ${code}`)),
    );
  });
}

function rate(rows: number, seconds: number): string {
  return Math.round(rows / seconds).toLocaleString('en');
}

const task = process.env[VARIABLE];
if (task === undefined) await main(Number(process.argv[2] ?? 100_000), Number(process.argv[3] ?? 3));
else await work(JSON.parse(task) as Task);
