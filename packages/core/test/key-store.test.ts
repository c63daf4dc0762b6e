import { chmod, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileKeyStore } from '../src/key-store/file.ts';
import type { KeysetRecord } from '../src/key-store/keyset-record.ts';
import { memoryKeyStore } from '../src/key-store/memory.ts';
import { openKeyring } from '../src/keyring/open-keyring.ts';
import { codeOfPromise } from './error-code.ts';
import { testKeyring } from './test-keyring.ts';
import { withoutRootRights } from './unprivileged.ts';

let folder = '';
let path = '';

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'fieldseal-store-'));
  path = join(folder, 'keys.json');
});

afterEach(async () => {
  await chmod(folder, 0o700);
  await rm(folder, { recursive: true });
});

describe.each([
  ['memory', () => memoryKeyStore()],
  ['file', () => fileKeyStore(path)],
])('a keyring whose keys are in a key store (%s)', (_name, make) => {
  it('works as one whose keys are inside', async () => {
    const keyStore = make();
    const { keyring, storage, opener } = await testKeyring({ keyStore });
    const acme = await keyring.addScope('acme');
    const next = await keyring.rotate('acme');
    const other = await openKeyring({ storage, openers: [opener], keyStore });
    const view = await other.resolve('acme', [next]);
    expect([...view.keys.keys()]).toEqual([acme.primary.keyId, next]);
    expect(view.primary.keyId).toBe(next);
  });

  it('makes the keys of many scopes at once', async () => {
    const { keyring } = await testKeyring({ keyStore: make() });
    const scopes = Array.from({ length: 12 }, (_, at) => `tenant-${at}`);
    const views = await Promise.all(scopes.map((scope) => keyring.addScope(scope)));
    expect(new Set(views.map(({ primary }) => primary.keyId)).size).toBe(12);
  });
});

describe('the file of a key store', () => {
  it('is private, and holds no key in the open', async () => {
    const { keyring } = await testKeyring({ keyStore: fileKeyStore(path) });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    const { keysets } = JSON.parse(await readFile(path, 'utf8')) as { keysets: KeysetRecord[] };
    expect(keysets.map(({ scope }) => scope)).toEqual(['']);
    expect((await keyring.describe()).keysets).toEqual(keysets);
  });

  it.each([
    '{"format":"fieldseal-key-store/1"}',
    '{"format":"fieldseal-key-store/1","keysets":[{}]}',
    '{"format":"fieldseal-key-store/1","keysets":[null]}',
  ])('is reported when it holds %s', async (content) => {
    await writeFile(path, content);
    expect(await codeOfPromise(fileKeyStore(path).load(''))).toBe('ERR_KEY_STORE');
  });

  it('is reported when it cannot be read or written', async () => {
    const { keyring } = await testKeyring({ keyStore: memoryKeyStore() });
    const [record] = (await keyring.describe()).keysets as [KeysetRecord];
    await mkdir(path);
    expect(await codeOfPromise(fileKeyStore(path).load(''))).toBe('ERR_KEY_STORE');
    expect(await codeOfPromise(fileKeyStore(path).save(record, null))).toBe('ERR_KEY_STORE');
    await rm(path, { recursive: true });
    await chmod(folder, 0o555);
    expect(await withoutRootRights(() => codeOfPromise(fileKeyStore(path).save(record, null)))).toBe('ERR_KEY_STORE');
  });

  it('is not waited for without end when it is locked', async () => {
    const { keyring } = await testKeyring({ keyStore: memoryKeyStore() });
    const [record] = (await keyring.describe()).keysets as [KeysetRecord];
    await writeFile(`${path}.lock`, '');
    expect(await codeOfPromise(fileKeyStore(path).save(record, null))).toBe('ERR_KEYRING_BUSY');
  });
});
