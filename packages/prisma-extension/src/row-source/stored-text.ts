/**
 * Texts of columns as the values that the cipher takes, and back.
 *
 * @module
 */
import { canonicalText } from '@fieldseal/core';
import type { TableColumn } from './column-text.ts';

/** Stands for a JSON value that JavaScript cannot hold, since it has a number with more digits. It is left as it is. */
export const UNREADABLE_JSON: object = Object.freeze({});

/** What a column stores, from its text. NULL is null. */
export function fromText({ kind, list }: TableColumn, text: string | null): unknown {
  if (text === null) return null;
  if (kind === 'json') {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'string' || isExact(text) ? parsed : list ? inexact(parsed) : UNREADABLE_JSON;
  }
  const one = (item: string | null): unknown => (kind === 'bytes' && item !== null ? bytesOf(item) : item);
  return list ? (JSON.parse(text) as (string | null)[]).map(one) : one(text);
}

/** Text of what a column is to store. */
export function toText({ kind, list }: TableColumn, stored: unknown): string | null {
  if (stored === null) return null;
  if (kind === 'json') return JSON.stringify(stored);
  const one = (item: unknown): unknown => (item instanceof Uint8Array ? Buffer.from(item).toString('hex') : item);
  return list ? JSON.stringify((stored as readonly unknown[]).map(one)) : (one(stored) as string);
}

function bytesOf(digits: string): Uint8Array {
  return Uint8Array.from(Buffer.from(digits, 'hex'));
}

/** Elements of a list of JSON of which one cannot be held: nobody knows which. */
function inexact(list: unknown): unknown {
  return Array.isArray(list) ? list.map((item) => (typeof item === 'string' ? item : UNREADABLE_JSON)) : list;
}

/** Whether JavaScript's numbers hold all of a JSON text. */
function isExact(json: string): boolean {
  const tokens = json.match(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g) ?? [];
  return tokens.every((token) => token.startsWith('"') || isExactNumber(token));
}

function isExactNumber(token: string): boolean {
  const value = Number(token);
  if (!Number.isFinite(value)) return false;
  if (Number.isSafeInteger(value) && String(value) === token) return true;
  try {
    return canonicalText('Decimal', token) === canonicalText('Decimal', value);
  } catch {
    return false;
  }
}
