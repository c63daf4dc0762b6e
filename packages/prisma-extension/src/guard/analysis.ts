/**
 * What a text of SQL writes to annotated columns and compares them with.
 *
 * @module
 */
import type { AnnotatedTable, AnnotatedTables } from './annotated-tables.ts';
import type { Dialect } from './dialect.ts';
import { type Finding, Findings } from './finding.ts';
import { Operands } from './operands.ts';
import { Statement } from './query.ts';
import { type Token, tokenize } from './tokens.ts';
import {
  beginning,
  EXECUTING,
  HARMLESS,
  hasUnreadWrite,
  READ_WRITES,
  UNDERSTOOD,
  writes,
  writesAnywhere,
} from './verbs.ts';
import { Writes } from './writes.ts';

const NOTHING: Finding = { refusal: undefined, checks: [] };
/** How deep texts in texts of statements are read; further down a table's name is enough. */
const MAX_DEPTH = 3;

/**
 * Where a table counts as mentioned: by a name and in texts that are writing statements, in such texts alone, or by a name and in any text.
 */
type Mention = 'names' | 'texts' | 'any';

/** Finds what `sql` does with annotated columns. The same text always gives the same. */
export function analyse(sql: string, dialect: Dialect, tables: AnnotatedTables): Finding {
  // Escapes in names could spell any table and column.
  const escaped = dialect.unicodeNames && /u&"/i.test(sql);
  const named = tables.namedIn(sql) ?? (escaped ? tables.first : undefined);
  if (named === undefined) return NOTHING;
  const { tokens, certain } = tokenize(sql, dialect);
  const findings = new Findings();
  for (const part of statements(tokens)) new Part(part, dialect, tables, findings).analyse();
  if ((escaped || !certain) && writesAnywhere(sql)) refuse(findings, named);
  return findings.refusal === undefined && findings.checks.length === 0 ? NOTHING : findings;
}

/** One statement of a text. */
class Part {
  readonly #tokens: readonly Token[];
  readonly #dialect: Dialect;
  readonly #tables: AnnotatedTables;
  readonly #findings: Findings;

  constructor(tokens: readonly Token[], dialect: Dialect, tables: AnnotatedTables, findings: Findings) {
    this.#tokens = tokens;
    this.#dialect = dialect;
    this.#tables = tables;
    this.#findings = findings;
  }

  analyse(): void {
    const start = beginning(this.#tokens);
    const own = this.#tokens.slice(start);
    const verb = own.find(({ text }) => text !== '(')?.word ?? '';
    if (writes(this.#tokens.slice(0, start))) this.#refuseMention('names');
    if (HARMLESS.has(verb)) {
      // A variable that is set could be prepared later.
      if (verb === 'SET') this.#refuseMention('texts');
      if (!this.#dialect.semicolons && hasUnreadWrite(own, new Set())) this.#refuseMention('any');
    } else if (UNDERSTOOD.has(verb)) this.#analyseRead(own);
    else this.#refuseMention(EXECUTING.has(verb) ? 'any' : 'names');
  }

  #analyseRead(tokens: readonly Token[]): void {
    const statement = new Statement(tokens, this.#tables);
    if (!statement.balanced) {
      if (writes(tokens)) this.#refuseMention('names');
      return;
    }
    const verbs = statement.queries.map(({ verbAt }) => verbAt);
    const read = new Set(verbs.filter((at) => READ_WRITES.has(statement.word(at))));
    if (hasUnreadWrite(tokens, read)) this.#refuseMention('any');
    const writing = new Writes(statement, this.#tables, this.#findings);
    for (const query of statement.queries) writing.check(query);
    const operands = new Operands(statement, this.#dialect, this.#findings, writing.assignments);
    for (const query of statement.queries) operands.check(query);
  }

  #refuseMention(mention: Mention): void {
    const table = this.#mentioned(this.#tokens, mention, 0);
    if (table !== undefined) refuse(this.#findings, table);
  }

  /** The first annotated table that is mentioned. */
  #mentioned(tokens: readonly Token[], mention: Mention, depth: number): AnnotatedTable | undefined {
    const counts = mention === 'any' || (depth === 0 ? mention === 'names' : writes(tokens));
    for (const token of tokens) {
      const isName = counts && (token.kind === 'name' || token.kind === 'word');
      const found = isName ? this.#tables.find([token])[0] : undefined;
      const inside = token.kind === 'text' ? this.#mentionedIn(token.text, mention, depth + 1) : undefined;
      if (found !== undefined || inside !== undefined) return found ?? inside;
    }
    return undefined;
  }

  #mentionedIn(text: string, mention: Mention, depth: number): AnnotatedTable | undefined {
    if (depth > MAX_DEPTH) return this.#tables.namedIn(text);
    return this.#mentioned(tokenize(text, this.#dialect).tokens, mention, depth);
  }
}

/** Statements, which semicolons part. */
function statements(tokens: readonly Token[]): readonly (readonly Token[])[] {
  const parts: Token[][] = [[]];
  for (const token of tokens) {
    if (token.kind === 'symbol' && token.text === ';') parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

function refuse(findings: Findings, { columns: [column] }: AnnotatedTable): void {
  if (column !== undefined)
    findings.refuse(
      { model: column.model },
      'a statement that may write to a table with encrypted columns could not be understood',
    );
}
