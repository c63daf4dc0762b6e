import type { ValueType } from '@fieldseal/core';
import type { EncryptedFieldMap } from '../schema/schema-map.ts';

/** A value as TypeScript of a generated client. Both kinds of client know the names `runtime`, `Prisma` and `$Enums`. */
export interface ValueText {
  /** What results hold, without null. */
  readonly read: string;
  /** What a query takes, without null. */
  readonly write: string;
}

/** By type of value: what Prisma's own types say of a column of that type, and what the extension takes. */
const TEXTS: Readonly<Record<ValueType, ValueText>> = {
  String: { read: 'string', write: 'string' },
  Bytes: { read: 'runtime.Bytes', write: 'runtime.Bytes' },
  Int: { read: 'number', write: 'number' },
  BigInt: { read: 'bigint', write: 'bigint | number' },
  Float: { read: 'number', write: 'number' },
  Decimal: { read: 'runtime.Decimal', write: 'runtime.Decimal | runtime.DecimalJsLike | number | string' },
  Boolean: { read: 'boolean', write: 'boolean' },
  DateTime: { read: 'Date', write: 'Date | string' },
  // The null of JSON can be told from NULL only where it has a name of its own.
  Json: { read: 'runtime.JsonValue', write: 'runtime.InputJsonValue | typeof Prisma.JsonNull' },
};

/** The texts of a field's values; those of an element for a list. */
export function valueText({ type, enum: name }: EncryptedFieldMap): ValueText {
  if (name !== null) return { read: `$Enums.${name}`, write: `$Enums.${name}` };
  return TEXTS[type];
}

/** A list of a type that may be a union. */
export function listOf(text: string): string {
  return text.includes('|') || text.startsWith('typeof ') ? `(${text})[]` : `${text}[]`;
}
