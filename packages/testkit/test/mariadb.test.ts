import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createConnection } from 'mariadb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FieldsealTestError, type MariadbService, newCanary, scanFiles, startMariadb } from '../src/index.ts';
import { findMariadbProgram, runnableMariadb, unpackedMariadb } from '../src/services/mariadb-program.ts';
import { startServer } from '../src/services/server-process.ts';

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const connection = await createConnection(url);
  try {
    return await connection.query({ sql: text, bigIntAsNumber: true });
  } finally {
    await connection.end();
  }
}

describe('startMariadb', () => {
  let mariadb: MariadbService;
  beforeAll(async () => {
    mariadb = await startMariadb();
  });
  afterAll(() => mariadb?.stop());

  it('starts a server whose databases store all of Unicode, and refuses what does not fit', async () => {
    const url = await mariadb.createDatabase();
    expect(await query(url, `SELECT 'Zoë 👩' AS text, @@collation_database AS collation`)).toEqual([
      { text: 'Zoë 👩', collation: 'utf8mb4_unicode_ci' },
    ]);
    await query(url, 'CREATE TABLE patient (name VARCHAR(2))');
    await query(url, `INSERT INTO patient VALUES ('👩👩')`);
    await expect(query(url, `INSERT INTO patient VALUES ('abc')`)).rejects.toThrow('Data too long');
    expect(await query(url, 'SELECT name FROM patient')).toEqual([{ name: '👩👩' }]);
  });

  it('makes databases that know nothing of each other', async () => {
    const [first, second] = [await mariadb.createDatabase(), await mariadb.createDatabase()];
    expect(first).not.toBe(second);
    await query(first, 'CREATE TABLE patient (id int)');
    expect(await query(first, 'SHOW TABLES')).toHaveLength(1);
    expect(await query(second, 'SHOW TABLES')).toHaveLength(0);
  });

  it('shows a leak test what the server wrote to its disk', async () => {
    if (mariadb.dataDirectory === undefined) {
      expect(mariadb.source).not.toBe('local');
      return;
    }
    const [written, absent] = [newCanary('written'), newCanary('absent')];
    const database = await mariadb.createDatabase();
    await query(database, `CREATE TABLE note AS SELECT '${written}' AS body`);
    await query(database, 'SET GLOBAL innodb_log_checkpoint_now = ON');
    const findings = await scanFiles([mariadb.dataDirectory], [absent, written]);
    expect(findings.map(({ canary }) => canary)).toContain(1);
    expect(findings.map(({ canary }) => canary)).not.toContain(0);
    expect(findings.map(({ file }) => file)).toContainEqual(expect.stringMatching(/note\.ibd$/));
  });

  it('drops the databases it made on a given server, and leaves the server running', async () => {
    const given = await startMariadb({ env: { TEST_MARIADB_URL: mariadb.url.replace('mariadb:', 'mysql:') } });
    expect(given).toMatchObject({ source: 'url', url: mariadb.url });
    const name = new URL(await given.createDatabase()).pathname.slice(1);
    const named = `SHOW DATABASES LIKE '${name}'`;
    expect(await query(mariadb.url, named)).toHaveLength(1);
    await Promise.all([given.stop(), given.stop()]);
    expect(await query(mariadb.url, named)).toHaveLength(0);
  });
});

it('removes a local server and its files, while clients are connected', async () => {
  const mariadb = await startMariadb({ env: { ...process.env, TEST_SERVICES: 'local' } });
  expect(mariadb.source).toBe('local');
  const connection = await createConnection(mariadb.url);
  connection.on('error', () => {});
  await mariadb.stop();
  await mariadb.stop();
  connection.destroy();
  expect(existsSync(dirname(String(mariadb.dataDirectory)))).toBe(false);
  await expect(query(mariadb.url, 'SELECT 1')).rejects.toThrow();
});

describe('the programs', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'fieldseal-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const program = (path: string, text = '') => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
    return join(folder, path);
  };

  it('are those of a package or of an archive, with their installer', () => {
    const server = program('usr/sbin/mariadbd');
    expect(findMariadbProgram({ TEST_MARIADB_BIN: server })).toBeUndefined();
    expect(unpackedMariadb(folder)).toBeUndefined();
    const installer = program('usr/bin/mariadb-install-db');
    const found = { path: server, installer, prefix: join(folder, 'usr') };
    expect(findMariadbProgram({ TEST_MARIADB_BIN: server })).toMatchObject(found);
    expect(unpackedMariadb(folder)).toMatchObject(found);
    const archived = program('archive/bin/mariadbd');
    program('archive/scripts/mariadb-install-db');
    expect(findMariadbProgram({ PATH: dirname(archived) })).toMatchObject({ path: archived });
    expect(findMariadbProgram({ TEST_MARIADB_BIN: join(folder, 'gone'), PATH: dirname(archived) })).toBeUndefined();
  });

  it('are copied where the user of the server cannot enter their folder', () => {
    program('home/usr/sbin/mariadbd');
    program('home/usr/bin/mariadb-install-db');
    mkdirSync(join(folder, 'home/usr/lib/x86_64-linux-gnu'), { recursive: true });
    const found = unpackedMariadb(join(folder, 'home')) ?? expect.unreachable('it was unpacked');
    const nobody = { uid: 65534, gid: 65534 };
    const scratch = join(folder, 'scratch');
    chmodSync(join(folder, 'home'), 0o700);
    expect(runnableMariadb(found, undefined, scratch)).toBe(found);
    expect(runnableMariadb(found, nobody, scratch)).toEqual(unpackedMariadb(join(scratch, 'programs')));
    expect(existsSync(join(scratch, 'programs/usr/sbin/mariadbd'))).toBe(true);
  });

  it.each([
    [/\[ERROR\]/, 'ended with 1: [ERROR] Address already in use'],
    [undefined, 'ended with 1: [ERROR] Aborting'],
  ])('that fail are quoted by the line that tells why: %s', async (failure, message) => {
    const lines = '[Note] starting\\n[ERROR] Address already in use\\n[ERROR] Aborting\\n';
    const path = program('mariadbd', `printf '${lines}' >&2; exit 1`);
    const command = { program: path, args: [], folder, ready: /ready for/, stopSignal: 'SIGTERM' } as const;
    await expect(startServer({ ...command, ...(failure && { failure }) })).rejects.toThrow(message);
  });
});

it('names every source that failed and what to install', async () => {
  const env = { TEST_MARIADB_BIN: '/nowhere', DOCKER_HOST: 'unix:///nowhere.sock' };
  const failure = await startMariadb({ env }).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(FieldsealTestError);
  const { message } = failure as FieldsealTestError;
  expect(message).toContain('no MariaDB server for the tests');
  expect(message).toContain('url: TEST_MARIADB_URL is not set');
  expect(message).toMatch(/docker: ./);
  expect(message).toContain('local: no mariadbd with its mariadb-install-db in TEST_MARIADB_BIN');
  expect(message).toContain('apt-get install mariadb-server-core');
});

it.each(['mariadb', 'mysql'])(
  'does not test against another server than the given one, nor print its password: %s',
  async (scheme) => {
    const env = { TEST_MARIADB_URL: `${scheme}://user:secret@127.0.0.1:1/none` };
    const failure = (await startMariadb({ env }).catch((error: unknown) => error)) as FieldsealTestError;
    expect(failure).toBeInstanceOf(FieldsealTestError);
    expect(failure.message).toContain('url: ');
    expect(failure.message).not.toContain('local: ');
    expect(failure.message).not.toContain('secret');
  },
);
