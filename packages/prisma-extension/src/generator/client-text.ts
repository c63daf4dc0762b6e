/**
 * Rewrites the text of a generated client line by line. Every edit must find its line, once and as Prisma 7.10 writes it; otherwise
 * nothing is rewritten.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import { filterName, filterType, type LineEdit } from './line-edit.ts';

/** First words of a rewritten file, which the digest of its edits follows. */
const MARK = '// Retyped by the fieldseal generator ';
const HEADER = /^(\s*)export type (\$?\w[\w$]*)(?:<.*>)? = (?:(?:Prisma\.)?AtLeast<)?\{$/;
const INDENT = '  ';
/** What Prisma writes behind what may be left out, with its preview feature strictUndefinedChecks. */
const SKIP = / \| (?:\$Types|runtime\.Types)\.Skip$/;
const HINT =
  'The client is not as Prisma 7.10 writes it for this schema. Run `prisma generate` for all generators; retype = "false" leaves clients alone.';

/** Lines of a type: that of its name and that which closes it. */
interface Block {
  readonly indent: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The text with the edits made, a mark at its top and the types of filters at its end. A text that has the mark of the same edits stays
 * as it is.
 *
 * @param file - name for errors
 * @throws ERR_SCHEMA when a line is missing, stands there twice or says something else, and for a text with the mark of other edits
 */
export function rewriteClient(text: string, edits: readonly LineEdit[], file: string): string {
  if (edits.length === 0) return text;
  const mark = `${MARK}(${digest(edits)}). Do not edit; run \`prisma generate\` instead.`;
  if (text.startsWith(MARK)) {
    if (text.slice(0, text.indexOf('\n')) === mark) return text;
    throw refusal(`${file} was retyped for another schema`);
  }
  const lines = text.split('\n');
  const blocks = findBlocks(lines);
  const changed = new Set<number>();
  for (const edit of edits) {
    const at = findLine(lines, blocks, edit, file);
    // Two edits of one line would lose the first.
    if (changed.has(at)) throw refusal(`${file}: two edits meet in ${edit.block}`, edit);
    changed.add(at);
    lines[at] = editLine(lines[at] as string, edit, file);
  }
  const filtered = edits.filter(({ model, becomes }) => becomes?.includes(`${filterName(model)}<`));
  const used = [...new Set(filtered.map(({ model }) => model))];
  return [mark, ...lines, ...used.map(filterType), ''].join('\n');
}

function digest(edits: readonly LineEdit[]): string {
  const models = [...new Set(edits.map(({ model }) => model))];
  return createHash('sha256')
    .update(JSON.stringify([edits, models.map(filterType)]))
    .digest('hex')
    .slice(0, 32);
}

/** Types by name. One that is there twice is found by none. */
function findBlocks(lines: readonly string[]): ReadonlyMap<string, Block | null> {
  const blocks = new Map<string, Block | null>();
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', name] = HEADER.exec(lines[at] as string) ?? [];
    if (name === undefined) continue;
    const start = at;
    while (at < lines.length && !lines[at]?.startsWith(`${indent}}`)) at++;
    blocks.set(name, blocks.has(name) || at === lines.length ? null : { indent, start, end: at });
  }
  return blocks;
}

function findLine(
  lines: readonly string[],
  blocks: ReadonlyMap<string, Block | null>,
  edit: LineEdit,
  file: string,
): number {
  const block = blocks.get(edit.block) ?? null;
  if (block === null) throw refusal(`${file}: the type ${edit.block} is not there once`, edit);
  if (edit.key === '}') return block.end;
  const indent = INDENT.repeat(edit.depth ?? 1) + block.indent;
  const pattern = new RegExp(`^${indent}${edit.key}\\??: `);
  const found: number[] = [];
  for (let at = block.start + 1; at < block.end; at++) if (pattern.test(lines[at] as string)) found.push(at);
  const [at, second] = found;
  if (at === undefined || second !== undefined)
    throw refusal(`${file}: the line ${edit.key} of ${edit.block} is not there once`, edit);
  return at;
}

function editLine(line: string, edit: LineEdit, file: string): string {
  const indent = line.slice(0, line.length - line.trimStart().length);
  const whole = line.slice(indent.length + edit.key.length);
  const skip = SKIP.exec(whole)?.[0] ?? '';
  const rest = skip === '' ? whole : whole.slice(0, -skip.length);
  if (!edit.expected.includes(rest.replace(/\b(?:Prisma|runtime)\./g, '')))
    throw refusal(`${file}: the line ${edit.key} of ${edit.block} is not as expected`, edit);
  if (edit.line !== undefined) return indent + edit.line;
  return edit.becomes === null ? line : `${indent}${edit.key}${edit.becomes}${skip}`;
}

function refusal(message: string, edit?: LineEdit): FieldsealError {
  return new FieldsealError('ERR_SCHEMA', message, {
    ...(edit !== undefined && { model: edit.model, field: edit.key }),
    hint: HINT,
  });
}
