/**
 * How statements begin: which are read to the end, which write nothing, and which stand before another.
 *
 * @module
 */
import type { Token } from './tokens.ts';

/** Statements that are read to the end. */
export const UNDERSTOOD: ReadonlySet<string> = new Set([
  ...['SELECT', 'WITH', 'VALUES', 'TABLE', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'COPY', ''],
]);
/** Statements that name tables and write no values to them. */
export const HARMLESS: ReadonlySet<string> = new Set([
  ...['CREATE', 'ALTER', 'DROP', 'TRUNCATE', 'RENAME', 'COMMENT', 'GRANT', 'REVOKE', 'SET', 'PRAGMA'],
  ...['ANALYZE', 'VACUUM', 'REINDEX', 'CLUSTER', 'OPTIMIZE', 'CHECK', 'REPAIR', 'CHECKSUM', 'REFRESH'],
  ...['SHOW', 'DESCRIBE', 'DESC', 'LOCK', 'UNLOCK', 'SAVEPOINT', 'RELEASE', 'ROLLBACK', 'FETCH', 'CLOSE'],
]);
/** Statements that execute a text. */
export const EXECUTING: ReadonlySet<string> = new Set(['DO', 'PREPARE', 'EXECUTE', 'EXEC']);
const WRITING = new Set(['INSERT', 'REPLACE', 'UPDATE', 'MERGE', 'COPY', 'LOAD']);
/** Behind a digit too, which may be the version that an executed comment is for. */
const WRITING_TEXT = /(?<![a-z_])(?:INSERT|REPLACE|UPDATE|MERGE|COPY|LOAD)(?![a-z_0-9])/i;
/** Words before a statement that is executed or shown. MariaDB's ANALYZE executes. */
const EXPLAINING = new Set(['EXPLAIN', 'DESCRIBE', 'DESC', 'ANALYZE']);
/** How far behind DECLARE the word CURSOR can stand, and behind CREATE the word TABLE. */
const HEAD_WORDS = 6;

/** Writing words that are read as the begin of a query, once a statement was taken apart. */
export const READ_WRITES: ReadonlySet<string> = new Set(['INSERT', 'REPLACE', 'UPDATE', 'COPY']);
/** Words that begin a statement anywhere. */
const BEGINNING = new Set([...WRITING, 'EXEC', 'EXECUTE', 'BULK']);
/** Words behind a writing one that show it to be a column, an alias, a lock or part of another clause. */
const NO_TABLE = new Set([
  ...['WHERE', 'GROUP', 'ORDER', 'HAVING', 'LIMIT', 'OFFSET', 'FETCH', 'WINDOW', 'RETURNING', 'SET', 'ON', 'USING'],
  ...['JOIN', 'LEFT', 'RIGHT', 'INNER', 'FULL', 'CROSS', 'NATURAL', 'FOR', 'FROM', 'UNION', 'INTERSECT', 'EXCEPT'],
  ...['AS', 'IS', 'IN', 'NOT', 'AND', 'LIKE', 'ILIKE', 'BETWEEN', 'WHEN', 'THEN', 'ELSE', 'END', 'ASC', 'DESC'],
  ...['NULLS', 'COLLATE', 'OF', 'NOWAIT', 'SKIP', 'WAIT', 'CASCADE', 'RESTRICT', 'NO', 'CURRENT_TIMESTAMP'],
  ...['HISTOGRAM', 'SELECT', 'LOCK'],
]);

/** Whether one of the words that write stands among the tokens. */
export function writes(tokens: readonly Token[]): boolean {
  return tokens.some(({ word }) => WRITING.has(word));
}

/** Whether one of the words that write stands anywhere in a text, comments included. */
export function writesAnywhere(sql: string): boolean {
  return WRITING_TEXT.test(sql);
}

/**
 * Where the statement begins that is executed in the end: behind EXPLAIN, SET STATEMENT … FOR, DECLARE … CURSOR FOR and CREATE TABLE … AS, the
 * WITH clause of which may write on PostgreSQL.
 */
export function beginning(tokens: readonly Token[]): number {
  let start = 0;
  for (;;) {
    const length = prefix(tokens, start);
    if (length === 0) return start;
    start += length;
  }
}

function prefix(tokens: readonly Token[], start: number): number {
  const word = tokens[start]?.word ?? '';
  const rest = tokens.slice(start + 1);
  if (EXPLAINING.has(word))
    return rest.findIndex((each) => each.word !== '' && (UNDERSTOOD.has(each.word) || WRITING.has(each.word))) + 1;
  const isSet = word === 'SET' && rest[0]?.word === 'STATEMENT';
  const head = rest.slice(0, HEAD_WORDS).map((each) => each.word);
  const isCursor = word === 'DECLARE' && head.includes('CURSOR');
  const isTable = word === 'CREATE' && head.includes('TABLE');
  if (!isSet && !isCursor && !isTable) return 0;
  let depth = 0;
  for (const [at, { kind, text, word: next }] of rest.entries()) {
    if (kind === 'symbol' && text === '(') depth++;
    if (kind === 'symbol' && text === ')') depth--;
    if (depth > 0) continue;
    if (isTable ? next === 'AS' && opensWith(rest, at + 1) : next === 'FOR') return at + 2;
  }
  return 0;
}

/** Whether WITH is the word at `start`, parentheses left out. */
function opensWith(tokens: readonly Token[], start: number): boolean {
  let at = start;
  while (tokens[at]?.text === '(') at++;
  return tokens[at]?.word === 'WITH';
}

/**
 * Whether a write begins in a statement where none was read: behind what is not understood, or, on SQL Server, behind another statement.
 *
 * @param read - the words that were read
 */
export function hasUnreadWrite(tokens: readonly Token[], read: ReadonlySet<number>): boolean {
  return tokens.some(({ word }, at) => BEGINNING.has(word) && !read.has(at) && begins(tokens, at));
}

function begins(tokens: readonly Token[], at: number): boolean {
  const word = (place: number) => tokens[at + place]?.word ?? '';
  if (tokens[at - 1]?.text === '.' || word(-1) === 'AS') return false;
  if (word(0) === 'UPDATE' && word(-1) === 'KEY' && word(-2) === 'DUPLICATE') return false;
  if (word(0) === 'REPLACE' && word(-1) === 'OR' && ['INSERT', 'UPDATE', 'CREATE'].includes(word(-2))) return false;
  const next = tokens[at + 1];
  if (next === undefined) return false;
  // REPLACE and INSERT are functions before a parenthesis; UPDATE may have its tables in one, EXEC its text.
  if (next.text === '(') return ['UPDATE', 'EXEC', 'EXECUTE'].includes(word(0));
  if (next.kind === 'symbol' || next.kind === 'number' || next.kind === 'bytes') return false;
  return !NO_TABLE.has(next.word);
}
