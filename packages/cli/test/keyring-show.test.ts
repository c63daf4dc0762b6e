import { readFileSync, writeFileSync } from 'node:fs';
import { createKeyring, keyringFile, rawKey } from '@fieldseal/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fieldseal, parsed, scratch } from './harness.ts';

const { path, remove } = scratch();
afterAll(remove);

const KEY = '22'.repeat(32);
const FILE = path('keyring.json');
const ENV = { FIELDSEAL_KEY: KEY, FIELDSEAL_KEYRING: FILE };
let primary = '';
let doomed = '';

beforeAll(async () => {
  const { keyring, recovery } = await createKeyring({ storage: keyringFile(FILE), openers: [rawKey(KEY)] });
  recovery.wipe();
  doomed = (await keyring.describe()).keysets[0]?.data.primary ?? '';
  primary = await keyring.rotate();
  await keyring.disable(doomed);
  await keyring.scheduleDestroy(doomed);
  keyring.close();
});

test('shows slots, KEKs and key versions with the primary and what is to be destroyed', async () => {
  const { code, stdout, stderr } = await fieldseal(['keyring', 'show'], ENV);
  expect(code).toBe(0);
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^keyring +\S+keyring\.json$/m);
  expect(stdout).toMatch(/rawKey/);
  expect(stdout).toMatch(/recoveryKey/);
  expect(stdout).toMatch(/^kek-[0-9a-f]{8} .*wraps new keys$/m);
  expect(stdout).toMatch(
    new RegExp(`^${primary} +data +2 +enabled +primary +\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d +-`, 'm'),
  );
  expect(stdout).toMatch(new RegExp(`^${doomed} +data +1 +disabled +(\\d{4}-\\S+ \\S+) +\\d{4}-`, 'm'));
  expect(stdout).toMatch(/index +1 +enabled +primary/);
});

test('the columns are aligned', async () => {
  const { stdout } = await fieldseal(['keyring', 'show'], ENV);
  const lines = stdout.split('\n').filter((line) => /key id|^[0-9a-f]{16} /.test(line));
  const [header = ''] = lines;
  for (const line of lines) expect(line[header.indexOf('status') - 1]).toBe(' ');
  expect(lines.every((line) => !line.endsWith(' '))).toBe(true);
});

test('shows no key, wrapped or not, in text and in JSON', async () => {
  const wrapped = [...readFileSync(FILE, 'utf8').matchAll(/"(?:wrapped|mac)": "([\w-]+)"/g)].map(
    ([, text = '']) => text,
  );
  expect(wrapped.length).toBeGreaterThanOrEqual(6);
  for (const flags of [[], ['--json']]) {
    const { stdout } = await fieldseal(['keyring', 'show', ...flags], ENV);
    for (const secret of [KEY, ...wrapped]) expect(stdout).not.toContain(secret);
    expect(stdout).not.toContain('wrapped');
  }
});

test('--json names every version', async () => {
  const { keys } = parsed(await fieldseal(['keyring', 'show', '--json'], ENV)) as {
    keys: { keyId: string; primary: boolean; destroyAfter: string | null }[];
  };
  expect(keys).toHaveLength(3);
  expect(keys.find(({ keyId }) => keyId === primary)).toMatchObject({
    use: 'data',
    version: 2,
    status: 'enabled',
    primary: true,
    destroyAfter: null,
  });
  expect(keys.find(({ keyId }) => keyId === doomed)?.destroyAfter).toMatch(/^\d{4}-/);
});

test.each([
  ['no key', {}, 3, 'ERR_KEY_MISSING'],
  ['another key', { FIELDSEAL_KEY: '33'.repeat(32) }, 3, 'ERR_KEYRING_LOCKED'],
  ['a malformed key', { FIELDSEAL_KEY: 'fsk1_x' }, 3, 'ERR_KEY_INVALID'],
])('%s ends with an exit code of its own', async (_, env, exitCode, error) => {
  const { code, stdout, stderr } = await fieldseal(['keyring', 'show', '--keyring', FILE], env);
  expect(code).toBe(exitCode);
  expect(stdout).toBe('');
  expect(stderr).toMatch(new RegExp(`^fieldseal: .+ \\[${error}\\]\n {2}hint: .+\n$`));
});

test('a missing keyring ends with 4, a damaged one with 5, one in a folder that is a file with 6', async () => {
  writeFileSync(path('damaged.json'), readFileSync(FILE, 'utf8').replace('"generation": ', '"generation": 9'));
  const codes = [];
  for (const name of ['missing.json', 'damaged.json', 'keyring.json/below.json']) {
    const outcome = await fieldseal(['keyring', 'show', '--json', '--keyring', path(name)], ENV);
    expect(outcome.stderr).toBe('');
    expect(parsed(outcome)).toEqual({
      error: { code: expect.stringMatching(/^ERR_/), message: expect.any(String), hint: expect.any(String) },
    });
    codes.push(outcome.code);
  }
  expect(codes).toEqual([4, 5, 6]);
});

test('a lost key is replaced by the recovery key alone, and its slot removed', async () => {
  const ring = path('lost.json');
  const init = parsed(await fieldseal(['init', '--keyring', ring, '--json']));
  const lost = { FIELDSEAL_KEYRING: ring, FIELDSEAL_RECOVERY_KEY: String(init['recoveryKey']) };
  const old = { FIELDSEAL_KEYRING: ring, FIELDSEAL_KEY: (init['key'] as { value: string }).value };
  expect((await fieldseal(['keyring', 'add-key'], old)).stderr).toContain('FIELDSEAL_RECOVERY_KEY');
  expect((await fieldseal(['keyring', 'show'], lost)).stderr).toContain('keyring add-key');
  const added = parsed(await fieldseal(['keyring', 'add-key', '--json'], lost));
  const env = { FIELDSEAL_KEYRING: ring, FIELDSEAL_KEY: String(added['value']) };
  const { slots } = parsed(await fieldseal(['keyring', 'show', '--json'], env)) as {
    slots: { id: string; type: string }[];
  };
  expect(slots.map(({ type }) => type)).toEqual(['rawKey', 'recoveryKey', 'rawKey']);
  expect((await fieldseal(['keyring', 'remove-slot', slots[0]?.id ?? ''], env)).code).toBe(0);
  expect((await fieldseal(['keyring', 'show'], old)).code).toBe(3);
  for (const { id } of slots.slice(1))
    expect((await fieldseal(['keyring', 'remove-slot', id], env)).stderr).toContain('ERR_KEYRING_SLOT');
  const file = path('new.env');
  const saved = await fieldseal(['keyring', 'add-key', '--save-key', file], lost);
  expect([saved.code, saved.stdout.includes('fsk1_')]).toEqual([0, false]);
  expect(readFileSync(file, 'utf8')).toMatch(/^FIELDSEAL_KEY=fsk1_/m);
});
