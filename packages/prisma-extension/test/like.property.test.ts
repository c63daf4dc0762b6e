import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LIKE_OPERATORS, likeTest, literalPart, matchesEverything } from '../src/search/like.ts';

const numRuns = process.env['SLOW'] ? 20_000 : 500;

/** Few characters, so that needles are found; one is outside of the BMP. */
const text = fc.string({ unit: fc.constantFrom('a', 'b', '𝒳', '\n', '.'), maxLength: 8 });
const needle = fc.string({ unit: fc.constantFrom('a', 'b', '𝒳', '\n', '.', '%', '_'), maxLength: 6 });

/** LIKE as a regular expression, which backtracks where our matcher does not. */
function pattern(operator: (typeof LIKE_OPERATORS)[number], given: string): RegExp {
  const inside = [...given].map((point) => (point === '%' ? '.*' : point === '_' ? '.' : point.replace('.', '\\.')));
  const [before, after] = [operator === 'startsWith' ? '^' : '^.*', operator === 'endsWith' ? '$' : '.*$'];
  return new RegExp(`${before}${inside.join('')}${after}`, 'su');
}

describe.each(LIKE_OPERATORS)('%s', (operator) => {
  it('finds what LIKE finds', () => {
    fc.assert(
      fc.property(needle, text, (given, value) => {
        expect(likeTest(operator, given)(value)).toBe(pattern(operator, given).test(value));
      }),
      { numRuns },
    );
  });

  it('finds only texts that hold the literal part at its place', () => {
    fc.assert(
      fc.property(needle, text, (given, value) => {
        if (likeTest(operator, given)(value))
          expect(likeTest(operator, literalPart(operator, given))(value)).toBe(true);
        expect(literalPart(operator, given)).not.toMatch(/[%_]/);
      }),
      { numRuns },
    );
  });

  it('finds every text by a needle that says nothing, and none but these', () => {
    fc.assert(
      fc.property(needle, (given) => {
        const some = ['', 'a', '𝒳b'].map((value) => likeTest(operator, given)(value));
        if (matchesEverything(given)) expect(some).toEqual([true, true, true]);
        else expect(likeTest(operator, given)('')).toBe(false);
      }),
      { numRuns },
    );
  });

  it('takes no time that grows with the number of ways to match', () => {
    expect(likeTest(operator, `${'%a'.repeat(2000)}b`)('a'.repeat(20_000))).toBe(false);
  });
});
