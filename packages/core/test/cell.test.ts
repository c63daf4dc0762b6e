import { describe, expect, it } from 'vitest';
import { fromHex, toBase64Url } from '../src/bytes.ts';
import {
  cellTextPrefix,
  decodeCell,
  encodeCell,
  encodeCellText,
  encodeHeader,
  HEADER_BYTES,
  keyIdBytes,
  NONCE_BYTES,
  TAG_BYTES,
  TEXT_HEADER_CHARACTERS,
  TEXT_PREFIX,
} from '../src/cell.ts';
import { XAES_256_GCM, XCHACHA20_POLY1305 } from '../src/suite.ts';
import { codeOf } from './error-code.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const KEY_ID = 'be6edbca880fc191';
const NONCE = Uint8Array.from({ length: NONCE_BYTES }, (_, at) => at);
const SEALED = Uint8Array.from({ length: 1 + TAG_BYTES }, (_, at) => 0xf0 ^ at);
const HEADER = encodeHeader(XCHACHA20_POLY1305, KEY_ID);
const CELL = encodeCell(HEADER, NONCE, SEALED);
const TEXT = encodeCellText(CELL);
/** The same bytes in a spelling that lax decoders accept: 50 bytes leave two bits of the last digit unused. */
const NON_ZERO_BITS = TEXT.slice(0, -1) + ALPHABET.charAt(ALPHABET.indexOf(TEXT.slice(-1)) + 1);

describe('a cell', () => {
  it('is suite, key id, nonce and sealed bytes, in this order', () => {
    expect(CELL[0]).toBe(0x11);
    expect(CELL.subarray(1, 9)).toEqual(fromHex(KEY_ID));
    expect(CELL.subarray(9, 33)).toEqual(NONCE);
    expect(CELL.subarray(33)).toEqual(SEALED);
    expect(CELL).toHaveLength(50);
  });

  it.each([
    ['bytes', CELL],
    ['a Buffer', Buffer.from(CELL)],
    ['a part of larger memory', Buffer.concat([Buffer.alloc(3), CELL, Buffer.alloc(3)]).subarray(3, 3 + CELL.length)],
    ['text', TEXT],
  ])('is taken apart from %s', (_what, stored) => {
    const cell = decodeCell(stored);
    expect(cell).toMatchObject({ suite: XCHACHA20_POLY1305, keyId: KEY_ID });
    expect(Buffer.compare(encodeCell(cell.header, cell.nonce, cell.sealed), CELL)).toBe(0);
    expect(cell.header).toHaveLength(HEADER_BYTES);
    expect(cell.nonce).toHaveLength(NONCE_BYTES);
  });

  it('knows both suites', () => {
    expect(decodeCell(encodeCell(encodeHeader(XAES_256_GCM, KEY_ID), NONCE, SEALED)).suite).toBe(XAES_256_GCM);
  });

  it('starts, as text, with 16 characters that name format, suite and key', () => {
    expect(TEXT_HEADER_CHARACTERS).toBe(16);
    expect(cellTextPrefix(XCHACHA20_POLY1305, KEY_ID)).toBe(TEXT.slice(0, 16));
    expect(cellTextPrefix(XAES_256_GCM, KEY_ID)).not.toBe(TEXT.slice(0, 16));
    expect(cellTextPrefix(XCHACHA20_POLY1305, 'be6edbca880fc192')).not.toBe(TEXT.slice(0, 16));
  });
});

describe('decodeCell refuses', () => {
  it.each([0x00, 0x01, 0x10, 0x13, 0x1f, 0x91, 0xff])('the suite byte %i', (suite) => {
    const other = Uint8Array.from(CELL);
    other[0] = suite;
    expect(codeOf(() => decodeCell(other))).toBe('ERR_CELL_FORMAT');
    expect(codeOf(() => decodeCell(encodeCellText(other)))).toBe('ERR_CELL_FORMAT');
  });

  it('every length below the smallest cell', () => {
    for (let length = 0; length < CELL.length; length++) {
      expect(codeOf(() => decodeCell(CELL.subarray(0, length)))).toBe('ERR_CELL_FORMAT');
      expect(codeOf(() => decodeCell(encodeCellText(CELL.subarray(0, length))))).toBe('ERR_CELL_FORMAT');
    }
    expect(codeOf(() => decodeCell(CELL))).toBe('none');
  });

  it.each([
    ['the empty text', ''],
    ['plain text', 'ada@example.com'],
    ['the prefix alone', TEXT_PREFIX],
    ['no prefix', TEXT.slice(4)],
    ['a prefix in capitals', TEXT.replace('fs1:', 'FS1:')],
    ['another version', TEXT.replace('fs1:', 'fs2:')],
    ['white space before', ` ${TEXT}`],
    ['white space behind', `${TEXT} `],
    ['a line break behind', `${TEXT}\n`],
    ['white space inside', `${TEXT.slice(0, 9)} ${TEXT.slice(9)}`],
    ['padding', `${TEXT}=`],
    ['the prefix twice', TEXT_PREFIX + TEXT],
    ['non-zero trailing bits', NON_ZERO_BITS],
    ['quotation marks of JSON', JSON.stringify(TEXT)],
  ])('%s', (_what, stored) => {
    expect(codeOf(() => decodeCell(stored))).toBe('ERR_CELL_FORMAT');
  });

  it('without any part of the input in the message', () => {
    expect(() => decodeCell('canaryplaintext')).toThrow(/^(?!.*canary)/);
  });
});

describe('a key id', () => {
  it('is eight bytes', () => {
    expect(keyIdBytes(KEY_ID)).toEqual(fromHex(KEY_ID));
    expect(toBase64Url(keyIdBytes(KEY_ID))).toBe('vm7byogPwZE');
  });

  it.each(['', '00', 'be6edbca880fc1', 'be6edbca880fc19100', 'be6edbca880fc19x', 'be6edbca880fc19'])(
    'refuses %j',
    (keyId) => {
      expect(codeOf(() => encodeHeader(XCHACHA20_POLY1305, keyId))).toBe('ERR_KEY_INVALID');
      expect(codeOf(() => cellTextPrefix(XCHACHA20_POLY1305, keyId))).toBe('ERR_KEY_INVALID');
    },
  );

  it('is made for a known suite and a whole key id only: a wrong prefix would count no cells', () => {
    for (const suite of ['xchacha20-poly1305', 0x13, 0, null]) {
      expect(codeOf(() => cellTextPrefix(suite as never, '0123456789abcdef'))).toBe('ERR_OPTIONS');
    }
    for (const keyId of ['', 'zz', '0123456789abcde', '0123456789abcdef00']) {
      expect(codeOf(() => cellTextPrefix(XCHACHA20_POLY1305, keyId))).toBe('ERR_KEY_INVALID');
    }
  });
});
