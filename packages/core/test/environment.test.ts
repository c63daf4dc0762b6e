import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEFAULT_KEYRING_PATH, environmentOpeners, keyringPath, openEnvironmentKeyring } from '../src/environment.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import { formatRawKey, generateRawKey } from '../src/keyring/key-text.ts';
import { passphrase, rawKey } from '../src/keyring/slot.ts';
import { keyringFile } from '../src/keyring/storage.ts';
import { codeOf, codeOfPromise } from './error-code.ts';

const WORDS = 'correct horse battery';
const KEY = formatRawKey(generateRawKey());
const OTHER_KEY = formatRawKey(generateRawKey());

let folder = '';
let path = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-environment-'));
  path = join(folder, 'app.keyring.json');
  const openers = [rawKey(KEY), passphrase(WORDS, { logN: 14 })];
  (await createKeyring({ storage: keyringFile(path), openers })).keyring.close();
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

describe('the environment names', () => {
  it('the path of the keyring, or leaves it at the default', () => {
    expect(keyringPath({ FIELDSEAL_KEYRING: '/a/b' })).toBe('/a/b');
    expect(keyringPath({})).toBe(DEFAULT_KEYRING_PATH);
    expect(keyringPath({ FIELDSEAL_KEYRING: '' })).toBe(DEFAULT_KEYRING_PATH);
  });

  it('the openers, the raw key first', () => {
    expect(environmentOpeners({ FIELDSEAL_PASSPHRASE: WORDS, FIELDSEAL_KEY: KEY }).map(({ type }) => type)).toEqual([
      'rawKey',
      'passphrase',
    ]);
    expect(environmentOpeners({ FIELDSEAL_PASSPHRASE: WORDS }).map(({ type }) => type)).toEqual(['passphrase']);
  });

  it.each([
    [{}, 'ERR_KEY_MISSING'],
    [{ FIELDSEAL_KEY: '', FIELDSEAL_PASSPHRASE: '' }, 'ERR_KEY_MISSING'],
    [{ FIELDSEAL_KEY: 'canary' }, 'ERR_KEY_INVALID'],
    [{ FIELDSEAL_KEY: KEY, FIELDSEAL_PASSPHRASE: 'short' }, 'ERR_KEY_INVALID'],
    [{ FIELDSEAL_KEY: KEY.slice(0, -1) }, 'ERR_KEY_INVALID'],
  ])('no opener: %#', (env, code) => {
    expect(codeOf(() => environmentOpeners(env))).toBe(code);
  });
});

describe('openEnvironmentKeyring', () => {
  it.each([
    ['the raw key', { FIELDSEAL_KEY: KEY }],
    ['the passphrase', { FIELDSEAL_PASSPHRASE: WORDS }],
    ['the passphrase beside a raw key of another keyring', { FIELDSEAL_KEY: OTHER_KEY, FIELDSEAL_PASSPHRASE: WORDS }],
  ])('opens with %s', async (_what, env) => {
    const keyring = await openEnvironmentKeyring({ ...env, FIELDSEAL_KEYRING: path });
    expect((await keyring.resolve('')).keys.size).toBe(1);
    keyring.close();
  });

  it.each([
    ['no key', {}, 'ERR_KEY_MISSING'],
    ['another raw key', { FIELDSEAL_KEY: OTHER_KEY }, 'ERR_KEYRING_LOCKED'],
    ['another passphrase', { FIELDSEAL_PASSPHRASE: 'correct horse staple' }, 'ERR_KEYRING_LOCKED'],
    ['a passphrase in another case', { FIELDSEAL_PASSPHRASE: WORDS.toUpperCase() }, 'ERR_KEYRING_LOCKED'],
  ])('does not open with %s', async (_what, env, code) => {
    expect(await codeOfPromise(openEnvironmentKeyring({ ...env, FIELDSEAL_KEYRING: path }))).toBe(code);
  });

  it('takes the key store that the keyring was made with, and how its keys are cached', async () => {
    const keyStore = memoryKeyStore();
    const outside = join(folder, 'outside.keyring.json');
    (await createKeyring({ storage: keyringFile(outside), openers: [rawKey(KEY)], keyStore })).keyring.close();
    const env = { FIELDSEAL_KEY: KEY, FIELDSEAL_KEYRING: outside };
    const keyring = await openEnvironmentKeyring(env, { keyStore, cache: 'none' });
    await keyring.addScope('acme');
    expect(keyring.peek('acme')).toBeUndefined();
    expect(await keyStore.load('acme')).not.toBeNull();
    keyring.close();
    const without = await openEnvironmentKeyring(env);
    expect(await codeOfPromise(without.resolve('acme'))).toBe('ERR_KEY_STORE');
    without.close();
    expect(await codeOfPromise(openEnvironmentKeyring(env, { keyStore, cache: { maxScopes: -1 } }))).toBe(
      'ERR_OPTIONS',
    );
  });

  it('does not open what is not there', async () => {
    const missing = openEnvironmentKeyring({ FIELDSEAL_KEY: KEY, FIELDSEAL_KEYRING: join(folder, 'missing.json') });
    expect(await codeOfPromise(missing)).toBe('ERR_KEYRING_MISSING');
  });
});
