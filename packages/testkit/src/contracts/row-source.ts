import assert from 'node:assert/strict';
import { cellTextPrefix, TEXT_PREFIX, XCHACHA20_POLY1305 } from '@fieldseal/core';
import type { JobRow, Pending, RowChange, RowKey, RowSource } from '@fieldseal/core/jobs';
import type { ContractRunner } from './contract-runner.ts';

/** An empty table whose first job field is an optional text without a limit. A new one for every test. */
export interface RowSourceFixture {
  readonly source: RowSource;
  /** Adds rows with these values in the column of the first field; all other columns as the fixture likes, the keys in any order. */
  insert(values: readonly (string | null)[]): Promise<void>;
  /** Sets that column in the row of a key, as an application would. */
  write(key: RowKey, value: string | null): Promise<void>;
  /** Changes a column that no job writes, in the row of a key. */
  alter(key: RowKey): Promise<void>;
  /** Deletes the row of a key. */
  remove(key: RowKey): Promise<void>;
  /** Everything in the table but the column of the first field, to be compared. */
  others(): Promise<unknown>;
}

const ALL: Pending = { what: 'all' };
const EVERYTHING = { after: null, upTo: null } as const;

/**
 * The contract of {@link RowSource}, as tests. Every row source passes it, ours and others'.
 *
 * @param make - makes an empty table
 * @param runner - `describe` and `it` of any test runner
 */
export function rowSourceContract(name: string, make: () => Promise<RowSourceFixture>, runner: ContractRunner): void {
  const { describe, it } = runner;
  describe(`row source contract: ${name}`, () => {
    it('cuts all rows into ranges that follow each other', async () => {
      const { source, insert } = await make();
      for (const rows of [0, 7]) {
        await insert(letters(rows));
        const seen: string[] = [];
        let after: RowKey | null = null;
        let counted = 0;
        for await (const range of source.ranges(3)) {
          const found = await source.read(source.database, { after, upTo: range.upTo }, 100, ALL);
          assert.equal(found.length, range.rows);
          seen.push(...found.map(({ key }) => JSON.stringify(key)));
          counted += range.rows;
          after = range.upTo;
        }
        assert.equal(after, null, 'the last range has no end, so that rows that come later are in it');
        assert.equal(counted, rows);
        assert.equal(new Set(seen).size, rows);
        assert.deepEqual(
          seen,
          (await all(source)).map(({ key }) => JSON.stringify(key)),
        );
      }
    });

    it('reads page by page, each row once, in the same order', async () => {
      const { source, insert } = await make();
      await insert(letters(10));
      const pages: JobRow[] = [];
      for (;;) {
        const page = await source.read(source.database, { after: pages.at(-1)?.key ?? null, upTo: null }, 3, ALL);
        assert.ok(page.length <= 3);
        if (page.length === 0) break;
        pages.push(...page);
      }
      assert.deepEqual(pages, await all(source));
      assert.equal(pages.length, 10);
    });

    it('writes rows that hold what was read, and nothing else of them', async () => {
      const { source, insert, others } = await make();
      await insert([...letters(5), null]);
      const before = await others();
      const rows = await all(source);
      assert.equal(
        await source.swap(
          source.database,
          rows.map((row) => changed(row, `new ${row.cells[0]}`)),
        ),
        6,
      );
      assert.deepEqual(
        (await all(source)).map(({ cells }) => cells[0]),
        rows.map(({ cells }) => `new ${cells[0]}`),
      );
      assert.deepEqual(await others(), before);
    });

    it('leaves a row alone that was changed meanwhile, and writes its neighbours', async () => {
      const { source, insert, write } = await make();
      const stored = ['value', 'a', '', null, 'x'.repeat(3000)];
      const meanwhile = ['VALUE', 'a ', null, '', 'x'.repeat(2999)];
      for (const [at, value] of stored.entries()) {
        await insert([value, 'neighbour']);
        const rows = (await all(source)).filter(({ cells }) => cells[0] === value || cells[0] === 'neighbour');
        const row = rows.find(({ cells }) => cells[0] === value) as JobRow;
        await write(row.key, meanwhile[at] as string | null);
        assert.equal(
          await source.swap(
            source.database,
            rows.map((each) => changed(each, `done ${at}`)),
          ),
          1,
        );
        const after = await all(source);
        assert.equal(after.find(({ key }) => same(key, row.key))?.cells[0], meanwhile[at]);
        assert.equal(after.filter(({ cells }) => cells[0] === `done ${at}`).length, 1);
        await write(row.key, 'end');
      }
    });

    it('does not bring back a row that was deleted, nor swap twice', async () => {
      const { source, insert, remove } = await make();
      await insert(letters(3));
      const rows = await all(source);
      await remove((rows[1] as JobRow).key);
      const changes = rows.map((row) => changed(row, 'new'));
      assert.equal(await source.swap(source.database, changes), 2);
      assert.equal(await source.swap(source.database, changes), 0);
      assert.equal((await all(source)).length, 2);
    });

    it('leaves nothing of a transaction that throws', async () => {
      const { source, insert } = await make();
      await insert(letters(3));
      const rows = await all(source);
      const failed = new Error('on purpose');
      const work = source.database.transaction(async (session) => {
        await source.swap(
          session,
          rows.map((row) => changed(row, 'new')),
        );
        throw failed;
      });
      await assert.rejects(work, (error) => error === failed);
      assert.deepEqual(await all(source), rows);
    });

    it('takes the same content for no change', async () => {
      const { source, insert } = await make();
      await insert(letters(2));
      const rows = await all(source);
      assert.equal(
        await source.swap(
          source.database,
          rows.map((row) => changed(row, row.cells[0])),
        ),
        0,
      );
    });

    it('never leaves out a row that a pass looks for', async () => {
      const { source, insert } = await make();
      const key = `${TEXT_PREFIX}ABCDEFGHIJKL`;
      const texts = [
        `${key}rest`,
        `${key.toLowerCase()}rest`,
        `${TEXT_PREFIX}other`,
        'plain',
        '',
        null,
        'FS1:ABCDEFGHIJKL',
      ];
      await insert(texts);
      const found = async (pending: Pending): Promise<unknown[]> =>
        (await source.read(source.database, EVERYTHING, 100, pending)).map(({ cells }) => cells[0]);
      const expectAll = (seen: readonly unknown[], wanted: readonly (string | null | undefined)[]): void => {
        for (const text of wanted) assert.ok(seen.includes(text), `missing ${text}`);
      };
      const header = new Uint8Array(9);
      expectAll(await found({ what: 'other-keys', prefix: key, header }), texts.slice(1, 5));
      expectAll(await found({ what: 'plaintext' }), ['plain', '', 'FS1:ABCDEFGHIJKL']);
      expectAll(await found({ what: 'cells' }), texts.slice(0, 1).concat(texts.slice(2, 3)));
      expectAll(await found(ALL), texts);
    });

    it('counts every value by its key', async () => {
      const { source, insert } = await make();
      await insert([
        null,
        'plain',
        '',
        `${TEXT_PREFIX}short`,
        `${cellTextPrefix(XCHACHA20_POLY1305, '0001020304050607')}rest`,
        `${cellTextPrefix(XCHACHA20_POLY1305, '0001020304050608')}rest`,
      ]);
      const field = source.fields[0]?.form.spec.field;
      const lines = (await source.census(source.database)).filter((line) => line.field === field);
      assert.deepEqual(lines, [
        { field, key: '0001020304050607', values: 1 },
        { field, key: '0001020304050608', values: 1 },
        { field, key: 'damaged', values: 1 },
        { field, key: 'plaintext', values: 2 },
      ]);
    });

    it('digests what no job writes', async () => {
      const { source, insert, alter } = await make();
      const empty = await source.fingerprint(source.database);
      await insert(letters(3));
      const rows = await all(source);
      const before = await source.fingerprint(source.database);
      await source.swap(
        source.database,
        rows.map((row) => changed(row, 'new')),
      );
      assert.equal(await source.fingerprint(source.database), before);
      await alter((rows[0] as JobRow).key);
      const after = await source.fingerprint(source.database);
      assert.equal(new Set([empty, before, after]).size, 3);
      assert.match(after, /^[0-9a-f]{64}$/);
    });

    it('takes no names for SQL and no pattern for a text', async () => {
      const { source, insert } = await make();
      const texts = ["'; --", '%', '_', '\\', '"', '$1', '?', '🔑', '{"a":1}'];
      await insert(texts);
      const rows = await all(source);
      assert.deepEqual(new Set(rows.map(({ cells }) => cells[0])), new Set(texts));
      assert.equal(
        await source.swap(
          source.database,
          rows.map((row) => changed(row, `${row.cells[0]}${row.cells[0]}`)),
        ),
        texts.length,
      );
      assert.deepEqual(
        new Set((await all(source)).map(({ cells }) => cells[0])),
        new Set(texts.map((text) => text + text)),
      );
    });
  });
}

async function all(source: RowSource): Promise<readonly JobRow[]> {
  return source.read(source.database, EVERYTHING, 1000, ALL);
}

function changed(row: JobRow, value: unknown): RowChange {
  return { row, cells: [value, ...row.cells.slice(1)], terms: row.terms };
}

function letters(count: number): string[] {
  return Array.from({ length: count }, (_, at) => String.fromCharCode(97 + at));
}

function same(a: RowKey, b: RowKey): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
