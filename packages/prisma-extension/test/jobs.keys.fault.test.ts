import { keyStoreTable, pgClient, sqlKeyStore } from '@fieldseal/core';
import { JobEngine } from '@fieldseal/core/jobs';
import { type PostgresService, postgresPool, startPostgres, type TcpProxy, tcpProxy } from '@fieldseal/testkit';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { prismaRows } from '../src/jobs.ts';
import { typedError } from './harness.ts';
import { fillTenants, openScoped, SCOPED_SCHEMA, type ScopedDatabase } from './scoped-database.ts';

/** Rows lie on SQLite, and keys on a PostgreSQL that goes away. */
let postgres: PostgresService;
let proxy: TcpProxy;
let pool: ReturnType<typeof postgresPool>;
let test: ScopedDatabase;
beforeAll(async () => {
  postgres = await startPostgres();
  const url = new URL(await postgres.createDatabase());
  proxy = await tcpProxy(Number(url.port));
  url.port = String(proxy.port);
  pool = postgresPool(url.href);
  await pool.query(keyStoreTable('postgresql'));
  test = await openScoped({}, sqlKeyStore(pgClient(pool)));
  await fillTenants(test);
});
afterAll(async () => {
  await test.close();
  await pool.end();
  await proxy.close();
  await postgres.stop();
});

it('a key store that is away for a moment does not end a job', async () => {
  const keys = await test.reopen();
  await test.keyring.rotate('a');
  const jobs = new JobEngine({ source: prismaRows(test.plain as never, 'User', { schema: SCOPED_SCHEMA }), keys });
  const job = await jobs.start({ kind: 'reencrypt' });
  await proxy.mode('refuse');
  const working = jobs.work(job);
  const back = new Promise((resolve) => setTimeout(resolve, 700)).then(() => proxy.mode('pass'));
  expect(await working).toBe('done');
  await back;
  expect(await jobs.status(job)).toMatchObject({ counts: { done: 1 }, quarantined: 0 });
  keys.close();
});

it('one that stays away ends its work with an error of the key store, and the job can be taken up again', async () => {
  const keys = await test.reopen();
  await test.keyring.rotate('b');
  const source = prismaRows(test.plain as never, 'User', { schema: SCOPED_SCHEMA });
  const jobs = new JobEngine({ source, keys, patienceMs: 300 });
  // The lease was given back: nobody has to wait an hour for it.
  const job = await jobs.start({ kind: 'reencrypt', settings: { leaseMs: 3_600_000 } });
  await proxy.mode('refuse');
  await expect(jobs.work(job)).rejects.toEqual(typedError('ERR_KEY_STORE'));
  await proxy.mode('pass');
  expect(await jobs.work(job)).toBe('done');
  expect((await jobs.status(job)).counts.done).toBe(1);
  keys.close();
});
