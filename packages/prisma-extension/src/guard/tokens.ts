import type { Dialect } from './dialect.ts';

/** The smallest part of a statement that means something. */
export interface Token {
  readonly kind: 'word' | 'name' | 'text' | 'bytes' | 'number' | 'parameter' | 'symbol';
  /** What it says: without quotes and escapes, words as they are written. */
  readonly text: string;
  /** A word in capitals; `''` for anything else. */
  readonly word: string;
  /** Place of a parameter among the arguments, from 0; -1 for a named parameter and anything else. */
  readonly parameter: number;
}

/** The tokens of a text, or what is known of one that cannot be read. */
export interface TokenList {
  readonly tokens: readonly Token[];
  /** Whether every database of the dialect reads the same: false after a text that has no end, for comments that are executed, and the like. */
  readonly certain: boolean;
}

/** Operators of more than one character; longer ones stand first. */
const OPERATORS = [
  ...[
    '!~~*',
    '~<=~',
    '~>=~',
    '~<~',
    '~>~',
    '^@',
    '<=>',
    '->>',
    '#>>',
    '!~~',
    '!~*',
    '~~*',
    '::',
    '||',
    '<=',
    '>=',
    '<>',
    '!=',
    '==',
    ':=',
    '->',
    '#>',
  ],
  ...['@>', '<@', '&&', '~*', '!~', '~~', '?|', '?&', '@@', '@?', '<<', '>>'],
];

/** Takes the text of one or several statements apart. Comments and white space are left out. */
export function tokenize(sql: string, dialect: Dialect): TokenList {
  return new Tokenizer(sql, dialect).run();
}

class Tokenizer {
  readonly #sql: string;
  readonly #dialect: Dialect;
  readonly #tokens: Token[] = [];
  #at = 0;
  readonly #named = new Map<string, number>();
  /** Place of the next parameter. */
  #parameters = 0;
  #certain = true;

  constructor(sql: string, dialect: Dialect) {
    this.#sql = sql;
    this.#dialect = dialect;
  }

  run(): TokenList {
    while (this.#at < this.#sql.length) this.#next();
    return { tokens: this.#tokens, certain: this.#certain };
  }

  #next(): void {
    const { names, texts, dollarTexts, parameters } = this.#dialect;
    const char = this.#sql[this.#at] as string;
    if (this.#isSpace(char)) this.#at++;
    else if (this.#comment()) return;
    else if (texts.includes(char)) this.#text(this.#dialect.backslash);
    else if (Object.hasOwn(names, char) && !this.#isSubscript(char)) this.#name(names[char] as string);
    else if (dollarTexts && char === '$' && this.#dollarText()) return;
    else if (Object.hasOwn(parameters, char) && this.#parameter(char)) return;
    else if (isDigit(char) || (char === '.' && isDigit(this.#sql[this.#at + 1]))) this.#number();
    else if (isWordStart(char)) this.#word();
    else this.#symbol();
  }

  #push(kind: Token['kind'], text: string, parameter = -1): void {
    this.#tokens.push({ kind, text, word: kind === 'word' ? text.toUpperCase() : '', parameter });
  }

  #comment(): boolean {
    const sql = this.#sql;
    if (this.#isLineComment()) {
      this.#lineComment();
      return true;
    }
    if (!sql.startsWith('/*', this.#at)) return false;
    // MySQL executes what stands in such a comment, MariaDB more of them, older servers less.
    const executed = sql[this.#at + 2] === '!' || sql.startsWith('M!', this.#at + 2);
    if (executed && this.#dialect.executableComments) this.#certain = false;
    let depth = 1;
    this.#at += 2;
    while (depth > 0) {
      const close = sql.indexOf('*/', this.#at);
      if (close < 0) return this.#unfinished();
      const open = this.#dialect.nestedComments ? sql.indexOf('/*', this.#at) : -1;
      const nested = open >= 0 && open < close;
      depth += nested ? 1 : -1;
      this.#at = (nested ? open : close) + 2;
    }
    return true;
  }

  #isLineComment(): boolean {
    if (this.#dialect.hashComments && this.#sql[this.#at] === '#') return true;
    if (!this.#sql.startsWith('--', this.#at)) return false;
    const behind = this.#sql[this.#at + 2] ?? ' ';
    return !this.#dialect.spacedDashes || behind <= ' ' || behind === '\u007f';
  }

  #lineComment(): void {
    for (; this.#at < this.#sql.length; this.#at++) {
      const char = this.#sql[this.#at];
      const returns = char === '\r' && this.#sql[this.#at + 1] !== '\n';
      if (char === '\n' || (returns && this.#dialect.returnEndsComment)) return;
      if (returns) this.#certain = false;
    }
  }

  #isSpace(char: string): boolean {
    return char <= ' ' || this.#dialect.spaces.includes(char);
  }

  #unfinished(): true {
    this.#at = this.#sql.length;
    this.#certain = false;
    return true;
  }

  #text(backslash: boolean): void {
    this.#push('text', this.#quoted(this.#sql[this.#at] as string, backslash));
  }

  #name(close: string): void {
    this.#push('name', this.#quoted(close, false));
  }

  /** What stands between the quote here and `close`, which may stand in it twice. */
  #quoted(close: string, backslash: boolean): string {
    let text = '';
    let from = ++this.#at;
    for (; this.#at < this.#sql.length; this.#at++) {
      const char = this.#sql[this.#at];
      if (backslash && char === '\\') this.#at++;
      else if (char === close) {
        text += this.#sql.slice(from, this.#at);
        this.#at++;
        if (this.#sql[this.#at] !== close) return text;
        from = this.#at;
      }
    }
    this.#unfinished();
    return text;
  }

  /** SQLite and SQL Server quote names by brackets, which subscripts are on PostgreSQL alone. */
  #isSubscript(char: string): boolean {
    return char === '[' && this.#dialect.dollarTexts;
  }

  #dollarText(): boolean {
    let end = this.#at + 1;
    while (isWordStart(this.#sql[end]) || (end > this.#at + 1 && isDigit(this.#sql[end]))) end++;
    if (this.#sql[end] !== '$') return false;
    const tag = this.#sql.slice(this.#at, end + 1);
    const close = this.#sql.indexOf(tag, end + 1);
    if (close < 0) return this.#unfinished();
    this.#push('text', this.#sql.slice(end + 1, close));
    this.#at = close + tag.length;
    return true;
  }

  #parameter(char: string): boolean {
    const kind = this.#dialect.parameters[char];
    const isPart = kind === 'next' ? isDigit : isWordPart;
    let end = this.#at + 1;
    while (isPart(this.#sql[end])) end++;
    const rest = this.#sql.slice(this.#at + 1, end);
    if (rest === '' && kind !== 'next') return false;
    // SQLite takes `$name(…)` for one parameter, quotes in it included.
    if (kind === 'named' && this.#sql[end] === '(') this.#certain = false;
    this.#at = end;
    const place = this.#place(rest, kind);
    this.#parameters = Math.max(this.#parameters, place + 1);
    this.#push('parameter', rest, place);
    return true;
  }

  #place(rest: string, kind: Dialect['parameters'][string] | undefined): number {
    if (kind === 'variable') return -1;
    if (kind === 'named') {
      const place = this.#named.get(rest) ?? this.#parameters;
      this.#named.set(rest, place);
      return place;
    }
    const digits = rest[0] === 'P' || rest[0] === 'p' ? rest.slice(1) : rest;
    if (digits === '') return this.#parameters;
    return allDigits(digits) ? Number(digits) - 1 : -1;
  }

  #number(): void {
    const start = this.#at;
    const hex = this.#sql[start] === '0' && (this.#sql[start + 1] === 'x' || this.#sql[start + 1] === 'X');
    for (;;) {
      const char = this.#sql[this.#at];
      const signed = !hex && (char === '+' || char === '-') && 'eE'.includes(this.#sql[this.#at - 1] as string);
      if (!(isWordPart(char) || char === '.' || (signed && this.#at > start))) break;
      this.#at++;
    }
    const text = this.#sql.slice(start, this.#at);
    if (hex && this.#dialect.hexBytes) this.#push('bytes', text.slice(2));
    else this.#push('number', text);
  }

  #word(): void {
    const start = this.#at;
    while (isWordPart(this.#sql[this.#at])) this.#at++;
    const text = this.#sql.slice(start, this.#at);
    const quote = this.#sql[this.#at];
    if (quote !== "'") this.#push('word', text);
    else if (text === 'x' || text === 'X') this.#push('bytes', this.#quoted(quote, false));
    else if (text === 'n' || text === 'N') this.#text(this.#dialect.backslash);
    else if (this.#dialect.escapeTexts && (text === 'e' || text === 'E')) this.#escapeText();
    else this.#push('word', text);
  }

  /** E'…' goes on in a text on a later line, escapes included. */
  #escapeText(): void {
    let text = this.#quoted("'", true);
    while (this.#goesOn()) text += this.#quoted("'", true);
    this.#push('text', text);
  }

  /** Goes to the text behind, if only line breaks, white space and comments stand between. */
  #goesOn(): boolean {
    const start = this.#at;
    let broken = false;
    while (this.#at < this.#sql.length) {
      const char = this.#sql[this.#at] as string;
      if (char === "'" && broken) return true;
      if (this.#isLineComment()) this.#lineComment();
      else if (char > ' ') break;
      else {
        broken ||= char === '\n' || char === '\r';
        this.#at++;
      }
    }
    this.#at = start;
    return false;
  }

  #symbol(): void {
    const operator = OPERATORS.find((candidate) => this.#sql.startsWith(candidate, this.#at));
    const text = operator ?? (this.#sql[this.#at] as string);
    this.#push('symbol', text);
    this.#at += text.length;
    // SQL Server: `db..User` leaves the schema out.
    if (text === '.' && this.#sql[this.#at] === '.') this.#push('name', '');
  }
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= '0' && char <= '9';
}

function isWordStart(char: string | undefined): boolean {
  if (char === undefined) return false;
  return (char >= 'a' && char <= 'z') || (char >= 'A' && char <= 'Z') || char === '_' || char > '\u007f';
}

function isWordPart(char: string | undefined): boolean {
  return isWordStart(char) || isDigit(char) || char === '$';
}

function allDigits(text: string): boolean {
  for (const char of text) if (!isDigit(char)) return false;
  return true;
}
