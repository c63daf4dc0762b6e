/**
 * Comparisons in the application, for rows that an index has only narrowed down. They are those of a plain client: typed values by their
 * order, texts by code points (as PostgreSQL compares them, and other databases under a binary collation), and where the index has
 * normalisers, what these give.
 *
 * @module
 */
import { canonicalText, type IndexSpec, indexedText, type ValueType } from '@fieldseal/core';
import { Decimal } from '@prisma/client-runtime-utils';
import type { ComparisonOperator } from '../walk/grammar.ts';
import { LIKE_OPERATORS, likeTest } from './like.ts';

/** Whether a decrypted value, never null, satisfies a comparison. */
export type Test = (value: unknown) => boolean;

const ORDER: Readonly<Partial<Record<ComparisonOperator, (sign: number) => boolean>>> = {
  gt: (sign) => sign > 0,
  gte: (sign) => sign >= 0,
  lt: (sign) => sign < 0,
  lte: (sign) => sign <= 0,
};

/**
 * The test of a comparison. Wildcards in a needle must not be changed by the normalisers of the index.
 *
 * @param source - place of the field among the sources of the index
 * @param operand - of the field's type, as the cipher has it; a list of such for `in`
 * @throws ERR_VALUE for an operand that is not of the type
 */
export function testOf(index: IndexSpec, source: number, operator: ComparisonOperator, operand: unknown): Test {
  const text = (value: unknown): string => indexedText(index, value, source);
  const sign = ORDER[operator];
  if (sign !== undefined) {
    const { type } = index.sources[source] as IndexSpec['sources'][number];
    const bound = comparable(type, operand);
    return (value) => sign(compare(comparable(type, value), bound));
  }
  const like = LIKE_OPERATORS.find((known) => known === operator);
  if (like !== undefined) {
    const test = likeTest(like, text(operand));
    return (value) => test(text(value));
  }
  const wanted = new Set((operator === 'in' ? (operand as readonly unknown[]) : [operand]).map(text));
  return (value) => wanted.has(text(value));
}

/**
 * Places two decrypted values of a type that has an order: negative, zero or positive.
 *
 * @throws ERR_VALUE for a value of another type
 */
export function compareValues(type: ValueType, a: unknown, b: unknown): number {
  return compare(comparable(type, a), comparable(type, b));
}

/** Numbers by size and dates by time. Big integers and decimals have more digits than a number of JavaScript. */
function comparable(type: ValueType, value: unknown): Decimal | number {
  const text = canonicalText(type, value);
  if (type === 'DateTime') return Date.parse(text);
  return type === 'Int' || type === 'Float' ? Number(text) : new Decimal(text);
}

function compare(a: Decimal | number, b: Decimal | number): number {
  return typeof a === 'number' || typeof b === 'number' ? Number(a) - Number(b) : a.comparedTo(b);
}
