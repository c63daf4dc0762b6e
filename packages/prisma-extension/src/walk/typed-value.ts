/**
 * Values as Prisma's client takes and gives them, and values as the cipher does. They differ for dates that are written as text, decimals,
 * enums and the null of JSON.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { EncryptedNode } from '../schema/compiled-schema.ts';
import { isJsonNull, isNull } from './value-kind.ts';

/** The class that a client has for decimals: `Prisma.Decimal`. */
export type DecimalClass = new (text: string) => unknown;

/** RFC 3339 as Prisma takes it, to the millisecond, which is what a DateTime keeps. */
const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;

/** Whether a written value is stored as NULL. A JSON null is a value where the column is not Json, which has a null of its own. */
export function isStoredNull({ spec }: EncryptedNode, value: unknown): boolean {
  return isNull(value) && !(spec.type === 'Json' && spec.column !== 'Json' && isJsonNull(value));
}

/**
 * What the cipher encrypts or indexes for a value of a query. Values of another type are left for the cipher to refuse.
 *
 * @throws ERR_VALUE for a text that is no name of the field's enum
 */
export function toCipher({ spec, names }: EncryptedNode, value: unknown): unknown {
  if (names !== null && !names.has(value as string))
    throw new FieldsealError('ERR_VALUE', 'a value is no name of the enum', { model: spec.model, field: spec.field });
  if (spec.type === 'DateTime' && typeof value === 'string' && DATE_TIME.test(value)) return new Date(value);
  if (spec.type === 'Json' && isJsonNull(value)) return null;
  return value;
}

/**
 * What a result holds for a decrypted value.
 *
 * @throws ERR_VALUE_TYPE for a text that is no name of the field's enum
 */
export function fromCipher({ spec, names }: EncryptedNode, value: unknown, Decimal: DecimalClass): unknown {
  if (names !== null && !names.has(value as string))
    throw new FieldsealError('ERR_VALUE_TYPE', 'a cell holds no name of the enum', {
      model: spec.model,
      field: spec.field,
    });
  return spec.type === 'Decimal' ? new Decimal(value as string) : value;
}
