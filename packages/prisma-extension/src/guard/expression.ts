/**
 * Expressions whose value is written to an annotated column. Only those pass whose every outcome is a parameter, a literal that is a cell, NULL,
 * or what the same column holds.
 *
 * @module
 */
import type { AnnotatedColumn } from './annotated-tables.ts';
import type { Findings } from './finding.ts';
import type { Query, Statement } from './query.ts';
import { isAllowed, type Rule } from './stored-value.ts';
import type { Token } from './tokens.ts';

/** Functions that give one of their arguments, and the first that counts. */
const CHOICES: Readonly<Record<string, number>> = {
  ...{ COALESCE: 0, IFNULL: 0, NVL: 0, NULLIF: 0, GREATEST: 0, LEAST: 0, IF: 1, IIF: 1 },
};
/** Functions that join lists and elements. */
const LIST_FUNCTIONS = new Set(['ARRAY_APPEND', 'ARRAY_PREPEND', 'ARRAY_CAT', 'ARRAY_REMOVE', 'ARRAY_REPLACE']);
const FROM_WORDS = new Set([
  ...['FROM', 'WHERE', 'GROUP', 'HAVING', 'ORDER', 'LIMIT', 'OFFSET', 'FETCH', 'WINDOW', 'FOR', 'INTO', 'RETURNING'],
]);

/** Checks expressions of one statement. */
export class Expressions {
  readonly #statement: Statement;
  readonly #findings: Findings;

  constructor(statement: Statement, findings: Findings) {
    this.#statement = statement;
    this.#findings = findings;
  }

  /** Checks the expression at `start` … `end`, and refuses the statement if it may give anything else than the column may hold. */
  write(query: Query, column: AnnotatedColumn, start: number, end: number, element = false): void {
    if (!this.#allows(query, column, start, end, element))
      this.#findings.refuse(
        column,
        'a statement would write something that is no cell to an encrypted column or its index',
      );
  }

  /** Tokens of the columns that a SELECT gives, or undefined where they cannot be told. */
  selected({ verbAt, end, union }: Query): readonly [start: number, end: number][] | undefined {
    const sql = this.#statement;
    if (union || sql.word(verbAt) !== 'SELECT') return undefined;
    let start = verbAt + 1;
    if (sql.word(start) === 'DISTINCT' || sql.word(start) === 'ALL') start++;
    if (sql.word(start) === 'ON' || sql.word(start) === 'TOP') return undefined;
    let stop = start;
    while (stop < end && !(FROM_WORDS.has(sql.word(stop)) && sql.word(stop - 1) !== 'DISTINCT')) stop = sql.next(stop);
    const items = sql.split(start, stop);
    if (items.some(([from, to]) => sql.symbol(to - 1) === '*' && (to - from === 1 || sql.symbol(to - 2) === '.')))
      return undefined;
    return items.map(([from, to]) => [from, this.#wordAt('AS', from, to)]);
  }

  #allows(query: Query, column: AnnotatedColumn, start: number, end: number, element: boolean): boolean {
    const sql = this.#statement;
    const first = sql.tokens[start];
    if (first === undefined || start >= end) return false;
    if (end - start === 1) return this.#allowsToken(query, column, first, element);
    if (sql.symbol(start) === '(' && sql.close(start) === end - 1) {
      const nested = query.nested.get(start + 1);
      if (nested === undefined) return this.#allows(query, column, start + 1, end - 1, element);
      const items = this.selected(nested);
      const item = items?.length === 1 ? items[0] : undefined;
      return item !== undefined && this.#allows(nested, column, ...item, element);
    }
    const name = sql.name(start);
    if (name.length > 1 && start + name.length * 2 - 1 === end) return sql.column(query, name, true) === column;
    const joined = column.list ? sql.split(start, end, '||') : [];
    if (joined.length > 1) return joined.every(([from, to]) => this.#allows(query, column, from, to, true));
    const cast = sql.split(start, end, '::');
    if (cast.length > 1)
      return (
        cast.slice(1).every(([from, to]) => this.#isType(from, to)) &&
        this.#allows(query, column, start, (cast[0] as [number, number])[1], element)
      );
    if (first.word === 'CASE' && sql.word(end - 1) === 'END')
      return this.#allowsCase(query, column, start, end, element);
    if (sql.close(start + 1) !== end - 1) return false;
    if (sql.symbol(start + 1) === '[')
      return first.word === 'ARRAY' && column.list && this.#allowsAll(query, column, start + 2, end - 1, true);
    return sql.symbol(start + 1) === '(' && this.#allowsCall(query, column, start, end, element);
  }

  #allowsToken(query: Query, column: AnnotatedColumn, token: Token, element: boolean): boolean {
    if (token.kind === 'parameter') {
      this.#findings.check(token.parameter, column, 'write', element);
      return true;
    }
    if (token.kind === 'word' && (token.word === 'NULL' || token.word === 'DEFAULT')) return true;
    if (token.kind === 'word' || token.kind === 'name') return this.#statement.column(query, [token], true) === column;
    return isAllowedLiteral(column, 'write', token, element);
  }

  #allowsCall(query: Query, column: AnnotatedColumn, start: number, end: number, element: boolean): boolean {
    const statement = this.#statement;
    const word = statement.word(start);
    const from = start + 2;
    const to = end - 1;
    if (word === 'CAST') return this.#allows(query, column, from, this.#wordAt('AS', from, to), element);
    if (word === 'CONVERT') {
      const [[, comma]] = statement.split(from, to) as [[number, number]];
      return this.#allows(query, column, from, this.#wordAt('USING', from, comma), element);
    }
    // VALUES(email) of ON DUPLICATE KEY UPDATE: what the row would have held, which is checked where it stands.
    if (word === 'VALUES') return to - from === 1 && statement.column(query, statement.name(from), true) === column;
    if (LIST_FUNCTIONS.has(word)) return column.list && this.#allowsAll(query, column, from, to, true);
    const first = Object.hasOwn(CHOICES, word) ? CHOICES[word] : undefined;
    if (first === undefined) return false;
    const values = statement.split(from, to).slice(first);
    return values.length > 0 && values.every(([at, behind]) => this.#allows(query, column, at, behind, element));
  }

  #allowsAll(query: Query, column: AnnotatedColumn, start: number, end: number, element: boolean): boolean {
    if (start === end) return true;
    return this.#statement.split(start, end).every(([from, to]) => this.#allows(query, column, from, to, element));
  }

  #allowsCase(query: Query, column: AnnotatedColumn, start: number, end: number, element: boolean): boolean {
    const statement = this.#statement;
    let depth = 0;
    let value = -1;
    for (let at = start; at < end; at = statement.next(at)) {
      const word = statement.word(at);
      if (word === 'END') depth--;
      const ends = (depth === 1 && (word === 'WHEN' || word === 'ELSE')) || depth === 0;
      if (ends && value >= 0) {
        if (!this.#allows(query, column, value, at, element)) return false;
        value = -1;
      }
      if (word === 'CASE') depth++;
      else if (depth === 1 && (word === 'THEN' || word === 'ELSE')) value = at + 1;
    }
    return depth === 0 && value < 0;
  }

  /** Where the word stands between `start` and `end`, outside of groups; `end` if it does not. */
  #wordAt(word: string, start: number, end: number): number {
    let at = start;
    while (at < end && this.#statement.word(at) !== word) at = this.#statement.next(at);
    return Math.min(at, end);
  }

  #isType(start: number, end: number): boolean {
    for (let at = start; at < end; at = this.#statement.next(at)) {
      const token = this.#statement.tokens[at] as Token;
      if (token.kind !== 'word' && token.kind !== 'name' && !['(', '[', '.'].includes(token.text)) return false;
    }
    return end > start;
  }
}

/** Whether a literal may go to the database for a column. */
export function isAllowedLiteral(column: AnnotatedColumn, rule: Rule, token: Token, element: boolean): boolean {
  const value = literalOf(token);
  if (value === undefined) return false;
  return isAllowed(column, rule, value) || (element && isAllowed({ ...column, list: false }, rule, value));
}

function literalOf({ kind, text }: Token): unknown {
  if (kind === 'text') return text;
  if (kind === 'number') return Number(text);
  return kind === 'bytes' ? Buffer.from(text, 'hex') : undefined;
}
