import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { scanFiles } from '@fieldseal/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build, quickstart, scratch } from './harness.ts';

const { path, copy, remove } = scratch();
afterAll(remove);

const RECOVERY_KEY = /FSR1(?:-[0-9A-Z]{4}){9}/;
const SMALL = ['--count', '150'];
let first: ReturnType<typeof quickstart>;

beforeAll(() => {
  build();
  first = quickstart([...SMALL, '--data', path('clinic')]);
});

test('the first run sets everything up and shows the whole tour on one screen', () => {
  expect(first.stderr).toBe('');
  expect(first.code).toBe(0);
  const lines = first.stdout.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(60);
  expect(Math.max(...lines.filter((line) => !line.includes(path(''))).map((line) => line.length))).toBeLessThanOrEqual(
    130,
  );
  expect(first.stdout).toMatch(RECOVERY_KEY);
  for (const text of [
    '150 patients',
    'fs1:',
    '→ ',
    'ERR_UNSUPPORTED_FILTER',
    'primary',
    'plain twin',
    'findUnique by e-mail',
  ]) {
    expect(first.stdout).toContain(text);
  }
  expect(first.stdout).not.toContain('\u001b[');
});

test('the raw key is kept with mode 0600 and is shown nowhere', () => {
  const file = path('clinic/sqlite/quickstart.env');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(first.stdout).not.toContain(readFileSync(file, 'utf8').trim().split('=')[1]);
});

test('a second run finds everything there, inserts nothing and shows the same', async () => {
  const data = copy('clinic', 'again');
  const { code, stdout } = quickstart([...SMALL, '--json', '--data', data]);
  expect(code).toBe(0);
  expect(stdout).not.toMatch(RECOVERY_KEY);
  const result = JSON.parse(stdout);
  expect(result).toMatchObject({
    setUp: { provider: 'sqlite', created: false, migrated: false },
    data: { patients: 150, inserted: false },
    refusedFilter: { code: 'ERR_UNSUPPORTED_FILTER' },
    scan: { encrypted: { found: 0 } },
  });
  expect(result.rotation.keys.map(({ version }: { version: number }) => version)).toEqual([1, 2, 3]);
  expect(result.timing.times).toHaveLength(4);
  // Another scanner than the example's own, over the database alone.
  const { email, notes } = result.row.application;
  expect(await scanFiles([path('again/sqlite/clinic.db')], [email, notes])).toEqual([]);
  expect(await scanFiles([path('again/sqlite/plain.db')], [email, notes])).not.toEqual([]);
});

test('--reset starts afresh', () => {
  const data = copy('clinic', 'reset');
  const { code, stdout } = quickstart(['--reset', '--count', '20', '--json', '--data', data]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    setUp: { created: true, recoveryKey: expect.stringMatching(RECOVERY_KEY) },
    data: { patients: 20 },
  });
});

test('imports a file, and accounts for every line of it', () => {
  const good = [
    'name,email,phone,city',
    'Ada Lovelace,ada@example.com,+44 20 7946 0000,London',
    '"Hopper, Grace",grace@example.com,,New York',
  ];
  const bad = [
    ',nobody@example.com,,',
    '"Never closed,quote@example.com,,',
    'Ada Again, ADA@example.com ,,',
    'Too,many@example.com,1,2,3',
    'No Mail,none,,',
  ];
  const file = path('people.csv');
  writeFileSync(
    file,
    Buffer.concat([
      Buffer.from([...good, '', ...bad, 'Latin'].join('\r\n')),
      Buffer.from([0xe9]),
      Buffer.from(',latin@example.com,,\n'),
    ]),
  );
  const { code, stdout } = quickstart(['--json', '--data', path('imported'), '--import', file]);
  expect(code).toBe(0);
  const { data } = JSON.parse(stdout);
  expect(data).toMatchObject({ patients: 2, inserted: false, import: { lines: 8, imported: 2 } });
  expect(data.import.bad).toEqual([
    { line: 5, reason: 'the name is empty' },
    { line: 6, reason: expect.stringContaining('quote') },
    { line: 7, reason: 'the e-mail address stands on line 2 already' },
    { line: 8, reason: '5 columns instead of 4' },
    { line: 9, reason: 'the e-mail address is none' },
    { line: 10, reason: 'it is not UTF-8' },
  ]);
  const again = quickstart(['--data', path('imported'), '--import', file]);
  expect(again.code).toBe(0);
  expect(again.stdout).toContain('8 lines = 0 imported + 8 bad');
});

test.each([
  ['a missing file', undefined, 'ENOENT'],
  ['an empty file', '', 'is empty'],
  ['a file without a required column', 'name,phone\nA,1\n', 'no column email'],
  ['a file with a column that would be lost', 'name,email,ssn\nA,a@example.com,1\n', 'unknown or named twice: ssn'],
])('the import of %s ends with 2 before anything is made', (_, content, message) => {
  const file = path('wrong.csv');
  rmSync(file, { force: true });
  if (content !== undefined) writeFileSync(file, content);
  const { code, stdout, stderr } = quickstart(['--data', path('untouched'), '--import', file]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
  expect(() => statSync(path('untouched'))).toThrow();
});

test('an import without one good line ends with 2', () => {
  writeFileSync(path('bad.csv'), 'name,email\n,\n');
  const { code, stderr } = quickstart(['--data', path('none'), '--import', path('bad.csv')]);
  expect(code).toBe(2);
  expect(stderr).toContain('line 2: the name is empty');
});

/** Every problem is one line and a hint, without a stack. */
const PROBLEM = /^quickstart: .+ \[\w+\]\n {2}hint: .+\n$/;

test('another key than the keyring was made with ends with 3', () => {
  const data = copy('clinic', 'wrong-key');
  const { code, stderr } = quickstart(['--data', data], { FIELDSEAL_KEY: '00'.repeat(32) });
  expect(code).toBe(3);
  expect(stderr).toMatch(PROBLEM);
  rmSync(path('wrong-key/sqlite/quickstart.env'));
  expect(quickstart(['--data', data]).code).toBe(3);
});

test('a missing keyring ends with 4 while encrypted rows need it, and none is made in its place', () => {
  const data = copy('clinic', 'missing');
  const keyring = path('missing/sqlite/fieldseal.keyring.json');
  rmSync(keyring);
  const { code, stderr } = quickstart(['--data', data]);
  expect(code).toBe(4);
  expect(stderr).toMatch(PROBLEM);
  expect(() => statSync(keyring)).toThrow();
});

test('a damaged keyring ends with 5', () => {
  const data = copy('clinic', 'damaged');
  const keyring = path('damaged/sqlite/fieldseal.keyring.json');
  const sound = readFileSync(keyring, 'utf8');
  for (const text of [sound.slice(0, 200), sound.replace('"generation": ', '"generation": 9')]) {
    writeFileSync(keyring, text);
    const { code, stderr } = quickstart(['--data', data]);
    expect(code).toBe(5);
    expect(stderr).toMatch(PROBLEM);
  }
});

// A mode of 0444 does not stop an administrator, and tests may run as one; a folder in the place of a file stops everybody.
test('files that cannot be written end with 6', () => {
  mkdirSync(path('database/sqlite/clinic.db'), { recursive: true });
  mkdirSync(path('keyring/sqlite/fieldseal.keyring.json'), { recursive: true });
  mkdirSync(path('garbage/sqlite'), { recursive: true });
  writeFileSync(path('garbage/sqlite/clinic.db'), 'no database '.repeat(500));
  writeFileSync(path('file'), '');
  for (const data of ['database', 'keyring', 'garbage', 'file']) {
    const { code, stderr } = quickstart(['--data', path(data)]);
    expect(code).toBe(6);
    expect(stderr).toMatch(PROBLEM);
  }
});

test('a database that does not answer ends with 8, and the password stays out of the message', () => {
  const outcome = quickstart(['--data', path('nowhere'), '--url', 'postgresql://me:hunter2@127.0.0.1:1/x']);
  expect(outcome.code).toBe(8);
  expect(outcome.stderr).toMatch(PROBLEM);
  expect(outcome.stderr).not.toContain('hunter2');
  const json = quickstart(['--json', '--data', path('nowhere'), '--url', 'postgresql://127.0.0.1:1/x']);
  expect([json.code, json.stderr]).toEqual([8, '']);
  expect(JSON.parse(json.stdout)).toEqual({
    error: { code: 'ECONNREFUSED', message: expect.any(String), hint: expect.any(String) },
  });
});

test('wrong usage ends with 2, --help with 0', () => {
  for (const argv of [
    ['--cuont', '1'],
    ['--count', 'x'],
    ['--count', '0'],
    ['--url', 'mysql://x'],
    ['--import', 'a', '--count', '1'],
  ]) {
    expect(quickstart(argv).code).toBe(2);
  }
  const { code, stdout } = quickstart(['--help']);
  expect(code).toBe(0);
  for (const option of ['--import', '--count', '--url', '--data', '--reset', '--json'])
    expect(stdout).toContain(option);
});
