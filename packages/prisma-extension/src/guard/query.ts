/**
 * Statements as trees of queries: which tables each reads or writes, under which names.
 *
 * @module
 */
import type { AnnotatedColumn, AnnotatedTable, AnnotatedTables } from './annotated-tables.ts';
import type { Token } from './tokens.ts';

/** A table, or a query in its place, under the name that the query around it uses. */
export interface Source {
  /** Its first token. */
  readonly at: number;
  /** As {@link AnnotatedTables.fold} gives it; empty for none. */
  readonly alias: string;
  /** Annotated tables that its columns may come from. */
  readonly tables: readonly AnnotatedTable[];
  /** Whether it is a table of the database itself. */
  readonly stored: boolean;
}

/** A statement, a query in parentheses, or a part of a union. */
export interface Query {
  /** First token; the first behind the last when there is none. */
  readonly start: number;
  /** The token behind its last. */
  readonly end: number;
  /** The word that says what it does, behind WITH. */
  readonly verbAt: number;
  readonly sources: readonly Source[];
  readonly parent: Query | null;
  /** Where the union ends that it is a part of, or the query itself. */
  readonly wholeEnd: number;
  /** Whether it is part of a union. */
  readonly union: boolean;
  /** Whether a column without a qualifier may be that of several tables, as behind USING and NATURAL. */
  readonly merged: boolean;
  /** Queries inside this one by their first token; unions by their first part. */
  readonly nested: ReadonlyMap<number, Query>;
}

type Draft = Query & { readonly sources: Source[]; readonly nested: Map<number, Query> };

/** Annotated tables behind the names of a WITH clause, in lower case. */
type Ctes = Map<string, readonly AnnotatedTable[]>;

const INSERTS = new Set(['INSERT', 'REPLACE']);
const QUERY_WORDS = new Set([
  ...['SELECT', 'WITH', 'VALUES', 'TABLE', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'MERGE'],
]);
const SET_OPERATORS = new Set(['UNION', 'INTERSECT', 'EXCEPT']);
/** Words that end the list of tables behind FROM, or stand where an alias could. */
const CLAUSE_WORDS = new Set([
  ...['WHERE', 'GROUP', 'ORDER', 'HAVING', 'LIMIT', 'OFFSET', 'FETCH', 'WINDOW', 'RETURNING', 'SET', 'ON', 'USING'],
  ...['JOIN', 'LEFT', 'RIGHT', 'INNER', 'OUTER', 'FULL', 'CROSS', 'NATURAL', 'STRAIGHT_JOIN', 'FOR', 'VALUES', 'VALUE'],
  ...['SELECT', 'DEFAULT', 'WHEN', 'FROM', 'UNION', 'INTERSECT', 'EXCEPT', 'INTO', 'WITH', 'OVERRIDING', 'PARTITION'],
  ...['INDEXED', 'NOT', 'FORCE', 'IGNORE', 'USE', 'TABLESAMPLE', 'QUALIFY', 'OUTPUT', 'OPTION', 'PROCEDURE', 'LOCK'],
]);
const CLAUSES_BEHIND_FROM = new Set(['WHERE', 'GROUP', 'ORDER', 'HAVING', 'LIMIT', 'WINDOW', 'RETURNING', 'SET']);
/** Queries that write to the first of their tables. */
const TARGETING = new Set(['INSERT', 'REPLACE', 'MERGE', 'UPDATE', 'COPY']);
/** Words between the verb of a write and its table. */
const WRITE_MODIFIERS = new Set([
  ...['LOW_PRIORITY', 'HIGH_PRIORITY', 'DELAYED', 'IGNORE', 'QUICK', 'ONLY', 'INTO', 'BINARY', 'PERCENT'],
]);
/** Words behind a table, which a modifier has none of. */
const BEHIND_TABLE = new Set(['SET', 'VALUES', 'VALUE', 'SELECT', 'DEFAULT', 'AS']);

/** A statement that was taken apart. */
export class Statement {
  readonly tokens: readonly Token[];
  /** Every query in it, the statement itself among them. */
  readonly queries: Query[] = [];
  /** Whether parentheses match. */
  readonly balanced: boolean;
  readonly #close: readonly number[];
  readonly #open: readonly number[];
  readonly #tables: AnnotatedTables;

  constructor(tokens: readonly Token[], tables: AnnotatedTables) {
    this.tokens = tokens;
    this.#tables = tables;
    const { close, open, balanced } = matched(tokens);
    this.#close = close;
    this.#open = open;
    this.balanced = balanced;
    if (balanced) this.#read(0, tokens.length, null, new Map());
  }

  word(at: number): string {
    return this.tokens[at]?.word ?? '';
  }

  symbol(at: number): string {
    const token = this.tokens[at];
    return token?.kind === 'symbol' ? token.text : '';
  }

  /** The token of the parenthesis or bracket that closes the one at `at`. */
  close(at: number): number {
    return this.#close[at] ?? this.tokens.length;
  }

  /** The token that opens the group which `at` closes, or `at` itself. */
  open(at: number): number {
    return this.#open[at] ?? at;
  }

  /** The token behind `at`, or behind the group that opens there. */
  next(at: number): number {
    return this.symbol(at) === '(' || this.symbol(at) === '[' ? this.close(at) + 1 : at + 1;
  }

  /** Parts of `start` … `end` between the given symbol, groups left whole. */
  split(start: number, end: number, symbol = ','): [start: number, end: number][] {
    const parts: [number, number][] = [];
    let from = start;
    for (let at = start; at < end; at = this.next(at)) {
      if (this.symbol(at) !== symbol) continue;
      parts.push([from, at]);
      from = at + 1;
    }
    parts.push([from, end]);
    return parts;
  }

  /** Tokens of a name with its qualifiers that starts at `at`; empty where none does. Databases take texts for names in places. */
  name(at: number, texts = false): Token[] {
    const parts: Token[] = [];
    for (let next = at; ; next += 2) {
      const token = this.tokens[next];
      const isName = token?.kind === 'name' || token?.kind === 'word' || (texts && token?.kind === 'text');
      if (token === undefined || !isName) return [];
      parts.push(token);
      if (this.symbol(next + 1) !== '.') return parts;
    }
  }

  /**
   * The annotated column that a name means inside a query, if it means one.
   *
   * @param stored - whether only tables count, not queries in their place, whose columns may hold anything
   */
  column(query: Query, name: readonly Token[], stored = false): AnnotatedColumn | undefined {
    const last = name.at(-1);
    if (last === undefined) return undefined;
    const qualifier = name.at(-2);
    for (let scope: Query | null = query; scope !== null; scope = scope.parent) {
      // An unqualified name belongs to the innermost query that reads a table: columns of other tables are not known here.
      const meant = qualifier === undefined ? scope.sources : this.#named(scope, qualifier);
      // What an INSERT takes its rows from does not see the table that they go to.
      const hidden = stored && scope !== query && INSERTS.has(this.word(scope.verbAt));
      if (meant.length > 0 && !hidden) {
        const alone = qualifier === undefined ? !scope.merged : meant.length === 1;
        return stored && !alone ? undefined : this.columnOf(meant, last, stored);
      }
      if (stored && qualifier !== undefined && this.#mayDeclare(scope, qualifier)) return undefined;
    }
    return undefined;
  }

  #named({ sources }: Query, qualifier: Token): readonly Source[] {
    const name = this.#tables.fold(qualifier);
    return sources.filter(({ alias }) => alias === name);
  }

  /** Whether a query could give this name to something in a way that is not read: it stands there as no qualifier. */
  #mayDeclare({ start, wholeEnd }: Query, name: Token): boolean {
    const text = name.text.toLowerCase();
    for (let at = start; at < wholeEnd; at++) {
      const token = this.tokens[at] as Token;
      const same = token.kind !== 'symbol' && token.text.toLowerCase() === text;
      if (same && this.symbol(at + 1) !== '.') return true;
    }
    return false;
  }

  /** The alias that a token gives, as a source holds it. */
  aliasOf(at: number): string {
    const token = this.tokens[at];
    return token === undefined ? '' : this.#tables.fold(token);
  }

  /** The annotated column of this name in one of the sources. */
  columnOf(sources: readonly Source[], name: Token, stored = false): AnnotatedColumn | undefined {
    const tables = sources.flatMap((source) => (stored && !source.stored ? [] : source.tables));
    return this.#tables.column(tables, name);
  }

  /** First token behind the SELECT of `INSERT … SELECT`: that of ON CONFLICT or ON DUPLICATE, or the end. */
  tailOf(start: number, end: number): number {
    for (let at = start; at < end; at = this.next(at))
      if (this.word(at) === 'ON' && (this.word(at + 1) === 'CONFLICT' || this.word(at + 1) === 'DUPLICATE')) return at;
    return end;
  }

  /** Reads the query, or the union, at `start` … `end`, and gives its first part. */
  #read(start: number, end: number, parent: Query | null, outer: Ctes): Query {
    const ctes = new Map(outer);
    const nested = new Map<number, Query>();
    const verbAt = this.word(start) === 'WITH' ? this.#ctes(start, end, parent, nested, ctes) : start;
    const isInsert = INSERTS.has(this.word(verbAt));
    const bounds = [verbAt];
    for (let at = verbAt; at < end; at = this.next(at)) {
      if (isInsert || !SET_OPERATORS.has(this.word(at))) continue;
      bounds.push(this.word(at + 1) === 'ALL' || this.word(at + 1) === 'DISTINCT' ? at + 2 : at + 1);
    }
    const parts = bounds.map((from, part): Draft => {
      const partEnd = bounds[part + 1] === undefined ? end : (bounds[part + 1] as number) - 1;
      const union = bounds.length > 1;
      return {
        start: part === 0 ? start : from,
        verbAt: from,
        end: partEnd,
        wholeEnd: end,
        union,
        merged: this.#merges(from, partEnd),
        sources: [],
        parent,
        nested,
      };
    });
    for (const part of parts) {
      this.queries.push(part);
      this.#scan(part, part.verbAt, part.end, 0, ctes);
    }
    return parts[0] as Query;
  }

  #merges(start: number, end: number): boolean {
    for (let at = start; at < end; at++)
      if (this.word(at) === 'NATURAL' || (this.word(at) === 'USING' && this.symbol(at + 1) === '(')) return true;
    return false;
  }

  /** Reads the queries of a WITH clause, and gives the token behind it. */
  #ctes(start: number, end: number, parent: Query | null, nested: Map<number, Query>, ctes: Ctes): number {
    let at = this.word(start + 1) === 'RECURSIVE' ? start + 2 : start + 1;
    while (at < end) {
      const name = this.tokens[at];
      at++;
      if (this.symbol(at) === '(') at = this.next(at);
      if (this.word(at) === 'AS') at++;
      if (this.word(at) === 'NOT') at++;
      if (this.word(at) === 'MATERIALIZED') at++;
      if (name === undefined || this.symbol(at) !== '(') return at;
      const query = this.#read(at + 1, this.close(at), parent, ctes);
      nested.set(at + 1, query);
      ctes.set(name.text.toLowerCase(), tablesOf(query));
      at = this.next(at);
      if (this.symbol(at) !== ',') return at;
      at++;
    }
    return at;
  }

  /** Finds the tables and the nested queries of a query. `depth` is 1 inside parentheses, and -1 inside those around tables. */
  #scan(query: Draft, start: number, end: number, depth: number, ctes: Ctes): void {
    let listed = depth === -1;
    if (listed) this.#source(query, start, ctes);
    for (let at = start; at < end; at++) {
      const word = this.word(at);
      if (this.symbol(at) === '(' || this.symbol(at) === '[') {
        this.#group(query, at, ctes);
        at = this.close(at);
      } else if (listed && this.symbol(at) === ',') this.#source(query, at + 1, ctes);
      else if (CLAUSES_BEHIND_FROM.has(word)) listed = false;
      else if (word === 'JOIN' || word === 'STRAIGHT_JOIN') this.#source(query, at + 1, ctes);
      else if (depth === 0 && this.#feedsInsert(query, at)) {
        const tail = this.tailOf(at, end);
        query.nested.set(at, this.#read(at, tail, query, ctes));
        at = tail;
      } else if (depth === 0 && this.#opensTables(query, at)) {
        listed = word === 'FROM' || word === 'USING' || word === 'UPDATE';
        this.#source(query, at + 1, ctes);
      }
    }
  }

  /** Whether the SELECT of `INSERT … SELECT` begins here: its tables are not those of the INSERT. */
  #feedsInsert({ verbAt }: Query, at: number): boolean {
    return INSERTS.has(this.word(verbAt)) && ['SELECT', 'WITH', 'TABLE'].includes(this.word(at));
  }

  /** Whether tables follow the word at `at`. */
  #opensTables(query: Query, at: number): boolean {
    const word = this.word(at);
    if (word === 'FROM') return this.word(at - 1) !== 'DISTINCT';
    if (word === 'USING') return this.symbol(at + 1) !== '(' || QUERY_WORDS.has(this.word(at + 2));
    return at === query.verbAt && (TARGETING.has(word) || word === 'TABLE');
  }

  /** A group in parentheses: a query of its own, or part of this one. */
  #group(query: Draft, at: number, ctes: Ctes, depth = 1): void {
    if (query.nested.has(at + 1)) return;
    if (this.symbol(at) === '(' && this.#isQuery(at + 1))
      query.nested.set(at + 1, this.#read(at + 1, this.close(at), query, ctes));
    else this.#scan(query, at + 1, this.close(at), depth, ctes);
  }

  /** REPLACE(…) and VALUES(…) are functions too. */
  #isQuery(at: number): boolean {
    return QUERY_WORDS.has(this.word(at)) && (this.word(at) === 'SELECT' || this.symbol(at + 1) !== '(');
  }

  #source(query: Draft, start: number, ctes: Ctes): void {
    const isTarget = start === query.verbAt + 1 && TARGETING.has(this.word(query.verbAt));
    let at = this.#skipModifiers(start);
    // MySQL: `.User` is the table of the connection's database.
    if (this.word(at) === 'LATERAL' || this.symbol(at) === '.') at++;
    if (this.symbol(at) === '(') {
      const before = query.sources.length;
      this.#group(query, at, ctes, -1);
      const nested = query.nested.get(at + 1);
      const [alias] = this.#alias(this.next(at));
      const inside =
        nested === undefined ? query.sources.slice(before).flatMap(({ tables }) => tables) : tablesOf(nested);
      // The alias of a join hides the names in it.
      if (nested === undefined && alias !== '')
        query.sources.push(...query.sources.splice(before).map((source) => ({ ...source, stored: false })));
      if (nested !== undefined || alias !== '') query.sources.push({ at, alias, tables: inside, stored: false });
      return;
    }
    const name = this.name(at, true);
    const last = name.at(-1);
    const behindName = at + name.length * 2 - 1;
    // Something else, the columns of which are not known: a variable, a function, which may be called as a table is by its alias.
    if (last === undefined || (this.symbol(behindName) === '(' && !isTarget)) {
      const [alias] = this.#aliasOfCall(behindName);
      query.sources.push({
        at,
        alias: alias || (last === undefined ? '' : this.#tables.fold(last)),
        tables: [],
        stored: false,
      });
      return;
    }
    const cte = name.length === 1 ? ctes.get(last.text.toLowerCase()) : undefined;
    // A WITH clause hides no table that is written to; SQL Server writes through its queries.
    const tables = isTarget ? [...this.#tables.find(name), ...(cte ?? [])] : (cte ?? this.#tables.find(name));
    const [alias, behind] = this.#alias(behindName);
    // `AS t(a, b)` renames columns; behind INSERT it only names them.
    const renamed = alias !== '' && this.symbol(behind) === '(' && !INSERTS.has(this.word(query.verbAt));
    const stored = cte === undefined && !renamed;
    query.sources.push({ at, alias: alias || this.#tables.fold(last), tables, stored });
  }

  /** The token behind the words that stand between the verb of a write and its table. */
  #skipModifiers(start: number): number {
    let at = start;
    for (;;) {
      const behind = this.tokens[at + 1];
      const isModifier = behind?.text !== '.' && !BEHIND_TABLE.has(behind?.word ?? '');
      if (this.word(at) === 'OR')
        at += 2; // INSERT OR IGNORE, UPDATE OR REPLACE
      else if (this.word(at) === 'TOP') at = this.next(at + 1);
      else if (WRITE_MODIFIERS.has(this.word(at)) && isModifier) at++;
      else return at;
    }
  }

  /** The alias of a function whose arguments begin at `at`. */
  #aliasOfCall(at: number): [alias: string, behind: number] {
    const behind = this.symbol(at) === '(' ? this.next(at) : at;
    return this.#alias(this.word(behind) === 'WITH' && this.word(behind + 1) === 'ORDINALITY' ? behind + 2 : behind);
  }

  /** The alias at `at`, or an empty text, and the token behind it. */
  #alias(at: number): [alias: string, behind: number] {
    const behind = this.symbol(at) === '*' ? at + 1 : at;
    const name = this.word(behind) === 'AS' ? behind + 1 : behind;
    const token = this.tokens[name];
    const isAlias = (token?.kind === 'word' && !CLAUSE_WORDS.has(token.word)) || token?.kind === 'name';
    return token !== undefined && isAlias ? [this.#tables.fold(token), name + 1] : ['', behind];
  }
}

function tablesOf({ sources }: Query): readonly AnnotatedTable[] {
  return sources.flatMap(({ tables }) => tables);
}

/** For every parenthesis or bracket its other half. */
function matched(tokens: readonly Token[]): { close: readonly number[]; open: readonly number[]; balanced: boolean } {
  const close: number[] = [];
  const open: number[] = [];
  const stack: number[] = [];
  for (const [at, { kind, text }] of tokens.entries()) {
    if (kind !== 'symbol') continue;
    if (text === '(' || text === '[') stack.push(at);
    if (text !== ')' && text !== ']') continue;
    const start = stack.pop();
    if (start === undefined) return { close, open, balanced: false };
    close[start] = at;
    open[at] = start;
  }
  return { close, open, balanced: stack.length === 0 };
}
