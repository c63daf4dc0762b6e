import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { isFieldsealError, type KeyStore, type KeysetRecord, loadKeysets } from '@fieldseal/core';
import type { ContractRunner } from './contract-runner.ts';
import { sampleKeyset, shreddedKeyset, withGeneration } from './sample-keyset.ts';

/** A storage that the contract opens key stores on. A new one for every test. */
export interface KeyStoreFixture {
  /** Another key store on the same storage, as another process would open it. */
  open(): KeyStore;
}

/** A storage of text that others can write to. */
export interface TextStoreFixture extends KeyStoreFixture {
  /** Replaces all that is stored. */
  write(content: string): Promise<void>;
}

/** What cannot be a key store's content, for stores of texts. */
const DAMAGED_CONTENT: readonly string[] = ['', 'null', '{', '[]', '{"format":"other/1","keysets":[]}', '"text"'];

/** What the wrong file, given by mistake, may hold. */
const SECRET = 'canaryOfTheWrongFile';

const WRITERS = 20;
const GENERATIONS = 5;

/**
 * The contract of {@link KeyStore}, as tests. Every key store passes it, ours and others'.
 *
 * @param name - what is tested
 * @param make - makes an empty storage
 * @param runner - `describe` and `it` of any test runner
 *
 * @example
 * ```ts
 * keyStoreContract('my store', async () => ({ open: () => myKeyStore() }), { describe, it });
 * ```
 */
export function keyStoreContract(name: string, make: () => Promise<KeyStoreFixture>, runner: ContractRunner): void {
  const { describe, it } = runner;
  describe(`key store contract: ${name}`, () => {
    it('gives null for a scope that has no keyset', async () => {
      const { open } = await make();
      await expectStored(open(), 'acme', null);
      await open().save(sampleKeyset('acme'), null);
      for (const scope of ['', 'ACME', 'acm', 'acme ', '__proto__', 'constructor'])
        await expectStored(open(), scope, null);
    });

    it('gives back what was saved, whatever the scope is called', async () => {
      const { open } = await make();
      for (const scope of ['', 'acme', 'ACME', '__proto__', "'; --", 'Zażółć 👩‍⚕️', 'x'.repeat(300)]) {
        const record = sampleKeyset(scope);
        assert.equal(await open().save(record, null), true);
        await expectStored(open(), scope, record);
      }
    });

    it('replaces a keyset of the expected generation, and others stay as they are', async () => {
      const { open } = await make();
      const [first, other] = [sampleKeyset('acme'), sampleKeyset('other')];
      await open().save(first, null);
      await open().save(other, null);
      const second = withGeneration(first, 2);
      assert.equal(await open().save(second, 1), true);
      await expectStored(open(), 'acme', second);
      await expectStored(open(), 'other', other);
    });

    it('refuses a writer who expects another generation, and keeps what is stored', async () => {
      const { open } = await make();
      const stored = sampleKeyset('acme', 7);
      assert.equal(await open().save(stored, 7), false, 'nothing is stored yet');
      await expectStored(open(), 'acme', null);
      assert.equal(await open().save(stored, null), true);
      for (const expected of [null, 0, 1, 6, 8]) {
        assert.equal(await open().save(sampleKeyset('acme', 8), expected), false, `expected ${expected}`);
      }
      await expectStored(open(), 'acme', stored);
    });

    it('keeps what was saved when the saved object changes afterwards', async () => {
      const { open } = await make();
      const record = sampleKeyset('acme');
      const before = structuredClone(record);
      await open().save(record, null);
      (record as { generation: number }).generation = 99;
      (record.data as { primary: string }).primary = '0000000000000000';
      await expectStored(open(), 'acme', before);
    });

    it('lets exactly one of twenty concurrent writers win each generation', async () => {
      const { open } = await make();
      for (let generation = 1; generation <= GENERATIONS; generation++) {
        const candidates = Array.from({ length: WRITERS }, () => sampleKeyset('acme', generation));
        const expected = generation === 1 ? null : generation - 1;
        const won = await Promise.all(candidates.map((candidate) => open().save(candidate, expected)));
        assert.equal(won.filter((saved) => saved).length, 1, `writers that won generation ${generation}`);
        await expectStored(open(), 'acme', candidates[won.indexOf(true)] ?? null);
      }
    });

    it('lets twenty concurrent writers of different scopes all win', async () => {
      const { open } = await make();
      const records = Array.from({ length: WRITERS }, (_, at) => sampleKeyset(`tenant-${at}`));
      const won = await Promise.all(records.map((record) => open().save(record, null)));
      assert.deepEqual(
        won,
        records.map(() => true),
      );
      for (const record of records) await expectStored(open(), record.scope, record);
    });

    it('refuses a key id that belongs to another scope, a destroyed one too', async () => {
      const { open } = await make();
      const stored = sampleKeyset('acme');
      await open().save(stored, null);
      for (const series of ['data', 'index'] as const) {
        for (const version of stored[series].versions) {
          const thief = sampleKeyset('thief');
          const [, primary] = thief.data.versions;
          assert.ok(primary);
          const data = { primary: version.keyId, versions: [{ ...primary, keyId: version.keyId }] };
          await expectKeyStoreError(open().save({ ...thief, data }, null));
        }
      }
      await expectStored(open(), 'thief', null);
      await expectStored(open(), 'acme', stored);
    });

    it('leaves nothing of a keyset that it refused', async () => {
      const { open } = await make();
      const stored = sampleKeyset('acme');
      await open().save(stored, null);
      const thief = sampleKeyset('thief');
      const { primary } = stored.data;
      const [, version] = thief.data.versions;
      assert.ok(version);
      await expectKeyStoreError(
        open().save({ ...thief, data: { primary, versions: [{ ...version, keyId: primary }] } }, null),
      );
      assert.equal(await open().save(thief, null), true);
      assert.equal(await open().save(withGeneration(stored, 2), 1), true);
    });

    it('keeps an authentication code, and the state of a scope that is shredded', async () => {
      const { open } = await make();
      for (const record of [
        { ...sampleKeyset('acme'), mac: '1.bWFj' },
        shreddedKeyset('waiting', null),
        shreddedKeyset('gone', '2026-02-02T00:00:00.000Z'),
      ]) {
        assert.equal(await open().save(record, null), true);
        await expectStored(open(), record.scope, record);
      }
    });

    it('gives the keysets of many scopes at once, and leaves out those that have none', async () => {
      const { open } = await make();
      const records = Array.from({ length: WRITERS }, (_, at) => sampleKeyset(`tenant-${at}`));
      for (const record of records) await open().save(record, null);
      const some = records.slice(3, 9);
      const scopes = some.map(({ scope }) => scope);
      const found = await loadKeysets(open(), ['nobody', ...scopes, ...scopes, '', '__proto__']);
      assert.deepEqual(new Map(found), new Map(some.map((record) => [record.scope, record])));
      assert.deepEqual(new Map(await loadKeysets(open(), [])), new Map());
    });

    it('replaces many keysets at once, and leaves those alone that somebody changed, if it can', async () => {
      const { open } = await make();
      const store = open();
      if (store.saveMany === undefined) return;
      const scopes = Array.from({ length: 250 }, (_, at) => `many-${at}`);
      const records = scopes.map((scope) => sampleKeyset(scope));
      for (const record of records) assert.equal(await store.save(record, null), true);
      const changed = scopes[7] as string;
      const other = { ...(records[7] as KeysetRecord), generation: 2, mac: '1.other' };
      assert.equal(await store.save(other, 1), true);
      const next = records.map((record) => ({ ...record, generation: 2, mac: '1.next' }));
      const saved = await store.saveMany([
        ...next.map((record) => ({ record, expected: 1 })),
        { record: { ...sampleKeyset('many-none'), generation: 2 }, expected: 1 },
      ]);
      assert.deepEqual([...saved].sort(), scopes.filter((scope) => scope !== changed).sort());
      const stored = await loadKeysets(open(), [...scopes, 'many-none']);
      assert.equal(stored.size, scopes.length);
      for (const record of next) assert.deepEqual(stored.get(record.scope), record.scope === changed ? other : record);
      assert.equal((await store.saveMany([])).size, 0);
    });

    it('lists every scope once, if it can list them', async () => {
      const { open } = await make();
      const store = open();
      if (store.scopes === undefined) return;
      assert.deepEqual(await listed(store), []);
      const names = ['', 'acme', 'ACME', '__proto__', 'Zażółć 👩‍⚕️', 'x'.repeat(300)];
      for (const name of names) await open().save(sampleKeyset(name), null);
      await open().save(sampleKeyset('acme', 2), 1);
      assert.deepEqual((await listed(open())).sort(), names.sort());
    });

    it('lets the same scope keep its key ids', async () => {
      const { open } = await make();
      const record = sampleKeyset('acme');
      await open().save(record, null);
      assert.equal(await open().save(withGeneration(record, 2), 1), true);
    });
  });
}

/**
 * What a key store over text does besides {@link keyStoreContract}: damaged content is reported, and never overwritten.
 *
 * @param make - makes an empty storage
 */
export function textStoreContract(name: string, make: () => Promise<TextStoreFixture>, runner: ContractRunner): void {
  const { describe, it } = runner;
  describe(`text store contract: ${name}`, () => {
    for (const content of DAMAGED_CONTENT) {
      it(`reports ${content === '' ? 'empty content' : content}, and does not overwrite it`, async () => {
        const { open, write } = await make();
        await open().save(sampleKeyset('acme'), null);
        await write(content);
        await expectKeyStoreError(open().load('acme'));
        await expectKeyStoreError(open().save(sampleKeyset('acme', 2), 1));
        await expectKeyStoreError(open().load('acme'));
      });
    }

    it('shows nothing of damaged content in its error', async () => {
      const { open, write } = await make();
      await open().save(sampleKeyset('acme'), null);
      await write(SECRET);
      await assert.rejects(
        open().load('acme'),
        (error: unknown) => !inspect(error, { depth: null }).includes(SECRET.slice(0, 8)),
      );
    });
  });
}

async function listed(store: KeyStore): Promise<string[]> {
  const scopes: string[] = [];
  for await (const scope of store.scopes?.() ?? []) scopes.push(scope);
  return scopes;
}

async function expectStored(store: KeyStore, scope: string, expected: KeysetRecord | null): Promise<void> {
  assert.deepEqual(await store.load(scope), expected);
}

async function expectKeyStoreError(work: Promise<unknown>): Promise<void> {
  await assert.rejects(work, (error: unknown) => isFieldsealError(error, 'ERR_KEY_STORE'));
}
