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
import { Writes } from './writes.ts';

const NOTHING: Finding = { refusal: undefined, checks: [] };
/** Statements that are read to the end. */
const UNDERSTOOD = new Set([
  ...['SELECT', 'WITH', 'VALUES', 'TABLE', 'INSERT', 'REPLACE', 'UPDATE', 'DELETE', 'COPY', ''],
]);
/** Statements that name tables and write no values to them. */
const HARMLESS = new Set([
  ...[
    'CREATE',
    'ALTER',
    'DROP',
    'TRUNCATE',
    'ANALYZE',
    'VACUUM',
    'REINDEX',
    'CLUSTER',
    'LOCK',
    'UNLOCK',
    'GRANT',
    'RENAME',
  ],
  ...[
    'REVOKE',
    'COMMENT',
    'SHOW',
    'DESCRIBE',
    'DESC',
    'PRAGMA',
    'OPTIMIZE',
    'CHECK',
    'REPAIR',
    'CHECKSUM',
    'REFRESH',
    'SET',
  ],
]);
const WRITING = new Set(['INSERT', 'REPLACE', 'UPDATE', 'MERGE', 'COPY', 'LOAD']);
/** How deep statements in texts of statements are looked for. */
const MAX_DEPTH = 3;

/** Finds what `sql` does with annotated columns. The same text always gives the same. */
export function analyse(sql: string, dialect: Dialect, tables: AnnotatedTables): Finding {
  const named = tables.namedIn(sql);
  if (named === undefined) return NOTHING;
  const { tokens, certain } = tokenize(sql, dialect);
  const findings = new Findings();
  for (const part of statements(tokens)) analyseStatement(part, dialect, tables, findings);
  if (!certain && (writes(tokens) || tokens.length === 0)) refuse(findings, named);
  return findings.refusal === undefined && findings.checks.length === 0 ? NOTHING : findings;
}

function analyseStatement(
  tokens: readonly Token[],
  dialect: Dialect,
  tables: AnnotatedTables,
  findings: Findings,
): void {
  const own = tokens.slice(explained(tokens));
  const verb = own.find(({ text }) => text !== '(')?.word ?? '';
  if (HARMLESS.has(verb)) return;
  if (!UNDERSTOOD.has(verb)) {
    const table = mentioned(own, dialect, tables, 0);
    if (table !== undefined) refuse(findings, table);
    return;
  }
  const statement = new Statement(own, tables);
  if (!statement.balanced) {
    const table = writes(own) ? mentioned(own, dialect, tables, 0) : undefined;
    if (table !== undefined) refuse(findings, table);
    return;
  }
  const writing = new Writes(statement, tables, findings);
  for (const query of statement.queries) writing.check(query);
  const operands = new Operands(statement, dialect, findings, writing.assignments);
  for (const query of statement.queries) operands.check(query);
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

/** How many tokens EXPLAIN takes: what it explains may be executed. */
function explained(tokens: readonly Token[]): number {
  if (tokens[0]?.word !== 'EXPLAIN' && tokens[0]?.word !== 'DESCRIBE' && tokens[0]?.word !== 'DESC') return 0;
  const at = tokens.findIndex(({ word }) => word !== '' && UNDERSTOOD.has(word));
  return Math.max(at, 0);
}

/** The first annotated table that a statement names, or a text in it that is a writing statement itself. */
function mentioned(
  tokens: readonly Token[],
  dialect: Dialect,
  tables: AnnotatedTables,
  depth: number,
): AnnotatedTable | undefined {
  const counts = depth === 0 || writes(tokens);
  for (const token of tokens) {
    const isName = counts && (token.kind === 'name' || token.kind === 'word');
    const isText = token.kind === 'text' && depth < MAX_DEPTH;
    const found = isName ? tables.find([token])[0] : undefined;
    const inside = isText ? mentioned(tokenize(token.text, dialect).tokens, dialect, tables, depth + 1) : undefined;
    if (found !== undefined || inside !== undefined) return found ?? inside;
  }
  return undefined;
}

function writes(tokens: readonly Token[]): boolean {
  return tokens.some(({ word }) => WRITING.has(word));
}

function refuse(findings: Findings, { columns: [column] }: AnnotatedTable): void {
  if (column !== undefined)
    findings.refuse(
      { model: column.model },
      'a statement that may write to a table with encrypted columns could not be understood',
    );
}
