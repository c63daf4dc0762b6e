import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { keyringFile, openKeyring, passphrase, rawKey, recoveryKey } from '@fieldseal/core';
import { afterAll, expect, test } from 'vitest';
import { fieldseal, parsed, scratch } from './harness.ts';

const { path, remove } = scratch();
afterAll(remove);

const RAW_KEY = /fsk1_[\w-]{48}/;
const RECOVERY_KEY = /FSR1(?:-[0-9A-Z]{4}){9}/;
const KEY = '11'.repeat(32);

test('generates a key, shows it and the recovery key once, and both open the keyring', async () => {
  const keyring = path('generated.json');
  const { code, stdout, stderr } = await fieldseal(['init', '--keyring', keyring]);
  expect(code).toBe(0);
  expect(stderr).toBe('');
  const raw = RAW_KEY.exec(stdout)?.[0] ?? '';
  const recovery = RECOVERY_KEY.exec(stdout)?.[0] ?? '';
  expect(stdout.split(raw)).toHaveLength(2);
  expect(stdout.split(recovery)).toHaveLength(2);
  for (const opener of [rawKey(raw), recoveryKey(recovery)]) {
    (await openKeyring({ storage: keyringFile(keyring), openers: [opener] })).close();
  }
  expect(statSync(keyring).mode & 0o777).toBe(0o600);
  const stored = readFileSync(keyring, 'utf8');
  expect(stored).not.toContain(raw);
  expect(stored).not.toContain(recovery);
});

test('writes a generated key to a new env file of mode 0600, and not to the screen', async () => {
  const [keyring, file] = [path('saved.json'), path('saved.env')];
  const { code, stdout } = await fieldseal(['init', '--keyring', keyring, '--save-key', file]);
  expect(code).toBe(0);
  expect(stdout).not.toMatch(RAW_KEY);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const [, key = ''] = /^FIELDSEAL_KEY=(.*)\n$/.exec(readFileSync(file, 'utf8')) ?? [];
  (await openKeyring({ storage: keyringFile(keyring), openers: [rawKey(key)] })).close();
});

test('appends to an env file, keeps its lines, and warns when others can read it', async () => {
  const file = path('appended.env');
  writeFileSync(file, 'DATABASE_URL=file:dev.db', { mode: 0o644 });
  const { code, stderr } = await fieldseal(['init', '--keyring', path('appended.json'), '--save-key', file]);
  expect(code).toBe(0);
  expect(readFileSync(file, 'utf8')).toMatch(/^DATABASE_URL=file:dev\.db\nFIELDSEAL_KEY=fsk1_[\w-]{48}\n$/);
  expect(stderr).toContain('can be opened by other users');
});

test('never replaces a key in an env file', async () => {
  const [keyring, file] = [path('taken.json'), path('taken.env')];
  writeFileSync(file, 'export FIELDSEAL_KEY = old\n');
  const { code, stderr } = await fieldseal(['init', '--keyring', keyring, '--save-key', file]);
  expect(code).toBe(7);
  expect(stderr).toContain('[ERR_KEY_EXISTS]');
  expect(readFileSync(file, 'utf8')).toBe('export FIELDSEAL_KEY = old\n');
  expect(existsSync(keyring)).toBe(false);
});

test('takes the key back out of the env file when the keyring cannot be created', async () => {
  const file = path('undone.env');
  writeFileSync(path('a-file'), '');
  writeFileSync(file, 'A=1\n');
  const under = path('a-file/keyring.json');
  expect((await fieldseal(['init', '--keyring', under, '--save-key', file])).code).toBe(6);
  expect(readFileSync(file, 'utf8')).toBe('A=1\n');
  expect((await fieldseal(['init', '--keyring', under, '--save-key', path('never.env')])).code).toBe(6);
  expect(existsSync(path('never.env'))).toBe(false);
});

test('opens with FIELDSEAL_KEY before FIELDSEAL_PASSPHRASE, and shows neither', async () => {
  const env = { FIELDSEAL_KEY: KEY, FIELDSEAL_PASSPHRASE: 'correct horse battery' };
  const withKey = await fieldseal(['init', '--keyring', path('key.json'), '--save-key', path('unused.env')], env);
  expect(withKey.code).toBe(0);
  expect(withKey.stdout).toContain('from FIELDSEAL_KEY');
  expect(withKey.stdout).not.toContain(KEY);
  expect(existsSync(path('unused.env'))).toBe(false);
  (await openKeyring({ storage: keyringFile(path('key.json')), openers: [rawKey(KEY)] })).close();

  const { FIELDSEAL_PASSPHRASE } = env;
  const withPassphrase = await fieldseal(['init', '--keyring', path('words.json')], { FIELDSEAL_PASSPHRASE });
  expect(withPassphrase.stdout).toContain('from FIELDSEAL_PASSPHRASE');
  expect(withPassphrase.stdout).not.toContain(FIELDSEAL_PASSPHRASE);
  const openers = [passphrase(FIELDSEAL_PASSPHRASE)];
  (await openKeyring({ storage: keyringFile(path('words.json')), openers })).close();
});

test('takes the path from FIELDSEAL_KEYRING and the suite from --suite', async () => {
  const env = { FIELDSEAL_KEYRING: path('env.json'), FIELDSEAL_KEY: KEY };
  const { stdout } = await fieldseal(['init', '--suite', 'xaes-256-gcm'], env);
  expect(stdout).toContain('XAES-256-GCM');
  expect(stdout).not.toContain('Set FIELDSEAL_KEYRING');
  expect(existsSync(path('env.json'))).toBe(true);
});

test('--json gives everything once, and nothing on stderr', async () => {
  const outcome = await fieldseal(['init', '--json', '--keyring', path('json.json')]);
  expect(outcome.stderr).toBe('');
  expect(parsed(outcome)).toEqual({
    keyring: { path: path('json.json'), id: expect.stringMatching(/^[0-9a-f]{16}$/), suite: 'XChaCha20-Poly1305' },
    key: { source: 'generated', value: expect.stringMatching(RAW_KEY) },
    recoveryKey: expect.stringMatching(RECOVERY_KEY),
  });
});

test('never overwrites a keyring, and leaves the env file alone', async () => {
  const keyring = path('kept.json');
  await fieldseal(['init', '--keyring', keyring], { FIELDSEAL_KEY: KEY });
  const before = readFileSync(keyring, 'utf8');
  const { code, stderr } = await fieldseal(['init', '--keyring', keyring, '--save-key', path('kept.env')]);
  expect(code).toBe(7);
  expect(stderr).toContain('[ERR_KEYRING_EXISTS]');
  expect(readFileSync(keyring, 'utf8')).toBe(before);
  expect(existsSync(path('kept.env'))).toBe(false);
});

test('a malformed key is refused without being shown', async () => {
  const { code, stdout, stderr } = await fieldseal(['init', '--keyring', path('no.json')], {
    FIELDSEAL_KEY: 'fsk1_mistyped',
  });
  expect(code).toBe(3);
  expect(stdout + stderr).not.toContain('mistyped');
});

test('an env file that is a folder ends with 6', async () => {
  mkdirSync(path('folder.env'));
  const { code, stderr } = await fieldseal(['init', '--keyring', path('f.json'), '--save-key', path('folder.env')]);
  expect(code).toBe(6);
  expect(stderr).toContain('(EISDIR)');
});
