/**
 * The bytes and the text of a cell (spec/format.md §1). This file holds no keys: it can be used to look at what a column holds.
 *
 *     cell = suite(1) ‖ keyId(8) ‖ nonce(24) ‖ ciphertext(n) ‖ tag(16)
 *
 * @module
 */
import { concat, fromBase64Url, fromHex, toBase64Url, toHex } from './bytes.ts';
import { FieldsealError } from './errors.ts';
import { KEY_ID_BYTES } from './kdf.ts';
import { isSuite, type SuiteId } from './suite.ts';

/** What a text cell starts with: format name and version. */
export const TEXT_PREFIX = 'fs1:';

/** Bytes of suite and key id; they are authenticated as AAD. */
export const HEADER_BYTES: number = 1 + KEY_ID_BYTES;

/** Bytes of the nonce, in both suites. */
export const NONCE_BYTES = 24;

/** Bytes of the authentication tag, in both suites. */
export const TAG_BYTES = 16;

/** Characters of prefix and header: a comparison of so many finds every cell under one key. */
export const TEXT_HEADER_CHARACTERS: number = TEXT_PREFIX.length + (HEADER_BYTES / 3) * 4;

/** The smallest cell: its plaintext is one type tag. */
export const MIN_CELL_BYTES: number = HEADER_BYTES + NONCE_BYTES + 1 + TAG_BYTES;

/** A cell taken apart. The byte arrays are views of the memory that it was decoded to, not copies. */
export class Cell {
  readonly suite: SuiteId;
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  /** What holds the bytes of the cell, from {@link start} to {@link end}; engines copy neighbours together. */
  readonly memory: Uint8Array;
  readonly start: number;
  readonly end: number;

  /** The cell at `start` … `end` of `memory`, whose first bytes say `suite` and `keyId`: {@link decodeCell} checks that. */
  constructor(suite: SuiteId, keyId: string, memory: Uint8Array, start: number, end: number) {
    this.suite = suite;
    this.keyId = keyId;
    this.memory = memory;
    this.start = start;
    this.end = end;
  }

  /** 9 bytes: suite and key id as stored. */
  get header(): Uint8Array {
    return this.#part(0, HEADER_BYTES);
  }

  /** 24 bytes. */
  get nonce(): Uint8Array {
    return this.#part(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  }

  /** Ciphertext and tag. */
  get sealed(): Uint8Array {
    return this.#part(HEADER_BYTES + NONCE_BYTES, this.end - this.start);
  }

  #part(from: number, to: number): Uint8Array {
    return this.memory.subarray(this.start + from, this.start + to);
  }
}

/** Header of the cells of one key. */
export function encodeHeader(suite: SuiteId, keyId: string): Uint8Array {
  if (!isSuite(suite)) throw new FieldsealError('ERR_OPTIONS', 'a suite is XCHACHA20_POLY1305 or XAES_256_GCM');
  return concat(Uint8Array.of(suite), keyIdBytes(keyId));
}

/** The 8 bytes of a key id, as headers and AAD hold them. */
export function keyIdBytes(keyId: string): Uint8Array {
  const id = fromHex(keyId);
  if (id?.length !== KEY_ID_BYTES)
    throw new FieldsealError('ERR_KEY_INVALID', 'a key id has 16 hexadecimal digits', {
      hint: 'Key ids are shown by `fieldseal keyring show`.',
    });
  return id;
}

/** Joins the parts of a cell. `sealed` is ciphertext and tag. */
export function encodeCell(header: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array {
  return concat(header, nonce, sealed);
}

/** Text of a cell for a String or Json column. */
export function encodeCellText(cell: Uint8Array): string {
  return TEXT_PREFIX + toBase64Url(cell);
}

/**
 * Takes a cell apart: bytes as a Bytes column stores them, or text as a String or Json column does.
 *
 * For everything accepted, encoding again gives the input: one value has one spelling.
 *
 * @throws ERR_CELL_FORMAT for anything that is not a cell in canonical form. The message names no part of the input.
 */
export function decodeCell(stored: string | Uint8Array): Cell {
  const bytes = typeof stored === 'string' ? textBytes(stored) : stored;
  if (bytes === null) throw new FieldsealError('ERR_CELL_FORMAT', 'a stored value is not a cell');
  const suite = bytes[0];
  if (bytes.length < MIN_CELL_BYTES) throw new FieldsealError('ERR_CELL_FORMAT', 'a stored cell is too short');
  if (!isSuite(suite)) throw new FieldsealError('ERR_CELL_FORMAT', 'a stored cell names an unknown suite');
  return new Cell(suite, toHex(bytes.subarray(1, HEADER_BYTES)), bytes, 0, bytes.length);
}

/** First 16 characters of every text cell under a key, for prefix comparisons in SQL. */
export function cellTextPrefix(suite: SuiteId, keyId: string): string {
  return TEXT_PREFIX + toBase64Url(encodeHeader(suite, keyId));
}

function textBytes(text: string): Uint8Array | null {
  return text.startsWith(TEXT_PREFIX) ? fromBase64Url(text.slice(TEXT_PREFIX.length)) : null;
}
