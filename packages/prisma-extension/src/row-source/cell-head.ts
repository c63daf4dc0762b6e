/**
 * What values of encrypted columns begin with: enough to tell the key of a cell without reading it.
 *
 * @module
 */
import { isSuite, TEXT_PREFIX } from '@fieldseal/core';
import type { ColumnKind } from './column-text.ts';

/** Digits of the shortest cell in a Bytes column (spec/format.md §1). */
export const MIN_CELL_DIGITS = 100;

/** Digits of the header of such a cell. */
export const HEADER_DIGITS = 18;

/** Characters of the header of a cell that is text, its prefix among them. */
export const HEADER_CHARACTERS = 16;

/** Key id of the head of a value; `plaintext` for an empty head, `damaged` for what begins as a cell and is none. */
export function keyOfHead(kind: ColumnKind, head: string): string {
  if (head === '') return 'plaintext';
  if (kind === 'bytes') return head.slice(2);
  const text = head.slice(TEXT_PREFIX.length + (kind === 'json' ? 1 : 0));
  const header = Buffer.from(text, 'base64url');
  return header.toString('base64url') === text && isSuite(header[0]) ? header.subarray(1).toString('hex') : 'damaged';
}

/** Key ids of the cells in the text of a column. */
export function keyIdsIn(
  { kind, list }: { readonly kind: ColumnKind; readonly list: boolean },
  text: string,
): string[] {
  if (!list) return keyIdOf(kind, text);
  const elements = JSON.parse(text) as readonly unknown[];
  return elements.flatMap((element) =>
    typeof element === 'string' ? keyIdOf(kind, kind === 'json' ? JSON.stringify(element) : element) : [],
  );
}

function keyIdOf(kind: ColumnKind, text: string): string[] {
  const keyId = keyOfHead(kind, headOf(kind, text));
  return /^[0-9a-f]{16}$/.test(keyId) ? [keyId] : [];
}

function headOf(kind: ColumnKind, text: string): string {
  if (kind === 'bytes')
    return text.length >= MIN_CELL_DIGITS && isSuite(Number.parseInt(text.slice(0, 2), 16))
      ? text.slice(0, HEADER_DIGITS)
      : '';
  const prefix = (kind === 'json' ? '"' : '') + TEXT_PREFIX;
  return text.startsWith(prefix) ? text.slice(0, prefix.length - TEXT_PREFIX.length + HEADER_CHARACTERS) : '';
}
