/**
 * What a filter on an encrypted field holds: operators and operands, sorted into what NULL decides, what a list takes, and comparisons that
 * need an index.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { EncryptedNode } from '../schema/compiled-schema.ts';
import { COMPARISONS, type ComparisonOperator, LIST_OPERATORS } from './grammar.ts';
import {
  entriesOf,
  isAbsent,
  isDbNull,
  isDecimal,
  isDictionary,
  isFieldReference,
  isNull,
  itemsOf,
} from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** One comparison of a field with a value, or with any of a list of values. */
export interface Comparison {
  readonly operator: ComparisonOperator;
  readonly operand: unknown;
  /** Whether the filter asks for rows of which the comparison is false. */
  readonly negated: boolean;
}

/** A filter of a field, taken apart. All comparisons have to hold. */
export interface Comparisons {
  readonly comparisons: readonly Comparison[];
  /** Whether case is ignored (`mode: 'insensitive'`). */
  readonly insensitive: boolean;
}

/**
 * The comparisons of a filter. As Prisma does, `not: { … }` negates each operator in it by itself, and `not: value` is the same at any depth.
 *
 * @throws ERR_UNSUPPORTED_FILTER for an operator that no index serves, and for an operand that is no value
 */
export function comparisonsOf(node: EncryptedNode, filter: unknown): Comparisons {
  if (!isDictionary(filter)) {
    checkOperand(node, filter);
    return { comparisons: [{ operator: 'equals', operand: filter, negated: false }], insensitive: false };
  }
  const comparisons: Comparison[] = [];
  let insensitive = false;
  const collect = (operators: Dictionary, negated: boolean): void => {
    for (const [operator, operand] of Object.entries(operators)) {
      if (isAbsent(operand)) continue;
      if (operator === 'mode') insensitive = isInsensitive(node, operand) || insensitive;
      else if (operator === 'not' && isDictionary(operand)) collect(operand, !negated);
      else if (operator === 'not') comparisons.push(checked(node, { operator: 'equals', operand, negated: true }));
      else if (operator === 'notIn')
        comparisons.push(checked(node, { operator: 'in', operand, negated: !negated }, operator));
      else {
        const known = COMPARISONS.find((candidate) => candidate === operator);
        if (known === undefined)
          throw unserved(node, `the filter ${operator} cannot be served on an encrypted field`, NO_INDEX);
        comparisons.push(checked(node, { operator: known, operand, negated }));
      }
    }
  };
  collect(filter, false);
  return { comparisons, insensitive };
}

const NO_INDEX = 'No blind index serves it. Filter in the application after reading.';

function isInsensitive(node: EncryptedNode, mode: unknown): boolean {
  if (mode !== 'default' && mode !== 'insensitive') throw unserved(node, 'the mode of a filter is unknown');
  return mode === 'insensitive';
}

function checked(node: EncryptedNode, comparison: Comparison, written: string = comparison.operator): Comparison {
  const { operator, operand } = comparison;
  if (operator !== 'in') checkOperand(node, operand);
  else if (!Array.isArray(operand)) throw unserved(node, `${written} needs a list`);
  else for (const item of operand as unknown[]) checkOperand(node, item);
  return comparison;
}

/** Operands are values. A field reference or anything else that Prisma would resolve in SQL cannot become a term. */
export function checkOperand(node: EncryptedNode, operand: unknown): void {
  const scalar = typeof operand !== 'object' || operand instanceof Uint8Array || isNull(operand);
  const { type } = node.spec;
  const typed = (type === 'DateTime' && operand instanceof Date) || (type === 'Decimal' && isDecimal(operand));
  if (!scalar && !typed) throw unserved(node, 'the operand of a filter is not a value');
}

/** Whether a filter asks for NULL or its opposite, or for nothing at all: what the column of ciphertext itself can serve. */
export function isNullTest(filter: unknown): boolean {
  if (isNull(filter)) return true;
  return (
    isDictionary(filter) && Object.entries(filter).every(([operator, operand]) => isNullOperator(operator, operand))
  );
}

function isNullOperator(operator: string, operand: unknown): boolean {
  if (isAbsent(operand)) return true;
  if (operator === 'not') return isNullTest(operand);
  if (operator === 'equals') return isNull(operand);
  return (operator === 'in' || operator === 'notIn') && Array.isArray(operand) && operand.length === 0;
}

/** Json over a column of another type: NULL is DbNull to the caller and null to the column; the null of JSON is a cell, which nothing finds. */
export function putNullTest(
  node: EncryptedNode,
  parent: Dictionary,
  filter: unknown,
  key: string = node.spec.field,
): void {
  const { type, column } = node.spec;
  if (type !== 'Json' || column === 'Json') return;
  for (const [operator, operand] of entriesOf(filter)) putNullTest(node, filter as Dictionary, operand, operator);
  if (filter === null || !isNull(filter)) return;
  if (!isDbNull(filter)) throw unserved(node, 'the null of JSON is encrypted and cannot be searched');
  parent[key] = null;
}

/** Whether a list is empty or NULL can be told from ciphertext, and nothing else. */
export function checkListFilter(node: EncryptedNode, filter: unknown): void {
  const served =
    isNull(filter) ||
    entriesOf(filter).every(
      ([operator, operand]) =>
        LIST_OPERATORS.includes(operator) ||
        isAbsent(operand) ||
        (operator === 'equals' && (isNull(operand) || isEmptyList(operand))),
    );
  if (served && (isNull(filter) || isDictionary(filter) || isEmptyList(filter))) return;
  const hint = 'isEmpty is served on an encrypted list. Filter in the application after reading.';
  throw unserved(node, 'the elements of an encrypted list cannot be searched', hint);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

/** Refuses references to encrypted fields in the operand of a plain one: it would be compared with ciphertext. */
export function referencesIn(operand: unknown): readonly { readonly modelName: string; readonly name: string }[] {
  if (isFieldReference(operand)) return [operand];
  return entriesOf(operand).flatMap(([, part]) => itemsOf(part).flatMap(referencesIn));
}

/** The error of a filter on an encrypted field that cannot be served. */
export function unserved({ spec, indexes }: EncryptedNode, reason: string, hint?: string): FieldsealError {
  const { model, field } = spec;
  const served = 'equals, in, not, notIn and null tests are served through a blind index.';
  const advice =
    indexes.length > 0 ? `On this field ${served}` : `Add @blindIndex(of: ${field}) on a sibling column: ${served}`;
  return new FieldsealError('ERR_UNSUPPORTED_FILTER', reason, { model, field, hint: hint ?? advice });
}
