/**
 * Looks for clients that are not encrypted, by heuristics: it reads text, not types, and so misses what is made in unusual ways. It never
 * says that a file is in order.
 *
 * @module
 */
import { basename, dirname } from 'node:path';
import { type Finding, finding } from './finding.ts';
import type { SourceFile } from './source-files.ts';
import { behindBracket, behindSpace, chainStart, codeOf, lineAt } from './source-text.ts';

const MAKES_CLIENT =
  /\bnew\s+(?:[\w$]+\s*\.\s*)*PrismaClient\b|\bclass\s+[\w$]+\s+extends\s+(?:[\w$]+\s*\.\s*)*PrismaClient\b/g;
const CALLS_ENCRYPTION = /\bencryption\s*\(/;
/** `.$extends(encryption(` */
const EXTENDS = /\??\.\s*\$extends\s*\(\s*encryption\s*\(/g;
const EXTENDS_AGAIN = /^\s*\??\.\s*\$extends\s*\(/;
const GOES_ON = /^\s*(?:\??\.|[),:\]]|as\b|satisfies\b)/;
/** Words before an expression whose value is used. */
const USES_VALUE = /\b(?:return|default|yield|new|typeof|in|of)$/;
const IMPORTED = /\b(?:from|import|require)\s*\(?\s*['"]([^'"]+)['"]/g;
/** Says that a client is plain on purpose, on its line or the one above. */
const ON_PURPOSE = /fieldseal:\s*plain client/;

interface Read extends SourceFile {
  readonly code: string;
}

/** Findings in the sources of an application, in the order of the files. */
export function checkSource(files: readonly SourceFile[]): Finding[] {
  const read = files
    .filter(({ text }) => /PrismaClient|\$extends/.test(text))
    .map((file) => ({ ...file, code: codeOf(file.text) }));
  const encrypting = files.filter(({ text }) => CALLS_ENCRYPTION.test(text) && text.includes('$extends'));
  const wrapped = new Set(
    encrypting.flatMap(({ text }) => [...text.matchAll(IMPORTED)].map(([, name = '']) => moduleName(name))),
  );
  return read.flatMap((file) => [...unextended(file, wrapped), ...extended(file)]);
}

/** Clients in a file that neither calls encryption() nor is imported by one that does. */
function unextended({ path, text, code }: Read, wrapped: ReadonlySet<string>): Finding[] {
  if (CALLS_ENCRYPTION.test(code) || wrapped.has(moduleName(path))) return [];
  const rows = text.split('\n');
  return [...code.matchAll(MAKES_CLIENT)].flatMap(({ index }) => {
    const line = lineAt(text, index);
    if (rows.slice(Math.max(0, line - 2), line).some((row) => ON_PURPOSE.test(row))) return [];
    return [
      finding(
        'source.unextended',
        `${path}:${line}`,
        'a Prisma client is made, and nothing here or around it calls encryption()',
      ),
    ];
  });
}

/** Extensions whose result is thrown away, or that are not the last. */
function extended({ path, text, code }: Read): Finding[] {
  return [...code.matchAll(EXTENDS)].flatMap((match) => {
    const place = `${path}:${lineAt(text, match.index + match[0].indexOf('$'))}`;
    const end = behindBracket(code, match.index + match[0].indexOf('('));
    const rest = code.slice(end);
    const start = chainStart(code, match.index);
    if (EXTENDS_AGAIN.test(rest) || extendedLater(code, start, end))
      return [finding('source.order', place, 'another extension is applied behind encryption()')];
    if (isStatement(code, start) && !GOES_ON.test(rest))
      return [finding('source.discarded', place, 'the client that $extends(encryption()) returns is thrown away')];
    return [];
  });
}

/** Whether the expression at a place begins a statement, and so gives its value to nothing. */
function isStatement(code: string, start: number): boolean {
  const before = code
    .slice(0, start)
    .replace(/\b(?:await|void|new)\s+$/, '')
    .replace(/\b(?:await|void)\s+$/, '');
  const end = behindSpace(before, before.length);
  const last = before[end - 1];
  if (last === undefined || ';{}'.includes(last)) return true;
  // Without semicolons a line that ends in a value ends its statement.
  return before.slice(end).includes('\n') && /[\w$)\]'"]/.test(last) && !USES_VALUE.test(before.slice(0, end));
}

/** `const db = base.$extends(encryption())`, and then `db.$extends(` behind it. */
function extendedLater(code: string, start: number, end: number): boolean {
  const [, name] = /\b(?:const|let|var)\s+([\w$]+)[^=;]*=\s*(?:await\s+|new\s+)*$/.exec(code.slice(0, start)) ?? [];
  return (
    name !== undefined &&
    new RegExp(`(?<![\\w$.])${name.replaceAll('$', '\\$')}\\s*\\.\\s*\\$extends\\s*\\(`).test(code.slice(end))
  );
}

/** What a file is called in an import, without folders: alias paths are not resolved. */
function moduleName(path: string): string {
  const name = basename(path).replace(/\.[cm]?[jt]sx?$/, '');
  return name === 'index' ? basename(dirname(path)) : name;
}
