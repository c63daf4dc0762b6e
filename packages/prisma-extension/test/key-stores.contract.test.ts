import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inspect } from 'node:util';
import {
  createKeyring,
  formatRawKey,
  generateRawKey,
  keyringFile,
  keyringMemory,
  keyStoreTable,
  loadKeysets,
  mariadbClient,
  openKeyring,
  pgClient,
  rawKey,
  type SqlClient,
  type SqlDialect,
  type SqlValue,
  sqliteClient,
  sqlKeyStore,
} from '@fieldseal/core';
import {
  keyStoreContract,
  type MariadbService,
  type PostgresService,
  postgresPool,
  sampleKeyset,
  startMariadb,
  startPostgres,
} from '@fieldseal/testkit';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaPg } from '@prisma/adapter-pg';
import Database from 'libsql';
import mariadb from 'mariadb';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PrismaSqlClient, prismaKeyModel, prismaKeyStore } from '../src/index.ts';
import { parseInlineSchema } from '../src/schema/inline-schema.ts';
import { PrismaClient as MysqlClient } from './generated/mysql-client/client.ts';
import { PrismaClient as PostgresClient } from './generated/postgresql-client/client.ts';
import { PrismaClient } from './generated/sqlite-client/client.ts';

/** A driver with a table for key stores, which each test empties. */
interface Driver {
  readonly sql: SqlClient;
  readonly prisma: PrismaSqlClient & { $transaction<T>(work: (tx: PrismaSqlClient) => Promise<T>): Promise<T> };
  close(): Promise<void>;
}

const folder = mkdtempSync(join(tmpdir(), 'fieldseal-key-stores-'));
/** Below the repository, where programs find its dependencies. */
const programs = mkdtempSync(fileURLToPath(new URL('../../../.cache/scopes-', import.meta.url)));
const servers: { postgresql?: Promise<PostgresService>; mysql?: Promise<MariadbService> } = {};

const OPEN: Readonly<Record<SqlDialect, () => Promise<Driver>>> = {
  postgresql: async () => {
    servers.postgresql ??= startPostgres();
    const connectionString = await (await servers.postgresql).createDatabase();
    const pool = postgresPool(connectionString);
    const prisma = new PostgresClient({ adapter: new PrismaPg({ connectionString }) });
    return { sql: pgClient(pool), prisma, close: () => closed(prisma, () => pool.end()) };
  },
  mysql: async () => {
    servers.mysql ??= startMariadb();
    const url = await (await servers.mysql).createDatabase();
    const pool = mariadb.createPool(`${url}?connectionLimit=8`);
    const prisma = new MysqlClient({ adapter: new PrismaMariaDb(url) });
    const client = mariadbClient(pool);
    return { sql: client, prisma, close: () => closed(prisma, () => pool.end()) };
  },
  sqlite: async () => {
    const path = join(folder, 'keys.db');
    const database = new Database(path, { timeout: 5000 });
    const prisma = new PrismaClient({ adapter: new PrismaLibSql({ url: `file:${path}` }) });
    return {
      sql: sqliteClient(database),
      prisma,
      close: () => closed(prisma, async () => database.close()),
    };
  },
};

async function closed(prisma: { $disconnect(): Promise<void> }, driver: () => Promise<unknown>): Promise<void> {
  await prisma.$disconnect();
  await driver();
}

afterAll(async () => {
  await Promise.all(Object.values(servers).map(async (server) => (await server).stop()));
  for (const path of [folder, programs]) rmSync(path, { recursive: true, force: true });
});

describe.each(['postgresql', 'mysql', 'sqlite'] as const)('%s', (dialect) => {
  let driver: Driver;
  beforeAll(async () => {
    driver = await OPEN[dialect]();
    await driver.sql.execute(keyStoreTable(dialect), []);
  });
  afterAll(() => driver.close());

  const emptied = (): Promise<number> => driver.sql.execute('DELETE FROM fieldseal_key', []);

  keyStoreContract(
    `sqlKeyStore on ${dialect}`,
    async () => {
      await emptied();
      return { open: () => sqlKeyStore(driver.sql) };
    },
    { describe, it },
  );
  keyStoreContract(
    `prismaKeyStore on ${dialect}`,
    async () => {
      await emptied();
      return { open: () => prismaKeyStore(driver.prisma) };
    },
    { describe, it },
  );

  it('serves a keyring', async () => {
    await emptied();
    const storage = keyringMemory();
    const openers = [rawKey(generateRawKey())];
    const keyStore = prismaKeyStore(driver.prisma);
    const { keyring } = await createKeyring({ storage, openers, keyStore });
    const { primary } = await keyring.addScope('acme');
    const next = await keyring.addKey('acme');
    const other = await openKeyring({ storage, openers, keyStore: sqlKeyStore(driver.sql) });
    expect([...(await other.resolve('acme')).keys.keys()]).toEqual([primary.keyId, next]);
    await other.promote(next, 'acme');
    await keyring.disable(primary.keyId, 'acme');
    expect((await keyring.resolve('acme')).primary.keyId).toBe(next);
    keyring.close();
    other.close();
  });

  it('keeps nothing of a transaction that is rolled back, and all of one that is not', async () => {
    await emptied();
    const record = sampleKeyset('acme');
    const rolledBack = driver.prisma.$transaction(async (tx) => {
      expect(await prismaKeyStore(tx).save(record, null)).toBe(true);
      expect(await prismaKeyStore(tx).load('acme')).toEqual(record);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    expect(await driver.sql.rows('SELECT id FROM fieldseal_key', [])).toEqual([]);
    await driver.prisma.$transaction(async (tx) => {
      const store = prismaKeyStore(tx);
      expect(await store.save(record, null)).toBe(true);
      expect(await store.save(record, null)).toBe(false); // and the transaction goes on
      await expect(store.save({ ...record, scope: 'thief' }, null)).rejects.toThrow('another scope');
      expect(await store.save({ ...record, generation: 2 }, 1)).toBe(true);
    });
    expect((await sqlKeyStore(driver.sql).load('acme'))?.generation).toBe(2);
  });

  it('lists more scopes than one statement gives', async () => {
    await emptied();
    const row = (at: number): SqlValue[] => [`s${String(at).padStart(64, '0')}`, `tenant-${at}`, 1, null];
    for (let at = 0; at < 2100; at += 300) {
      const rows = Array.from({ length: 300 }, (_, more) => row(at + more));
      const places = rows.map((_, r) =>
        dialect === 'postgresql' ? `($${4 * r + 1}, $${4 * r + 2}, $${4 * r + 3}, $${4 * r + 4})` : '(?, ?, ?, ?)',
      );
      await driver.sql.execute(
        `INSERT INTO fieldseal_key (id, scope, generation, record) VALUES ${places.join()}`,
        rows.flat(),
      );
    }
    const seen = new Set<string>();
    let count = 0;
    for await (const scope of sqlKeyStore(driver.sql).scopes?.() ?? []) {
      seen.add(scope);
      count++;
    }
    expect([count, seen.size]).toEqual([2100, 2100]);
    expect(
      (
        await loadKeysets(
          sqlKeyStore(driver.sql),
          Array.from({ length: 2500 }, (_, at) => `nobody-${at}`),
        )
      ).size,
    ).toBe(0);
  });

  it.each([
    ['{', 'not JSON'],
    ['null', 'damaged'],
    ['{"scope":"acme"}', 'damaged'],
  ])('reports a row that holds %s, and shows nothing of it', async (text, message) => {
    await emptied();
    const store = sqlKeyStore(driver.sql);
    await store.save(sampleKeyset('acme'), null);
    await driver.sql.execute(`UPDATE fieldseal_key SET record = '${text}' WHERE id LIKE 's%'`, []);
    await expect(store.load('acme')).rejects.toMatchObject({
      code: 'ERR_KEY_STORE',
      message: expect.stringContaining(message),
    });
    await expect(store.save(sampleKeyset('acme'), null)).rejects.toMatchObject({ code: 'ERR_KEY_STORE' });
  });

  it('refuses the row of another scope', async () => {
    await emptied();
    const store = sqlKeyStore(driver.sql);
    const [acme, other] = [sampleKeyset('acme'), sampleKeyset('other')];
    await store.save(acme, null);
    await store.save(other, null);
    await driver.sql.execute(`UPDATE fieldseal_key SET record = '${JSON.stringify(other)}' WHERE id LIKE 's%'`, []);
    await expect(store.load('acme')).rejects.toMatchObject({ code: 'ERR_KEY_STORE' });
    expect(await store.load('other')).toEqual(other);
  });

  it.each(['sql', 'prisma'] as const)('tells a missing table by the code of the %s driver alone', async (kind) => {
    const options = { table: 'no_such_table' };
    const store = kind === 'sql' ? sqlKeyStore(driver.sql, options) : prismaKeyStore(driver.prisma, options);
    const error = await store.save(sampleKeyset('CanaryTenant'), null).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'ERR_KEY_STORE', hint: expect.stringContaining('fieldseal keys table') });
    expect(inspect(error, { depth: null })).not.toMatch(/Canary|no_such_table/);
  });

  it('refuses names of tables that are no names', () => {
    for (const table of ['', 'a b', 'x"; DROP TABLE y', 'a.b.c', 'ż', '1a', 'a`b'])
      expect(() => sqlKeyStore(driver.sql, { table })).toThrow('ERR_OPTIONS');
  });

  it('has the columns that its model in schema.prisma has', async () => {
    const model = prismaKeyModel(dialect);
    expect(model).toMatch(/^model FieldsealKey \{\n[\s\S]*@@map\("fieldseal_key"\)\n\}$/);
    const fields = parseInlineSchema(`datasource db {\n provider = "${dialect}"\n}\n${model}`).models[0]?.fields;
    const columns = [...keyStoreTable(dialect).matchAll(/^ {2}(\w+) /gm)].map(([, name]) => name);
    expect(fields?.map(({ dbName }) => dbName)).toEqual(columns);
  });
});

describe('many processes', () => {
  const [COUNT, TIMEOUT_MS] = process.env['SLOW'] === '1' ? [50, 300_000] : [6, 60_000];

  it('that make the keys of one scope at once make them once', { timeout: TIMEOUT_MS }, async () => {
    servers.postgresql ??= startPostgres();
    const connectionString = await (await servers.postgresql).createDatabase();
    const pool = postgresPool(connectionString);
    await pool.query(keyStoreTable('postgresql'));
    const key = formatRawKey(generateRawKey());
    const path = join(folder, 'keyring.json');
    const keyStore = sqlKeyStore(pgClient(pool));
    (await createKeyring({ storage: keyringFile(path), openers: [rawKey(key)], keyStore })).keyring.close();
    const program = await scopeMaker();
    const env = { FIELDSEAL_KEY: key, FIELDSEAL_KEYRING: path, URL_OF_STORE: connectionString };
    const children = Array.from({ length: COUNT }, () =>
      spawn(process.execPath, [program], { env, stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const lines = children.map((child) => createInterface({ input: child.stdout })[Symbol.asyncIterator]());
    const next = (): Promise<string[]> => Promise.all(lines.map(async (line) => String((await line.next()).value)));
    expect(new Set(await next())).toEqual(new Set(['ready']));
    for (const child of children) child.stdin.end('go\n');
    const made = await next();
    expect(new Set(made).size).toBe(1);
    const record = await keyStore.load('acme');
    expect(record).toMatchObject({ generation: 1, data: { primary: made[0] } });
    expect([record?.data.versions.length, record?.index.versions.length]).toEqual([1, 1]);
    await pool.end();
  });
});

/** A program that makes the keys of the scope acme when it is told to, from the sources of core as they are now. */
async function scopeMaker(): Promise<string> {
  const input = fileURLToPath(new URL('../../core/src/index.ts', import.meta.url));
  const bundle = await rolldown({ input, platform: 'node', external: /^[^./]/, logLevel: 'warn' });
  await bundle.write({ file: join(programs, 'core.mjs'), format: 'esm' });
  await bundle.close();
  const program = join(programs, 'scope-maker.mjs');
  writeFileSync(
    program,
    `import pg from 'pg';
     import { keyringFile, openKeyring, pgClient, rawKey, sqlKeyStore } from './core.mjs';
     const { FIELDSEAL_KEY, FIELDSEAL_KEYRING, URL_OF_STORE } = process.env;
     const client = new pg.Client({ connectionString: URL_OF_STORE });
     await client.connect();
     const storage = keyringFile(FIELDSEAL_KEYRING);
     const keyring = await openKeyring({ storage, openers: [rawKey(FIELDSEAL_KEY)], keyStore: sqlKeyStore(pgClient(client)) });
     console.log('ready');
     process.stdin.once('data', async () => {
       console.log((await keyring.addScope('acme')).primary.keyId);
       await client.end();
       process.exit();
     });`,
  );
  return program;
}
