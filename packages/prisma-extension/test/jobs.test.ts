import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { DataKey, type Keyring, type KeySource, type KeyView, SecretBytes, XAES_256_GCM } from '@fieldseal/core';
import {
  JobControl,
  JobEngine,
  type JobRequest,
  type RowSource,
  reportPublicKey,
  type SignedReport,
  SqlJobStore,
  verifyReport,
} from '@fieldseal/core/jobs';
import { newCanary } from '@fieldseal/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { typedError } from './harness.ts';
import { fleetCases } from './jobs/fleet-cases.ts';
import { during, flaky } from './jobs/interruptions.ts';
import { DIALECTS, type JobDatabase, openJobDatabase, schemaOf, stopServers } from './jobs/job-database.ts';
import { freshKeyring, ids, rowsOf, seal, valuesIn } from './jobs/job-rows.ts';
import { jobStoreCases } from './jobs/job-store-cases.ts';
import { rowSourceCases } from './jobs/row-source-cases.ts';

afterAll(stopServers);

const PATIENTS = `"patients of 'today'"`;

describe.each(DIALECTS)('jobs on %s', (dialect) => {
  let test: JobDatabase;
  let keyring: Keyring;
  const uuid = dialect === 'postgresql' ? '::uuid' : '';
  beforeAll(async () => {
    test = await openJobDatabase(dialect);
  });
  beforeEach(async () => {
    await test.clear();
    keyring = await freshKeyring();
  });
  afterAll(() => test.close());

  rowSourceCases(dialect, () => test);
  fleetCases(() => test);
  jobStoreCases(() => test);

  const addPatients = async (count: number): Promise<void> => {
    const values = ids(count).map((id) => `('${id}', 'Ada', '2026-01-02 03:04:05.678901')`);
    await test.run(`INSERT INTO ${PATIENTS} ("id", "name", "updatedAt") VALUES ${values.join(', ')}`);
  };
  const addVisits = async (rows: readonly Readonly<Record<string, string | null>>[]): Promise<void> => {
    for (const [at, row] of rows.entries()) {
      const names = Object.keys(row);
      const places = names.map((name) => (name === 'extra' && dialect === 'postgresql' ? '?::jsonb' : '?'));
      await test.run(
        `INSERT INTO "Visit" ("clinic", "number"${names.map((name) => `, "${name}"`).join('')}) VALUES ('c', ${at + 1}${places.map((place) => `, ${place}`).join('')})`,
        ...Object.values(row),
      );
    }
  };
  const engine = (source: RowSource, more: object = {}) =>
    new JobEngine({ source, keys: keyring, chunkRows: 7, ...more });
  const control = () => new JobControl(new SqlJobStore(test.database));
  const done = async (jobs: JobEngine, request: JobRequest) => {
    const job = await jobs.start(request);
    expect(await jobs.work(job)).toBe('done');
    return jobs.status(job);
  };
  const column = (name: string) => test.rows(`SELECT "${name}" FROM ${PATIENTS} ORDER BY "id"`);

  it('re-encrypts fields of every kind, and touches nothing else', async () => {
    const source = test.source('Patient');
    await addPatients(20);
    const before = (await keyring.resolve('')).primary.keyId;
    const write = async (field: string, value: (at: number) => unknown) =>
      seal(source, keyring, await rowsOf(source), field, (at) => (at === 3 ? undefined : value(at)));
    await write('email', (at) => `Ada${at}@x`);
    await write('phone', () => '');
    await write('photo', (at) => Uint8Array.of(at, 0));
    await write('profile', (at) => ({ at, list: ['ż', null] }));
    if (dialect === 'postgresql') {
      await write('tags', () => ['a', '', 'ż']);
      await write('scans', () => [Uint8Array.of(1), Uint8Array.of()]);
    }
    const fields = source.fields.map(({ form }) => form.spec.field);
    const all = () => Promise.all(fields.map((field) => valuesIn(source, keyring, field)));
    const values = await all();
    const untouched = [await column('email_index'), await column('updatedAt')];
    const after = await keyring.rotate();
    const status = await done(engine(source), { kind: 'reencrypt', fingerprint: true });
    expect(status).toMatchObject({
      state: 'done',
      rows: 20,
      passed: 20,
      quarantined: 0,
      counts: { done: 19, conflicts: 0 },
    });
    expect(await all()).toEqual(values);
    expect([await column('email_index'), await column('updatedAt')]).toEqual(untouched);
    expect(await keyIds(source)).toEqual([after]);
    const signed = JSON.parse(status.report as string) as SignedReport;
    const report = verifyReport(signed, reportPublicKey((await keyring.resolve('')).indexRoot));
    expect(new Set(report.census.before.map(({ key }) => key))).toEqual(new Set([before]));
    expect(new Set(report.census.after.map(({ key }) => key))).toEqual(new Set([after]));
    expect(report.fingerprint?.after).toBe(report.fingerprint?.before);
    // Nothing is left to do: another job changes nothing.
    expect((await done(engine(source), { kind: 'reencrypt' })).counts.done).toBe(0);
  });

  const keyIds = async (source: RowSource) => [
    ...new Set((await source.census(source.database)).map(({ key }) => key)),
  ];

  it('sets apart what cannot be opened, untouched, and pauses when there is too much of it', async () => {
    const source = test.source('Patient', { fields: ['email', 'phone'] });
    await addPatients(9);
    await seal(source, keyring, await rowsOf(source), 'email', (at) => `a${at}`);
    const rows = await rowsOf(source);
    const stranger = await freshKeyring();
    const cell = (at: number) => rows[at]?.cells[0] as string;
    const write = (at: number, text: string) =>
      test.run(`UPDATE ${PATIENTS} SET "email" = ? WHERE "id" = ?${uuid}`, text, rows[at]?.key[0] as string);
    await write(0, `${cell(0).slice(0, -2)}${cell(0).endsWith('AA') ? 'BA' : 'AA'}`); // damaged
    await write(1, 'plain@x'); // plaintext in a strict field
    await write(2, cell(2).slice(0, 40)); // truncated
    await test.run(`UPDATE ${PATIENTS} SET "the_phone" = ? WHERE "id" = ?${uuid}`, cell(4), rows[3]?.key[0] as string); // moved
    const five = (await rowsOf(source)).slice(5, 6);
    await seal(source, stranger, five, 'email', () => 'unknown');
    const before = await rowsOf(source);
    await keyring.rotate();
    const jobs = engine(source);
    const job = await jobs.start({ kind: 'reencrypt', settings: { errorRows: 2, errorShare: 0 } });
    expect(await jobs.work(job)).toBe('paused');
    expect(await jobs.status(job)).toMatchObject({ state: 'paused', reason: 'ERR_JOB_BUDGET' });
    await control().set(job, { errorRows: 5 });
    await control().resume(job);
    expect(await jobs.work(job)).toBe('done');
    expect(await jobs.status(job)).toMatchObject({ quarantined: 5, counts: { done: 4 } });
    expect(await control().quarantine(job)).toEqual([
      { field: 'email', code: 'ERR_CELL_FORMAT', rows: 2 },
      { field: 'email', code: 'ERR_DECRYPT', rows: 1 },
      { field: 'email', code: 'ERR_KEY_UNKNOWN', rows: 1 },
      { field: 'phone', code: 'ERR_DECRYPT', rows: 1 },
    ]);
    expect((await rowsOf(source)).filter((_, at) => [0, 1, 2, 3, 5].includes(at))).toEqual(
      before.filter((_, at) => [0, 1, 2, 3, 5].includes(at)),
    );
    const hashes = await test.rows('SELECT "code", "cell_hash" FROM "fieldseal_job_quarantine"');
    // A hash of plaintext could be guessed.
    expect(hashes.filter(([, hash]) => hash === null).map(([code]) => code)).toEqual(['ERR_CELL_FORMAT']);
  });

  it('encrypts plaintext with its terms, and back', async () => {
    const source = test.source('Visit');
    await addVisits([
      { note: 'one', age: '41', extra: '{"a":[1,2.5,"ż"],"b":null}' },
      { note: '', age: null, extra: '"text"' },
      { note: 'ONE ', age: '-7', extra: 'null' },
      { note: null },
      { note: 'bad', age: '41 years' },
      { note: 'many', extra: '{"n":12345678901234567890}' },
    ]);
    await test.run(`UPDATE "Visit" SET "scan" = X'00ff' WHERE "number" = 1`);
    const rows = await rowsOf(source);
    const status = await done(engine(source), { kind: 'backfill' });
    expect(status).toMatchObject({ quarantined: 2, counts: { done: 3 } });
    expect(await control().quarantine(status.id)).toEqual([
      { field: 'age', code: 'ERR_VALUE_TYPE', rows: 1 },
      { field: 'extra', code: 'ERR_VALUE', rows: 1 },
    ]);
    expect((await rowsOf(source)).slice(4)).toEqual(rows.slice(4));
    expect(await valuesIn(source, keyring, 'note')).toEqual(['one', '', 'ONE ', null, 'bad', 'many']);
    expect(await valuesIn(source, keyring, 'age')).toEqual([41, null, -7, null, '41 years', null]);
    expect((await valuesIn(source, keyring, 'extra')).slice(0, 3)).toEqual([
      { a: [1, 2.5, 'ż'], b: null },
      'text',
      null,
    ]);
    expect((await valuesIn(source, keyring, 'scan'))[0]).toEqual(Uint8Array.of(0, 255));
    const sealed = await rowsOf(source);
    expect(sealed.map(({ terms }) => terms[0] === null)).toEqual([false, false, false, true, true, true]);
    expect(new Set(sealed.slice(0, 3).map(({ terms }) => terms[0])).size).toBe(3);
    expect(sealed.slice(0, 2).every(({ cells }) => String(cells[0]).startsWith('fs1:'))).toBe(true);
    expect((await done(engine(source), { kind: 'restore' })).counts.done).toBe(3);
    expect((await rowsOf(source)).map(({ cells, terms }) => [cells, terms])).toEqual(
      rows.map(({ cells, terms }) => [cells, terms]),
    );
  });

  it('sets a row apart that a constraint refuses, and goes on', async () => {
    const source = test.source('Visit', { fields: ['note'] });
    await addVisits(['a', 'twice', 'b', 'twice', 'c'].map((note) => ({ note })));
    const status = await done(engine(source), { kind: 'backfill' });
    expect(status).toMatchObject({ quarantined: 1, counts: { done: 4 } });
    expect(await control().quarantine(status.id)).toEqual([{ field: 'note', code: 'ERR_ROW_REFUSED', rows: 1 }]);
    expect((await rowsOf(source))[3]?.cells).toEqual(['twice']);
  });

  it('shows no value in its tables, reports, events and errors', async () => {
    const canary = newCanary('note');
    const source = test.source('Visit');
    await addVisits([{ note: canary }, { note: canary }, { age: canary }, { note: `fs1:${canary}` }]);
    const told: unknown[] = [];
    const listen = (event: unknown) => told.push(event);
    subscribe('fieldseal:job', listen);
    const jobs = engine(source);
    const status = await done(jobs, { kind: 'backfill', fingerprint: true });
    unsubscribe('fieldseal:job', listen);
    expect(status.quarantined).toBe(3);
    expect(told.length).toBeGreaterThan(2);
    expect([told[0], told.at(-1)]).toMatchObject([
      { action: 'start', rows: 4, left: 4 },
      { action: 'done', rows: 4, left: 0 },
    ]);
    const counted = told.filter((event) => (event as { action: string }).action === 'batch');
    expect(counted[0]).toMatchObject({ rows: 4, left: expect.any(Number) });
    for (const table of ['job', 'job_chunk', 'job_quarantine'])
      told.push(await test.rows(`SELECT * FROM fieldseal_${table}`));
    // What a driver says of the row that it refuses stays with the driver.
    const refusing = during(source, async () => {
      throw Object.assign(new Error(`Key (note)=(${canary})`), { code: '42P01', detail: canary });
    });
    const job = await jobs.start({ kind: 'verify' });
    told.push(
      await engine(refusing)
        .work(job)
        .catch((error: unknown) => error),
    );
    expect(told.at(-1)).toEqual(typedError('ERR_JOB_DATABASE'));
    expect(inspect(told, { depth: null, showHidden: true })).not.toContain(canary);
  });

  it('keeps what others write meanwhile, and reads it again', async () => {
    const source = test.source('Patient', { fields: ['email'] });
    await addPatients(10);
    await seal(source, keyring, await rowsOf(source), 'email', () => 'old');
    const old = await rowsOf(source);
    await keyring.rotate();
    let meanwhile: (() => Promise<unknown>) | null = async () => {
      await seal(source, keyring, old.slice(2, 3), 'email', () => 'new');
      await test.run(`DELETE FROM ${PATIENTS} WHERE "id" = ?${uuid}`, old[4]?.key[0] as string);
      const at = old[6]?.key[0] as string;
      await test.run(`UPDATE ${PATIENTS} SET "email" = ? WHERE "id" = ?${uuid}`, old[5]?.cells[0] as string, at);
    };
    const interrupted = during(source, async () => {
      const work = meanwhile;
      meanwhile = null;
      await work?.();
    });
    const status = await done(engine(interrupted), { kind: 'reencrypt' });
    expect(status.counts).toMatchObject({ done: 8, conflicts: 3 });
    expect(await valuesIn(source, keyring, 'email')).toEqual(['old', 'old', 'new', ...Array(6).fill('old')]);
    expect(await keyIds(source)).toEqual([(await keyring.resolve('')).primary.keyId]);
  });

  it('bears errors that go away, wherever they come, and counts each row once', async () => {
    const { database, statements } = flaky(test.database);
    await addPatients(12);
    const source = test.source('Patient', { fields: ['email'] });
    await seal(source, keyring, await rowsOf(source), 'email', (at) => `${at}`);
    const [bad] = await rowsOf(source);
    await test.run(`UPDATE ${PATIENTS} SET "email" = 'plain' WHERE "id" = ?${uuid}`, bad?.key[0] as string);
    await keyring.rotate();
    const settings = { batchRows: 2 };
    const job = await engine(source).start({ kind: 'reencrypt', settings });
    const clock = { now: () => 0, sleep: async () => {} };
    const jobs = engine(test.source('Patient', { fields: ['email'], database }), { clock });
    expect(await jobs.work(job)).toBe('done');
    expect(statements()).toBeGreaterThan(30);
    expect(await engine(source).status(job)).toMatchObject({ quarantined: 1, counts: { done: 11, conflicts: 0 } });
    expect((await valuesIn(source, keyring, 'email')).slice(1)).toEqual(
      Array.from({ length: 11 }, (_, at) => `${at + 1}`),
    );
  });

  it('finds what came behind the workers', async () => {
    const source = test.source('Patient', { fields: ['email'] });
    await addPatients(10);
    await seal(source, keyring, (await rowsOf(source)).slice(1), 'email', () => 'old');
    const [first, second] = await rowsOf(source);
    const stale = second?.cells[0] as string;
    await keyring.rotate();
    let swaps = 0;
    const late = during(source, async () => {
      swaps += 1;
      // An instance that does not know the new key yet writes into a chunk that is done.
      if (swaps === 2)
        await test.run(`UPDATE ${PATIENTS} SET "email" = ? WHERE "id" = ?${uuid}`, stale, first?.key[0] as string);
    });
    expect((await done(engine(late), { kind: 'reencrypt' })).counts.done).toBe(10);
    expect(await keyIds(source)).toEqual([(await keyring.resolve('')).primary.keyId]);
  });

  it('writes nothing once its lease is another worker’s', async () => {
    const source = test.source('Patient', { fields: ['email'] });
    await addPatients(3);
    await seal(source, keyring, await rowsOf(source), 'email', () => 'old');
    await keyring.rotate();
    const before = await rowsOf(source);
    const store = new SqlJobStore(test.database);
    let job = '';
    let stolen = false;
    const robbed = during(source, async () => {
      if (stolen) return;
      stolen = true;
      await test.run('UPDATE "fieldseal_job_chunk" SET "lease_until" = 0');
      expect(await store.claim(job, 'thief', 60_000)).toMatchObject({ owner: 'thief', attempt: 2 });
    });
    const jobs = engine(robbed);
    job = await jobs.start({ kind: 'reencrypt' });
    expect(await jobs.work(job, { forMs: 600 })).toBe('time');
    expect(await rowsOf(source)).toEqual(before);
    expect((await jobs.status(job)).counts).toEqual({ read: 0, done: 0, conflicts: 0 });
    // The thief dies: its lease runs out by the clock of the database.
    await test.run('UPDATE "fieldseal_job_chunk" SET "lease_until" = 0');
    expect(await jobs.work(job)).toBe('done');
    expect((await jobs.status(job)).counts.done).toBe(3);
  });

  it('changes suite, padding, binding and names of keys', async () => {
    const older = schemaOf(dialect, { phone: '@encrypted(name: "Person.tel")' });
    const newer = schemaOf(dialect, { phone: '@encrypted(bind: [id], pad: 64)' });
    const was = test.source('Patient', { schema: older });
    const now = test.source('Patient', { schema: newer, before: older, fields: ['phone'] });
    await addPatients(5);
    await seal(was, keyring, await rowsOf(was), 'phone', (at) => `${at}`);
    await seal(now, keyring, (await rowsOf(now)).slice(0, 1), 'phone', () => 'new form already');
    const jobs = engine(now);
    expect((await done(jobs, { kind: 'reencrypt' })).counts.done).toBe(4);
    expect(await valuesIn(now, keyring, 'phone')).toEqual(['new form already', '1', '2', '3', '4']);
    expect((await valuesIn(was, keyring, 'phone')).every((value) => value === 'ERR_DECRYPT')).toBe(true);
    expect((await done(jobs, { kind: 'reencrypt' })).counts.done).toBe(0);
  });

  it('re-encrypts under another suite', async () => {
    const source = test.source('Patient', { fields: ['email', 'photo'] });
    await addPatients(3);
    await seal(source, keyring, await rowsOf(source), 'email', (at) => `${at}`);
    await seal(source, keyring, await rowsOf(source), 'photo', (at) => Uint8Array.of(at));
    const view = await keyring.resolve('');
    const primary = new DataKey('0123456789abcdef', XAES_256_GCM, SecretBytes.random(32));
    const keys = new Map([...view.keys, [primary.keyId, primary] as const]);
    const statuses = new Map([...view.statuses, [primary.keyId, 'enabled'] as const]);
    const next: KeyView = { ...view, primary, keys, statuses };
    const other: KeySource = { peek: () => next, resolve: async () => next };
    const jobs = new JobEngine({ source, keys: other });
    expect((await done(jobs, { kind: 'reencrypt' })).counts.done).toBe(3);
    expect(await keyIds(source)).toEqual([primary.keyId]);
    expect(await valuesIn(source, other, 'email')).toEqual(['0', '1', '2']);
    expect((await rowsOf(source)).every(({ cells }) => (cells[1] as Uint8Array)[0] === XAES_256_GCM)).toBe(true);
  });

  it('opens all, or a sample, and names what does not open', async () => {
    const source = test.source('Patient', { fields: ['email'] });
    await addPatients(40);
    await seal(source, keyring, await rowsOf(source), 'email', () => 'x');
    const [bad] = await rowsOf(source);
    await test.run(`UPDATE ${PATIENTS} SET "email" = 'plain' WHERE "id" = ?${uuid}`, bad?.key[0] as string);
    const before = await rowsOf(source);
    expect(await done(engine(source), { kind: 'verify' })).toMatchObject({
      quarantined: 1,
      counts: { read: 40, done: 39 },
    });
    const { counts } = await done(engine(source), { kind: 'verify', sample: 0.5 });
    expect(counts.read).toBe(40);
    expect(counts.done).toBeGreaterThan(0);
    expect(counts.done).toBeLessThan(39);
    expect(await rowsOf(source)).toEqual(before);
  });

  it('computes terms again, and leaves cells alone', async () => {
    const source = test.source('Patient', { fields: ['email'] });
    await addPatients(6);
    await seal(source, keyring, await rowsOf(source), 'email', (at) => `${at}`);
    const before = await rowsOf(source);
    await test.run(`UPDATE ${PATIENTS} SET "email_index" = NULL WHERE "id" = ?${uuid}`, before[0]?.key[0] as string);
    await test.run(`UPDATE ${PATIENTS} SET "email_index" = 'wrong' WHERE "id" = ?${uuid}`, before[5]?.key[0] as string);
    expect((await done(engine(source), { kind: 'reindex' })).counts.done).toBe(2);
    expect(await rowsOf(source)).toEqual(before);
  });

  it('is paused, resumed, cancelled and changed from outside, and never beside another', async () => {
    const source = test.source('Patient', { fields: ['email'] });
    await addPatients(20);
    await seal(source, keyring, await rowsOf(source), 'email', () => 'x');
    await keyring.rotate();
    const jobs = engine(source);
    const job = await jobs.start({ kind: 'reencrypt' });
    await expect(jobs.start({ kind: 'reindex' })).rejects.toEqual(typedError('ERR_JOB_ACTIVE'));
    await done(jobs, { kind: 'verify' }); // reads beside it
    await expect(control().resume(job)).rejects.toEqual(typedError('ERR_JOB_STATE'));
    let batches = 0;
    const pausing = during(source, async () => {
      batches += 1;
      if (batches === 2) await control().pause(job);
    });
    expect(await engine(pausing).work(job)).toBe('paused');
    expect((await jobs.status(job)).counts.done).toBe(14);
    expect(await jobs.work(job)).toBe('paused');
    await control().resume(job);
    await expect(control().set(job, { batchRows: 0 })).rejects.toEqual(typedError('ERR_OPTIONS'));
    await expect(control().set(job, { other: 1 })).rejects.toEqual(typedError('ERR_OPTIONS'));
    expect(await control().set(job, { batchRows: 2 })).toMatchObject({ batchRows: 2, errorRows: 100 });
    const aborted = AbortSignal.abort();
    expect(await jobs.work(job, { signal: aborted })).toBe('aborted');
    expect(await jobs.work(job, { forMs: 0 })).toBe('time');
    await control().cancel(job);
    expect(await jobs.work(job)).toBe('cancelled');
    await expect(control().cancel(job)).rejects.toEqual(typedError('ERR_JOB_STATE'));
    await expect(control().status('none')).rejects.toEqual(typedError('ERR_JOB_UNKNOWN'));
    expect((await done(jobs, { kind: 'reencrypt' })).counts.done).toBe(6);
    expect((await control().list()).map(({ state }) => state)).toContain('cancelled');
  });

  it('refuses what it cannot serve, before anything is written', async () => {
    const strict = test.source('Patient', { fields: ['email'] });
    const refused = (source: RowSource, request: JobRequest) =>
      expect(engine(source).start(request)).rejects.toEqual(typedError('ERR_OPTIONS'));
    await refused(strict, { kind: 'backfill' });
    await refused(strict, { kind: 'restore' });
    await refused(strict, { kind: 'reencrypt', sample: 0.5 });
    await refused(strict, { kind: 'verify', sample: 0 });
    await refused(test.source('Patient', { fields: ['phone'] }), { kind: 'reindex' });
    const schema = schemaOf(dialect).replace('of: email, normalize: [lowercase]', 'of: [email, phone]');
    await refused(test.source('Patient', { schema, fields: ['email'] }), { kind: 'reindex' });
    const before = schemaOf(dialect, { phone: '@encrypted(pad: 64)' });
    await refused(test.source('Patient', { fields: ['phone'], before }), { kind: 'verify' });
    expect(() => test.source('Patient', { fields: ['name'] })).toThrow(typedError('ERR_OPTIONS'));
    expect(() => test.source('Nobody' as 'Visit')).toThrow(typedError('ERR_OPTIONS'));
    expect(await control().list()).toEqual([]);
  });

  it('does not work with another schema or another primary than it was planned with', async () => {
    const source = test.source('Patient', { fields: ['email'] });
    await addPatients(2);
    await seal(source, keyring, await rowsOf(source), 'email', () => 'x');
    await keyring.rotate();
    const before = await rowsOf(source);
    const job = await engine(source).start({ kind: 'reencrypt' });
    await expect(engine(test.source('Patient')).work(job)).rejects.toEqual(typedError('ERR_SCHEMA_STALE'));
    await keyring.rotate();
    await expect(engine(source).work(job)).rejects.toEqual(typedError('ERR_KEY_STATUS'));
    expect(await rowsOf(source)).toEqual(before);
  });
});
