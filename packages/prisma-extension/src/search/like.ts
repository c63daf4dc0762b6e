/**
 * Prisma hands the needle of `contains`, `startsWith` and `endsWith` to the database's LIKE as it is, so that `%` in it stands for any
 * characters and `_` for any one (measured with Prisma 7.10 on PostgreSQL, MariaDB and SQLite). A backslash is an escape on some databases
 * only.
 *
 * @module
 */

/** Operators that are a LIKE. */
export const LIKE_OPERATORS = ['contains', 'startsWith', 'endsWith'] as const;

/** One of {@link LIKE_OPERATORS}. */
export type LikeOperator = (typeof LIKE_OPERATORS)[number];

/** Whether a needle has a wildcard in it. */
export function hasWildcard(needle: string): boolean {
  return /[%_]/.test(needle);
}

/** Whether every text satisfies the needle. */
export function matchesEverything(needle: string): boolean {
  return /^%*$/.test(needle);
}

/**
 * The part of a needle that every match holds literally at the same place: what comes before the first wildcard, what comes behind the last,
 * or the longest of the parts between them.
 */
export function literalPart(operator: LikeOperator, needle: string): string {
  const parts = needle.split(/[%_]/);
  if (operator === 'startsWith') return parts[0] as string;
  if (operator === 'endsWith') return parts.at(-1) as string;
  return parts.sort((a, b) => [...b].length - [...a].length)[0] as string;
}

/** Whether a text matches, by code points and with the needle's wildcards. */
export function likeTest(operator: LikeOperator, needle: string): (text: string) => boolean {
  if (!hasWildcard(needle)) {
    if (operator === 'contains') return (text) => text.includes(needle);
    return operator === 'startsWith' ? (text) => text.startsWith(needle) : (text) => text.endsWith(needle);
  }
  const pattern = [...`${operator === 'startsWith' ? '' : '%'}${needle}${operator === 'endsWith' ? '' : '%'}`];
  return (text) => matches(pattern, [...text]);
}

/** Greedy matching with one place to go back to, so that no needle takes more than pattern × text steps. */
function matches(pattern: readonly string[], text: readonly string[]): boolean {
  let [p, t] = [0, 0];
  let back: { readonly p: number; readonly t: number } | null = null;
  while (t < text.length) {
    if (pattern[p] === '%') {
      back = { p: p + 1, t };
      p++;
    } else if (p < pattern.length && (pattern[p] === '_' || pattern[p] === text[t])) {
      p++;
      t++;
    } else if (back !== null) {
      back = { p: back.p, t: back.t + 1 };
      [p, t] = [back.p, back.t];
    } else return false;
  }
  return pattern.slice(p).every((point) => point === '%');
}
