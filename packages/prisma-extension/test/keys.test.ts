import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, formatRawKey, generateRawKey, keyringFile, passphrase, rawKey } from '@fieldseal/core';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { encryption } from '../src/index.ts';
import { type Client, freshKeyring, openDatabase, type TestDatabase } from './harness.ts';

const target = { database: 'sqlite', generator: 'client' } as const;
const data = { name: 'Ada', email: 'ada@example.com' };

describe('keys', () => {
  let test: TestDatabase;
  let folder: string;
  beforeEach(async () => {
    test = await openDatabase(target);
    folder = mkdtempSync(join(tmpdir(), 'fieldseal-test-'));
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await test.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const fromEnvironment = (env: Record<string, string>): Client => {
    for (const name of ['FIELDSEAL_KEYRING', 'FIELDSEAL_KEY', 'FIELDSEAL_PASSPHRASE'])
      vi.stubEnv(name, env[name] ?? '');
    return test.plain.$extends(encryption()) as unknown as Client;
  };

  it('come from the environment when no option is given', async () => {
    const path = join(folder, 'keyring.json');
    const key = generateRawKey();
    const openers = [rawKey(key), passphrase('correct horse battery', { logN: 14 })];
    (await createKeyring({ storage: keyringFile(path), openers })).keyring.close();
    const db = fromEnvironment({ FIELDSEAL_KEYRING: path, FIELDSEAL_KEY: formatRawKey(key) });
    await db.user.create({ data });
    expect(
      await fromEnvironment({
        FIELDSEAL_KEYRING: path,
        FIELDSEAL_PASSPHRASE: 'correct horse battery',
      }).user.findFirst(),
    ).toMatchObject(data);
  });

  it.each([
    ['no key', (path: string) => ({ FIELDSEAL_KEYRING: path }), 'ERR_KEY_MISSING'],
    [
      'another key',
      (path: string) => ({ FIELDSEAL_KEYRING: path, FIELDSEAL_KEY: formatRawKey(generateRawKey()) }),
      'ERR_KEYRING_LOCKED',
    ],
    ['a mistyped key', (path: string) => ({ FIELDSEAL_KEYRING: path, FIELDSEAL_KEY: 'fsk1_oops' }), 'ERR_KEY_INVALID'],
    [
      'no keyring',
      (path: string) => ({ FIELDSEAL_KEYRING: `${path}.gone`, FIELDSEAL_KEY: formatRawKey(generateRawKey()) }),
      'ERR_KEYRING_MISSING',
    ],
  ])('that are wrong fail the query before SQL: %s', async (_, env, code) => {
    const path = join(folder, 'keyring.json');
    (await createKeyring({ storage: keyringFile(path), openers: [rawKey(generateRawKey())] })).keyring.close();
    const db = fromEnvironment(env(path));
    await expect(db.user.create({ data })).rejects.toMatchObject({ code });
    expect(await db.user.count()).toBe(0);
  });

  it('of a damaged keyring fail', async () => {
    const path = join(folder, 'keyring.json');
    writeFileSync(path, '{"format":');
    const db = fromEnvironment({ FIELDSEAL_KEYRING: path, FIELDSEAL_KEY: formatRawKey(generateRawKey()) });
    await expect(db.user.create({ data })).rejects.toMatchObject({ code: 'ERR_KEYRING_DAMAGED' });
  });

  it('are opened once for many queries, and again after a failure', async () => {
    const keyring = await freshKeyring();
    const open = vi
      .fn()
      .mockRejectedValueOnce(new Error('store is down'))
      .mockImplementation(async () => keyring);
    const db = test.extend({ keyring: open });
    const first = await Promise.allSettled([1, 2, 3].map(() => db.user.findMany({ where: { email: 'x' } })));
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await Promise.all([1, 2, 3].map((at) => db.user.create({ data: { name: 'n', email: `${at}` } })));
    expect(open).toHaveBeenCalledTimes(2);
    keyring.close();
    await expect(db.user.findMany()).rejects.toMatchObject({ code: 'ERR_KEY_WIPED' });
  });

  it('are not needed by queries without encrypted values', async () => {
    const open = vi.fn();
    const db = test.extend({ keyring: open });
    await db.plain.create({ data: { value: 'v' } });
    await db.user.count({ where: { name: 'x', note: null } });
    await db.user.findMany({ select: { name: true } });
    expect(open).not.toHaveBeenCalled();
  });

  it('added by another process are found', async () => {
    const path = join(folder, 'keyring.json');
    const key = generateRawKey();
    const { keyring } = await createKeyring({ storage: keyringFile(path), openers: [rawKey(key)] });
    const here = fromEnvironment({ FIELDSEAL_KEYRING: path, FIELDSEAL_KEY: formatRawKey(key) });
    await here.user.create({ data });
    const there = test.extend({ keyring });
    await keyring.rotate();
    await there.user.create({ data: { name: 'Bob', email: 'bob@example.com' } });
    expect(await here.user.findMany({ orderBy: { name: 'asc' } })).toMatchObject([data, { email: 'bob@example.com' }]);
    keyring.close();
  });

  it('of another engine give the same cells', async () => {
    const keyring = await freshKeyring();
    await test.extend({ keyring, engine: 'noble' }).user.create({ data });
    expect(
      await test.extend({ keyring, engine: 'native' }).user.findUnique({ where: { email: data.email } }),
    ).toMatchObject(data);
    expect(() => test.extend({ keyring, engine: 'fast' as never })).toThrow(
      expect.objectContaining({ code: 'ERR_ENGINE' }),
    );
    keyring.close();
  });
});
