import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../src/bytes.ts';
import {
  formatRawKey,
  formatRecoveryKey,
  generateRawKey,
  generateRecoveryKey,
  parsePassphrase,
  parseRawKey,
  parseRecoveryKey,
} from '../src/keyring/key-text.ts';
import { SecretBytes } from '../src/secret-bytes.ts';
import { codeOf } from './error-code.ts';

const BASE32 = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

function replaced(text: string, at: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + 1);
}

describe('a raw key', () => {
  const key = SecretBytes.take(Uint8Array.from({ length: 32 }, (_, at) => at));
  const text = formatRawKey(key);

  it('is read as it was written, with white space around it too', () => {
    expect(text).toMatch(/^fsk1_[A-Za-z0-9_-]{48}$/);
    for (const typed of [text, ` ${text}`, `${text}\n`]) expect(parseRawKey(typed).equals(key)).toBe(true);
  });

  it('is read from 64 hexadecimal digits of either case', () => {
    const hex = toHex(key.expose());
    for (const typed of [hex, hex.toUpperCase(), ` ${hex}\r\n`]) expect(parseRawKey(typed).equals(key)).toBe(true);
  });

  it('is 256 random bits', () => {
    const keys = Array.from({ length: 100 }, () => generateRawKey());
    expect(new Set(keys.map((one) => toHex(one.expose()))).size).toBe(100);
    for (const one of keys) expect(one.length).toBe(32);
  });

  it.each([
    '',
    ' ',
    'password',
    'fsk1_',
    text.slice(0, -1),
    `${text}A`,
    text.replace('fsk1_', 'FSK1_'),
    text.replace('fsk1_', 'fsk2_'),
    text.slice(5),
    `${text}=`,
    `${text.slice(0, 20)} ${text.slice(20)}`,
    'ab'.repeat(31),
    'ab'.repeat(33),
    'zz'.repeat(32),
  ])('refuses %j', (typed) => {
    expect(codeOf(() => parseRawKey(typed))).toBe('ERR_KEY_INVALID');
  });

  it('refuses every changed character', () => {
    for (let at = 0; at < text.length; at++) {
      expect(codeOf(() => parseRawKey(replaced(text, at, text[at] === 'A' ? 'B' : 'A')))).toBe('ERR_KEY_INVALID');
    }
  });
});

describe('a recovery key', () => {
  const key = SecretBytes.take(Uint8Array.from({ length: 20 }, (_, at) => 0xff - 7 * at));
  const text = formatRecoveryKey(key);

  it('is FSR1 and nine groups of four', () => {
    expect(text).toMatch(/^FSR1(-[0-9A-HJKMNP-TV-Z]{4}){9}$/);
    expect(formatRecoveryKey(SecretBytes.take(new Uint8Array(20)))).toMatch(/^FSR1(-0000){8}-/);
  });

  it('is read however a person types it', () => {
    const zeros = formatRecoveryKey(SecretBytes.take(new Uint8Array(20).fill(0x08, 3)));
    const typings = (written: string) => [
      written,
      written.toLowerCase(),
      written.replaceAll('-', ' '),
      written.replaceAll('-', ''),
      ` ${written.toLowerCase().replaceAll('-', '  ')}\n`,
      written.replaceAll('0', 'O').replaceAll('1', 'I'),
      written.replaceAll('0', 'o').replaceAll('1', 'l'),
    ];
    for (const typed of typings(text)) expect(parseRecoveryKey(typed).equals(key)).toBe(true);
    for (const typed of typings(zeros))
      expect(toHex(parseRecoveryKey(typed).expose())).toBe(`000000${'08'.repeat(17)}`);
  });

  it('goes both ways for random keys', () => {
    for (let count = 0; count < 200; count++) {
      const random = generateRecoveryKey();
      expect(random.length).toBe(20);
      expect(parseRecoveryKey(formatRecoveryKey(random)).equals(random)).toBe(true);
    }
  });

  it.each([
    ['nothing', ''],
    ['the prefix alone', 'FSR1'],
    ['another prefix', text.replace('FSR1', 'FSR2')],
    ['no prefix', text.slice(5)],
    ['a group too few', text.slice(0, -5)],
    ['a group too many', `${text}-0000`],
    ['a character too few', text.slice(0, -1)],
    ['U, which no key has', replaced(text, 6, 'U')],
    ['another alphabet', replaced(text, 6, 'ż')],
    ['a raw key', formatRawKey(generateRawKey())],
  ])('refuses %s', (_what, typed) => {
    expect(codeOf(() => parseRecoveryKey(typed))).toBe('ERR_KEY_INVALID');
  });

  it('refuses every changed character', () => {
    for (let at = 0; at < text.length; at++) {
      const digit = text.charAt(at);
      if (digit === '-') continue;
      const other = BASE32.charAt((BASE32.indexOf(digit) + 1) % 32);
      expect(codeOf(() => parseRecoveryKey(replaced(text, at, other)))).toBe('ERR_KEY_INVALID');
    }
  });

  it('refuses two groups that changed places', () => {
    const [prefix, first, second, ...rest] = text.split('-');
    expect(codeOf(() => parseRecoveryKey([prefix, second, first, ...rest].join('-')))).toBe('ERR_KEY_INVALID');
  });
});

describe('a passphrase', () => {
  it('is the same bytes on every system', () => {
    const composed = parsePassphrase('Zażółć gęślą');
    expect(parsePassphrase('Zażółć gęślą'.normalize('NFD')).equals(composed)).toBe(true);
    expect(toHex(composed.expose())).toBe(toHex(utf8('Zażółć gęślą')));
  });

  it('keeps case and white space', () => {
    expect(parsePassphrase(' correct horse ').equals(parsePassphrase('correct horse battery'))).toBe(false);
    expect(parsePassphrase('Correct Horse').equals(parsePassphrase('correct horse'))).toBe(false);
  });

  it.each(['', 'short', 'elevenchars', '👩'.repeat(11)])('refuses %j', (text) => {
    expect(codeOf(() => parsePassphrase(text))).toBe('ERR_KEY_INVALID');
  });

  it('counts characters, not code units', () => {
    expect(parsePassphrase('👩'.repeat(12)).length).toBe(48);
  });
});

describe('no message holds any part of a key:', () => {
  it.each<[string, (text: string) => unknown]>([
    ['raw', parseRawKey],
    ['recovery', parseRecoveryKey],
    ['passphrase', parsePassphrase],
  ])('%s', (_what, parse) => {
    for (const text of ['canary', `fsk1_canary${'A'.repeat(42)}`, `FSR1-CANARY${'0'.repeat(30)}`]) {
      expect(() => {
        parse(text);
        throw new Error('accepted');
      }).toThrow(/^(?![\s\S]*canary)/i);
    }
  });
});
