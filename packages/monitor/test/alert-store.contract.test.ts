import { type MariadbService, type PostgresService, startMariadb, startPostgres } from '@fieldseal/testkit';
import { createClient } from '@libsql/client';
import mariadb from 'mariadb';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Alert } from '../src/alerts/alert.ts';
import { type AlertStore, memoryAlertStore } from '../src/alerts/alert-store.ts';
import { alertTable, type SqlQuery, sqlAlertStore } from '../src/alerts/sql-alert-store.ts';

const ends: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

const ALERT: Alert = {
  key: 'breaker-open:0123456789abcdef',
  rule: 'breaker-open',
  severity: 'critical',
  labels: { breaker: `it's "quoted" \\ é` },
  state: 'firing',
  value: 0.125,
  since: 1_800_000_000_123,
  noticed: null,
  told: false,
  acknowledgement: null,
};

const STORES: Record<string, () => Promise<AlertStore>> = {
  memory: async () => memoryAlertStore(),
  SQLite: async () => {
    const client = createClient({ url: ':memory:' });
    ends.push(() => client.close());
    const query: SqlQuery = async (sql, args) => (await client.execute({ sql, args: [...args] })).rows;
    await query(alertTable('sqlite'), []);
    return sqlAlertStore({ dialect: 'sqlite', query });
  },
  PostgreSQL: async () => {
    const server: PostgresService = await startPostgres();
    ends.push(() => server.stop());
    const pool = new pg.Pool({ connectionString: await server.createDatabase() });
    ends.push(() => pool.end());
    await pool.query(alertTable('postgresql'));
    return sqlAlertStore({
      dialect: 'postgresql',
      query: async (sql, args) => (await pool.query(sql, [...args])).rows,
    });
  },
  MariaDB: async () => {
    const server: MariadbService = await startMariadb();
    ends.push(() => server.stop());
    const pool = mariadb.createPool(await server.createDatabase());
    ends.push(() => pool.end());
    await pool.query(alertTable('mysql'));
    return sqlAlertStore({ dialect: 'mysql', query: (sql, args) => pool.query(sql, [...args]) });
  },
};

const stores = new Map<string, AlertStore>();
// Servers start beside each other.
beforeAll(async () => {
  await Promise.all(Object.entries(STORES).map(async ([name, start]) => stores.set(name, await start())));
});

describe.each(Object.keys(STORES))('the store of alerts in %s', (name) => {
  test('keeps what it is given', async () => {
    const store = stores.get(name) as AlertStore;
    expect(await store.load()).toEqual([]);
    await store.save(ALERT);
    await store.save({ ...ALERT, key: 'other' });
    expect(await store.load()).toEqual([ALERT, { ...ALERT, key: 'other' }]);

    const later = { ...ALERT, value: 3, noticed: ALERT.since + 5, told: true };
    const given = { owner: `O'Hara`, comment: 'looking; --', given: ALERT.since + 9, until: ALERT.since + 60_000 };
    expect(await store.acknowledge(ALERT.key, given)).toBe(true);
    expect(await store.acknowledge(ALERT.key, given)).toBe(true);
    // Saving the rest leaves it alone: another process may have given it meanwhile.
    await store.save({ ...later, acknowledgement: null });
    expect((await store.load()).find(({ key }) => key === ALERT.key)).toEqual({ ...later, acknowledgement: given });

    await store.save({ ...later, state: 'resolved' });
    expect(await store.acknowledge(ALERT.key, null)).toBe(true);
    expect((await store.load()).find(({ key }) => key === ALERT.key)).toEqual({ ...later, state: 'resolved' });
    expect(await store.acknowledge('unknown', given)).toBe(false);
    expect(await store.load()).toHaveLength(2);
  });
});
