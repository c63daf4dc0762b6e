import { describe, expect, it } from 'vitest';
import { canonicalDecimal } from '../src/decimal.ts';

describe('canonicalDecimal', () => {
  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['+0', '0'],
    ['0.000', '0'],
    ['-0.0e5', '0'],
    ['00012', '12'],
    ['12.50', '12.5'],
    ['12.', '12'],
    ['.5', '0.5'],
    ['-.5', '-0.5'],
    ['+7', '7'],
    ['1e3', '1000'],
    ['1E+3', '1000'],
    ['1.25e1', '12.5'],
    ['1.25e2', '125'],
    ['1.25e5', '125000'],
    ['125e-2', '1.25'],
    ['125e-3', '0.125'],
    ['125e-5', '0.00125'],
    ['1e-7', '0.0000001'],
    ['100', '100'],
    ['100e-1', '10'],
    ['-1234.5600', '-1234.56'],
    ['99999999999999999999999999.00000000000000000001', '99999999999999999999999999.00000000000000000001'],
  ])('reads %s as %s', (text, canonical) => {
    expect(canonicalDecimal(text)).toBe(canonical);
  });

  it.each([
    '',
    '.',
    '-',
    '+',
    '-.',
    'e5',
    '.e5',
    '1e',
    '1e+',
    '1e5.5',
    '1.2.3',
    '--1',
    '1,5',
    ' 1',
    '1 ',
    '1\n',
    '1_000',
    '0x10',
    'NaN',
    'Infinity',
    '-Infinity',
    '１',
    '١',
    '1n',
    '1e12345678',
  ])('refuses %j', (text) => {
    expect(canonicalDecimal(text)).toBeNull();
  });

  it('refuses what would fill the memory, of zero too', () => {
    for (const text of [
      '1e9999999',
      '1e-9999999',
      '0e9999999',
      `1${'0'.repeat(20_000)}`,
      `.${'1'.repeat(20_000)}`,
      '.1e-19999',
    ]) {
      expect(canonicalDecimal(text)).toBeNull();
    }
  });

  it.each([
    ['nines', '9'.repeat(20_000)],
    ['a fraction', `.${'1'.repeat(19_999)}`],
    ['a large power', '1e19999'],
    ['a small power', '1e-19999'],
    ['a fraction of a small power', '.1e-19998'],
    ['a fraction of a large power', `.${'1'.repeat(10_000)}e9999`],
    ['a long fraction of a small power', `.${'1'.repeat(10_000)}e-9999`],
    ['zeros that are not trailing', `1${'0'.repeat(9_000)}.${'0'.repeat(10_000)}1`],
  ])('accepts its own answer for %s of the largest size', (_what, text) => {
    const canonical = canonicalDecimal(text);
    expect(canonical).not.toBeNull();
    expect(canonicalDecimal(canonical as string)).toBe(canonical);
  });
});
