/**
 * Values as Prisma's client takes and gives them, and values as the cipher does. They differ for dates that are written as text, decimals,
 * enums and the null of JSON.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { EncryptedNode } from '../schema/compiled-schema.ts';
import { isAbsent, isDbNull, isDictionary, isJsonNull, isNull } from './value-kind.ts';

/** The class that a client has for decimals: `Prisma.Decimal`. */
export type DecimalClass = new (text: string) => unknown;

/** RFC 3339 as Prisma takes it, to the millisecond, which is what a DateTime keeps. */
const DATE_TIME = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Whether a written value is stored as NULL. A JSON null is a value where the column is not Json, which has a null of its own. Prisma's
 * markers of null mean nothing where the value is not Json: they are left for the cipher to refuse.
 */
export function isStoredNull({ spec }: EncryptedNode, value: unknown): boolean {
  if (value === null || spec.type !== 'Json') return value === null;
  return spec.column === 'Json' ? isNull(value) : isDbNull(value);
}

/** Whether a text is a time that there is. JavaScript takes the 30th of February for the 2nd of March. */
function isDateTime(text: string): boolean {
  const [, day] = DATE_TIME.exec(text) ?? [];
  if (day === undefined) return false;
  const date = new Date(day);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day);
}

/** What JSON text would not give back as it was: Prisma writes bytes and its markers in another way, and refuses holes in lists. */
function isForeignToJson(value: unknown): boolean {
  if (Array.isArray(value)) return value.some((item) => item === undefined || isForeignToJson(item));
  if (typeof value !== 'object' || value === null) return false;
  if (isDictionary(value)) return Object.values(value).some(isForeignToJson);
  return ArrayBuffer.isView(value) || isAbsent(value) || isNull(value);
}

/**
 * What the cipher encrypts or indexes for a value of a query. Values of another type are left for the cipher to refuse.
 *
 * @throws ERR_VALUE for a text that is no name of the field's enum, and for JSON with something else in it
 */
export function toCipher({ spec, names }: EncryptedNode, value: unknown): unknown {
  if (names !== null && !names.has(value as string))
    throw new FieldsealError('ERR_VALUE', 'a value is no name of the enum', { model: spec.model, field: spec.field });
  if (spec.type === 'DateTime' && typeof value === 'string' && isDateTime(value)) return new Date(value);
  if (spec.type !== 'Json') return value;
  if (isJsonNull(value)) return null;
  if (!isForeignToJson(value)) return value;
  throw new FieldsealError('ERR_VALUE', 'a value is not valid Json', { model: spec.model, field: spec.field });
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
