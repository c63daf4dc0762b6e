import { FieldsealError } from '../errors.ts';
import { FieldCipher } from '../field-cipher.ts';
import type { KeySource } from '../keyring/key-view.ts';
import { databaseError } from './database-error.ts';
import type { JobPlan } from './job.ts';
import type { JobRow, RowKey, RowSource } from './row-source.ts';
import { workOn } from './row-work.ts';

/** Rows between two places that a sample may begin at. */
const APART = 1000;
/** Places of a sample, at most. */
const PLACES = 20;

/** What became of a sample. */
export interface SampleResult {
  /** Rows all of whose cells opened. */
  readonly opened: number;
  /** Rows with a cell that did not. */
  readonly failed: number;
}

/**
 * Opens the cells of some rows, as from the keyring of a backup, and writes nothing. The rows are from places all over the table, other ones every time.
 *
 * @param rows - how many, at most
 * @param random - numbers from 0 up to 1
 * @throws ERR_OPTIONS for a number of rows that is none, ERR_JOB_DATABASE, and errors of the keys that do not lie in a row
 */
export async function openSample(
  source: RowSource,
  keys: KeySource,
  rows: number,
  random: () => number = Math.random,
): Promise<SampleResult> {
  if (!Number.isSafeInteger(rows) || rows < 1)
    throw new FieldsealError('ERR_OPTIONS', 'a sample has a number of rows from 1 on');
  const plan: JobPlan = { kind: 'verify', model: source.model, fields: [], schema: '', target: null, sample: 1 };
  const cipher = new FieldCipher();
  let [opened, failed] = [0, 0];
  try {
    const places: (RowKey | null)[] = [null];
    for await (const { upTo } of source.ranges(APART)) if (upTo !== null) places.push(upTo);
    const wanted = shuffled(places, random).slice(0, Math.min(PLACES, rows));
    const seen = new Set<string>();
    for (const [at, after] of wanted.entries()) {
      const limit = Math.ceil((rows - opened - failed) / (wanted.length - at));
      if (limit <= 0) break;
      const found = await source.read(source.database, { after, upTo: null }, limit, { what: 'all' });
      const fresh = found.filter(({ key }) => !seen.has(JSON.stringify(key)));
      for (const { key } of fresh) seen.add(JSON.stringify(key));
      const bad = await badRows(cipher, keys, plan, source, fresh);
      failed += bad;
      opened += fresh.length - bad;
    }
  } catch (error) {
    throw databaseError(error);
  }
  return { opened, failed };
}

async function badRows(
  cipher: FieldCipher,
  keys: KeySource,
  plan: JobPlan,
  source: RowSource,
  rows: readonly JobRow[],
): Promise<number> {
  const { bad } = await workOn(cipher, keys, plan, source, rows);
  return new Set(bad.map(({ row }) => JSON.stringify(row))).size;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  return items
    .map((item) => ({ item, order: random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
