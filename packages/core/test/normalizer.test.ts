import { describe, expect, it } from 'vitest';
import type { NormalizerName } from '../src/field-spec.ts';
import { NORMALIZER_NAMES, normalize } from '../src/normalizer.ts';
import { codeOf } from './error-code.ts';

describe('normalize', () => {
  it.each<[readonly NormalizerName[], string, string]>([
    [[], ' As Is ', ' As Is '],
    [['trim'], ' \t\u00a0Ada \n', 'Ada'],
    [['trim'], 'a  b', 'a  b'],
    [['lowercase'], 'ADA Ł ΣΑΣ', 'ada ł σας'],
    [['lowercase'], 'I', 'i'],
    [['nfkc'], 'ﬁ Ａ e\u0301', 'fi A é'],
    [['digits'], '+48 (12) 345-67', '481234567'],
    [['digits'], '１２٣', '１２٣'],
    [['trim', 'lowercase'], ' ADA ', 'ada'],
    [['nfkc', 'digits'], '１２ 3', '123'],
    [['digits', 'nfkc'], '１２ 3', '3'],
  ])('%j makes %j into %j', (names, text, normal) => {
    expect(normalize(text, names)).toBe(normal);
  });

  it('changes nothing when applied again', () => {
    for (const name of NORMALIZER_NAMES) {
      for (const text of [' ﬁ ADA 12 ', 'Zażółć', '\u1e9b\u0323']) {
        expect(normalize(normalize(text, [name]), [name])).toBe(normalize(text, [name]));
      }
    }
  });

  it.each(['upper', '', 'TRIM', 'toString', '__proto__', 'constructor'])('refuses the normaliser %j', (name) => {
    expect(codeOf(() => normalize('x', [name as NormalizerName]))).toBe('ERR_OPTIONS');
    expect(codeOf(() => normalize('x', ['trim', name as NormalizerName]))).toBe('ERR_OPTIONS');
  });

  it('is told by name', () => {
    expect(NORMALIZER_NAMES).toEqual(['trim', 'lowercase', 'nfkc', 'digits']);
  });
});
