import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Project, schemaOf } from './doctor-project.ts';
import { openTarget, type Target } from './doctor-target.ts';
import { dropJobs, jobCommands, MIGRATING } from './job-commands.ts';

// Made by @47ng/cloak 1.2.0, as packages/migrate/test/vectors/make.mjs tells.
const VECTORS = new URL('../../migrate/test/vectors/packages.json', import.meta.url);
interface Sealed {
  readonly text: string;
  readonly sealed: string;
}
const { prismaFieldEncryption: pfe, fernet } = JSON.parse(readFileSync(VECTORS, 'utf8')) as {
  readonly prismaFieldEncryption: {
    readonly keys: readonly [string, string];
    readonly values: readonly Sealed[];
    readonly nested: Sealed;
  };
  readonly fernet: { readonly key: string; readonly values: readonly Sealed[] };
};

let project: Project;
let target: Target;

beforeAll(async () => {
  project = new Project();
  project.env['DATABASE_URL'] = `file:${project.folder}/test.db`;
  await project.keyring();
  target = await openTarget('sqlite', project);
});
beforeEach(async () => {
  project.schema(MIGRATING);
  project.env['PRISMA_FIELD_ENCRYPTION_KEY'] = pfe.keys[0];
  project.env['PRISMA_FIELD_DECRYPTION_KEYS'] = ` ${pfe.keys[1]},`;
  await target.reset();
  await dropJobs(target);
});
afterAll(async () => {
  await target.close();
  project.remove();
});

const { cli, json } = jobCommands(() => project);
const insert = (id: string, phone: string): Promise<void> =>
  target.run(`INSERT INTO "patients" ("patient_id", "phone") VALUES ('${id}', '${phone}')`);
const sealed = (at: number): string => pfe.values[at]?.sealed ?? '';
const FROM = ['--from', 'prisma-field-encryption'];

test('values of prisma-field-encryption become cells, and what does not open stays', async () => {
  for (const at of [1, 2, 3, 7]) await insert(String(at), sealed(at));
  await insert('8', 'secret plaintext');
  await insert('9', pfe.nested.sealed);
  expect(await json('migrate', 'plan', ...FROM)).toMatchObject({
    code: 0,
    forecasts: [
      {
        rows: 6,
        plan: { fields: ['phone'] },
        trial: [{ field: 'phone', opened: 4, refused: { ERR_CELL_FORMAT: 1, ERR_VALUE: 1 } }],
      },
    ],
  });
  const plan = await cli('migrate', 'plan', ...FROM);
  expect(plan.stdout).toMatch(/phone +4 +1 ERR_CELL_FORMAT, 1 ERR_VALUE/);
  expect(plan.stdout).not.toContain('secret plaintext');
  expect((await json('migrate', 'start', ...FROM)).jobs).toMatchObject([
    { state: 'running', plan: { origin: 'prisma-field-encryption' } },
  ]);
  // A backfill would take ciphertext for plaintext.
  expect(await json('backfill', 'work')).toMatchObject({ code: 0, jobs: [] });
  expect(await json('migrate', 'work', ...FROM, '--unwrap-nested')).toMatchObject({
    error: { code: 'ERR_SCHEMA_STALE' },
  });
  expect(await json('migrate', 'work', ...FROM)).toMatchObject({
    code: 11,
    jobs: [{ end: 'done', quarantined: 2, counts: { done: 4 } }],
  });
  await json('migrate', 'start', ...FROM, '--unwrap-nested', '--accept-unrecognized');
  expect(await json('migrate', 'work', ...FROM, '--unwrap-nested', '--accept-unrecognized')).toMatchObject({
    code: 0,
    jobs: [{ counts: { done: 2 } }],
  });
  project.schema(schemaOf('sqlite'));
  await json('verify', 'start', '--model', 'Patient', '--fields', 'phone');
  expect((await json('verify', 'work')).jobs).toMatchObject([{ quarantined: 0, counts: { done: 6 } }]);
});

test('a wrong key shows in the plan', async () => {
  await insert('1', sealed(1));
  project.env['PRISMA_FIELD_ENCRYPTION_KEY'] = `k1.aesgcm256.${'A'.repeat(43)}`;
  project.env['PRISMA_FIELD_DECRYPTION_KEYS'] = '';
  expect((await json('migrate', 'plan', ...FROM)).forecasts).toMatchObject([
    { trial: [{ opened: 0, refused: { ERR_KEY_UNKNOWN: 1 } }] },
  ]);
});

test('readers of a module', async () => {
  await insert('1', fernet.values[2]?.sealed ?? '');
  const from = new URL('../../migrate/src/index.ts', import.meta.url).href;
  project.write(
    'readers.mjs',
    `import { fernet } from '${from}';\nexport default { Patient: { phone: fernet({ keys: [process.env.FERNET ?? '${fernet.key}'] }) } };\n`,
  );
  const readers = ['--readers', join(project.folder, 'readers.mjs')];
  await json('migrate', 'start', ...readers);
  expect((await json('migrate', 'work', ...readers)).jobs).toMatchObject([
    { end: 'done', quarantined: 0, counts: { done: 1 } },
  ]);
  project.write('others.mjs', 'export default { Patient: { email: {} } };');
  expect(await json('migrate', 'plan', '--readers', join(project.folder, 'others.mjs'))).toMatchObject({ code: 2 });
  project.write('none.mjs', 'export const a = 1;');
  expect(await json('migrate', 'plan', '--readers', join(project.folder, 'none.mjs'))).toMatchObject({ code: 2 });
  expect(await json('migrate', 'plan', '--readers', 'missing.mjs')).toMatchObject({ code: 6 });
});

test.each([
  ['neither --from nor --readers', [], 2],
  ['both', [...FROM, '--readers', 'a.mjs'], 2],
  ['an unknown format', ['--from', 'rot13'], 2],
])('refuses %s', async (_, argv, code) => {
  expect((await cli('migrate', 'plan', ...argv)).code).toBe(code);
});

test('refuses to work without keys, and names none', async () => {
  project.env['PRISMA_FIELD_ENCRYPTION_KEY'] = '';
  project.env['PRISMA_FIELD_DECRYPTION_KEYS'] = '';
  expect((await cli('migrate', 'plan', ...FROM)).code).toBe(2);
  project.env['PRISMA_FIELD_ENCRYPTION_KEY'] = 'k1.aesgcm256.secret';
  const refused = await cli('migrate', 'plan', ...FROM);
  expect(refused.code).toBe(3);
  expect(refused.stderr).not.toContain('secret');
});

const THEIRS = `datasource db {
  provider = "sqlite"
}
model User {
  id        Int     @id
  email     String  @unique /// @encrypted
  emailHash String? @unique /// @encryption:hash(email)?normalize=lowercase
}
`;

test('migrate schema shows a diff, writes on request, and finishes', async () => {
  project.schema(THEIRS);
  const path = join(project.folder, 'prisma/schema.prisma');
  const schema = ['--schema', path];
  const shown = await cli('migrate', 'schema', ...schema);
  expect(shown.code).toBe(0);
  expect(shown.stdout).toContain('-  email     String  @unique /// @encrypted\n');
  expect(shown.stdout).toContain('+  /// @blindIndex(of: email, normalize: [lowercase])\n');
  expect(readFileSync(path, 'utf8')).toBe(THEIRS);
  expect((await cli('migrate', 'schema', ...schema, '--write')).code).toBe(0);
  expect(readFileSync(path, 'utf8')).toContain('/// @encrypted(mode: migrating)\n  email');
  expect((await cli('migrate', 'schema', ...schema)).stdout).toBe('There is nothing to rewrite.\n');
  expect((await cli('migrate', 'schema', ...schema, '--finish', '--write')).code).toBe(0);
  expect(readFileSync(path, 'utf8')).not.toMatch(/emailHash|migrating/);
});

test('migrate schema writes no schema that would be refused', async () => {
  const text = THEIRS.replace('id        Int     @id', 'id        String  @id /// @encrypted');
  project.schema(text);
  const path = join(project.folder, 'prisma/schema.prisma');
  const refused = await cli('migrate', 'schema', '--schema', path, '--write');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/ERR_SCHEMA/);
  expect(readFileSync(path, 'utf8')).toBe(text);
  expect((await cli('migrate', 'schema', '--schema', 'missing.prisma')).code).toBe(6);
});
