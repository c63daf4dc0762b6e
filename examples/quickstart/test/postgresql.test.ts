import { type PostgresService, startPostgres } from '@fieldseal/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build, quickstart, scratch } from './harness.ts';

const { path, remove } = scratch();
let postgres: PostgresService;
let url = '';

beforeAll(async () => {
  build();
  postgres = await startPostgres();
  url = await postgres.createDatabase();
});

afterAll(async () => {
  await postgres.stop();
  remove();
});

test('the same tour on PostgreSQL, twice, and afresh', () => {
  const run = (...argv: string[]) => {
    const { code, stdout, stderr } = quickstart(['--json', '--data', path('pg'), '--url', url, ...argv]);
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout);
  };
  const first = run('--count', '120');
  expect(first).toMatchObject({
    setUp: { provider: 'postgresql', created: true },
    data: { patients: 120, inserted: true },
    scan: { encrypted: { found: 0 } },
  });
  expect(first.scan.plain.found).toBe(first.scan.plain.values);
  expect(run()).toMatchObject({ setUp: { created: false, migrated: false }, data: { patients: 120, inserted: false } });
  expect(run('--reset', '--count', '10')).toMatchObject({
    setUp: { created: true, migrated: true },
    data: { patients: 10 },
  });
});

test('a keyring that is not there is not replaced while the database needs it', () => {
  expect(quickstart(['--data', path('elsewhere'), '--url', url]).code).toBe(4);
});

test('a database that does not exist ends with 8', () => {
  const missing = new URL(url);
  missing.pathname = '/does_not_exist';
  expect(quickstart(['--data', path('pg'), '--url', missing.href]).code).toBe(8);
});
