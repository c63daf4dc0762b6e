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
import type { NamedTermTable } from './structure-check.ts';

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

/** An index whose terms are counted beside the fields that it is over. */
export interface CountedTerms {
  readonly index: IndexMap;
  readonly sources: readonly EncryptedFieldMap[];
  /** The table of its terms, or null where they are in a column. */
  readonly table: NamedTermTable | null;
}

/**
 * Counts rows by what encrypted columns hold, and by the terms beside them: class of the cells, version of the terms (`''` for what is no term,
 * null for none), and count. A row with terms of two versions counts for both. Of several fields the class is `null` where one of them is NULL, and
 * `cell` where all are cells.
 */
export function countTerms(
  dialect: Dialect,
  model: ModelMap,
  { index, sources, table }: CountedTerms,
  limit: number | null,
): Statement {
  const values = sources.map(({ column, dbName }, at) => `${dialect.value(column, dialect.quote(dbName))} AS v${at}`);
  const classes = sources.map(({ column }, at) => cellClass(dialect, column, `v${at}`));
  const [only] = classes;
  const absent = sources.map((_, at) => `v${at} IS NULL`).join(' OR ');
  const cells = classes.map((each) => `${each} = 'cell'`).join(' AND ');
  const kind =
    classes.length === 1 ? only : `CASE WHEN ${absent} THEN 'null' WHEN ${cells} THEN 'cell' ELSE 'plain' END`;
  const versionOf = (term: string): string =>
    `CASE WHEN ${term} IS NULL THEN NULL ELSE ${dialect.termVersion(term, Math.ceil(index.bits / 4))} END`;
  const keys = (table?.links ?? []).map(({ to }, at) => `${dialect.quote(to)} AS k${at}`);
  const columns = [...values, ...keys, ...(table === null ? [`${dialect.quote(index.dbName)} AS term`] : [])];
  const rows = `(SELECT ${columns.join(', ')} FROM ${tableOf(dialect, model)}${limit === null ? '' : ` LIMIT ${limit}`}) r`;
  return { sql: `SELECT kind, version, count(*) FROM (${counted()}) c GROUP BY kind, version`, args: [] };

  function counted(): string {
    if (table !== null) {
      const on = table.links.map(({ from }, at) => `t.${dialect.quote(from)} = r.k${at}`).join(' AND ');
      const names = keys.map((_, at) => `k${at}`).join(', ');
      const term = `t.${dialect.quote(table.term)}`;
      return `SELECT DISTINCT ${names}, ${kind} AS kind, ${versionOf(term)} AS version FROM ${rows} LEFT JOIN ${tableOf(dialect, table)} t ON ${on}`;
    }
    if (!index.list) return `SELECT ${kind} AS kind, ${versionOf('term')} AS version FROM ${rows}`;
    const versions = `SELECT DISTINCT ${versionOf('e')} AS version FROM unnest(r.term) e`;
    return `SELECT ${kind} AS kind, version FROM ${rows} LEFT JOIN LATERAL (${versions}) x ON true`;
  }
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
export function tableOf(dialect: Dialect, { dbName, dbSchema }: Pick<ModelMap, 'dbName' | 'dbSchema'>): string {
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
