import { describe, expect, it } from 'vitest';
import {
  checkNormalizers,
  foldsCase,
  isCustomNormalizer,
  NORMALIZER_NAMES,
  NORMALIZERS,
  normalize,
  normalizerProblem,
  parseNormalizer,
} from '../src/normalizer.ts';
import { codeOf } from './error-code.ts';

const phone = { version: 1, normalize: (text: string) => text.replace(/[^+0-9]/g, '') };

describe('normalize', () => {
  it.each<[readonly string[], string, string]>([
    [[], ' As Is ', ' As Is '],
    [['trim'], ' \t\u00a0Ada \n', 'Ada'],
    [['trim'], 'a  b', 'a  b'],
    [['trim@1'], ' a ', 'a'],
    [['lowercase'], 'ADA Ł ΣΑΣ', 'ada ł σας'],
    [['lowercase'], 'I', 'i'],
    [['nfkc'], 'ﬁ Ａ e\u0301', 'fi A é'],
    [['diacritics'], 'Ångström Ñandú e\u0301 ł ø', 'Angstrom Nandu e ł ø'],
    [['diacritics'], '각 한글', '각 한글'],
    [['diacritics', 'lowercase'], 'İSTANBUL', 'istanbul'],
    [['digits'], '+48 (12) 345-67', '481234567'],
    [['digits'], '１２٣', '１２٣'],
    [['email'], ' Ada.Lovelace@EXAMPLE.com\n', 'ada.lovelace@example.com'],
    [['email'], 'Andre\u0301@example.com', 'andré@example.com'],
    [['email'], 'ada+tag@example.com', 'ada+tag@example.com'],
    [['last4'], '4111 1111 1111 1234', '1234'],
    [['digits', 'last4'], '4111-1111-1111-12-34', '1234'],
    [['last4'], 'ab', 'ab'],
    [['last4'], 'x💊💊💊💊', '💊💊💊💊'],
    [['year'], '1815-12-10T00:00:00.000Z', '1815'],
    [['year'], '1815-12-10', '1815'],
    [['year'], '1815', '1815'],
    [['year'], '+012345-01-01T00:00:00.000Z', '+012345'],
    [['month'], '1815-12-10T00:00:00.000Z', '1815-12'],
    [['month'], '1815-12', '1815-12'],
    [['trim', 'lowercase'], ' ADA ', 'ada'],
    [['nfkc', 'digits'], '１２ 3', '123'],
    [['digits', 'nfkc'], '１２ 3', '3'],
  ])('%j makes %j into %j', (names, text, normal) => {
    expect(normalize(text, names)).toBe(normal);
  });

  it('changes nothing when applied again, to any character', () => {
    const names = ['trim', 'lowercase', 'nfkc', 'diacritics', 'digits', 'email', 'last4'];
    for (let from = 0; from < 0x30000; from += 0x100) {
      if (from >= 0xd800 && from < 0xe000) continue;
      const block = Array.from({ length: 0x100 }, (_, at) => String.fromCodePoint(from + at)).join('|');
      for (const name of names) {
        const once = normalize(block, [name]);
        expect(normalize(once, [name]) === once, `${name} of U+${from.toString(16)}`).toBe(true);
      }
    }
  });

  it.each(['yesterday', '', '18151', '1815-1', '1815/12/10', '1815-12-1x'])('has no year of %j', (text) => {
    expect(codeOf(() => normalize(text, ['year']))).toBe('ERR_VALUE');
  });

  it.each(['1815', '1815-13', '1815-00-01', '12-1815', ''])('has no month of %j', (text) => {
    expect(codeOf(() => normalize(text, ['month']))).toBe('ERR_VALUE');
  });

  it.each(['upper', '', 'TRIM', 'toString', '__proto__', 'constructor', 'trim@2', 'trim@0', 'phone', 'slug@1'])(
    'refuses the normaliser %j',
    (name) => {
      expect(codeOf(() => normalize('x', [name]))).toBe('ERR_OPTIONS');
      expect(codeOf(() => normalize('x', ['trim', name]))).toBe('ERR_OPTIONS');
      expect(codeOf(() => checkNormalizers([name], {}))).toBe('ERR_OPTIONS');
    },
  );

  it('is told by name', () => {
    expect(NORMALIZER_NAMES).toEqual('trim lowercase nfkc diacritics digits email phone last4 year month'.split(' '));
    expect(Object.keys(NORMALIZERS)).toEqual(NORMALIZER_NAMES);
    expect(NORMALIZER_NAMES.filter(isCustomNormalizer)).toEqual(['phone']);
    expect(isCustomNormalizer('constructor')).toBe(true);
  });
});

describe('a normaliser of the application', () => {
  const slug = { version: 2, normalize: (text: string) => text.replace(/\W+/g, '-') };

  it('is applied in its place', () => {
    expect(normalize(' A b ', ['trim', 'slug@2', 'last4'], { slug })).toBe('A-b');
    expect(normalize('+48 12 345', ['phone'], { phone })).toBe('+4812345');
  });

  it('is refused in another version, with the way out', () => {
    expect(codeOf(() => normalize('x', ['slug'], { slug }))).toBe('ERR_SCHEMA_STALE');
    expect(() => checkNormalizers(['slug@3'], { slug })).toThrow(/slug is of another version.*fill the index again/s);
  });

  it('does not replace one that is built in', () => {
    expect(normalize(' x ', ['trim'], { trim: { version: 1, normalize: () => 'y' } })).toBe('x');
  });

  it.each<[string, (text: string) => unknown]>([
    ['throws', (text) => expect.unreachable(`the value ${text}`)],
    ['gives no text', () => undefined],
    ['gives a number', () => 5],
    ['gives half a character', () => '\ud800'],
  ])('that %s has its value refused, which no error shows', (_, work) => {
    const odd = { version: 1, normalize: work as (text: string) => string };
    let thrown: unknown;
    try {
      normalize('canary', ['odd'], { odd });
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'ERR_VALUE' });
    expect(String(thrown)).not.toContain('canary');
    expect((thrown as Error).cause).toBeUndefined();
  });

  it.each(['12345', '+0123', '+1', '+1234567890123456', '+12a', ''])('called phone does not give %j', (number) => {
    expect(codeOf(() => normalize('x', ['phone'], { phone: { version: 1, normalize: () => number } }))).toBe(
      'ERR_VALUE',
    );
  });
});

describe('the names of normalisers', () => {
  it('may have a version', () => {
    expect(parseNormalizer('trim')).toEqual({ name: 'trim', version: 1 });
    expect(parseNormalizer('slug@12')).toEqual({ name: 'slug', version: 12 });
    for (const text of ['', '@1', 'slug@', 'slug@0', 'slug@01', 'slug@1.5', 'a b', '1a'])
      expect(parseNormalizer(text)).toBeNull();
  });

  it('say which index serves searches that ignore case', () => {
    expect(foldsCase(['trim', 'lowercase'])).toBe(true);
    expect(foldsCase(['email'])).toBe(true);
    expect(foldsCase(['trim', 'nfkc', 'diacritics'])).toBe(false);
    expect(foldsCase(['slug'], { slug: { version: 1, normalize: String, foldsCase: true } })).toBe(true);
    expect(foldsCase(['slug'], { slug: { version: 1, normalize: String } })).toBe(false);
    expect(foldsCase(['trim'], { trim: { version: 1, normalize: String, foldsCase: true } })).toBe(false);
  });

  it('stand in an order in which none undoes another', () => {
    expect(normalizerProblem(['nfkc', 'diacritics', 'trim', 'lowercase', 'slug@3', 'last4'], 'String')).toBeNull();
    expect(normalizerProblem(['year'], 'DateTime')).toBeNull();
    expect(normalizerProblem(['trim', 'nfkc'], 'String')).toContain('nfkc stands first');
    expect(normalizerProblem(['trim', 'diacritics'], 'String')).toContain('diacritics stands before');
    expect(normalizerProblem(['last4', 'trim'], 'String')).toContain('trim stands before');
    expect(normalizerProblem(['year'], 'Int')).toContain('DateTime or String');
  });
});
