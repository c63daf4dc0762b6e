import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CATALOGUE } from '../src/doctor/catalogue.ts';
import { DatabaseProblem } from '../src/doctor/database-problem.ts';
import { Progress } from '../src/doctor/progress.ts';
import { doctorReport, type Examination } from '../src/doctor/report.ts';
import { Project, schemaOf } from './doctor-project.ts';
import { fieldseal, parsed } from './harness.ts';

const SCHEMA = schemaOf('sqlite');
const GENERATOR = 'generator fieldseal {\n  provider = "fieldseal-generator"\n  output = "../src/map"\n}\n';

let project: Project;
beforeEach(() => {
  project = new Project();
  project.schema(SCHEMA);
});
afterEach(() => project.remove());

const ids = async (...argv: string[]) => (await project.findings(...argv)).map(({ id, place }) => `${id} ${place}`);

test('the help fits on a screen', async () => {
  const { code, stdout } = await fieldseal(['doctor', '--help']);
  expect(code).toBe(0);
  expect(stdout.startsWith('usage: fieldseal doctor')).toBe(true);
  expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThan(142);
});

test.each([
  [['--url', 'postgresql://user:secret@host/db'], 'there is no option --url'],
  [['--sample', '0'], '--sample needs a number of rows'],
  [['--sample', 'many'], '--sample needs a number of rows'],
  [['--sample', '1e400'], '--sample needs a number of rows'],
  [['--url-env', 'NOT_SET'], 'the variable that --url-env names is not set'],
  [['secret'], 'there are too many arguments'],
])('%j is wrong usage', async (argv, message) => {
  const { code, stdout, stderr } = await project.doctor(...argv);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
  expect(stderr).not.toContain('secret');
});

test('every finding has an advice that says something', () => {
  for (const [id, { advice }] of Object.entries(CATALOGUE)) {
    expect(id).toMatch(/^[a-z]+\.[a-z-]+$/);
    expect(advice).toMatch(/^[A-Z$].{15,}\.$/);
  }
});

describe('schema', () => {
  test('without one it ends with 6', async () => {
    rmSync('prisma', { recursive: true });
    expect((await project.doctor()).code).toBe(6);
  });

  test('an annotation that cannot be served is a finding with its place', async () => {
    project.schema(SCHEMA.replace('/// @encrypted\n  photo', '/// @encypted\n  photo'));
    const [found, ...others] = await project.findings('--no-database');
    expect(found).toMatchObject({ id: 'schema.refused', severity: 'error', place: 'Patient.photo' });
    expect(found?.message).toContain('did you mean @encrypted?');
    expect(others).toEqual([]);
    expect((await project.doctor('--no-database')).code).toBe(8);
  });

  test('an annotation on no field is a finding too', async () => {
    project.schema(`${SCHEMA}\n/// @encrypted\n`);
    expect(await ids('--no-database')).toEqual([expect.stringMatching(/^schema\.refused /)]);
  });

  test('a schema without annotations is a note', async () => {
    project.schema(SCHEMA.replace(/^ +\/\/\/.*\n/gm, ''));
    expect(await ids('--no-database')).toEqual(['schema.unannotated prisma/schema.prisma']);
    expect((await project.doctor('--no-database', '--strict')).code).toBe(0);
  });

  test('--schema names another one, also a folder', async () => {
    mkdirSync('other');
    writeFileSync('other/a.prisma', SCHEMA.replace('/// @encrypted\n  photo', '/// @scope\n  photo'));
    expect(await ids('--no-database', '--schema', 'other')).toEqual(['schema.refused Patient.photo']);
  });
});

describe('generated files', () => {
  test('a client of another schema is stale, one of another text outdated, one that is not there missing', async () => {
    expect(await ids('--no-database')).toEqual([]);
    project.client(SCHEMA.replace('  /// @encrypted\n  photo', '  photo'));
    expect(await ids('--no-database')).toEqual(['client.stale src/client']);
    project.client(SCHEMA.replace('/// @encrypted\n  photo', '/// @nonsense(\n/// @encrypted(\n  photo'));
    expect(await ids('--no-database')).toEqual(['client.stale src/client']);
    project.client(`// a comment\n${SCHEMA}`);
    expect(await ids('--no-database')).toEqual(['client.outdated src/client']);
    expect((await project.doctor('--no-database')).code).toBe(0);
    expect((await project.doctor('--no-database', '--strict')).code).toBe(8);
    project.client(SCHEMA.replace('  photo  ', ' photo ').replaceAll('\n', '\r\n'));
    expect(await ids('--no-database')).toEqual([]);
    writeFileSync('src/client/internal/class.ts', 'export {}');
    expect(await ids('--no-database')).toEqual(['client.missing src/client']);
    rmSync('src/client', { recursive: true });
    expect(await ids('--no-database')).toEqual(['client.missing src/client']);
  });

  test('a schema without a client generator is a note', async () => {
    project.schema(SCHEMA.replace(/generator client \{[^}]*\}/, ''));
    expect(await ids('--no-database')).toEqual(['client.missing prisma/schema.prisma']);
  });

  test('prisma-client-js is found where it goes by default', async () => {
    const schema = SCHEMA.replace('"prisma-client"', '"prisma-client-js"').replace(/^ +output.*\n/m, '');
    project.schema(schema);
    rmSync('node_modules');
    expect(await ids('--no-database')).toEqual([`client.missing node_modules/.prisma/client`]);
    project.write('node_modules/.prisma/client/index.js', `const config = {"inlineSchema": ${JSON.stringify(schema)}}`);
    expect(await ids('--no-database')).toEqual([]);
  });

  test('a schema map that is missing, of another schema, or unreadable is found', async () => {
    const schema = GENERATOR + SCHEMA;
    project.schema(schema);
    expect(await ids('--no-database')).toEqual(['map.missing src/map']);
    const map = (text: string) =>
      project.write('src/map/fieldseal-schema.ts', `// …\nexport const schema: SchemaMap = ${text};\n`);
    map(JSON.stringify(readSchemaMap(schema), null, 2));
    expect(await ids('--no-database')).toEqual([]);
    map(JSON.stringify(readSchemaMap(schema.replace('[trim, lowercase]', '[trim]'))));
    expect(await ids('--no-database')).toEqual(['map.stale src/map']);
    map('{ format: 1 }');
    expect(await ids('--no-database')).toEqual(['map.stale src/map']);
    expect((await project.doctor('--no-database')).code).toBe(8);
  });

  test('what the generators really write is read', async () => {
    const schema = fileURLToPath(new URL('../../prisma-extension/test/schemas/sqlite/schema.prisma', import.meta.url));
    expect(await ids('--no-database', '--schema', schema)).toEqual([]);
  });
});

describe('database', () => {
  const url = (text: string) => {
    project.env['DATABASE_URL'] = text;
  };

  test('without a URL it is a note, with --no-database not even that', async () => {
    expect(await ids()).toEqual(['database.skipped database']);
    expect(await ids('--no-database')).toEqual([]);
  });

  test('another variable can be named', async () => {
    project.env['OTHER_URL'] = 'file:missing.db';
    expect(await ids('--url-env', 'OTHER_URL')).toContain('database.unreachable sqlite');
  });

  test('an SQLite file that is not there is not made', async () => {
    url('file:./missing.db');
    const found = (await project.findings()).find(({ id }) => id.startsWith('database'));
    expect(found).toMatchObject({ id: 'database.unreachable', message: 'the SQLite file is not there' });
    expect((await project.doctor()).code).toBe(8);
    expect(() => rmSync('missing.db')).toThrow();
  });

  test('a file that is no database is a problem without its content', async () => {
    writeFileSync('secret.db', 'a secret text that is no database at all, and long enough to be read as one');
    url('file:secret.db');
    const outcome = await project.doctor();
    expect(outcome.code).toBe(8);
    expect(outcome.stdout).toContain('database.unreachable');
    expect(outcome.stdout).not.toContain('a secret text');
  });

  test('a server that does not answer is found, and its password is not shown', async () => {
    for (const provider of ['postgresql', 'mysql'] as const) {
      project.schema(schemaOf(provider));
      url(`${provider}://someone:pass-w0rd@127.0.0.1:1/db`);
      const { code, stdout, stderr } = await project.doctor();
      expect(code).toBe(8);
      expect(stdout).toContain('database.unreachable');
      expect(stdout + stderr).not.toMatch(/pass-w0rd|someone/);
    }
  });

  test.each(['mysql', 'postgresql'] as const)(
    'a URL of %s that cannot be read is found and not shown',
    async (provider) => {
      project.schema(schemaOf(provider));
      url('nonsense with a pass-w0rd');
      const { code, stdout, stderr } = await project.doctor();
      expect(code).toBe(8);
      expect(stdout + stderr).not.toContain('pass-w0rd');
    },
  );

  test('a missing driver adapter is named', async () => {
    rmSync('node_modules');
    url('file:some.db');
    const found = (await project.findings()).find(({ id }) => id === 'database.adapter');
    expect(found?.message).toContain('@prisma/adapter-better-sqlite3, @prisma/adapter-libsql');
    project.schema(schemaOf('postgresql'));
    expect((await project.doctor()).stdout).toContain('@prisma/adapter-pg');
  });

  test('an adapter that is something else is found', async () => {
    rmSync('node_modules');
    project.write('node_modules/@prisma/adapter-pg/index.js', 'module.exports = {};');
    project.schema(schemaOf('postgresql'));
    url('postgresql://localhost/db');
    expect(await ids()).toContain('database.adapter postgresql');
  });

  test('a database of another kind is a note', async () => {
    project.schema(SCHEMA.replace('"sqlite"', '"mongodb"'));
    url('mongodb://localhost/db');
    expect(await ids()).toContain('database.unsupported mongodb');
  });
});

test('the report shows an advice once, errors before notes, and what comes next', () => {
  const examination: Examination = {
    schema: null,
    models: 0,
    encryptedFields: 0,
    indexes: 0,
    sourceFiles: 1,
    keyring: 'skipped',
    database: 'skipped',
    fields: [],
    findings: [
      { id: 'client.missing', severity: 'note', place: 'c', message: 'not there', advice: 'Generate.' },
      { id: 'map.stale', severity: 'error', place: 'a', message: 'stale', advice: 'Mend it.' },
      { id: 'map.stale', severity: 'error', place: 'bb', message: 'stale too', advice: 'Mend it.' },
    ],
    leakage: null,
  };
  expect(doctorReport(examination, false).lines).toEqual([
    'errors',
    '  map.stale: Mend it.',
    '    a   stale',
    '    bb  stale too',
    '',
    'notes',
    '  client.missing: Generate.',
    '    c  not there',
    '',
    '2 errors, 0 warnings, 1 note (0 encrypted fields of 0 models, 0 index columns; 1 source file; keyring skipped; database skipped)',
    'Next: mend the errors from the top, and run doctor again.',
  ]);
});

test('--json has a stable shape', async () => {
  const shown = parsed(await project.doctor('--json'));
  expect(Object.keys(shown)).toEqual(['healthy', 'summary', 'checked', 'fields', 'findings']);
  expect(shown['checked']).toEqual({
    schema: { path: 'prisma/schema.prisma', provider: 'sqlite' },
    models: 1,
    encryptedFields: 5,
    indexes: 2,
    sourceFiles: 0,
    keyring: 'skipped',
    database: 'skipped',
  });
  expect(shown['findings']).toEqual([
    {
      id: 'database.skipped',
      severity: 'note',
      place: 'database',
      message: 'DATABASE_URL is not set',
      advice: CATALOGUE['database.skipped'].advice,
    },
  ]);
});

test('what a driver says is not repeated, its code is', () => {
  const error = Object.assign(new Error('row (secret)'), {
    cause: { kind: 'postgres', originalCode: '57014', originalMessage: 'secret' },
  });
  expect(DatabaseProblem.of(error)).toMatchObject({ kind: 'timeout', message: 'the statement took too long' });
  const other = Object.assign(new Error('secret'), { cause: { kind: 'bad code: secret', originalCode: '42P01' } });
  expect(DatabaseProblem.of(other).message).toBe('the database answered with an error (42P01)');
  expect(DatabaseProblem.of('secret').message).not.toContain('secret');
  expect(DatabaseProblem.of(new TypeError('secret')).message).toContain('TypeError');
});

test('progress is for a person who waits', () => {
  let shown = '';
  const io = { stdout: () => {}, stderr: (text: string) => (shown += text), stdin: async () => '' };
  const quiet = new Progress(io, 0);
  quiet.step('counting');
  quiet.end();
  const early = new Progress({ ...io, interactive: true });
  early.step('counting');
  early.end();
  expect(shown).toBe('');
  const watched = new Progress({ ...io, interactive: true }, 0);
  watched.step('counting');
  watched.end();
  expect(shown).toBe('\r\u001b[Kfieldseal: counting\r\u001b[K');
});

test('links are not followed', async () => {
  project.write('outside/db.ts', 'new PrismaClient()');
  symlinkSync(join(project.folder, 'outside'), join(project.folder, 'src/link'), 'dir');
  symlinkSync(join(project.folder, 'outside/db.ts'), join(project.folder, 'src/link.ts'));
  expect(await ids('--no-database')).toEqual(['source.unextended outside/db.ts:1']);
});
