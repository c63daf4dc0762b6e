import {
  type MariadbService,
  type PostgresService,
  postgresPool,
  startMariadb,
  startPostgres,
} from '@fieldseal/testkit';
import { createClient } from '@libsql/client';
import mariadb from 'mariadb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Alert } from '../src/alerts/alert.ts';
import { type AlertStore, memoryAlertStore } from '../src/alerts/alert-store.ts';
import { alertTable, type SqlDialect, type SqlQuery, sqlAlertStore } from '../src/alerts/sql-alert-store.ts';
import { auditTables, sqlAuditSink, sqlWitness } from '../src/audit/audit-sql.ts';
import { verifyAuditLog } from '../src/audit/verification.ts';
import { openLog, signer } from './audit-sample.ts';

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

/** The databases of the stores, which the audit log uses too. */
const databases = new Map<string, { readonly dialect: SqlDialect; readonly query: SqlQuery }>();

const STORES: Record<string, () => Promise<AlertStore>> = {
  memory: async () => memoryAlertStore(),
  SQLite: async () => {
    const client = createClient({ url: ':memory:' });
    ends.push(() => client.close());
    const query: SqlQuery = async (sql, args) => (await client.execute({ sql, args: [...args] })).rows;
    await query(alertTable('sqlite'), []);
    databases.set('SQLite', { dialect: 'sqlite', query });
    return sqlAlertStore({ dialect: 'sqlite', query });
  },
  PostgreSQL: async () => {
    const server: PostgresService = await startPostgres();
    ends.push(() => server.stop());
    const pool = postgresPool(await server.createDatabase());
    ends.push(() => pool.end());
    await pool.query(alertTable('postgresql'));
    const query: SqlQuery = async (sql, args) => (await pool.query(sql, [...args])).rows;
    databases.set('PostgreSQL', { dialect: 'postgresql', query });
    return sqlAlertStore({ dialect: 'postgresql', query });
  },
  MariaDB: async () => {
    const server: MariadbService = await startMariadb();
    ends.push(() => server.stop());
    const pool = mariadb.createPool(await server.createDatabase());
    ends.push(() => pool.end());
    await pool.query(alertTable('mysql'));
    const query: SqlQuery = (sql, args) => pool.query(sql, [...args]);
    databases.set('MariaDB', { dialect: 'mysql', query });
    return sqlAlertStore({ dialect: 'mysql', query });
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

describe.each(Object.keys(STORES).filter((name) => name !== 'memory'))('the audit log in %s', (name) => {
  const read = { actor: 'ada', action: 'patient.export', object: 'Patient', outcome: 'done' } as const;

  test('keeps entries and checkpoints, goes on, and refuses a second writer', async () => {
    const { dialect, query } = databases.get(name) as { dialect: SqlDialect; query: SqlQuery };
    for (const sql of auditTables()) await query(sql, []);
    const options = { dialect, query, log: 'clinic' };
    const open = () => openLog({ sinks: [sqlAuditSink(options)], witnesses: [sqlWitness(options)] });
    const log = await open();
    await Promise.all(Array.from({ length: 30 }, () => log.append(read)));
    await log.close();
    const first = await open();
    const second = await openLog({ sinks: [sqlAuditSink(options)], timeoutMs: 2000 });
    expect(first.size).toBe(30);
    await first.append(read);
    // The one that comes later finds its place taken.
    const late = expect(second.append({ ...read, actor: 'eve' })).rejects.toThrow(/ERR_AUDIT_SINK/);
    await expect.poll(() => second.ready).toBe(false);
    await first.close();
    await second.close();
    const stored = await sqlAuditSink(options).open();
    const notes = (await sqlWitness(options).notes?.()) ?? [];
    expect(notes).toHaveLength(2);
    expect(await verifyAuditLog(stored ?? { lines: [], torn: false }, notes, signer.verifier)).toMatchObject({
      ok: true,
      entries: 31,
      witnessed: 31,
    });
    await late;
  });

  test('an append that is tried again is there once, and another log of the tables is not touched', async () => {
    const { dialect, query } = databases.get(name) as { dialect: SqlDialect; query: SqlQuery };
    let lost = 1;
    const losing: SqlQuery = async (sql, params) => {
      const rows = await query(sql, params);
      if (sql.startsWith('INSERT') && lost-- > 0) throw new Error('the answer was lost');
      return rows;
    };
    const options = { dialect, query: losing, log: `other of ${name}` };
    const log = await openLog({ sinks: [sqlAuditSink(options)], timeoutMs: 20_000 });
    await log.append(read);
    await log.append(read);
    await log.close();
    expect((await query('SELECT COUNT(*) AS n FROM fieldseal_audit', [])) as object).toMatchObject([{}]);
    const again = await openLog({ sinks: [sqlAuditSink(options)] });
    expect(again.size).toBe(2);
    await again.close();
  });
});
