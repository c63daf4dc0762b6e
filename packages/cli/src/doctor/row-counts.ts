/**
 * The statements that count what rows hold. Nothing of a value comes back: only classes, numbers, and the first nine bytes of what has the
 * form of a cell, which are its suite and key id.
 *
 * @module
 */
import {
  cellTextPrefix,
  HEADER_BYTES,
  NONCE_BYTES,
  SUITES,
  type SuiteId,
  TAG_BYTES,
  TEXT_PREFIX,
} from '@fieldseal/core';
import type { EncryptedFieldMap, IndexMap, ModelMap } from '@fieldseal/prisma/internal';
import type { Dialect, Statement } from './dialect.ts';

/** Size of the smallest cell: its plaintext is one type tag. */
const MIN_BYTES = HEADER_BYTES + NONCE_BYTES + 1 + TAG_BYTES;
const MIN_CHARACTERS = TEXT_PREFIX.length + Math.ceil((MIN_BYTES * 4) / 3);
/** Characters that hold suite and key id. */
const HEADER_CHARACTERS = TEXT_PREFIX.length + (HEADER_BYTES / 3) * 4;
/** Keys that are told apart in one column. */
const MAX_GROUPS = 1000;

const PREFIX_DIGITS = Buffer.from(TEXT_PREFIX).toString('hex');
const SUITE_DIGITS = Object.keys(SUITES).map((suite) => Number(suite).toString(16).padStart(2, '0'));

/** Classes that stored values are counted by. */
export type CellClass = 'null' | 'plain' | 'damaged' | 'cell';

/** The values of an encrypted column, or of the first `limit` rows; elements of lists one by one. */
function storedRows(
  dialect: Dialect,
  model: ModelMap,
  { dbName, list }: EncryptedFieldMap,
  limit: number | null,
): string {
  const stored = dialect.quote(dbName);
  return limited(dialect, model, list ? dialect.elements(stored, tableOf(dialect, model)) : null, stored, limit);
}

/** Counts the values of an encrypted column, or of the first `limit` rows: class, header in hexadecimal digits or null, and count. */
export function countCells(
  dialect: Dialect,
  model: ModelMap,
  field: EncryptedFieldMap,
  limit: number | null,
): Statement {
  const rows = storedRows(dialect, model, field, limit);
  const { column } = field;
  const cell = cellClass(dialect, column, 'v');
  const head = dialect.head(column, 'v', column === 'Bytes' ? HEADER_BYTES : HEADER_CHARACTERS);
  return {
    sql:
      `SELECT kind, head, count(*) FROM (SELECT ${cell} AS kind, CASE WHEN ${cell} = 'cell' THEN ${head} END AS head ` +
      `FROM (SELECT ${dialect.value(column, 'v')} AS v FROM (${rows}) r) t) c GROUP BY kind, head ORDER BY 3 DESC LIMIT ${MAX_GROUPS}`,
    args: [],
  };
}

/** A key whose cells are counted. */
export interface CountedKey {
  readonly keyId: string;
  readonly suite: SuiteId;
}

/** What the cells of a key start with, in hexadecimal digits as `countKeys` gives it. */
export function headOf(column: EncryptedFieldMap['column'], { keyId, suite }: CountedKey): string {
  if (column === 'Bytes') return `${suite.toString(16).padStart(2, '0')}${keyId}`;
  return Buffer.from(cellTextPrefix(suite, keyId)).toString('hex');
}

/** Counts the cells of these keys in all rows of an encrypted column: header in hexadecimal digits, and count. */
export function countKeys(
  dialect: Dialect,
  model: ModelMap,
  field: EncryptedFieldMap,
  keys: readonly CountedKey[],
): Statement {
  const rows = storedRows(dialect, model, field, null);
  const { column } = field;
  const head = dialect.head(column, 'v', column === 'Bytes' ? HEADER_BYTES : HEADER_CHARACTERS);
  const heads = keys.map((key) => `'${headOf(column, key)}'`).join(', ');
  return {
    sql:
      `SELECT head, count(*) FROM (SELECT ${head} AS head FROM (SELECT ${dialect.value(column, 'v')} AS v FROM (${rows}) r) t) c ` +
      `WHERE head IN (${heads}) GROUP BY head`,
    args: [],
  };
}

/**
 * Counts an encrypted column beside one of its index columns: class of the cell, version of the term (`''` for what is no term, null for
 * NULL), and count.
 */
export function countTerms(
  dialect: Dialect,
  model: ModelMap,
  source: EncryptedFieldMap,
  index: IndexMap,
  limit: number | null,
): Statement {
  const columns = `${dialect.value(source.column, dialect.quote(source.dbName))} AS v, ${dialect.quote(index.dbName)} AS term`;
  const version = dialect.termVersion('term', Math.ceil(index.bits / 4));
  return {
    sql:
      `SELECT kind, version, count(*) FROM (SELECT ${cellClass(dialect, source.column, 'v')} AS kind, ` +
      `CASE WHEN term IS NULL THEN NULL ELSE ${version} END AS version ` +
      `FROM (SELECT ${columns} FROM ${tableOf(dialect, model)}${limit === null ? '' : ` LIMIT ${limit}`}) r) c GROUP BY kind, version`,
    args: [],
  };
}

/** Counts the cells of an encrypted column, or of the first `limit` rows, by their characters or bytes: length and count. */
export function countLengths(
  dialect: Dialect,
  model: ModelMap,
  field: EncryptedFieldMap,
  limit: number | null,
): Statement {
  const rows = storedRows(dialect, model, field, limit);
  const { column } = field;
  return {
    sql:
      `SELECT size, count(*) FROM (SELECT ${dialect.length(column, 'v')} AS size FROM (SELECT ${dialect.value(column, 'v')} AS v ` +
      `FROM (${rows}) r) t WHERE ${cellClass(dialect, column, 'v')} = 'cell') c GROUP BY size`,
    args: [],
  };
}

function limited(
  dialect: Dialect,
  model: ModelMap,
  elements: string | null,
  stored: string,
  limit: number | null,
): string {
  const rows = elements ?? `SELECT ${stored} AS v FROM ${tableOf(dialect, model)}`;
  return limit === null ? rows : `${rows} LIMIT ${limit}`;
}

/** The table of a model, in quotes. */
export function tableOf(dialect: Dialect, { dbName, dbSchema }: ModelMap): string {
  return dbSchema === null ? dialect.quote(dbName) : `${dialect.quote(dbSchema)}.${dialect.quote(dbName)}`;
}

/** The class of a value by its form alone. Bytes have no prefix: plaintext that begins with the byte of a suite passes for a cell. */
function cellClass(dialect: Dialect, column: EncryptedFieldMap['column'], sql: string): string {
  const long = `${dialect.length(column, sql)} >= ${column === 'Bytes' ? MIN_BYTES : MIN_CHARACTERS}`;
  const suites = SUITE_DIGITS.map((digits) => `'${digits}'`).join(', ');
  const starts =
    column === 'Bytes'
      ? `${dialect.head(column, sql, 1)} IN (${suites})`
      : `${dialect.head(column, sql, TEXT_PREFIX.length)} = '${PREFIX_DIGITS}'`;
  const otherwise = column === 'Bytes' ? `'plain'` : `CASE WHEN ${starts} THEN 'damaged' ELSE 'plain' END`;
  return `CASE WHEN ${sql} IS NULL THEN 'null' WHEN ${starts} AND ${long} THEN 'cell' ELSE ${otherwise} END`;
}
