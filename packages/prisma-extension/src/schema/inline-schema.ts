/**
 * Reads schema.prisma text as Prisma's client carries it. The text has passed Prisma's own parser, so this reader looks only for what
 * annotations need, and fails on what it does not understand.
 *
 * @module
 */
import { schemaError } from './annotation.ts';
import type { ParsedField, ParsedModel } from './schema-map.ts';

const SCALARS = ['String', 'Boolean', 'Int', 'BigInt', 'Float', 'Decimal', 'DateTime', 'Json', 'Bytes'];
const BLOCK = /^(model|view|type|enum|datasource|generator)\s+(\w+)\s*\{$/;
const FIELD = /^(\w+)\s+(Unsupported\(.*?\)|\w+)(\[\])?(\?)?(?:\s+(.*))?$/s;
const ATTRIBUTE = /(@@?)([\w.]+)/y;

/** A line without comments, and the triple-slash comment behind it. */
interface Line {
  readonly code: string;
  readonly documentation: string | null;
}

interface Attribute {
  readonly name: string;
  readonly args: string;
}

/**
 * Models and views of a schema.
 *
 * @throws ERR_SCHEMA for a line that cannot be read, or an annotation in a place where it would be ignored
 */
export function parseInlineSchema(schema: string): ParsedModel[] {
  const lines = joinLines(schema.split(/\r?\n/).map(splitComment));
  const blocks = new Map<string, string>();
  for (const { code } of lines) {
    const [, kind, name] = BLOCK.exec(code) ?? [];
    if (kind !== undefined && name !== undefined) blocks.set(name, kind);
  }
  const models: ParsedModel[] = [];
  let block: { kind: string; name: string; documentation: string; fields: ParsedField[]; attributes: Attribute[] } | null = null;
  let documentation: string[] = [];
  for (const { code, documentation: comment } of lines) {
    const opened = BLOCK.exec(code);
    if (opened !== null) {
      block = { kind: opened[1] as string, name: opened[2] as string, documentation: documentation.join('\n'), fields: [], attributes: [] };
    } else if (code === '}') {
      if (block?.kind === 'model' || block?.kind === 'view') models.push(finishModel(block));
      block = null;
    } else if (code === '') {
      if (comment !== null) documentation.push(comment);
      continue;
    } else if (block?.kind === 'model' || block?.kind === 'view') {
      const all = comment === null ? documentation : [...documentation, comment];
      if (code.startsWith('@@')) block.attributes.push(...attributes(code, block.name));
      else block.fields.push(parseField(code, block.name, all.join('\n'), blocks));
    }
    documentation = [];
  }
  return models;
}

function finishModel({ name, documentation, fields, attributes }: { name: string; documentation: string; fields: ParsedField[]; attributes: Attribute[] }): ParsedModel {
  const constraints = attributes.filter((attribute) => attribute.name === 'unique' || attribute.name === 'id');
  const compounds = constraints.map(({ args }) => {
    const list = names(args);
    return { name: /\bname\s*:\s*"([^"]*)"/.exec(args)?.[1] ?? list.join('_'), fields: list };
  });
  const single = new Set(constraints.flatMap(({ args }) => (names(args).length === 1 ? names(args) : [])));
  return {
    name,
    documentation,
    fields: fields.map((field) => (single.has(field.name) ? { ...field, unique: true } : field)),
    compounds: compounds.filter((compound) => compound.fields.length > 1),
  };
}

function parseField(code: string, model: string, documentation: string, blocks: ReadonlyMap<string, string>): ParsedField {
  const match = FIELD.exec(code);
  if (match === null) throw schemaError(`a line of the schema cannot be read: ${JSON.stringify(code.split(/\s/)[0])}`, { model });
  const [, name = '', type = '', list, optional, rest = ''] = match;
  const found = attributes(rest, model);
  const argsOf = (attribute: string) => found.find((candidate) => candidate.name === attribute)?.args;
  const native = found.find((attribute) => attribute.name.startsWith('db.'));
  const relation = argsOf('relation') ?? '';
  return {
    name,
    kind: kindOf(type, blocks),
    type,
    list: list !== undefined,
    required: optional === undefined,
    id: argsOf('id') !== undefined,
    unique: argsOf('unique') !== undefined,
    hasDefault: argsOf('default') !== undefined || argsOf('updatedAt') !== undefined,
    nativeType: native === undefined ? null : [native.name.slice('db.'.length), split(native.args)],
    relationFrom: names(/\bfields\s*:\s*(\[[^\]]*\])/.exec(relation)?.[1] ?? ''),
    relationTo: names(/\breferences\s*:\s*(\[[^\]]*\])/.exec(relation)?.[1] ?? ''),
    documentation,
  };
}

function kindOf(type: string, blocks: ReadonlyMap<string, string>): ParsedField['kind'] {
  if (SCALARS.includes(type)) return 'scalar';
  const block = blocks.get(type);
  if (block === 'enum') return 'enum';
  return block === undefined ? 'unsupported' : 'object';
}

/** Attributes with the text between their parentheses. */
function attributes(text: string, model: string): Attribute[] {
  const found: Attribute[] = [];
  let at = 0;
  while (at < text.length) {
    if (/\s/.test(text[at] as string)) {
      at++;
      continue;
    }
    ATTRIBUTE.lastIndex = at;
    const match = ATTRIBUTE.exec(text);
    if (match === null) throw schemaError('the attributes of a field cannot be read', { model });
    at = ATTRIBUTE.lastIndex;
    let args = '';
    if (text[at] === '(') {
      const end = closing(text, at);
      args = text.slice(at + 1, end);
      at = end + 1;
    }
    found.push({ name: match[2] as string, args });
  }
  return found;
}

/** Names in the first bracketed list, without their arguments: `[a, b(sort: Desc)]`. */
function names(text: string): string[] {
  const start = text.indexOf('[');
  if (start < 0) return [];
  return split(text.slice(start + 1, closing(text, start))).map((item) => item.replace(/\(.*$/s, '').trim());
}

/** Splits at commas outside brackets and strings. */
function split(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (let at = 0; at <= text.length; at++) {
    const character = text[at];
    if (character === '"') at = endOfString(text, at);
    else if (character === '(' || character === '[') at = closing(text, at);
    else if (character === ',' || character === undefined) {
      if (text.slice(from, at).trim() !== '') parts.push(text.slice(from, at).trim());
      from = at + 1;
    }
  }
  return parts;
}

/** Index of the bracket that closes the one at `open`; the end of the text when there is none. */
function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    const character = text[at] as string;
    if (character === '"') at = endOfString(text, at);
    else if ('([{'.includes(character)) depth++;
    else if (')]}'.includes(character) && --depth === 0) return at;
  }
  return text.length;
}

function endOfString(text: string, open: number): number {
  for (let at = open + 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at;
  }
  return text.length;
}

/** Code and triple-slash comment of a line. Slashes inside strings are neither. */
function splitComment(line: string): Line {
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '"') at = endOfString(line, at);
    else if (line.startsWith('//', at)) {
      const documentation = line[at + 2] === '/' ? line.slice(at + 3).trim() : null;
      return { code: line.slice(0, at).trim(), documentation };
    }
  }
  return { code: line.trim(), documentation: null };
}

/** Puts the lines of an open bracket together. */
function joinLines(lines: readonly Line[]): Line[] {
  const joined: Line[] = [];
  for (const line of lines) {
    const last = joined.at(-1);
    const open = last !== undefined && !BLOCK.test(last.code) && last.code !== '' && isOpen(last.code);
    if (open) joined[joined.length - 1] = { code: `${last.code} ${line.code}`, documentation: line.documentation ?? last.documentation };
    else joined.push(line);
  }
  return joined;
}

function isOpen(code: string): boolean {
  let depth = 0;
  for (let at = 0; at < code.length; at++) {
    const character = code[at] as string;
    if (character === '"') at = endOfString(code, at);
    else if ('(['.includes(character)) depth++;
    else if (')]'.includes(character)) depth--;
  }
  return depth > 0;
}
