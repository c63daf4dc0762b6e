/**
 * What may be written to an annotated column, and what one may be compared with.
 *
 * @module
 */
import { decodeCell, isSuite, TEXT_PREFIX } from '@fieldseal/core';
import type { AnnotatedColumn } from './annotated-tables.ts';

/** What Prisma tells a driver adapter of an argument, as far as it matters here. */
export interface ArgumentType {
  readonly scalarType?: unknown;
  readonly arity?: unknown;
}

/**
 * How strictly a value is looked at: `write` for one that is stored, `equal` for one that the whole column is compared with, `partial` for
 * one that is compared with a part of it, or by LIKE.
 */
export type Rule = 'write' | 'equal' | 'partial';

/** A value that is neither a cell nor a term but says nothing: a number that a length is compared with. */
const HARMLESS = new Set(['number', 'bigint', 'boolean']);
const TERM = /^\d+\.[0-9a-f]+$/;
const TERM_START = /^\d+\.[0-9a-f]*%?$/;

/** Whether a value may go to the database for this column. */
export function isAllowed(column: AnnotatedColumn, rule: Rule, value: unknown, type?: ArgumentType): boolean {
  if (value === null) return true;
  if (Array.isArray(value)) {
    // The adapters turn base64 into bytes only in what is typed as a list.
    const element = type?.arity === 'list' ? { ...type, arity: 'scalar' } : { arity: 'scalar' };
    if (!column.list && rule === 'write') return false;
    return value.every((item) => item !== undefined && isAllowed({ ...column, list: false }, rule, item, element));
  }
  if (rule === 'partial' && HARMLESS.has(typeof value)) return true;
  if (column.list && rule === 'write') return value === '{}';
  if (column.holds === 'terms')
    return typeof value === 'string' && (rule === 'partial' ? TERM_START : TERM).test(value);
  if (rule === 'partial') return beginsAsCell(column, value, type);
  switch (column.type) {
    case 'Bytes':
      return isBytesCell(bytesOf(value, type));
    case 'Json':
      return typeof value === 'string' && (value === 'null' || isCell(unquoted(value)));
    default:
      return typeof value === 'string' && isCell(value);
  }
}

function beginsAsCell(column: AnnotatedColumn, value: unknown, type: ArgumentType | undefined): boolean {
  if (typeof value === 'string' && value.startsWith(TEXT_PREFIX)) return true;
  if (column.type === 'Json')
    return typeof value === 'string' && (value === 'null' || value.startsWith(`"${TEXT_PREFIX}`));
  return column.type === 'Bytes' && isSuite(bytesOf(value, type)?.[0]);
}

/** Bytes as adapters take them: as they are, as base64 where the argument is typed as bytes, else as PostgreSQL reads a text. */
function bytesOf(value: unknown, type: ArgumentType | undefined): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string') return undefined;
  if (type?.scalarType === 'bytes') return Buffer.from(value, 'base64');
  return value.startsWith('\\x') ? Buffer.from(value.slice(2), 'hex') : undefined;
}

/** The text of a JSON string without escapes, which a cell has none of. */
function unquoted(json: string): string {
  return json.startsWith('"') && json.endsWith('"') ? json.slice(1, -1) : '';
}

function isBytesCell(bytes: Uint8Array | undefined): boolean {
  return bytes !== undefined && isCell(bytes);
}

function isCell(stored: string | Uint8Array): boolean {
  try {
    decodeCell(stored);
    return true;
  } catch {
    return false;
  }
}
