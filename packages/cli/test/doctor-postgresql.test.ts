import { readSchemaMap } from '@fieldseal/prisma/internal';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkDatabase } from '../src/doctor/database-check.ts';
import { Progress } from '../src/doctor/progress.ts';
import { Project, type Sealed, schemaOf, sealed } from './doctor-project.ts';
import { openTarget, startServer, stopServers, type Target } from './doctor-target.ts';

let project: Project;
let target: Target;
let ours: Sealed;

beforeAll(async () => {
  await startServer('postgresql');
  project = new Project();
  target = await openTarget('postgresql', project);
  project.env['DATABASE_URL'] = target.url;
  ours = await sealed(await project.keyring());
  await target.reset();
});
afterAll(async () => {
  await target.close();
  project.remove();
  await stopServers();
});

/** Checks without a keyring, with bounds that suit a test. */
async function check(schema: string, bounds: { timeoutMs: number; fallback: number }) {
  const file = { path: 'schema.prisma', text: schema, provider: 'postgresql' };
  const { findings, fields } = await checkDatabase(file, readSchemaMap(schema), {
    url: target.url,
    project: project.folder,
    sample: null,
    keys: null,
    progress: new Progress({ stdout: () => {}, stderr: () => {}, stdin: async () => '' }),
    ...bounds,
  });
  return { found: findings.map(({ id, place, rows }) => [id, place, rows]), fields };
}

test('elements of lists are counted, in another schema of the database', async () => {
  const schema = [
    'datasource db {',
    '  provider = "postgresql"',
    '  schemas  = ["public", "clinic"]',
    '}',
    'model Visit {',
    '  id    Int      @id',
    '  /// @encrypted',
    '  tags  String[]',
    '  /// @encrypted',
    '  scans Bytes[]',
    '  @@map("it\'s \\"quoted\\"")',
    '  @@schema("clinic")',
    '}',
  ].join('\n');
  const table = `clinic."it's ""quoted"""`;
  await target.run('CREATE SCHEMA clinic');
  await target.run(`CREATE TABLE ${table} (id INTEGER PRIMARY KEY, tags TEXT[], scans BYTEA[])`);
  await target.run(
    `INSERT INTO ${table} VALUES (1, ARRAY['${ours.text('a')}', 'plain', 'fs1:short'], NULL), (2, '{}', '{}')`,
  );
  const { found, fields } = await check(schema, { timeoutMs: 30_000, fallback: 1 });
  expect(found).toEqual([
    ['rows.plaintext', 'Visit.tags', 1],
    ['rows.damaged', 'Visit.tags', 1],
  ]);
  expect(fields).toEqual([
    { field: 'Visit.tags', values: 3, encrypted: 1, plaintext: 1, sample: null },
    { field: 'Visit.scans', values: 0, encrypted: 0, plaintext: 0, sample: null },
  ]);
});

test('the schema that the URL names is the one that is looked at', async () => {
  await target.run('CREATE SCHEMA app');
  await target.run('CREATE TABLE app."Slow" (id INTEGER PRIMARY KEY, note TEXT)');
  await target.run(`INSERT INTO app."Slow" VALUES (1, 'plain')`);
  project.schema(SLOW.replace('"postgresql"', '"postgres"'));
  project.env['DATABASE_URL'] = `${target.url}?schema=app`;
  const found = (await project.findings()).map(({ id }) => id);
  project.env['DATABASE_URL'] = target.url;
  expect(found).toEqual(['rows.plaintext', 'client.missing']);
});

const SLOW = [
  'datasource db {',
  '  provider = "postgresql"',
  '}',
  'model Slow {',
  '  id   Int    @id',
  '  /// @encrypted',
  '  note String',
  '}',
].join('\n');

test('a count that takes too long becomes a sample, and says so', async () => {
  // Its fourth row comes after an hour.
  await target.run(
    `CREATE VIEW "Slow" AS SELECT n AS id, 'plain' AS note FROM generate_series(1, 9) n WHERE n < 4 OR pg_sleep(3600) IS NULL`,
  );
  const { found, fields } = await check(SLOW, { timeoutMs: 2000, fallback: 3 });
  expect(found).toEqual([
    ['rows.sampled', 'Slow.note', undefined],
    ['rows.plaintext', 'Slow.note', 3],
  ]);
  expect(fields).toEqual([{ field: 'Slow.note', values: 3, encrypted: 0, plaintext: 3, sample: 3 }]);
});

test('where the sample takes too long as well, the rows are said to be unread', async () => {
  const { found, fields } = await check(SLOW, { timeoutMs: 2000, fallback: 4 });
  expect(found).toEqual([['rows.unread', 'Slow.note', undefined]]);
  expect(fields).toEqual([]);
});

test('rows that cannot be counted are said to be unread', async () => {
  await target.run(`CREATE VIEW "Broken" AS SELECT 1 AS id, (1 / (random() * 0)::int)::text AS note`);
  const { found } = await check(SLOW.replace('Slow', 'Broken'), { timeoutMs: 30_000, fallback: 3 });
  expect(found).toEqual([['rows.unread', 'Broken.note', undefined]]);
});

test('its transactions cannot write', async () => {
  const client = new pg.Client({ connectionString: target.url });
  await client.connect();
  await client.query('CREATE TABLE calls (n INTEGER)');
  await client.query(
    `CREATE FUNCTION counted() RETURNS text LANGUAGE plpgsql AS $$ BEGIN INSERT INTO calls VALUES (1); RETURN 'x'; END $$`,
  );
  await client.query('CREATE VIEW "Writing" AS SELECT 1 AS id, counted() AS note');
  const { found } = await check(SLOW.replace('Slow', 'Writing'), { timeoutMs: 30_000, fallback: 3 });
  expect(found).toEqual([['rows.unread', 'Writing.note', undefined]]);
  expect((await client.query('SELECT * FROM calls')).rowCount).toBe(0);
  await client.end();
});

test('many columns of one model are found together', async () => {
  project.schema(schemaOf('postgresql'));
  await target.run('ALTER TABLE "patients" DROP COLUMN "email", DROP COLUMN "note"');
  expect((await project.findings()).map(({ id, place }) => `${id} ${place}`)).toEqual([
    'database.column Patient.email',
    'database.column Patient.note',
  ]);
});
