/**
 * The few questions that doctor asks of JavaScript, answered without a parser: text of comments and strings is replaced by spaces of the
 * same length, so that places stay where they are. Regular expressions with quotes in them can mislead it.
 *
 * @module
 */

const OPENING = '([{';
const CLOSING = ')]}';

/** The text with the contents of comments and strings blanked. */
export function codeOf(text: string): string {
  let code = '';
  for (let at = 0; at < text.length; ) {
    const end = literalEnd(text, at);
    code += end === at ? text[at] : blank(text.slice(at, end));
    at = Math.max(end, at + 1);
  }
  return code;
}

/** Index behind the bracket that closes the one at `open`; the end of the text when there is none. */
export function behindBracket(code: string, open: number): number {
  let depth = 0;
  for (let at = open; at < code.length; at++) {
    if (OPENING.includes(code[at] as string)) depth++;
    else if (CLOSING.includes(code[at] as string) && --depth === 0) return at + 1;
  }
  return code.length;
}

/** Index where the chain of members and calls starts that ends before `end`: for `a.b(c)` that of `a`. */
export function chainStart(code: string, end: number): number {
  let at = end;
  for (;;) {
    at = behindSpace(code, at);
    while (/[)\]!]/.test(code[at - 1] ?? '')) at = code[at - 1] === '!' ? at - 1 : openBracket(code, at - 1);
    at = wordStart(code, at);
    const joint = behindSpace(code, at);
    if (code[joint - 1] !== '.') return at;
    at = code[joint - 2] === '?' ? joint - 2 : joint - 1;
  }
}

/** Index behind the last character before `at` that is no space. */
export function behindSpace(code: string, at: number): number {
  let end = at;
  while (end > 0 && /\s/.test(code[end - 1] as string)) end--;
  return end;
}

/** Number of the line of a place, from 1. */
export function lineAt(text: string, at: number): number {
  return text.slice(0, at).split('\n').length;
}

function wordStart(code: string, end: number): number {
  let start = end;
  while (start > 0 && /[\w$#]/.test(code[start - 1] as string)) start--;
  return start;
}

function openBracket(code: string, close: number): number {
  let depth = 0;
  for (let at = close; at >= 0; at--) {
    if (CLOSING.includes(code[at] as string)) depth++;
    else if (OPENING.includes(code[at] as string) && --depth === 0) return at;
  }
  return 0;
}

/** Index behind the comment or string that starts at `at`; `at` itself for anything else. */
function literalEnd(text: string, at: number): number {
  if (text.startsWith('//', at)) return indexOr(text, '\n', at, 0);
  if (text.startsWith('/*', at)) return indexOr(text, '*/', at + 2, 2);
  const quote = text[at] as string;
  if (!`'"\``.includes(quote)) return at;
  for (let end = at + 1; end < text.length; end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === quote || (text[end] === '\n' && quote !== '`')) return end + 1;
  }
  return text.length;
}

function indexOr(text: string, mark: string, from: number, length: number): number {
  const found = text.indexOf(mark, from);
  return found < 0 ? text.length : found + length;
}

/** Spaces of the same length; line ends stay, and the quotes of a string, since a string is a value. */
function blank(literal: string): string {
  const empty = literal.replace(/[^\n]/g, ' ');
  return literal.startsWith('/') || literal.length < 2 ? empty : `'${empty.slice(1, -1)}'`;
}
