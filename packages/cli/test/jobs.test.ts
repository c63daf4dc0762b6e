import { createKeyring, keyringFile, rawKey } from '@fieldseal/core';
import { reportPublicKey, type SignedReport, verifyReport } from '@fieldseal/core/jobs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { JobProgress } from '../src/jobs/job-progress.ts';
import { Project, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';
import { dropJobs, jobCommands, MIGRATING } from './job-commands.ts';

let project: Project;
let target: Target;
let ours: Sealed;
let keyring: Awaited<ReturnType<Project['keyring']>>;

beforeAll(async () => {
  project = new Project();
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  keyring = await project.keyring();
  target = await openTarget('sqlite', project);
  ours = await sealed(keyring);
});
beforeEach(async () => {
  project.schema(MIGRATING);
  await target.reset();
  await dropJobs(target);
});
afterAll(async () => {
  await target.close();
  project.remove();
});

const { cli, json } = jobCommands(() => project);

const insert = (id: string, columns: Readonly<Record<string, string>>): Promise<void> => {
  const names = Object.keys(columns).map((name) => `, "${name}"`);
  const values = Object.values(columns).map((value) => `, '${value}'`);
  return target.run(`INSERT INTO "patients" ("patient_id"${names.join('')}) VALUES ('${id}'${values.join('')})`);
};

test('a rotation from the plan to the signed report', async () => {
  for (const id of ['a', 'b', 'c']) await insert(id, { email: ours.text('ada@x'), email_index: id });
  const before = (await keyring.resolve('')).primary.keyId;
  const plan = await cli('rotate', 'plan');
  expect(plan.stdout).toContain('reencrypt Patient (email, phone, note, photo, profile): 3 rows in 1 chunks');
  expect(plan.stdout).toMatch(new RegExp(`email +${before} +3`));
  expect((await cli('rotate', 'status')).stdout).toBe('no job\n');
  const started = await cli('rotate', 'start', '--new-key', '--fingerprint', '--batch-rows', '2');
  expect(started).toMatchObject({ code: 0, stdout: expect.stringContaining('Back the keyring up now.') });
  const { jobs } = await json('rotate', 'work', '--for', '30s');
  expect(jobs).toMatchObject([{ end: 'done', state: 'done', rows: 3, quarantined: 0, counts: { done: 3 } }]);
  const signed = jobs[0]?.['report'] as SignedReport;
  const { primary, indexRoot } = await keyring.resolve('', ['unknown to the view']);
  const report = verifyReport(signed, reportPublicKey(indexRoot));
  expect(report.census.after).toEqual([{ field: 'email', key: primary.keyId, values: 3 }]);
  expect(report.fingerprint?.after).toBe(report.fingerprint?.before);
  expect(primary.keyId).not.toBe(before);
  expect((await cli('census')).stdout).toMatch(
    new RegExp(`^Patient\n +field +key +values\n +email +${primary.keyId} +3\n$`),
  );
  expect((await cli('verify', 'start')).code).toBe(0);
  expect((await json('verify', 'work')).jobs).toMatchObject([{ state: 'done', counts: { done: 3 } }]);
});

test('plaintext is encrypted and comes back out, in the fields that are being migrated', async () => {
  await insert('a', { phone: '+48 1', email: ours.text('ada@x') });
  const started = await json('backfill', 'start');
  expect(started.jobs).toMatchObject([{ plan: { kind: 'backfill', fields: ['phone'] }, state: 'running' }]);
  expect((await json('backfill', 'work')).jobs).toMatchObject([{ state: 'done', counts: { done: 1 } }]);
  expect((await cli('census', '--model', 'Patient', '--fields', 'phone')).stdout).not.toContain('plaintext');
  await json('backfill', 'start', '--out');
  expect((await json('backfill', 'work')).jobs).toMatchObject([{ plan: { kind: 'restore' }, state: 'done' }]);
  expect((await cli('census', '--model', 'Patient', '--fields', 'phone')).stdout).toContain('plaintext');
  project.schema(schemaOf('sqlite'));
  expect(await json('backfill', 'start')).toMatchObject({ code: 1, error: { code: 'ERR_NO_JOB' } });
  expect((await cli('backfill', 'start')).stderr).toContain('mode: migrating');
  expect((await cli('backfill', 'start', '--out')).stderr).toContain('mode: leaving');
});

test('the way that cells are written is changed, from an older schema', async () => {
  await insert('a', { email: ours.text('ada@x') });
  project.write('older.prisma', MIGRATING);
  project.schema(
    MIGRATING.replace('/// @encrypted\n  email', '/// @encrypted(pad: 64, name: "patient.mail")\n  email'),
  );
  const argv = ['--model', 'Patient', '--fields', 'email', '--before', 'older.prisma'];
  expect((await json('rotate', 'start', ...argv)).jobs).toMatchObject([{ plan: { fields: ['email'] } }]);
  expect(await json('rotate', 'work')).toMatchObject({ code: 1, error: { code: 'ERR_SCHEMA_STALE' } });
  expect((await json('rotate', 'work', '--before', 'older.prisma')).jobs).toMatchObject([
    { state: 'done', counts: { done: 1 } },
  ]);
  await json('verify', 'start', '--fields', 'email', '--model', 'Patient');
  expect((await json('verify', 'work')).jobs).toMatchObject([{ quarantined: 0, counts: { done: 1 } }]);
});

test('jobs are steered, and rows that cannot be served end with 11', async () => {
  for (const id of ['a', 'b', 'c']) await insert(id, { email: 'plain@x' });
  await json('rotate', 'start', '--error-rows', '1');
  const keys = (await keyring.describe()).keysets[0]?.data.versions.length;
  for (const more of [[], ['--new-key']])
    expect(await json('rotate', 'start', ...more)).toMatchObject({ code: 1, error: { code: 'ERR_JOB_ACTIVE' } });
  expect((await keyring.describe()).keysets[0]?.data.versions).toHaveLength(keys ?? 0); // no key was made for nothing
  expect((await json('rotate', 'pause')).jobs).toMatchObject([{ state: 'paused' }]);
  expect(await json('rotate', 'work')).toMatchObject({ code: 0, jobs: [], paused: [expect.any(String)] });
  expect((await cli('rotate', 'work')).stdout).toContain('`fieldseal rotate resume`');
  expect((await json('rotate', 'set', '--rows-per-second', '1000')).jobs).toMatchObject([
    { settings: { rowsPerSecond: 1000 } },
  ]);
  expect((await json('rotate', 'resume')).jobs).toMatchObject([{ state: 'running' }]);
  expect(await json('rotate', 'work')).toMatchObject({ code: 11, jobs: [{ end: 'paused', reason: 'ERR_JOB_BUDGET' }] });
  expect(await json('rotate', 'work')).toMatchObject({ code: 11, jobs: [], paused: [expect.any(String)] });
  const shown = await cli('rotate', 'status');
  expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining('paused (ERR_JOB_BUDGET)') });
  const [job] = (await json('rotate', 'status')).jobs;
  expect((await json('rotate', 'cancel', '--job', String(job?.['id']))).jobs).toMatchObject([{ state: 'cancelled' }]);
  expect(shown.stdout).toMatch(/Patient\.email ERR_CELL_FORMAT: \d rows? set apart\n.*fieldseal_job_quarantine/);
  expect(shown.stdout).not.toContain('plain@x');
});

test('in cron, a worker with nothing to do is no failure', async () => {
  expect(await json('rotate', 'work', '--for', '1s')).toMatchObject({ code: 0, jobs: [] });
  expect((await cli('verify', 'work')).stdout).toContain('No job of verify is running');
});

test('a key that no backup holds is not promoted by a rotation where backups are required', async () => {
  const { primary } = await keyring.resolve('');
  const env = { ...project.env, FIELDSEAL_REQUIRE_BACKUP: 'backups' };
  const refused = await fieldseal(['rotate', 'start', '--new-key', '--json'], env);
  expect(parsed(refused)).toMatchObject({ error: { code: 'ERR_BACKUP_GATE' } });
  expect((await keyring.describe()).keysets[0]?.data.primary).toBe(primary.keyId);
  const { stdout } = await fieldseal(['rotate', 'start', '--new-key', '--no-backup', '--json'], env);
  expect(JSON.parse(stdout)).toMatchObject({ scope: '', newKey: expect.stringMatching(/^[0-9a-f]{16}$/) });
  await json('rotate', 'cancel');
});

test.each([
  [['rotate'], 'ERR_USAGE'],
  [['rotate', 'begin'], 'ERR_USAGE'],
  [['rotate', 'set'], 'ERR_USAGE'],
  [['rotate', 'work', '--for', '30'], 'ERR_USAGE'],
  [['rotate', 'start', '--batch-rows', 'many'], 'ERR_USAGE'],
  [['rotate', 'start', '--batch-rows', '0'], 'ERR_OPTIONS'],
  [['rotate', 'start', '--fields', 'email'], 'ERR_USAGE'],
  [['rotate', 'plan', '--new-key'], 'ERR_USAGE'],
  [['rotate', 'start', '--job', 'x'], 'ERR_USAGE'],
  [['rotate', 'start', '--model', 'Nobody'], 'ERR_OPTIONS'],
  [['rotate', 'plan', '--model', 'Patient', '--fields', 'id'], 'ERR_OPTIONS'],
  [['rotate', 'plan', '--url-env', 'NOWHERE'], 'ERR_USAGE'],
  [['rotate', 'work', '--job', 'none'], 'ERR_USAGE'],
  [['verify', 'start', '--sample', '2'], 'ERR_OPTIONS'],
  [['backfill', 'start', '--model', 'Patient', '--fields', 'email'], 'ERR_OPTIONS'],
])('refuses %s', async (argv, code) => {
  expect((await json(...argv)).error?.code).toBe(code);
});

test('neither a wrong key nor a database that is away starts anything', async () => {
  const env = { ...project.env, FIELDSEAL_KEY: '55'.repeat(32) };
  expect((await fieldseal(['rotate', 'start'], env)).code).toBe(3);
  const away = { ...project.env, DATABASE_URL: 'file:./nowhere.db' };
  expect((await fieldseal(['rotate', 'start', '--json'], away)).stdout).toContain('ERR_DATABASE');
  const other = await createKeyring({
    storage: keyringFile(`${project.folder}/other.json`),
    openers: [rawKey('66'.repeat(32))],
  });
  other.keyring.close();
});

test('the line of progress tells rate, rest and trouble', () => {
  let now = 1000;
  const shown: string[] = [];
  const io = {
    stdout: () => {},
    stderr: (text: string) => void shown.push(text),
    interactive: true,
    stdin: async () => '',
  };
  const progress = new JobProgress(io, () => now);
  const status = {
    id: 'j',
    plan: { kind: 'reencrypt', model: 'Patient', fields: [], schema: '', target: null, sample: 1 },
    rows: 10_000,
    passed: 1000,
    counts: { read: 1000, done: 1000, conflicts: 1 },
    quarantined: 2,
  } as never;
  const event = {
    action: 'batch',
    job: 'j',
    kind: 'reencrypt',
    model: 'Patient',
    read: 500,
    rows: 10_000,
    left: null,
    done: 500,
    conflicts: 1,
    quarantined: 1,
  } as const;
  void progress.during(status, async () => {
    now += 1000;
    progress.heard(event);
    progress.heard({ ...event, job: 'another' });
    now += 1000;
    progress.heard(event);
  });
  expect(shown.at(-1)).toContain(
    'reencrypt Patient: 20 %, 500 rows/s, 8000 to go, 16 s left, 3 conflicts, 4 quarantined',
  );
});
