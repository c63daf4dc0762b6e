import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { formatRawKey, generateRawKey, isFieldsealError, openEnvironmentKeyring } from '@fieldseal/core';
import { startVaultTransit, type VaultTransitService } from '@fieldseal/testkit';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fieldseal, parsed, scratch } from './harness.ts';

const { path, remove } = scratch();
const FIELDSEAL_KEY = '11'.repeat(32);
let vault: VaultTransitService;

beforeAll(async () => {
  vault = await startVaultTransit({ mount: 'kms/transit' });
});

afterAll(async () => {
  await vault.close();
  remove();
});

const vaultEnv = () => ({ FIELDSEAL_KEY, FIELDSEAL_VAULT_KEY: 'kms/transit/app', VAULT_ADDR: vault.url });

test('--kek env makes a keyring whose KEK is in FIELDSEAL_KEK, and the application needs it', async () => {
  const keyring = path('env.json');
  const env = { FIELDSEAL_KEY, FIELDSEAL_KEK: formatRawKey(generateRawKey()), FIELDSEAL_KEYRING: keyring };
  const { code, stdout } = await fieldseal(['init', '--kek', 'env'], env);
  expect(code).toBe(0);
  expect(stdout).toMatch(/kek +raw:[0-9a-f]{16}, outside the keyring/);
  expect(stdout).toContain('does not stand in for the KEK');
  expect(stdout).not.toContain(env.FIELDSEAL_KEK);
  expect(readFileSync(keyring, 'utf8')).toContain('"wrapped": null');
  expect((await (await openEnvironmentKeyring(env)).resolve('')).keys.size).toBe(1);

  const { FIELDSEAL_KEK: _, ...without } = env;
  for (const wrong of [without, { ...env, FIELDSEAL_KEK: formatRawKey(generateRawKey()) }]) {
    const error = await (await openEnvironmentKeyring(wrong)).resolve('').catch((each: unknown) => each);
    expect(isFieldsealError(error, 'ERR_KEK_MISSING')).toBe(true);
  }
  expect((await fieldseal(['keyring', 'show'], without)).stdout).toContain('raw:');
});

test('--kek vault makes a keyring whose KEK is in Vault; the token may lie in a file that changes', async () => {
  const keyring = path('vault.json');
  const file = path('token');
  writeFileSync(file, 'old\n');
  const env = { ...vaultEnv(), FIELDSEAL_VAULT_TOKEN_FILE: file, FIELDSEAL_KEYRING: keyring };
  const refused = await fieldseal(['init', '--kek', 'vault'], env);
  expect(refused.code).toBe(10);
  expect(refused.stderr).toContain('[ERR_KEK_DENIED]');
  expect(existsSync(keyring)).toBe(false);

  writeFileSync(file, `${vault.token}\n`);
  const made = await fieldseal(['init', '--kek', 'vault', '--json'], env);
  expect(made.code).toBe(0);
  expect(parsed(made)).toMatchObject({ keyring: { kek: 'vault:kms/transit/app' } });
  expect(`${made.stdout}${made.stderr}`).not.toContain(vault.token);
  const { FIELDSEAL_VAULT_TOKEN_FILE: _, ...rest } = env;
  const opened = await openEnvironmentKeyring({ ...rest, VAULT_TOKEN: vault.token });
  expect((await opened.resolve('')).keys.size).toBe(1);
});

test.each([
  ['env', {}, 3, 'ERR_KEY_MISSING'],
  ['env', { FIELDSEAL_KEK: 'canary' }, 3, 'ERR_KEY_INVALID'],
  ['vault', {}, 2, 'ERR_OPTIONS'],
  ['vault', { FIELDSEAL_VAULT_KEY: 'app', VAULT_ADDR: 'http://127.0.0.1:1' }, 2, 'ERR_OPTIONS'],
  ['vault', { FIELDSEAL_VAULT_KEY: 'app', VAULT_ADDR: 'http://vault.example', VAULT_TOKEN: 't' }, 2, 'ERR_OPTIONS'],
  ['vault', { FIELDSEAL_VAULT_KEY: '/', VAULT_ADDR: 'https://vault.example', VAULT_TOKEN: 't' }, 2, 'ERR_OPTIONS'],
  ['hsm', {}, 2, 'ERR_USAGE'],
])('--kek %s with %j ends with %i, and makes nothing', async (kek, env, exitCode, error) => {
  const [keyring, file] = [path('never.json'), path('never.env')];
  const { code, stderr } = await fieldseal(['init', '--kek', kek, '--keyring', keyring, '--save-key', file], env);
  expect(code).toBe(exitCode);
  expect(stderr).toContain(`[${error}]`);
  expect(stderr).not.toContain('canary');
  expect(existsSync(keyring) || existsSync(file)).toBe(false);
});
