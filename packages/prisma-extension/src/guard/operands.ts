/**
 * What annotated columns are compared with. Plaintext there finds nothing, and stands in the logs of the database.
 *
 * @module
 */
import type { AnnotatedColumn } from './annotated-tables.ts';
import type { Dialect } from './dialect.ts';
import { Expressions, isAllowedLiteral } from './expression.ts';
import type { Findings } from './finding.ts';
import type { Query, Statement } from './query.ts';
import type { Rule } from './stored-value.ts';

type Range = readonly [start: number, end: number];

const COMPARING_WORDS = new Set([
  'LIKE',
  'ILIKE',
  'GLOB',
  'REGEXP',
  'RLIKE',
  'SIMILAR',
  'IN',
  'IS',
  'BETWEEN',
  'MATCH',
]);
/** Comparisons with the whole value; the others see a part of it. */
const WHOLE = new Set(['=', '==', '<>', '!=', '<=>', 'IN', 'IS', '@>', '<@', '&&']);
/** Words behind a comparing one. */
const FILLERS = new Set(['NOT', 'DISTINCT', 'FROM', 'TO', 'SYMMETRIC']);
/** Functions that look for one argument in another. */
const SEARCHES = new Set([
  ...[
    'JSON_CONTAINS',
    'JSON_OVERLAPS',
    'JSON_SEARCH',
    'INSTR',
    'LOCATE',
    'POSITION',
    'STRPOS',
    'STARTS_WITH',
    'CHARINDEX',
  ],
  ...['REGEXP_LIKE', 'REGEXP_MATCH', 'REGEXP_MATCHES', 'REGEXP_INSTR', 'PATINDEX', 'FIND_IN_SET'],
  ...['NULLIF', 'STRCMP', 'FIELD'],
]);
/** Functions that say nothing of the value. */
const MUTE = new Set(['TYPEOF', 'PG_TYPEOF', 'JSON_TYPE', 'JSON_TYPEOF', 'JSONB_TYPEOF']);
/** Words that no operand goes past. */
const BOUNDARIES = new Set([
  ...['AND', 'OR', 'XOR', 'NOT', 'WHERE', 'ON', 'HAVING', 'WHEN', 'THEN', 'ELSE', 'END', 'CASE', 'SELECT', 'SET', 'BY'],
  ...['RETURNING', 'FROM', 'GROUP', 'ORDER', 'LIMIT', 'OFFSET', 'UNION', 'INTERSECT', 'EXCEPT', 'AS', 'VALUES', 'DO'],
  ...['ESCAPE', 'ASC', 'DESC', 'DISTINCT', 'FOR', 'FETCH', 'WINDOW', 'JOIN', 'LEFT', 'RIGHT', 'INNER', 'CROSS', 'FULL'],
  ...['NATURAL', 'USING', 'UPDATE', 'INTO', 'DELETE', 'INSERT', 'WITH'],
]);

const EDGES = new Set([',', ')', ']', ';']);
/** Boundaries that are functions before a parenthesis. */
const FUNCTIONS = new Set(['LEFT', 'RIGHT', 'INSERT', 'VALUES']);

/** Checks the comparisons of one statement. */
export class Operands {
  readonly #statement: Statement;
  readonly #dialect: Dialect;
  readonly #findings: Findings;
  readonly #assignments: ReadonlySet<number>;
  readonly #expressions: Expressions;

  /** @param assignments - tokens `=` that do not compare */
  constructor(statement: Statement, dialect: Dialect, findings: Findings, assignments: ReadonlySet<number>) {
    this.#statement = statement;
    this.#dialect = dialect;
    this.#findings = findings;
    this.#assignments = assignments;
    this.#expressions = new Expressions(statement, findings);
  }

  /** Checks the comparisons of a query, without those of the queries inside it. */
  check(query: Query): void {
    const sql = this.#statement;
    for (let at = query.start; at < query.end; at++) {
      const nested = query.nested.get(at);
      if (nested !== undefined) at = Math.max(at, nested.wholeEnd - 1);
      else if (SEARCHES.has(sql.word(at)) && sql.symbol(at + 1) === '(') this.#search(query, at + 1);
      else if (sql.word(at) === 'CASE') this.#case(query, at);
      else if (this.#compares(at) && !this.#assignments.has(at)) this.#comparison(query, at);
    }
  }

  #compares(at: number): boolean {
    const { kind, text, word } = this.#statement.tokens[at] ?? { kind: 'symbol', text: '', word: '' };
    if (kind === 'word') return COMPARING_WORDS.has(word);
    return kind === 'symbol' && this.#dialect.comparisons.has(text);
  }

  #comparison(query: Query, at: number): void {
    const sql = this.#statement;
    const operator = sql.word(at) || sql.symbol(at);
    const left: Range = [
      this.#left(sql.word(at - 1) === 'NOT' ? at - 1 : at),
      sql.word(at - 1) === 'NOT' ? at - 1 : at,
    ];
    let start = at + 1;
    while (FILLERS.has(sql.word(start))) start++;
    let end = this.#right(start, query.end);
    if (operator === 'BETWEEN' && sql.word(end) === 'AND') end = this.#right(end + 1, query.end);
    const whole = WHOLE.has(operator);
    this.#compare(query, left, [start, end], whole);
    this.#compare(query, [start, end], left, whole);
  }

  /** `CASE email WHEN $1`. */
  #case(query: Query, start: number): void {
    const sql = this.#statement;
    let depth = 0;
    let operand: Range | undefined;
    for (let at = start; at < query.end; at = sql.next(at)) {
      const word = sql.word(at);
      if (word === 'CASE') depth++;
      if (word === 'END' && --depth === 0) return;
      if (word !== 'WHEN' || depth !== 1) continue;
      operand ??= [start + 1, at];
      if (operand[0] === operand[1]) return;
      const value: Range = [at + 1, this.#right(at + 1, query.end)];
      this.#compare(query, operand, value, true);
      this.#compare(query, value, operand, true);
    }
  }

  #left(end: number): number {
    const sql = this.#statement;
    let at = end;
    while (at > 0) {
      const before = sql.open(at - 1);
      const opens = sql.symbol(at - 1) === '(' || sql.symbol(at - 1) === '[';
      if (opens || (before === at - 1 && this.#bounds(at - 1))) break;
      at = before;
    }
    return at;
  }

  #right(start: number, end: number): number {
    let at = start;
    while (at < end && !this.#bounds(at)) at = this.#statement.next(at);
    return Math.min(at, end);
  }

  #bounds(at: number): boolean {
    const sql = this.#statement;
    const symbol = sql.symbol(at);
    if (EDGES.has(symbol) || this.#compares(at)) return true;
    const isCall = FUNCTIONS.has(sql.word(at)) && sql.symbol(at + 1) === '(';
    return BOUNDARIES.has(sql.word(at)) && !isCall;
  }

  /** Checks the values of one side against the columns of the other. */
  #compare(query: Query, columns: Range, values: Range, whole: boolean): void {
    const [names, rows] = [this.#items(query, columns), this.#items(query, values)];
    if (names.length > 1) {
      const tuples =
        rows.length === names.length && !rows.some((row) => this.#isGroup(row))
          ? [rows]
          : rows.map((row) => this.#items(query, row));
      if (tuples.every((tuple) => tuple.length === names.length)) {
        for (const tuple of tuples)
          for (const [at, name] of names.entries()) this.#compare(query, name, tuple[at] as Range, whole);
        return;
      }
    }
    for (const { column, range } of this.#columnsIn(query, columns)) {
      if (column.migrating) continue;
      const alone = names.length === 1 && this.#isAlone(names[0] as Range, range);
      for (const row of rows) {
        const single = this.#isSingle(row);
        this.#values(query, row, column, whole && alone && single ? 'equal' : 'partial');
        if (names.length === 1) this.#selected(query, row, column, whole && alone ? 'equal' : 'partial');
      }
    }
  }

  /** Parts of a group in parentheses, or the range itself. */
  #items(query: Query, [start, end]: Range): Range[] {
    const sql = this.#statement;
    if (sql.symbol(start) !== '(' || sql.close(start) !== end - 1 || query.nested.has(start + 1)) return [[start, end]];
    const parts = sql.split(start + 1, end - 1);
    return parts.length === 1 ? this.#items(query, parts[0] as Range) : parts;
  }

  #isGroup([start, end]: Range): boolean {
    return this.#statement.symbol(start) === '(' && this.#statement.close(start) === end - 1;
  }

  /** Whether a side is nothing but the column, or a cast of it. */
  #isAlone([start, end]: Range, [from, to]: Range): boolean {
    return start === from && (to === end || this.#statement.symbol(to) === '::');
  }

  /** Whether a side is one value, or a list of values, and nothing made of them. */
  #isSingle([start, end]: Range): boolean {
    const sql = this.#statement;
    if (end - start === 1 || sql.symbol(start + 1) === '::') return true;
    return ['ANY', 'ALL', 'SOME', 'ARRAY'].includes(sql.word(start));
  }

  #columnsIn(query: Query, [start, end]: Range): { readonly column: AnnotatedColumn; readonly range: Range }[] {
    const sql = this.#statement;
    const found: { column: AnnotatedColumn; range: Range }[] = [];
    for (let at = start; at < end; at++) {
      const nested = query.nested.get(at);
      if (nested !== undefined) at = nested.wholeEnd;
      const name = sql.name(at);
      if (name.length === 0) continue;
      const behind = at + name.length * 2 - 1;
      const isCall = sql.symbol(behind) === '(';
      const column = isCall ? undefined : sql.column(query, name);
      if (column !== undefined) found.push({ column, range: [at, behind] });
      at = isCall && MUTE.has(sql.word(behind - 1)) ? sql.close(behind) : behind - 1;
    }
    return found;
  }

  #values(query: Query, [start, end]: Range, column: AnnotatedColumn, rule: Rule): void {
    for (let at = start; at < end; at++) {
      const nested = query.nested.get(at);
      if (nested !== undefined) at = nested.wholeEnd;
      const token = this.#statement.tokens[at];
      if (token === undefined || at >= end) continue;
      if (token.kind === 'parameter' && token.parameter >= 0) this.#findings.check(token.parameter, column, rule, true);
      if (token.text === '') continue; // the empty text says nothing
      const literal = token.kind === 'text' || token.kind === 'bytes' || (token.kind === 'number' && rule === 'equal');
      if (literal && !isAllowedLiteral(column, rule, token, true))
        this.#findings.refuse(column, 'a query compares an encrypted column or its index with plaintext');
    }
  }

  /** Checks what queries in a side select. */
  #selected(query: Query, [start, end]: Range, column: AnnotatedColumn, rule: Rule): void {
    for (let at = start; at < end; at++) {
      const nested = query.nested.get(at);
      if (nested === undefined) continue;
      for (const item of this.#expressions.selected(nested) ?? [])
        this.#values(nested, item, column, this.#isSingle(item) ? rule : 'partial');
      at = nested.wholeEnd;
    }
  }

  #search(query: Query, open: number): void {
    const parts = this.#statement.split(open + 1, this.#statement.close(open));
    for (const part of parts) {
      if (!this.#columnsIn(query, part).some(({ column }) => !column.migrating)) continue;
      for (const other of parts) if (other !== part) this.#compare(query, part, other, false);
    }
  }
}
