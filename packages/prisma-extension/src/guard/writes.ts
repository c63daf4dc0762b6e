/**
 * INSERT, REPLACE, UPDATE and COPY: which expression goes to which annotated column.
 *
 * @module
 */
import type { AnnotatedColumn, AnnotatedTable, AnnotatedTables } from './annotated-tables.ts';
import { Expressions } from './expression.ts';
import type { Findings } from './finding.ts';
import type { Query, Source, Statement } from './query.ts';
import type { Token } from './tokens.ts';

const ROW_WORDS = new Set(['VALUES', 'VALUE']);
/** Words that begin what is inserted. */
const ROWS = new Set(['VALUES', 'VALUE', 'SELECT', 'WITH']);
/** Words that end the assignments of SET. */
const BEHIND_SET = new Set(['FROM', 'WHERE', 'ORDER', 'LIMIT', 'RETURNING', 'ON', 'AS', 'OUTPUT', 'OPTION']);

/** Checks the writing queries of one statement. */
export class Writes {
  /** Tokens `=` that assign and do not compare. */
  readonly assignments: Set<number> = new Set();
  readonly #statement: Statement;
  readonly #tables: AnnotatedTables;
  readonly #findings: Findings;
  readonly #expressions: Expressions;

  constructor(statement: Statement, tables: AnnotatedTables, findings: Findings) {
    this.#statement = statement;
    this.#tables = tables;
    this.#findings = findings;
    this.#expressions = new Expressions(statement, findings);
  }

  /** Checks a query of any kind; those that write nothing pass. MERGE is refused before. */
  check(query: Query): void {
    switch (this.#statement.word(query.verbAt)) {
      case 'INSERT':
      case 'REPLACE':
        this.#insert(query);
        break;
      case 'UPDATE':
        this.#update(query);
        break;
      case 'COPY':
        this.#copy(query);
        break;
      default:
    }
  }

  #insert(query: Query): void {
    const sql = this.#statement;
    const target = query.sources[0];
    const [table] = target?.tables ?? [];
    if (target === undefined || table === undefined) return;
    let at = target.at + sql.name(target.at, true).length * 2 - 1;
    if (sql.word(at) === 'AS' || (sql.symbol(at) === '' && sql.aliasOf(at) === target.alias))
      at += sql.word(at) === 'AS' ? 2 : 1;
    if (sql.word(at) === 'PARTITION') at = sql.next(at + 1);
    if (sql.word(at) === 'DEFAULT' && sql.word(at + 1) === 'VALUES') {
      this.#conflict(query, target, at + 2);
      return;
    }
    if (sql.word(at) === 'SET') {
      this.#conflict(query, target, this.#assignments(query, [target], at + 1, query.end));
      return;
    }
    if (sql.symbol(at) !== '(' || query.nested.has(at + 1)) {
      this.#refuse(table, 'an INSERT into a table with encrypted columns does not name its columns');
      return;
    }
    const columns = this.#columns(target, at);
    if (columns === undefined) {
      this.#notUnderstood(table);
      return;
    }
    at = sql.next(at);
    while (sql.word(at) === 'OVERRIDING') at += 3;
    if (sql.word(at) === 'OUTPUT') while (at < query.end && !ROWS.has(sql.word(at))) at = sql.next(at);
    this.#conflict(query, target, this.#rows(query, table, columns, at), this.#feeding(query, at)?.sources);
  }

  /** Annotated columns of a list in parentheses, undefined for others; nothing if it is no list of names. */
  #columns(target: Source, at: number): (AnnotatedColumn | undefined)[] | undefined {
    const sql = this.#statement;
    if (sql.close(at) === at + 1) return [];
    const parts = sql.split(at + 1, sql.close(at)).map(([start, end]) => {
      const name = sql.name(start, true);
      return name.length * 2 - 1 === end - start ? name.at(-1) : undefined;
    });
    if (parts.includes(undefined)) return undefined;
    return (parts as Token[]).map((name) => sql.columnOf([target], name));
  }

  /** Checks VALUES or SELECT, and gives the token behind it. */
  #rows(query: Query, table: AnnotatedTable, columns: readonly (AnnotatedColumn | undefined)[], start: number): number {
    const sql = this.#statement;
    const nested = this.#feeding(query, start);
    if (nested !== undefined) {
      const unnested = this.#unnested(nested);
      const items = this.#expressions.selected(nested);
      if (unnested?.length === columns.length) this.#lists(columns, unnested);
      else if (items?.length === columns.length) this.#row(nested, columns, items);
      else this.#refuseFed(columns);
      return query.nested.has(start) ? nested.wholeEnd : sql.next(start);
    }
    if (!ROW_WORDS.has(sql.word(start))) {
      this.#notUnderstood(table);
      return query.end;
    }
    let at = start;
    do {
      at++;
      if (sql.word(at) === 'ROW') at++;
      const items = sql.close(at) === at + 1 ? [] : sql.split(at + 1, sql.close(at));
      if (sql.symbol(at) !== '(' || items.length !== columns.length) {
        this.#notUnderstood(table);
        return query.end;
      }
      this.#row(query, columns, items);
      at = sql.next(at);
    } while (sql.symbol(at) === ',');
    return at;
  }

  /** The query that an INSERT takes its rows from. */
  #feeding(query: Query, start: number): Query | undefined {
    return query.nested.get(start) ?? (this.#statement.symbol(start) === '(' ? query.nested.get(start + 1) : undefined);
  }

  /** Parameters of `SELECT * FROM unnest($1::int[], $2::text[])`, each of which is the list of a column's values. */
  #unnested({ verbAt, end, union }: Query): readonly number[] | undefined {
    const sql = this.#statement;
    const begins = sql.word(verbAt) === 'SELECT' && sql.symbol(verbAt + 1) === '*' && sql.word(verbAt + 2) === 'FROM';
    const open = verbAt + 4;
    if (union || !begins || sql.word(open - 1) !== 'UNNEST' || sql.close(open) !== end - 1) return undefined;
    const parts = sql.split(open + 1, end - 1).map(([from, to]) => {
      const isList = sql.symbol(from + 1) === '::' && sql.symbol(to - 2) === '[' && to - from === 5;
      return isList ? (sql.tokens[from]?.parameter ?? -1) : -1;
    });
    return parts.includes(-1) ? undefined : parts;
  }

  #lists(columns: readonly (AnnotatedColumn | undefined)[], parameters: readonly number[]): void {
    for (const [at, column] of columns.entries()) {
      if (column?.list) this.#refuseFed([column]);
      else if (column !== undefined)
        this.#findings.check(parameters[at] as number, { ...column, list: true }, 'write', false);
    }
  }

  #row(query: Query, columns: readonly (AnnotatedColumn | undefined)[], items: readonly [number, number][]): void {
    for (const [at, column] of columns.entries())
      if (column !== undefined) this.#expressions.write(query, column, ...(items[at] as [number, number]));
  }

  /**
   * Checks what follows the rows: ON CONFLICT or ON DUPLICATE KEY UPDATE.
   *
   * @param fed - what the rows were selected from, the columns of which MySQL gives here too
   */
  #conflict(query: Query, target: Source, start: number, fed: readonly Source[] = []): void {
    const sql = this.#statement;
    const { end } = query;
    let at = start;
    const sources = [target, { ...target, alias: 'excluded' }, ...fed];
    let merged = query.merged || fed.length > 0;
    if (sql.word(at) === 'AS') {
      const renamed = sql.symbol(at + 2) === '(';
      sources.push({ ...target, alias: sql.aliasOf(at + 1), stored: !renamed });
      merged ||= renamed;
      at = renamed ? sql.next(at + 2) : at + 2;
    }
    if (at < end && !['ON', 'RETURNING'].includes(sql.word(at))) {
      this.#notUnderstood(target.tables[0]);
      return;
    }
    const inside: Query = { ...query, sources, merged };
    while (at < end) {
      const updates = sql.word(at) === 'UPDATE' && (sql.word(at - 1) === 'DO' || sql.word(at - 1) === 'KEY');
      if (!updates) at = sql.next(at);
      else at = this.#assignments(inside, [target], sql.word(at + 1) === 'SET' ? at + 2 : at + 1, end);
    }
  }

  #update(query: Query): void {
    const sql = this.#statement;
    let set = query.verbAt;
    while (set < query.end && sql.word(set) !== 'SET') set = sql.next(set);
    const before = query.sources.filter(({ at }) => at < set);
    // SQL Server names the alias of a table that stands behind FROM.
    const targets = query.sources.filter(
      (source) => before.includes(source) || before.some(({ alias }) => alias === source.alias),
    );
    // Assignments to other tables are read too, so that they are not taken for comparisons.
    this.#assignments(query, targets, set + 1, query.end);
  }

  /** Checks `column = expression, …`, and gives the token behind. */
  #assignments(query: Query, targets: readonly Source[], start: number, end: number): number {
    const sql = this.#statement;
    const table = targets.flatMap(({ tables }) => tables)[0];
    let at = start;
    for (;;) {
      const name = sql.symbol(at) === '(' ? [] : sql.name(at, true);
      let equals = sql.symbol(at) === '(' ? sql.next(at) : at + name.length * 2 - 1;
      const element = sql.symbol(equals) === '[';
      while (sql.symbol(equals) === '[') equals = sql.next(equals);
      const stop = this.#endOfAssignment(equals + 1, end);
      const assigns = sql.symbol(equals) === '=' || sql.symbol(equals) === ':=';
      if (!assigns || stop === equals + 1) {
        this.#notUnderstood(table);
        return end;
      }
      this.assignments.add(equals);
      if (sql.symbol(at) === '(') this.#assignRow(query, targets, at, equals + 1, stop);
      else this.#assign(query, targets, name, equals + 1, stop, element);
      if (sql.symbol(stop) !== ',') return stop;
      at = stop + 1;
    }
  }

  #assign(query: Query, targets: readonly Source[], name: Token[], start: number, end: number, element: boolean): void {
    const qualifier = name.at(-2)?.text.toLowerCase();
    const named = targets.filter(({ alias }) => alias.toLowerCase() === qualifier);
    // A qualifier that is no alias known here could be that of any of them.
    const meant = named.length === 0 ? targets : named;
    const column = this.#statement.columnOf(meant, name.at(-1) as Token);
    if (column !== undefined) this.#expressions.write(query, column, start, end, element);
  }

  /** `(a, b) = (1, 2)`, `ROW (1, 2)` or `(SELECT …)`. */
  #assignRow(query: Query, targets: readonly Source[], names: number, start: number, end: number): void {
    const sql = this.#statement;
    const columns = targets.map((target) => this.#columns(target, names));
    const first = sql.word(start) === 'ROW' ? start + 1 : start;
    const nested = query.nested.get(first + 1);
    const items = nested === undefined ? sql.split(first + 1, sql.close(first)) : this.#expressions.selected(nested);
    for (const list of columns) {
      const whole = sql.symbol(first) === '(' && sql.close(first) === end - 1;
      if (list === undefined || !whole || items?.length !== list.length) this.#refuseFed(list ?? [], targets);
      else this.#row(nested ?? query, list, items);
    }
  }

  #endOfAssignment(start: number, end: number): number {
    const sql = this.#statement;
    let at = start;
    for (; at < end; at = sql.next(at)) {
      const ends = BEHIND_SET.has(sql.word(at)) && !(sql.word(at) === 'FROM' && sql.word(at - 1) === 'DISTINCT');
      if (sql.symbol(at) === ',' || ends) break;
    }
    return at;
  }

  /** COPY … FROM brings rows that the guard does not see. */
  #copy(query: Query): void {
    const sql = this.#statement;
    const target = query.sources[0];
    const [table] = target?.tables ?? [];
    if (target === undefined || table === undefined) return;
    let at = target.at + sql.name(target.at).length * 2 - 1;
    const columns = sql.symbol(at) === '(' ? this.#columns(target, at) : undefined;
    if (columns !== undefined) at = sql.next(at);
    if (sql.word(at) === 'TO') return;
    if (columns === undefined) {
      this.#refuse(table, 'COPY writes to a table with encrypted columns');
      return;
    }
    this.#refuseFed(columns);
  }

  #refuseFed(columns: readonly (AnnotatedColumn | undefined)[], targets: readonly Source[] = []): void {
    const column = columns.find((each) => each !== undefined);
    const [table] = targets.flatMap(({ tables }) => tables);
    if (column !== undefined)
      this.#findings.refuse(
        column,
        'a statement feeds an encrypted column or its index from something that is no parameter',
      );
    else if (columns.length === 0) this.#notUnderstood(table);
  }

  #notUnderstood(table: AnnotatedTable | undefined): void {
    if (table !== undefined)
      this.#refuse(table, 'a statement that writes to a table with encrypted columns could not be understood');
  }

  #refuse({ columns: [column] }: AnnotatedTable, summary: string): void {
    this.#findings.refuse({ model: (column as AnnotatedColumn).model }, summary);
  }
}
