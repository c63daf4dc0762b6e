import { existsSync } from 'node:fs';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FieldsealTestError,
  newCanary,
  type PostgresService,
  postgresPool,
  scanFiles,
  startPostgres,
  startPostgresPair,
} from '../src/index.ts';

async function query<Row extends Record<string, unknown>>(url: string, text: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

describe('startPostgres', () => {
  let postgres: PostgresService;
  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres?.stop());

  it('starts a server that stores text in UTF-8', async () => {
    const rows = await query<{ text: string; encoding: string }>(
      postgres.url,
      `SELECT 'Zoë' AS text, current_setting('server_encoding') AS encoding`,
    );
    expect(rows).toEqual([{ text: 'Zoë', encoding: 'UTF8' }]);
  });

  it('makes databases that know nothing of each other', async () => {
    const [first, second] = [await postgres.createDatabase(), await postgres.createDatabase()];
    expect(first).not.toBe(second);
    await query(first, 'CREATE TABLE patient (id int)');
    const tables = `SELECT count(*)::int AS count FROM information_schema.tables WHERE table_name = 'patient'`;
    expect(await query(first, tables)).toEqual([{ count: 1 }]);
    expect(await query(second, tables)).toEqual([{ count: 0 }]);
  });

  it('shows a leak test what the server wrote to its disk', async () => {
    if (postgres.dataDirectory === undefined) {
      expect(postgres.source).not.toBe('local');
      return;
    }
    const [written, absent] = [newCanary('written'), newCanary('absent')];
    const database = await postgres.createDatabase();
    await query(database, `CREATE TABLE note AS SELECT '${written}'::text AS body`);
    await query(database, 'CHECKPOINT');
    const findings = await scanFiles([postgres.dataDirectory], [absent, written]);
    expect(findings.map(({ canary }) => canary)).toContain(1);
    expect(findings.map(({ canary }) => canary)).not.toContain(0);
  });

  it('drops the databases it made on a given server, and leaves the server running', async () => {
    const given = await startPostgres({ env: { TEST_POSTGRES_URL: postgres.url } });
    expect(given.source).toBe('url');
    const name = new URL(await given.createDatabase()).pathname.slice(1);
    const named = `SELECT datname FROM pg_database WHERE datname = '${name}'`;
    expect(await query(postgres.url, named)).toHaveLength(1);
    await Promise.all([given.stop(), given.stop()]);
    expect(await query(postgres.url, named)).toHaveLength(0);
  });
});

it('removes a local server and its files', async () => {
  const postgres = await startPostgres({ env: { ...process.env, TEST_SERVICES: 'local' } });
  expect(postgres.source).toBe('local');
  await postgres.stop();
  await postgres.stop();
  expect(existsSync(String(postgres.dataDirectory))).toBe(false);
  await expect(query(postgres.url, 'SELECT 1')).rejects.toThrow();
});

describe('postgresPool', () => {
  it('outlives a server that stops while its connections idle, or are about to be closed', async () => {
    const uncaught: string[] = [];
    const listen = (error: unknown) => void uncaught.push(String(error));
    process.on('uncaughtException', listen);
    try {
      const postgres = await startPostgres({ env: { ...process.env, TEST_SERVICES: 'local' } });
      const pools = Array.from({ length: 4 }, () => postgresPool(postgres.url));
      await Promise.all(pools.map((pool) => pool.query('SELECT 1')));
      await pools[0]?.end();
      await postgres.stop();
      await new Promise((resolve) => setTimeout(resolve, 50));
      await expect(pools[1]?.query('SELECT 1')).rejects.toThrow();
      await Promise.all(pools.slice(1).map((pool) => pool.end()));
    } finally {
      process.off('uncaughtException', listen);
    }
    expect(uncaught).toEqual([]);
  });
});

it('names every source that failed and what to install', async () => {
  const env = { TEST_POSTGRES_BIN: '/nowhere', DOCKER_HOST: 'unix:///nowhere.sock' };
  const failure = await startPostgres({ env }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FieldsealTestError);
  const { message } = failure as FieldsealTestError;
  expect(message).toContain('no PostgreSQL server for the tests');
  expect(message).toContain('url: TEST_POSTGRES_URL is not set');
  expect(message).toMatch(/docker: ./);
  expect(message).toContain('local: TEST_POSTGRES_BIN names a folder without initdb and postgres');
  expect(message).toContain('apt-get install postgresql');
});

it('does not test against another server than the given one, and does not print its password', async () => {
  const env = { TEST_POSTGRES_URL: 'postgresql://user:secret@127.0.0.1:1/none' };
  const failure = (await startPostgres({ env }).catch((error: unknown) => error)) as FieldsealTestError;
  expect(failure).toBeInstanceOf(FieldsealTestError);
  expect(failure.message).toContain('url: ');
  expect(failure.message).not.toContain('local: ');
  expect(failure.message).not.toContain('secret');
});

describe('a pair of PostgreSQL servers', () => {
  it('keeps what was acknowledged when the primary is killed', { timeout: 60_000 }, async () => {
    const pair = await startPostgresPair();
    try {
      const url = await pair.createDatabase();
      await query(url, 'CREATE TABLE kept (value int)');
      for (let value = 0; value < 20; value++) await query(url, `INSERT INTO kept VALUES (${value})`);
      expect(await query(url, 'SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: false }]);
      await pair.failOver();
      expect(await query(url, 'SELECT count(*)::int AS count FROM kept')).toEqual([{ count: 20 }]);
      // It waits for no standby of its own.
      await query(url, 'INSERT INTO kept VALUES (20)');
      expect(await query(url, 'SELECT pg_is_in_recovery() AS standby')).toEqual([{ standby: false }]);
    } finally {
      await pair.stop();
      await pair.stop();
    }
    await expect(query(pair.url, 'SELECT 1')).rejects.toThrow();
  });
});
