import { JobControl, JobEngine, type JobKind, type JobStatus, SqlJobStore } from '@fieldseal/core/jobs';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { prismaDatabase, prismaRows } from '../src/jobs.ts';
import { typedError } from './harness.ts';
import { during } from './jobs/interruptions.ts';
import { fillTenants, openScoped, SCOPED_SCHEMA, type ScopedDatabase } from './scoped-database.ts';

let test: ScopedDatabase;
beforeAll(async () => {
  test = await openScoped();
});
afterAll(() => test.close());
beforeEach(() => fillTenants(test, { id: 3, tenantId: 'b', email: 'bob@x' }, { id: 4, tenantId: 'a' }));

const MIGRATING = SCOPED_SCHEMA.replaceAll('/// @encrypted\n', '/// @encrypted(mode: migrating)\n');

interface Wanted {
  readonly model?: string;
  readonly scope?: string;
  readonly schema?: string;
  readonly fields?: readonly string[];
  readonly happen?: () => Promise<void>;
}

function engine({ model = 'User', schema = SCOPED_SCHEMA, happen = async () => {}, ...given }: Wanted = {}): JobEngine {
  const source = prismaRows(test.plain as never, model, { schema, ...given });
  return new JobEngine({ source: during(source, happen), keys: test.keyring, chunkRows: 2 });
}

async function run(kind: JobKind, wanted: Wanted = {}): Promise<JobStatus> {
  const jobs = engine(wanted);
  const job = await jobs.start({ kind });
  expect(await jobs.work(job)).toBe('done');
  return jobs.status(job);
}

const stored = async (table = 'user') =>
  (await (test.plain as unknown as Record<string, { findMany(args: object): Promise<unknown> }>)[table]?.findMany({
    orderBy: { id: 'asc' },
  })) as Record<string, string | null>[];
const keyOf = (cell: unknown) => String(cell).slice(0, 16);
const quarantine = (job: string) =>
  new JobControl(new SqlJobStore(prismaDatabase(test.plain as never, 'sqlite'))).quarantine(job);

it('cells are re-encrypted under the primary of their own scope, in any number of scopes', async () => {
  const before = await stored();
  const primaries = new Map<string, string>();
  for (const scope of ['a', 'b']) {
    const { primary } = await test.keyring.resolve(scope);
    primaries.set(scope, await test.keyring.rotate(scope));
    expect(primaries.get(scope)).not.toBe(primary.keyId);
  }
  expect((await run('reencrypt')).counts).toMatchObject({ done: 3, conflicts: 0 });
  const after = await stored();
  expect(after.map(({ email }) => keyOf(email))).not.toEqual(before.map(({ email }) => keyOf(email)));
  expect(after.map(({ emailIndex }) => emailIndex)).toEqual(before.map(({ emailIndex }) => emailIndex));
  expect(await test.db.user.findMany({ where: { tenantId: 'b', email: 'ada@x' } })).toMatchObject([{ id: 2 }]);
  const census = await engine().forecast({ kind: 'reencrypt' });
  expect(new Set(census.census.map(({ key }) => key))).toEqual(new Set(primaries.values()));
  expect((await run('reencrypt')).counts.done).toBe(0);
  expect((await run('verify')).counts.done).toBe(4);
});

it('confined to a scope, a job leaves the rows of others as they are, byte for byte', async () => {
  const before = await stored();
  await test.keyring.rotate('a');
  await test.keyring.rotate('b');
  const status = await run('reencrypt', { scope: 'b' });
  expect(status).toMatchObject({ rows: 2, counts: { done: 2 }, plan: { scope: 'b' } });
  const after = await stored();
  expect(after.filter(({ tenantId }) => tenantId === 'a')).toEqual(before.filter(({ tenantId }) => tenantId === 'a'));
  expect(after[1]?.['email']).not.toBe(before[1]?.['email']);
  // A worker for another scope, or for all, is not one of this job.
  const jobs = engine({ scope: 'b' });
  const job = await jobs.start({ kind: 'verify' });
  for (const wanted of [{ scope: 'a' }, {}])
    await expect(engine(wanted).work(job)).rejects.toEqual(typedError('ERR_SCHEMA_STALE'));
  expect(await jobs.work(job)).toBe('done');
});

it('a cell of another scope than its row’s is set apart and never re-encrypted', async () => {
  await test.sql(`UPDATE "User" SET email = (SELECT email FROM "User" WHERE id = 1) WHERE id = 3`);
  const [, , moved] = await stored();
  await test.keyring.rotate('b');
  const { id, quarantined } = await run('reencrypt');
  expect(quarantined).toBe(1);
  expect(await quarantine(id)).toEqual([{ field: 'email', code: 'ERR_SCOPE_MISMATCH', rows: 1 }]);
  expect((await stored())[2]).toEqual(moved);
});

it('a row that changes its scope between reading and writing is not written under the keys of the old one', async () => {
  await test.keyring.rotate('b');
  let moves = 0;
  const happen = async (): Promise<void> => {
    if (++moves === 2) await test.sql(`UPDATE "User" SET "tenantId" = 'a' WHERE id = 3`);
  };
  const { id, counts } = await run('reencrypt', { happen });
  expect(counts).toMatchObject({ done: 1, conflicts: 1 });
  expect(await quarantine(id)).toEqual([{ field: 'email', code: 'ERR_SCOPE_MISMATCH', rows: 1 }]);
});

it('a backfill makes the keys of a scope that has none, and its way back needs none to be told', async () => {
  await test.sql(`INSERT INTO "Tenant" VALUES ('c', 'gamma')`);
  await test.sql(`INSERT INTO "User" (id, "tenantId", email) VALUES (7, 'c', 'new@x'), (8, 'a', 'old@x')`);
  const wanted = { schema: MIGRATING, fields: ['email', 'notes'] };
  expect((await run('backfill', wanted)).counts.done).toBe(2);
  expect(await test.db.user.findMany({ where: { tenantId: 'c', email: 'new@x' } })).toMatchObject([{ id: 7 }]);
  expect(test.keyStore.scopesOf.has('c')).toBe(true);
  await run('restore', { ...wanted, scope: 'c' });
  expect((await stored())[4]).toMatchObject({ id: 7, email: 'new@x', emailIndex: null });
  expect(await test.db.user.findMany({ where: { tenantId: 'a', email: 'old@x' } })).toMatchObject([{ id: 8 }]);
});

it('keys of a backfill that is confined to a new scope are made by its first batch, and not by a forecast', async () => {
  await test.sql(`INSERT INTO "Tenant" VALUES ('d', 'delta')`);
  await test.sql(`INSERT INTO "User" (id, "tenantId", email) VALUES (9, 'd', 'new@x')`);
  const wanted = { schema: MIGRATING, fields: ['email', 'notes'], scope: 'd' };
  expect((await engine(wanted).forecast({ kind: 'backfill' })).rows).toBe(1);
  expect(test.keyStore.scopesOf.has('d')).toBe(false);
  expect((await run('backfill', wanted)).counts.done).toBe(1);
  expect(test.keyStore.scopesOf.has('d')).toBe(true);
});

it('rows of a scope that was shredded are set apart, and all others are served', async () => {
  await test.db.account.create({ data: { id: 'doomed', apiKey: 'x' } });
  await test.db.account.create({ data: { id: 'kept', apiKey: 'y' } });
  await test.keyring.shred('doomed');
  await test.keyring.rotate('kept');
  const { id, counts } = await run('reencrypt', { model: 'Account' });
  expect(counts.done).toBe(1);
  expect(await quarantine(id)).toEqual([{ field: 'apiKey', code: 'ERR_KEY_DISABLED', rows: 1 }]);
  await test.keyring.cancelShred('doomed');
});

it('terms are made anew by the index root of each scope, and numbers name scopes too', async () => {
  const before = await stored();
  await test.sql(`UPDATE "User" SET "emailIndex" = '1.' || id WHERE email IS NOT NULL`);
  expect((await run('reindex', { fields: ['email'] })).counts.done).toBe(3);
  expect(await stored()).toEqual(before);
  await test.db.ledger.create({ data: { id: 1, book: 77, amount: 'x' } });
  await test.keyring.rotate('77');
  expect((await run('reencrypt', { model: 'Ledger', scope: '77' })).counts.done).toBe(1);
  expect(await test.db.ledger.findMany({})).toMatchObject([{ amount: 'x' }]);
});

it('the keys of a batch are resolved in one round trip', async () => {
  const rows = Array.from({ length: 40 }, (_, id) => ({ id, book: id, amount: String(id) }));
  for (const data of rows) await test.db.ledger.create({ data });
  const fresh = await test.reopen();
  const source = prismaRows(test.plain as never, 'Ledger', { schema: SCOPED_SCHEMA });
  const jobs = new JobEngine({ source, keys: fresh });
  const job = await jobs.start({ kind: 'verify' });
  const { loads } = test.keyStore;
  expect(await jobs.work(job)).toBe('done');
  // The other one is that of the application's keys, which sign the report.
  expect(test.keyStore.loads - loads).toBe(2);
  expect((await jobs.status(job)).counts.done).toBe(40);
  fresh.close();
});

it.each([
  ['a scope of a model without', { model: 'Setting', scope: 'a' }],
  ['a model that is none', { model: 'Nobody' }],
])('%s is refused', (_, wanted) => {
  expect(() => engine(wanted)).toThrow(typedError('ERR_OPTIONS'));
});
