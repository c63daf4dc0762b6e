import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { Project, ROTATABLE_SCHEMA, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { fieldseal, parsed } from './harness.ts';

let project: Project;
let target: Target;
beforeAll(async () => {
  project = new Project();
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  target = await openTarget('sqlite', project);
});
beforeEach(async () => {
  project.schema(ROTATABLE_SCHEMA);
  await target.reset();
  await target.run('ALTER TABLE "patients" ADD COLUMN "email_next" TEXT');
  await target.run('CREATE UNIQUE INDEX "next_key" ON "patients" ("email_next")');
});
afterAll(async () => {
  await target.close();
  project.remove();
});

const index = async (...argv: string[]) => {
  const outcome = await fieldseal(['index', ...argv, '--json'], project.env);
  return { code: outcome.code, ...(parsed(outcome) as { error?: { code: string; message: string; hint: string } }) };
};

test('a rotation from its start to a single root, and doctor is content at every step', async () => {
  const ours = await sealed(await project.keyring());
  for (const email of ['ada@x', 'bob@x'])
    await target.run(
      `INSERT INTO "patients" ("patient_id", "email", "email_index") VALUES ('${email}', '${ours.text(email)}', '${ours.term('email', email)}')`,
    );
  const healthy = async () => {
    const findings = await project.findings();
    expect(findings.filter(({ id }) => id.startsWith('index.') && id !== 'index.unindexed')).toEqual([]);
  };
  await healthy();
  expect(await index('rotate', 'continue')).toMatchObject({ code: 0, phase: 'steady' });
  expect(await index('rotate', 'abandon')).toMatchObject({ code: 2, error: { code: 'ERR_USAGE' } });
  expect(await index('rotate', 'start')).toMatchObject({ code: 0, phase: 'added', primary: 1, versions: [1, 2] });
  expect(await index('rotate', 'start')).toMatchObject({ code: 2 });
  const early = await index('rotate', 'continue');
  expect(early).toMatchObject({ code: 1, error: { code: 'ERR_INDEX_ROTATION' } });
  expect(await index('status')).toMatchObject({ phase: 'added', waitsUntil: expect.stringMatching(/Z$/) });
  await healthy();
  const next = () => index('rotate', 'continue', '--every-process-knows');
  expect(await next()).toMatchObject({ code: 0, phase: 'promoted', primary: 2, versions: [2, 1] });
  await healthy();
  expect(await index('rotate', 'abandon')).toMatchObject({ code: 2 });
  expect(await next()).toMatchObject({ code: 0, phase: 'cleanup', versions: [2] });
  await healthy();
  const done = await next();
  expect(done).toMatchObject({ code: 0, phase: 'steady', versions: [2] });
  expect(done).toMatchObject({
    columns: expect.arrayContaining([
      { column: 'Patient.emailIndex', version: null, filled: true, rows: 2 },
      { column: 'Patient.emailNext', version: 2, filled: true, rows: 2 },
    ]),
  });
  await healthy();
  const shown = await fieldseal(['index', 'status'], project.env);
  expect(shown.stdout).toContain('index roots: 2; 2 is the primary');
  expect(shown.stdout).toContain('No rotation is under way.');
  expect(shown.stdout).not.toContain('ada@x');
});

test('a job that died while it was planned stands in nobody’s way', async () => {
  await project.keyring('planned.json');
  project.env['FIELDSEAL_KEYRING'] = `${project.folder}/planned.json`;
  expect(await index('rotate', 'start')).toMatchObject({ phase: 'added' });
  const job = await fieldseal(['backfill', 'start', '--terms', '--model', 'Patient', '--json'], project.env);
  expect(job.code).toBe(0);
  await target.run(`UPDATE fieldseal_job SET state = 'planning' WHERE state = 'running'`);
  expect(await index('rotate', 'continue', '--every-process-knows')).toMatchObject({ code: 0, phase: 'promoted' });
});

test('one that was begun is given up, and leaves nothing', async () => {
  await project.keyring('other.json');
  project.env['FIELDSEAL_KEYRING'] = `${project.folder}/other.json`;
  expect(await index('rotate', 'start')).toMatchObject({ phase: 'added' });
  expect(await index('rotate', 'abandon')).toMatchObject({ code: 0, phase: 'steady', versions: [1] });
});

test.each([
  ['a unique index with one column', schemaOf('sqlite'), 'Patient.emailIndex names unique rows'],
  [
    'a field of bytes that is being migrated',
    ROTATABLE_SCHEMA.replace(
      '  /// @encrypted\n  email      String?',
      '  /// @encrypted(mode: migrating, type: String)\n  email      Bytes?',
    ),
    'Patient.emailIndex has two columns',
  ],
])('%s is not rotated', async (_, schema, reason) => {
  await project.keyring(`${reason}.json`);
  project.env['FIELDSEAL_KEYRING'] = `${project.folder}/${reason}.json`;
  project.schema(schema);
  const { code, error } = await index('rotate', 'start');
  expect([code, error?.message]).toEqual([2, expect.stringContaining(reason)]);
  expect(await index('status')).toMatchObject({ phase: 'steady', versions: [1] });
});

describe('one scope', () => {
  const scoped = ROTATABLE_SCHEMA.replace(
    '  /// @encrypted\n  email',
    '  /// @scope\n  tenant String\n  /// @encrypted\n  email',
  );
  const other =
    'model Word {\n  id String @id\n  /// @encrypted\n  word String?\n  /// @blindIndex(of: word)\n  wordIndex String?\n}\n';
  const insert = async (tenant: string, email: string, ours: Sealed): Promise<void> =>
    target.run(
      'INSERT INTO "patients" ("patient_id", "tenant", "email", "email_index") VALUES ' +
        `('${tenant}${email}', '${tenant}', '${ours.text(email)}', '${ours.term('email', email)}')`,
    );
  const stored = (tenant: string) => target.rows(`SELECT * FROM "patients" WHERE tenant = '${tenant}'`);

  test('is rotated by itself, and the rows of others stay', async () => {
    const keyring = await project.keyring('scoped.json');
    project.env['FIELDSEAL_KEYRING'] = `${project.folder}/scoped.json`;
    project.schema(scoped);
    await target.run(`ALTER TABLE "patients" ADD COLUMN "tenant" TEXT NOT NULL DEFAULT ''`);
    for (const tenant of ['acme', 'globex']) {
      await keyring.addScope(tenant);
      const ours = await sealed(keyring, tenant);
      for (const email of ['ada@x', 'bob@x', 'cy@x']) await insert(tenant, email, ours);
    }
    const before = await stored('globex');
    expect(await index('rotate', 'start')).toMatchObject({
      code: 2,
      error: { message: expect.stringContaining('no model without @scope') },
    });
    const acme = ['--scope', 'acme'];
    expect(await index('rotate', 'start', '--scope', 'nobody')).toMatchObject({
      code: 1,
      error: { code: 'ERR_KEY_UNKNOWN' },
    });
    expect(await index('rotate', 'start', ...acme)).toMatchObject({ code: 0, phase: 'added', versions: [1, 2] });
    expect(await index('rotate', 'continue', ...acme)).toMatchObject({ error: { code: 'ERR_INDEX_ROTATION' } });
    const next = () => index('rotate', 'continue', '--every-process-knows', ...acme);
    expect(await next()).toMatchObject({ code: 0, phase: 'promoted', versions: [2, 1] });
    expect(await index('status', '--scope', 'globex')).toMatchObject({ phase: 'steady', primary: 1, versions: [1] });
    expect(await next()).toMatchObject({ code: 0, phase: 'cleanup', versions: [2] });
    expect(await next()).toMatchObject({
      code: 0,
      phase: 'steady',
      versions: [2],
      columns: expect.arrayContaining([
        { column: 'Patient.emailIndex', version: null, filled: true, rows: 3 },
        { column: 'Patient.emailNext', version: 2, filled: true, rows: 3 },
      ]),
    });
    expect(await stored('globex')).toEqual(before);
    const shown = await fieldseal(['index', 'status', ...acme], project.env);
    expect(shown.stdout).toContain('index roots of acme: 2; 2 is the primary');
  });

  test('waits for values of models without @scope that are under its keys', async () => {
    const keyring = await project.keyring('stray.json');
    project.env['FIELDSEAL_KEYRING'] = `${project.folder}/stray.json`;
    project.schema(scoped + other);
    await target.run(`ALTER TABLE "patients" ADD COLUMN "tenant" TEXT NOT NULL DEFAULT ''`);
    await target.run('CREATE TABLE "Word" (id TEXT PRIMARY KEY, word TEXT, "wordIndex" TEXT)');
    await keyring.addScope('acme');
    const ours = await sealed(keyring, 'acme');
    await target.run(`INSERT INTO "Word" VALUES ('1', '${(await sealed(keyring)).text('of the application')}', NULL)`);
    const stray = `INSERT INTO "Word" VALUES ('2', '${ours.text('stray')}', NULL)`;
    await target.run(stray);
    const start = () => index('rotate', 'start', '--scope', 'acme');
    expect(await start()).toMatchObject({
      code: 2,
      error: { message: expect.stringContaining('1 values of models without @scope') },
    });
    await target.run(`DELETE FROM "Word" WHERE id = '2'`);
    expect(await start()).toMatchObject({ code: 0, phase: 'added' });
    await target.run(stray);
    const next = () => index('rotate', 'continue', '--every-process-knows', '--scope', 'acme');
    expect(await next()).toMatchObject({ code: 1, error: { code: 'ERR_INDEX_ROTATION' } });
    await target.run('DROP TABLE "Word"');
    project.schema(scoped);
    expect(await next()).toMatchObject({ code: 0, phase: 'promoted' });
  });
});

test('an action that is none is refused', async () => {
  expect(await index('rotate', 'everything')).toMatchObject({ code: 2, error: { code: 'ERR_USAGE' } });
});
