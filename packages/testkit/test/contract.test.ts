import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  FieldsealError,
  fileKeyStore,
  type KeyStore,
  type KeysetRecord,
  loadKeysets,
  memoryKeyStore,
} from '@fieldseal/core';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type KeyStoreFixture,
  keyStoreContract,
  type TextStoreFixture,
  textStoreContract,
} from '../src/contracts/key-store.ts';

const folders: string[] = [];

async function fileFixture(): Promise<TextStoreFixture> {
  const folder = await mkdtemp(join(tmpdir(), 'fieldseal-contract-'));
  folders.push(folder);
  const path = join(folder, 'sub', 'keys.json');
  return { open: () => fileKeyStore(path), write: (content) => writeFile(path, content) };
}

async function memoryFixture(): Promise<KeyStoreFixture> {
  const store = memoryKeyStore();
  return { open: () => store };
}

afterAll(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true })));
});

keyStoreContract('memory', memoryFixture, { describe, it });
keyStoreContract('file', fileFixture, { describe, it });
textStoreContract('file', fileFixture, { describe, it });

/** Names of the tests of the contract that a store fails. */
async function failedTests(store: () => KeyStore): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  const runner = {
    describe: (_name: string, body: () => void) => body(),
    it: (name: string, test: () => Promise<void>) => tests.push([name, test]),
  };
  const make = async (): Promise<KeyStoreFixture> => {
    const one = store();
    return { open: () => one };
  };
  keyStoreContract('broken', make, runner);
  const failed: string[] = [];
  for (const [name, test] of tests) await test().catch(() => failed.push(name));
  return failed;
}

/** A store over a map, with a fault. */
function faulty(
  fault: (records: Map<string, KeysetRecord>, record: KeysetRecord, expected: number | null) => Promise<boolean>,
): KeyStore {
  const records = new Map<string, KeysetRecord>();
  return {
    load: async (scope) => records.get(scope) ?? null,
    save: (record, expected) => fault(records, record, expected),
  };
}

describe('the contract finds', () => {
  it('no fault in a sound store', async () => {
    expect(await failedTests(memoryKeyStore)).toEqual([]);
  });

  it('a store that overwrites whatever is there', async () => {
    const failed = await failedTests(() =>
      faulty(async (records, record) => Boolean(records.set(record.scope, structuredClone(record)))),
    );
    expect(failed).toContain('refuses a writer who expects another generation, and keeps what is stored');
    expect(failed).toContain('lets exactly one of twenty concurrent writers win each generation');
  });

  it('a store that looks first and writes later', async () => {
    const failed = await failedTests(() =>
      faulty(async (records, record, expected) => {
        if ((records.get(record.scope)?.generation ?? null) !== expected) return false;
        await new Promise((resolve) => setImmediate(resolve));
        records.set(record.scope, structuredClone(record));
        return true;
      }),
    );
    expect(failed).toContain('lets exactly one of twenty concurrent writers win each generation');
    expect(failed).not.toContain('refuses a writer who expects another generation, and keeps what is stored');
  });

  it('a store that keeps key ids of several scopes', async () => {
    const failed = await failedTests(() =>
      faulty(async (records, record, expected) => {
        if ((records.get(record.scope)?.generation ?? null) !== expected) return false;
        return Boolean(records.set(record.scope, structuredClone(record)));
      }),
    );
    expect(failed).toEqual([
      'refuses a key id that belongs to another scope, a destroyed one too',
      'leaves nothing of a keyset that it refused',
    ]);
  });

  it('a store that keeps the object of its caller', async () => {
    const failed = await failedTests(() =>
      faulty(async (records, record, expected) => {
        if ((records.get(record.scope)?.generation ?? null) !== expected) return false;
        return Boolean(records.set(record.scope, record));
      }),
    );
    expect(failed).toContain('keeps what was saved when the saved object changes afterwards');
  });

  it('a store that takes key ids before it refuses their keyset', async () => {
    const failed = await failedTests(() => {
      const [store, taken] = [memoryKeyStore(), new Map<string, string>()];
      return {
        ...store,
        save: async (record, expected) => {
          for (const { keyId } of [...record.data.versions, ...record.index.versions]) {
            const before = taken.get(keyId) ?? record.scope;
            taken.set(keyId, record.scope);
            if (before !== record.scope) throw new FieldsealError('ERR_KEY_STORE', 'a key id is taken');
          }
          return store.save(record, expected);
        },
      };
    });
    expect(failed).toEqual(['leaves nothing of a keyset that it refused']);
  });

  it('a store that drops what it does not know, gives too much, or lists a scope twice', async () => {
    const known = ({ scope, generation, data, index }: KeysetRecord): KeysetRecord => ({
      scope,
      generation,
      data,
      index,
    });
    const forgetful = await failedTests(() => {
      const store = memoryKeyStore();
      return { load: store.load, save: (record, expected) => store.save(known(record), expected) };
    });
    expect(forgetful).toEqual(['keeps an authentication code, and the state of a scope that is shredded']);
    const generous = await failedTests(() => {
      const store = memoryKeyStore();
      const all = async (): Promise<string[]> => {
        const names: string[] = [];
        for await (const scope of store.scopes?.() ?? []) names.push(scope);
        return names;
      };
      return {
        ...store,
        loadMany: async () => loadKeysets(store, await all()),
        scopes: async function* () {
          yield* await all();
          yield* (await all()).slice(0, 1);
        },
      };
    });
    expect(generous).toEqual([
      'gives the keysets of many scopes at once, and leaves out those that have none',
      'lists every scope once, if it can list them',
    ]);
  });

  it('a store that folds the case of scopes', async () => {
    const failed = await failedTests(() => {
      const store = memoryKeyStore();
      const folded = (record: KeysetRecord): KeysetRecord => ({ ...record, scope: record.scope.toLowerCase() });
      return {
        load: (scope) => store.load(scope.toLowerCase()),
        save: (record, expected) => store.save(folded(record), expected),
      };
    });
    expect(failed).toContain('gives back what was saved, whatever the scope is called');
    expect(failed).toContain('gives null for a scope that has no keyset');
  });
});
