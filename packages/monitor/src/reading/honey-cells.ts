/**
 * Honey cells: rows that are planted and that no application reads. Whoever reads everything opens them, and is noticed.
 *
 * They are known by marks: keyed digests of their nonce, which is random and different in every cell ever written. A list of marks tells nobody
 * without its key which rows they are.
 *
 * @module
 */
import { createHmac } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import {
  FieldsealError,
  HEADER_BYTES,
  type HoneyEvent,
  NONCE_BYTES,
  type ReadWatch,
  SecretBytes,
  TEXT_PREFIX,
  type WatchedCell,
} from '@fieldseal/core';

/** Where the nonce is in a text cell. Header and nonce are multiples of three bytes, so that its characters are its own. */
const NONCE_AT = TEXT_PREFIX.length + (HEADER_BYTES * 4) / 3;
const NONCE_DIGITS = (NONCE_BYTES * 4) / 3;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const HINT_HEX = 8;
const DIGEST_HEX = 32;
const MARK = new RegExp(`^[0-9a-f]{${HINT_HEX}}\\.[0-9a-f]{${HINT_HEX}}\\.[0-9a-f]{${DIGEST_HEX}}$`);

const honeyChannel = channel('fieldseal:honey');

/**
 * Mark of a stored cell, to be listed in {@link honeyCells}. A cell that is written again, by an update or a re-encryption, is another cell: make
 * its mark again.
 *
 * @param key - 32 bytes that serve nothing else
 * @param stored - as the column gives it: text, or the bytes of a Bytes column
 * @throws ERR_CELL_FORMAT for what is no cell, ERR_OPTIONS for a key of another length
 */
export function honeyMark(key: SecretBytes, stored: string | Uint8Array): string {
  const nonce = nonceDigits(stored);
  if (nonce.length !== NONCE_DIGITS || (typeof stored === 'string' && !stored.startsWith(TEXT_PREFIX)))
    throw new FieldsealError('ERR_CELL_FORMAT', 'a honey cell is no cell');
  checkKey(key);
  return `${hint(key, 'first', nonce.slice(0, 2))}.${hint(key, 'second', nonce.slice(2, 4))}.${digest(key, nonce)}`;
}

/** Options of {@link honeyCells}. */
export interface HoneyOptions {
  /** The key that the marks were made with. It stays the caller's, and is not needed after the call. */
  readonly key: SecretBytes;
  /** Marks by a name of your own, which the event carries. */
  readonly marks: Readonly<Record<string, string>>;
}

/**
 * Watches for honey cells: pass it as `encryption({ watch: [honeyCells(…)] })`. Opening one publishes `fieldseal:honey`, which raises a critical
 * alert; the reader is not told. It costs a look at four characters of each cell, and a digest for hardly any of them.
 *
 * @throws ERR_OPTIONS for a mark that is none, or a key of another length
 */
export function honeyCells({ key, marks }: HoneyOptions): ReadWatch {
  checkKey(key);
  const names = new Map<string, string>();
  const [first, second] = [new Set<string>(), new Set<string>()];
  for (const [name, mark] of Object.entries(marks)) {
    if (!MARK.test(mark)) throw new FieldsealError('ERR_OPTIONS', `the mark of the honey cell ${name} is none`);
    const [one = '', two = '', rest = ''] = mark.split('.');
    first.add(one);
    second.add(two);
    names.set(rest, name);
  }
  // A copy of its own: a key that the caller wipes must not turn the watch off in silence.
  const own = SecretBytes.copy(key.expose());
  const tables: Tables = { first: hintTable(key, 'first', first), second: hintTable(key, 'second', second) };
  return {
    opened: (cells) => {
      for (const { stored, spec } of cells) {
        if (mayBeHoney(tables, stored as string | Uint8Array)) tell(names, own, stored as string | Uint8Array, spec);
      }
    },
  };
}

/** 1 at each pair of characters that a nonce of a honey cell has in its first two places, or in the two behind. */
interface Tables {
  readonly first: Uint8Array;
  readonly second: Uint8Array;
}

/** Few other cells pass both tables, so that hardly any digest is computed in vain. */
function mayBeHoney({ first, second }: Tables, stored: string | Uint8Array): boolean {
  const text = typeof stored === 'string' ? stored : undefined;
  const digits = text ?? nonceDigits(stored);
  const at = text === undefined ? 0 : NONCE_AT;
  return (
    first[pairIndex(digits.charCodeAt(at), digits.charCodeAt(at + 1))] === 1 &&
    second[pairIndex(digits.charCodeAt(at + 2), digits.charCodeAt(at + 3))] === 1
  );
}

function pairIndex(one: number, other: number): number {
  return (one << 7) | other;
}

function tell(
  names: ReadonlyMap<string, string>,
  key: SecretBytes,
  stored: string | Uint8Array,
  { model, field }: WatchedCell['spec'],
): void {
  const name = names.get(digest(key, nonceDigits(stored)));
  if (name === undefined) return;
  const event: HoneyEvent = { name, model, field };
  honeyChannel.publish(event);
}

function hintTable(key: SecretBytes, place: keyof Tables, hints: ReadonlySet<string>): Uint8Array {
  const table = new Uint8Array(1 << 14);
  for (const a of ALPHABET)
    for (const b of ALPHABET)
      if (hints.has(hint(key, place, a + b))) table[pairIndex(a.charCodeAt(0), b.charCodeAt(0))] = 1;
  return table;
}

function hint(key: SecretBytes, place: keyof Tables, pair: string): string {
  return mac(key, place, pair).slice(0, HINT_HEX);
}

function digest(key: SecretBytes, nonce: string): string {
  return mac(key, 'cell', nonce).slice(0, DIGEST_HEX);
}

function mac(key: SecretBytes, use: keyof Tables | 'cell', text: string): string {
  return createHmac('sha256', key.expose()).update(`fieldseal/honey/1/${use}/${text}`).digest('hex');
}

/** The nonce of a cell in base64url, 32 characters. */
function nonceDigits(stored: string | Uint8Array): string {
  if (typeof stored === 'string') return stored.slice(NONCE_AT, NONCE_AT + NONCE_DIGITS);
  const nonce = stored.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  return Buffer.from(nonce.buffer, nonce.byteOffset, nonce.length).toString('base64url');
}

function checkKey(key: SecretBytes): void {
  if (key.length !== 32) throw new FieldsealError('ERR_OPTIONS', 'the key of honey cells has 32 bytes');
}
