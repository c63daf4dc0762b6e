/**
 * Annotations in triple-slash comments: `@encrypted`, `@blindIndex`, `@scope`, with arguments in parentheses.
 *
 * An annotation starts its line. Anything that looks like one and is none is an error, because a typing mistake would leave the field in
 * plaintext; annotations of other generators are left alone.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';

/** Values that an argument may have. */
export type ArgumentValue = string | number | readonly string[];

/** One annotation of a field. */
export interface Annotation {
  readonly name: AnnotationName;
  readonly args: Readonly<Record<string, ArgumentValue>>;
}

/** Names of the annotations. */
export type AnnotationName = 'encrypted' | 'blindIndex' | 'scope';

/** Form of an argument's value: `number` is a whole one that is not negative, `bound` any number, or a word that names another value. */
type Form = 'word' | 'number' | 'list' | 'wordOrList' | 'bound';

/** Arguments of each annotation and the form of their values. */
const ANNOTATIONS: Readonly<Record<AnnotationName, Readonly<Record<string, Form>>>> = {
  encrypted: { type: 'word', bind: 'list', pad: 'number', name: 'word', mode: 'word' },
  blindIndex: {
    of: 'wordOrList',
    kind: 'word',
    normalize: 'list',
    bits: 'number',
    partitions: 'number',
    min: 'number',
    max: 'number',
    n: 'number',
    from: 'bound',
    to: 'bound',
    step: 'bound',
    name: 'word',
    next: 'word',
    allowLeakage: 'word',
  },
  scope: {},
};

const NAMES = Object.keys(ANNOTATIONS) as AnnotationName[];

/** `@word` at the start of a line, with the rest of the line. */
const AT_START = /^@([A-Za-z_][\w-]*)(.*)$/s;
/** One of our names behind an @ anywhere in a line: also behind a full-width @, a space or a prefix. */
const ANYWHERE = new RegExp(`[@\uFF20]\\s*(?:\\w+\\.)*(?:${NAMES.join('|')})\\b`, 'i');
const TOKEN = /\s*(?:([A-Za-z_]\w*)|(-?\d+(?:\.\d+)?)|"([^"\\]*)"|([[\]():,]))/y;
/** Digits that a JavaScript number keeps. */
const SAFE_DIGITS = 15;

/**
 * Reads the annotations of a comment.
 *
 * @throws ERR_SCHEMA for a mistyped name, an unknown or repeated argument, a value of the wrong form, or an annotation in running text
 */
export function parseAnnotations(documentation: string, place: { model: string; field?: string }): Annotation[] {
  const annotations: Annotation[] = [];
  for (const line of documentation.split('\n')) {
    let rest = line.trim();
    for (let match = AT_START.exec(rest); match !== null; match = AT_START.exec(rest)) {
      const [, word = '', tail = ''] = match;
      const name = NAMES.find((candidate) => candidate === word);
      if (name === undefined) {
        const meant = NAMES.find((candidate) => resembles(word, candidate));
        if (meant !== undefined) throw schemaError(`@${word} is no annotation; did you mean @${meant}?`, place);
        break; // another generator's
      }
      const { args, end } = readArguments(tail, name, place);
      annotations.push({ name, args });
      rest = tail.slice(end).trim();
      if (rest !== '' && !rest.startsWith('@'))
        throw schemaError(`text behind @${name} on its line; give the comment a line of its own`, place);
    }
    if (ANYWHERE.test(rest))
      throw schemaError('an annotation stands inside running text; put it at the start of a line of its own', place);
  }
  return annotations;
}

/** An ERR_SCHEMA with its place. Returned, not thrown. */
export function schemaError(
  message: string,
  place: { readonly model: string; readonly field?: string | undefined },
): FieldsealError {
  return new FieldsealError('ERR_SCHEMA', message, place);
}

function readArguments(
  tail: string,
  name: AnnotationName,
  place: { model: string; field?: string },
): { args: Annotation['args']; end: number } {
  const tokens = new Tokens(tail, place);
  if (tokens.peek() !== '(') return { args: {}, end: 0 };
  tokens.next();
  const forms = ANNOTATIONS[name];
  const args: Record<string, ArgumentValue> = {};
  while (tokens.peek() !== ')') {
    const key = tokens.next();
    if (!Object.hasOwn(forms, key)) throw schemaError(`@${name} has no argument ${JSON.stringify(key)}`, place);
    if (Object.hasOwn(args, key)) throw schemaError(`@${name} has the argument ${key} twice`, place);
    tokens.expect(':');
    const value = tokens.value();
    const fits: Readonly<Record<Form, boolean>> = {
      word: typeof value === 'string',
      number: Number.isInteger(value) && Number(value) >= 0,
      list: Array.isArray(value),
      wordOrList: typeof value !== 'number',
      bound: !Array.isArray(value),
    };
    if (!fits[forms[key] as Form]) throw schemaError(`the argument ${key} of @${name} has the wrong form`, place);
    args[key] = value;
    if (tokens.peek() !== ')') tokens.expect(',');
  }
  tokens.next();
  return { args, end: tokens.position };
}

/** The words, numbers, strings and marks of an argument list. */
class Tokens {
  readonly #text: string;
  readonly #place: { model: string; field?: string };
  position = 0;

  constructor(text: string, place: { model: string; field?: string }) {
    this.#text = text;
    this.#place = place;
  }

  /** The next mark or word without taking it; '' at the end or at something unreadable. */
  peek(): string {
    TOKEN.lastIndex = this.position;
    const match = TOKEN.exec(this.#text);
    return match?.[1] ?? match?.[2] ?? match?.[3] ?? match?.[4] ?? '';
  }

  next(): string {
    return this.#take().text;
  }

  expect(mark: string): void {
    if (this.next() !== mark) throw this.#unreadable(`"${mark}" is missing`);
  }

  /** A word, a string, a number or a list of words and strings. */
  value(): ArgumentValue {
    const { text, kind } = this.#take();
    if (kind === 'number') {
      if (text.replace(/\D/g, '').length <= SAFE_DIGITS) return Number(text);
      throw this.#unreadable('a number of so many digits stands in quotes');
    }
    if (kind !== 'mark') return text;
    if (text !== '[') throw this.#unreadable('a value is missing');
    const list: string[] = [];
    while (this.peek() !== ']') {
      const item = this.#take();
      if (item.kind !== 'word') throw this.#unreadable('a list holds words only');
      list.push(item.text);
      if (this.peek() !== ']') this.expect(',');
    }
    this.next();
    return list;
  }

  #take(): { text: string; kind: 'word' | 'number' | 'mark' } {
    TOKEN.lastIndex = this.position;
    const match = TOKEN.exec(this.#text);
    if (match === null) throw this.#unreadable('it ends too early or holds something unreadable');
    this.position = TOKEN.lastIndex;
    const [, word, number, string, mark] = match;
    if (number !== undefined) return { text: number, kind: 'number' };
    if (mark !== undefined) return { text: mark, kind: 'mark' };
    return { text: word ?? string ?? '', kind: 'word' };
  }

  #unreadable(reason: string): FieldsealError {
    return schemaError(`the arguments of an annotation cannot be read: ${reason}`, this.#place);
  }
}

/** Whether a word is close enough to one of our names to be a typing mistake, or another package's name for the same thing. */
function resembles(word: string, name: string): boolean {
  const [a, b] = [word.toLowerCase().replace(/[^a-z]/g, ''), name.toLowerCase()];
  return a.startsWith('encr') || a.startsWith('blind') ? b.startsWith(a.slice(0, 4)) : distance(a, b) <= 2;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
