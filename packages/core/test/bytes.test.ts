import { describe, expect, it } from 'vitest';
import {
  concat,
  fromBase64Url,
  fromHex,
  fromUtf8,
  isWellFormed,
  pae,
  toBase64Url,
  toHex,
  utf8,
  view,
} from '../src/bytes.ts';

describe('concat', () => {
  it('joins into memory of its own', () => {
    const part = Uint8Array.of(1, 2);
    const joined = concat(part, new Uint8Array(0), Uint8Array.of(3));
    part.fill(9);
    expect([...joined]).toEqual([1, 2, 3]);
    expect(concat()).toHaveLength(0);
  });
});

describe('view', () => {
  it('shares the memory, and sees the part only', () => {
    const bytes = Uint8Array.of(1, 2, 3, 4).subarray(1, 3);
    view(bytes)[0] = 7;
    expect([...bytes]).toEqual([7, 3]);
    expect(view(bytes)).toHaveLength(2);
  });
});

describe('hexadecimal', () => {
  it('goes both ways, and reads either case', () => {
    expect(toHex(Uint8Array.of(0, 0xab, 0xff))).toBe('00abff');
    expect(fromHex('00ABff')).toEqual(Uint8Array.of(0, 0xab, 0xff));
    expect(fromHex('')).toEqual(new Uint8Array(0));
  });

  it.each(['0', '0g', 'abc', ' ab', 'ab ', '0x', 'ａｂ', 'ab\n'])('refuses %j', (text) => {
    expect(fromHex(text)).toBeNull();
  });
});

describe('base64url', () => {
  // RFC 4648 §10, without padding
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('writes and reads %j', (text, encoded) => {
    expect(toBase64Url(utf8(text))).toBe(encoded);
    expect(fromBase64Url(encoded)).toEqual(Buffer.from(text));
  });

  it('uses the alphabet of §5', () => {
    expect(toBase64Url(Uint8Array.of(0xfb, 0xff, 0xfe))).toBe('-__-');
  });

  it.each([
    ['padding', 'Zg=='],
    ['white space', 'Zm 9v'],
    ['a line break', 'Zm9v\n'],
    ['the standard alphabet', '+//+'],
    ['trailing bits that are not zero', 'Zh'],
    ['trailing bits of two bytes', 'Zm9'],
    ['a lone digit', 'Z'],
    ['another character', 'Zm9!'],
    ['a character that folds to a digit', 'Zm9\u0141'],
    ['a full-width digit', 'Ｚm9v'],
    ['a NUL', 'Zm9v\0'],
  ])('refuses %s', (_what, text) => {
    expect(fromBase64Url(text)).toBeNull();
  });
});

describe('UTF-8', () => {
  it.each(['', 'a', 'Zażółć', '👩‍⚕️', '\u{feff}with a mark', '\0'])('goes both ways: %j', (text) => {
    expect(fromUtf8(utf8(text))).toBe(text);
  });

  it.each([[[0x80]], [[0xc3]], [[0xc0, 0x80]], [[0xed, 0xa0, 0x80]], [[0xf5, 0x80, 0x80, 0x80]], [[0xff]]])(
    'refuses the bytes %j',
    (bytes) => {
      expect(fromUtf8(Uint8Array.from(bytes))).toBeNull();
    },
  );

  it('tells lone surrogates', () => {
    expect(['', 'a', '👩'].every(isWellFormed)).toBe(true);
    expect(['\ud800', 'a\udc00', '\udc00\ud800'].some(isWellFormed)).toBe(false);
  });
});

describe('pae', () => {
  it('gives the known bytes', () => {
    expect(toHex(pae())).toBe('0000000000000000');
    expect(toHex(pae(''))).toBe('01000000000000000000000000000000');
    expect(toHex(pae('test'))).toBe('0100000000000000040000000000000074657374');
    expect(toHex(pae('ż', Uint8Array.of(1)))).toBe('02000000000000000200000000000000c5bc010000000000000001');
  });

  it('gives no two lists of pieces the same bytes', () => {
    const lists = [
      [],
      [''],
      ['', ''],
      ['a'],
      ['a', ''],
      ['', 'a'],
      ['ab'],
      ['a', 'b'],
      ['b', 'a'],
      ['a\0'],
      ['a', '\0'],
    ];
    expect(new Set(lists.map((list) => toHex(pae(...list)))).size).toBe(lists.length);
  });
});
