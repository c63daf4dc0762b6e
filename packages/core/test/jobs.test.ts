import { afterEach, describe, expect, test } from 'vitest';
import { databaseFault, isConstraint, isTransient } from '../src/database-fault.ts';
import { FieldsealError } from '../src/errors.ts';
import { type CompletionReport, reportPublicKey, signReport, verifyReport } from '../src/jobs/completion-report.ts';
import { databaseError } from '../src/jobs/database-error.ts';
import { DEFAULT_SETTINGS, SETTING_NAMES, withSettings } from '../src/jobs/job.ts';
import { jobTables } from '../src/jobs/job-tables.ts';
import { joined, quoted, raw, sql, statement } from '../src/jobs/sql.ts';
import { Throttle } from '../src/jobs/throttle.ts';
import { IndexRoot } from '../src/keyring/key-view.ts';
import { SecretBytes } from '../src/secret-bytes.ts';

/** Matches a typed error of this code. */
const typedError = (code: string) => expect.objectContaining({ name: 'FieldsealError', code });

describe('throttle', () => {
  const clock = { time: 0, now: () => clock.time, sleep: async () => {} };
  afterEach(() => {
    clock.time = 0;
  });

  test('grows by steps while batches are fast, and halves when they are slow', () => {
    const throttle = new Throttle(clock);
    const sizes = [10, 10, 10, 300, 10, 900].map((ms) => {
      throttle.took(100, 0, ms, DEFAULT_SETTINGS);
      return throttle.rows(DEFAULT_SETTINGS);
    });
    expect(sizes).toEqual([125, 150, 175, 87, 112, 56]);
    for (let at = 0; at < 20; at++) throttle.took(1, 0, 10_000, DEFAULT_SETTINGS);
    expect(throttle.rows(DEFAULT_SETTINGS)).toBe(10);
    for (let at = 0; at < 50; at++) throttle.took(1, 0, 1, DEFAULT_SETTINGS);
    expect(throttle.rows(DEFAULT_SETTINGS)).toBe(DEFAULT_SETTINGS.batchRows);
    expect(throttle.rows({ ...DEFAULT_SETTINGS, batchRows: 3 })).toBe(3);
  });

  test('holds few large values at a time', () => {
    const throttle = new Throttle(clock);
    throttle.took(100, 100 * 4_000_000, 10, DEFAULT_SETTINGS);
    expect(throttle.rows(DEFAULT_SETTINGS)).toBe(4);
    throttle.took(4, 4, 10, DEFAULT_SETTINGS);
    expect(throttle.rows(DEFAULT_SETTINGS)).toBe(8);
    throttle.took(1, 100_000_000, 10, DEFAULT_SETTINGS);
    expect(throttle.rows(DEFAULT_SETTINGS)).toBe(1);
  });

  test('keeps to the rows a second over any number of batches, and makes up for nothing', () => {
    const throttle = new Throttle(clock);
    const settings = { ...DEFAULT_SETTINGS, rowsPerSecond: 100 };
    let rows = 0;
    for (let at = 0; at < 200; at++) {
      const batch = throttle.rows(settings);
      expect(batch).toBeLessThanOrEqual(100);
      clock.time += 5;
      rows += batch;
      clock.time += throttle.took(batch, 0, 5, settings);
    }
    expect(rows / (clock.time / 1000)).toBeCloseTo(100, 0);
    clock.time += 60_000; // nothing to do for a minute
    expect(throttle.took(100, 0, 0, settings)).toBe(1000);
    expect(new Throttle(clock).rows({ ...settings, rowsPerSecond: 0.5 })).toBe(1);
    expect(new Throttle(clock).took(1, 0, 0, { ...settings, rowsPerSecond: 0.5 })).toBe(2000);
  });
});

describe('errors of databases', () => {
  const pg = (code: string) => Object.assign(new Error('Failing row contains (secret)'), { code });
  const prisma = (code: string) => ({
    code: 'P2010',
    meta: { driverAdapterError: { name: 'DriverAdapterError', cause: { kind: 'postgres', originalCode: code } } },
  });
  const adapter = (cause: object) => Object.assign(new Error('x'), { name: 'DriverAdapterError', cause });

  test.each([
    pg('40001'),
    pg('40P01'),
    pg('25006'),
    pg('57P01'),
    pg('ECONNRESET'),
    prisma('40001'),
    adapter({ kind: 'TransactionWriteConflict' }),
    adapter({ kind: 'mysql', code: 1213 }),
    adapter({ kind: 'mysql', code: 1205 }),
    adapter({ kind: 'sqlite', extendedCode: 5 }),
    adapter({ kind: 'ConnectionClosed' }),
    { code: 'SQLITE_BUSY' },
    new Error('Connection terminated unexpectedly'),
    new Error('outer', { cause: pg('08006') }),
    new FieldsealError('ERR_KEK_TIMEOUT', 'the key service did not answer'),
    new FieldsealError('ERR_KEY_STORE', 'away', { cause: databaseFault(new Error('Connection terminated')) }),
  ])('are tried again: %o', (error) => {
    expect([isTransient(error), isConstraint(error)]).toEqual([true, false]);
  });

  test.each([
    pg('23505'),
    pg('23514'),
    prisma('23505'),
    adapter({ kind: 'UniqueConstraintViolation' }),
    adapter({ kind: 'mysql', code: 1062 }),
    { code: 'SQLITE_CONSTRAINT_UNIQUE' },
  ])('lie in a row: %o', (error) => {
    expect([isTransient(error), isConstraint(error)]).toEqual([false, true]);
  });

  const noTable = new FieldsealError('ERR_KEY_STORE', 'no table', { cause: databaseFault(pg('42P01')) });
  test.each([
    pg('42P01'),
    pg('42501'),
    noTable,
    new FieldsealError('ERR_KEY_STORE', 'damaged'),
    new Error('boom'),
    null,
    undefined,
    'text',
    5,
    {},
  ])('stop the job: %o', (error) => {
    expect([isTransient(error), isConstraint(error)]).toEqual([false, false]);
  });

  test('show no message of a driver, and end where an error holds itself', () => {
    const shown = databaseError(pg('42P01')) as Error;
    expect(shown).toEqual(typedError('ERR_JOB_DATABASE'));
    expect(shown.message).toContain('42P01');
    expect(`${shown.message}${shown.stack}${String(shown.cause)}`).not.toContain('secret');
    const knot: { code: string; cause?: unknown } = { code: '40001' };
    knot.cause = knot;
    expect(isTransient(knot)).toBe(true);
    const own = databaseError(shown);
    expect(own).toBe(shown);
  });
});

describe('settings', () => {
  test('are taken over one by one, within their bounds', () => {
    expect(withSettings(DEFAULT_SETTINGS, { batchRows: 7, rowsPerSecond: 0.5 })).toEqual({
      ...DEFAULT_SETTINGS,
      batchRows: 7,
      rowsPerSecond: 0.5,
    });
    expect(SETTING_NAMES.every((name) => name in DEFAULT_SETTINGS)).toBe(true);
  });

  test.each<object>([
    { batchRows: 0 },
    { batchRows: 1.5 },
    { batchRows: '7' },
    { batchMs: Number.NaN },
    { leaseMs: 0 },
    { errorShare: 1.1 },
    { errorRows: -1 },
    { rowsPerSecond: Number.POSITIVE_INFINITY },
    { unknown: 1 },
    { toString: 1 },
    { batchRows: undefined },
  ])('refuse %o', (changes: object) => {
    expect(() => withSettings(DEFAULT_SETTINGS, changes as Record<string, unknown>)).toThrow(typedError('ERR_OPTIONS'));
  });
});

describe('statements', () => {
  test('number their parameters in order, through pieces of pieces', () => {
    const piece = sql`a = ${'1'} AND ${sql`b = ${null} OR ${joined([sql`c = ${'?'}`, raw('d')], ' AND ')}`} AND e = ${'$1'}`;
    const args = ['1', null, '?', '$1'];
    expect(statement('mysql', piece)).toEqual({ text: 'a = ? AND b = ? OR c = ? AND d AND e = ?', args });
    expect(statement('postgresql', piece)).toEqual({
      text: 'a = $1::text AND b = $2::text OR c = $3::text AND d AND e = $4::text',
      args,
    });
  });

  test('quote names', () => {
    expect(quoted('postgresql', 'a"b').text).toBe('"a""b"');
    expect(quoted('mysql', 'a`b"').text).toBe('`a``b"`');
    expect(jobTables('sqlite')).toHaveLength(3);
  });
});

describe('report', () => {
  const root = (byte: number) => new IndexRoot('00'.repeat(8), 1, SecretBytes.take(new Uint8Array(32).fill(byte)));
  const report: CompletionReport = {
    format: 'fieldseal-job-report/1',
    job: 'j',
    kind: 'reencrypt',
    model: 'Patient',
    fields: ['email'],
    target: '0011223344556677',
    sample: 1,
    started: '2026-01-02T03:04:05.000Z',
    ended: '2026-01-02T03:05:05.000Z',
    counts: { read: 2, done: 1, conflicts: 0 },
    quarantine: [],
    census: { before: [], after: [{ field: 'email', key: '0011223344556677', values: 2 }] },
    fingerprint: null,
  };

  test('is signed by the keyring, and checked with the public key alone', () => {
    const signed = JSON.parse(JSON.stringify(signReport(report, root(1)))) as ReturnType<typeof signReport>;
    expect(verifyReport(signed, reportPublicKey(root(1)))).toEqual(report);
    expect(Buffer.from(signed.publicKey, 'base64url')).toHaveLength(32);
    expect(signReport(report, root(1))).toEqual(signed);
  });

  test('is refused when anything of it changed, or somebody else signed it', () => {
    const known = reportPublicKey(root(1));
    const signed = signReport(report, root(1));
    const broken = [
      { ...signed, report: { ...report, counts: { ...report.counts, done: 2 } } },
      { ...signed, report: { ...report, target: null } },
      { ...signed, signature: `${signed.signature.slice(0, -4)}AAAA` },
      { ...signed, signature: '' },
      { ...signed, signature: '!' },
      signReport(report, root(2)),
      { ...signReport(report, root(2)), publicKey: known },
    ];
    for (const each of broken) expect(() => verifyReport(each, known)).toThrow(typedError('ERR_JOB_REPORT'));
    for (const wrong of ['', 'AA', reportPublicKey(root(2))])
      expect(() => verifyReport(signed, wrong)).toThrow(typedError('ERR_JOB_REPORT'));
  });
});
