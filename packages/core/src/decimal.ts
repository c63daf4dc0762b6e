/**
 * Decimals as text: reading any usual spelling into the one canonical form of spec/format.md §3 (plain ASCII, no exponent, no trailing
 * zeros, no leading zeros, no minus before zero).
 *
 * @module
 */

/** Digits a decimal may have: more than any database's numeric type, few enough that `1e999999999` cannot fill the memory. */
const MAX_DIGITS = 20_000;

const SPELLING = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,7}))?$/;

/** Canonical text of a decimal, or null when the text is no finite decimal or too long. */
export function canonicalDecimal(text: string): string | null {
  const match = SPELLING.exec(text);
  if (match === null) return null;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return null;
  const shift = Number(exponent);
  // An absent whole part counts as the 0 that the canonical form writes: whatever is accepted is accepted in canonical form, too.
  if (Math.max(1, whole.length) + fraction.length + Math.abs(shift) > MAX_DIGITS) return null;
  const digits = whole + fraction;
  const point = whole.length + shift;
  const integer = digits.slice(0, Math.max(0, point)).padEnd(point, '0').replace(/^0+/, '');
  const rest = withoutTrailingZeros('0'.repeat(Math.max(0, -point)) + digits.slice(Math.max(0, point)));
  const magnitude = rest === '' ? integer || '0' : `${integer || '0'}.${rest}`;
  return sign === '-' && magnitude !== '0' ? `-${magnitude}` : magnitude;
}

/** A loop, since the pattern /0+$/ takes quadratic time over zeros that are not trailing. */
function withoutTrailingZeros(digits: string): string {
  let end = digits.length;
  while (digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}
