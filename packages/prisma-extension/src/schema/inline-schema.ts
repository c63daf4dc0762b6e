/**
 * Reads schema.prisma text as Prisma's client carries it. The text has passed Prisma's own parser, so this reader looks only for what
 * annotations need, and fails on what it does not understand.
 *
 * @module
 */
import { parseIdDefault } from '../id-default.ts';
import { parseAnnotations, schemaError } from './annotation.ts';
import type { ParsedField, ParsedModel, ParsedSchema } from './schema-map.ts';

const SCALARS = ['String', 'Boolean', 'Int', 'BigInt', 'Float', 'Decimal', 'DateTime', 'Json', 'Bytes'];
const BLOCK = /^(model|view|type|enum|datasource|generator)\s+(\w+)\s*\{$/;
const FIELD = /^(\w+)\s+(Unsupported\("(?:[^"\\]|\\.)*"\)|\w+)(\[\])?(\?)?\s*(.*)$/s;
const PROVIDER = /^provider\s*=\s*"([^"]*)"/;
/** A default that is a call with one number at most. */
const CALL = /^\s*(?:value\s*:\s*)?(\w+)\(\s*(\d*)\s*\)\s*$/;
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

/** A field, which `@ignore` may hide from the client. */
interface TableField extends ParsedField {
  readonly ignored: boolean;
}

/** A block that is being read. */
interface Block {
  readonly kind: string;
  readonly name: string;
  readonly documentation: string;
  readonly fields: TableField[];
  readonly attributes: Attribute[];
}

/**
 * Provider, models and views of a schema: what the client has, and so without what is marked `@ignore` or has an unsupported type.
 *
 * @throws ERR_SCHEMA for a line that cannot be read, or an annotation in a place where Prisma would drop it
 */
export function parseInlineSchema(schema: string): ParsedSchema {
  const lines = withoutBlockComments(schema).split(/\r?\n/).map(splitComment);
  const blocks = new Map<string, string>();
  for (const { code } of lines) {
    const [, kind, name] = BLOCK.exec(code) ?? [];
    if (kind !== undefined && name !== undefined) blocks.set(name, kind);
  }
  const tables: Table[] = [];
  const enums: Record<string, string[]> = {};
  let provider = '';
  const comment = new PendingComment();
  let block: Block | null = null;
  for (const { code, documentation } of lines) {
    const [, kind, name] = BLOCK.exec(code) ?? [];
    if (kind !== undefined && name !== undefined) {
      block = { kind, name, documentation: comment.take(), fields: [], attributes: [] };
      refuseLost(documentation, name); // Prisma drops what stands behind the brace
      if (!isTable(block)) refuseLost(block.documentation, name);
      if (kind === 'enum') enums[name] = [];
    } else if (code === '') {
      comment.add(documentation, block?.name);
    } else if (code === '}') {
      comment.drop(block?.name);
      refuseLost(documentation, block?.name);
      if (isTable(block)) tables.push(block);
      block = null;
    } else if (isTable(block) && !code.startsWith('@@')) {
      block.fields.push(parseField(code, block.name, comment.take(documentation), blocks));
    } else {
      if (isTable(block)) block.attributes.push(...attributes(code, block.name));
      if (block?.kind === 'datasource') provider = PROVIDER.exec(code)?.[1] ?? provider;
      if (block?.kind === 'enum' && !code.startsWith('@@')) enums[block.name]?.push(code.replace(/[\s@].*$/s, ''));
      comment.add(documentation, block?.name);
      comment.drop(block?.name);
    }
  }
  return { provider, enums, models: visibleModels(tables) };
}

/** Models and fields that the client has. Prisma itself insists that relations to an ignored model are ignored. */
function visibleModels(tables: readonly Table[]): ParsedModel[] {
  const ignored = new Set(
    tables.filter((table) => table.attributes.some(({ name }) => name === 'ignore')).map(({ name }) => name),
  );
  const hidden = (field: TableField) => field.ignored || field.kind === 'unsupported';
  for (const { name, fields } of tables) {
    const lost = fields.find((field) => (ignored.has(name) || hidden(field)) && hasAnnotation(field.documentation));
    if (lost !== undefined)
      throw schemaError('an annotation stands on a field that the client does not have', {
        model: name,
        field: lost.name,
      });
  }
  return tables
    .filter(({ name }) => !ignored.has(name))
    .map((table) => finishModel({ ...table, fields: table.fields.filter((field) => !hidden(field)) }));
}

/** A block that becomes a model of the client. */
interface Table extends Block {
  readonly kind: 'model' | 'view';
}

function isTable(block: Block | null): block is Table {
  return block?.kind === 'model' || block?.kind === 'view';
}

/** The triple-slash comment that the next field or block will take. A blank line inside a model lets the next comment replace it. */
class PendingComment {
  #lines: string[] = [];
  #closed = false;

  /** A line of a comment, or null for a blank line. */
  add(line: string | null, block: string | undefined): void {
    if (line === null) {
      if (block === undefined) this.drop(block);
      this.#closed = true;
      return;
    }
    if (this.#closed) this.drop(block);
    this.#lines.push(line);
  }

  take(behind: string | null = null): string {
    const lines = behind === null ? this.#lines : [...this.#lines, behind];
    this.#lines = [];
    this.#closed = false;
    return lines.join('\n');
  }

  /** Prisma forgets a comment that belongs to no field; one with an annotation in it must not go unnoticed. */
  drop(block: string | undefined): void {
    refuseLost(this.take(), block);
  }
}

function refuseLost(documentation: string | null, model = 'the schema'): void {
  if (documentation === null || !hasAnnotation(documentation)) return;
  throw schemaError('an annotation belongs to no field; put it on the line above its field', { model });
}

/** Whether a comment holds an annotation, or something that was meant to be one. */
function hasAnnotation(comment: string): boolean {
  try {
    return parseAnnotations(comment, { model: '' }).length > 0;
  } catch {
    return true;
  }
}

function finishModel({ name, documentation, fields, attributes }: Table): ParsedModel {
  const constraints = attributes.filter((attribute) => attribute.name === 'unique' || attribute.name === 'id');
  const compounds = constraints.map(({ args }) => {
    const list = names(args);
    return { name: /\bname\s*:\s*"([^"]*)"/.exec(args)?.[1] ?? list.join('_'), fields: list };
  });
  const single = (kind: string): Set<string> => {
    const lists = constraints.filter((constraint) => constraint.name === kind).map(({ args }) => names(args));
    return new Set(lists.flatMap((list) => (list.length === 1 ? list : [])));
  };
  const [ids, uniques] = [single('id'), single('unique')];
  const argsOf = (attribute: string) => attributes.find((candidate) => candidate.name === attribute)?.args;
  return {
    name,
    dbName: text(argsOf('map')) ?? name,
    dbSchema: text(argsOf('schema')),
    documentation,
    fields: fields.map(({ ignored: _, ...field }) => ({
      ...field,
      id: field.id || ids.has(field.name),
      unique: field.unique || uniques.has(field.name),
    })),
    compounds: compounds.filter((compound) => compound.fields.length > 1),
  };
}

function parseField(
  code: string,
  model: string,
  documentation: string,
  blocks: ReadonlyMap<string, string>,
): TableField {
  const match = FIELD.exec(code);
  if (match === null)
    throw schemaError(`a line of the schema cannot be read: ${JSON.stringify(code.split(/\s/)[0])}`, { model });
  const [, name = '', type = '', list, optional, rest = ''] = match;
  const found = attributes(rest, model);
  const argsOf = (attribute: string) => found.find((candidate) => candidate.name === attribute)?.args;
  const native = found.find((attribute) => attribute.name.startsWith('db.'));
  const relation = argsOf('relation') ?? '';
  const call = CALL.exec(argsOf('default') ?? '');
  return {
    name,
    dbName: text(argsOf('map')) ?? name,
    kind: kindOf(type, blocks),
    type,
    list: list !== undefined,
    required: optional === undefined,
    id: argsOf('id') !== undefined,
    unique: argsOf('unique') !== undefined,
    hasDefault: argsOf('default') !== undefined || argsOf('updatedAt') !== undefined,
    idDefault: parseIdDefault(call?.[1] ?? '', call?.[2] ?? ''),
    nativeType: native === undefined ? null : [native.name.slice('db.'.length), split(native.args)],
    relationFrom: names(/\bfields\s*:\s*(\[[^\]]*\])/.exec(relation)?.[1] ?? ''),
    relationTo: names(/\breferences\s*:\s*(\[[^\]]*\])/.exec(relation)?.[1] ?? ''),
    relationName: kindOf(type, blocks) === 'object' ? relationName(relation, model, type) : null,
    onDelete: /\bonDelete\s*:\s*(\w+)/.exec(relation)?.[1] ?? null,
    documentation,
    ignored: argsOf('ignore') !== undefined,
  };
}

/** Name of a relation: its first argument, or the one called so; a string behind `map:` is another. Without one Prisma makes it of the models. */
function relationName(relation: string, model: string, type: string): string {
  const named = /^\s*"([^"]*)"|\bname\s*:\s*"([^"]*)"/.exec(relation);
  return named?.[1] ?? named?.[2] ?? [model, type].sort().join('To');
}

function kindOf(type: string, blocks: ReadonlyMap<string, string>): ParsedField['kind'] {
  if (SCALARS.includes(type)) return 'scalar';
  const block = blocks.get(type);
  if (block === 'enum') return 'enum';
  return block === undefined ? 'unsupported' : 'object';
}

/** The first string of an argument list, without its quotes and escapes; null where there is none. */
function text(args: string | undefined): string | null {
  const [, quoted] = /("(?:[^"\\]|\\.)*")/s.exec(args ?? '') ?? [];
  return quoted === undefined ? null : (JSON.parse(quoted) as string);
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
  let start = 0;
  while (start < text.length && text[start] !== '[')
    start = (text[start] === '"' ? endOfString(text, start) : start) + 1;
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
      const code = line.slice(0, at).trim();
      if (documentation === null && hasAnnotation(line.slice(at + 2))) {
        throw schemaError('an annotation stands behind two slashes; write three, or take it out', {
          model: code === '' ? 'the schema' : code,
        });
      }
      return { code, documentation };
    }
  }
  return { code: line.trim(), documentation: null };
}

/** Block comments as triple-slash ones, which is what Prisma takes them for. */
function withoutBlockComments(schema: string): string {
  let text = '';
  for (let at = 0; at < schema.length; at++) {
    const end = skipped(schema, at);
    if (schema.startsWith('/*', at)) {
      const close = schema.indexOf('*/', at + 2);
      const body = schema.slice(at + 2, close < 0 ? schema.length : close);
      text += body
        .split('\n')
        .map((line) => `///${line}`)
        .join('\n');
      at = close < 0 ? schema.length : close + 1;
    } else {
      text += schema.slice(at, end + 1);
      at = end;
    }
  }
  return text;
}

/** Index of the last character of the string or line comment that starts at `at`; `at` itself for anything else. */
function skipped(schema: string, at: number): number {
  if (schema[at] === '"') return endOfString(schema, at);
  const newline = schema.indexOf('\n', at);
  return schema.startsWith('//', at) ? (newline < 0 ? schema.length : newline) : at;
}
