import type { ColumnType, NormalizerName, ValueType } from '@fieldseal/core';

/** How an annotated field is encrypted. */
export interface EncryptedFieldMap {
  readonly column: ColumnType;
  readonly type: ValueType;
  /** Pad size in bytes, or null. */
  readonly pad: number | null;
  /** Names that the key is derived from. */
  readonly context: { readonly model: string; readonly field: string };
}

/** A column that holds the terms of a blind index. */
export interface IndexMap {
  /** Encrypted field of the same model. */
  readonly of: string;
  /** Name that the key is derived from. */
  readonly name: string;
  readonly normalize: readonly NormalizerName[];
  readonly bits: number;
  /** Whether the column is `@unique`. */
  readonly unique: boolean;
}

/** What the extension knows of a model. */
export interface ModelMap {
  /** Type of every field, with `[]` behind that of a list: `String`, `Post[]`. */
  readonly fields: Readonly<Record<string, string>>;
  readonly encrypted: Readonly<Record<string, EncryptedFieldMap>>;
  /** By the column that holds the terms. */
  readonly indexes: Readonly<Record<string, IndexMap>>;
  /** Fields of each compound id and unique constraint, by the name that queries use. */
  readonly compounds: Readonly<Record<string, readonly string[]>>;
}

/**
 * The annotated schema as plain data: what the generator writes and `encryption({ schema })` takes. It holds no secret.
 */
export interface SchemaMap {
  readonly format: 'fieldseal-schema/1';
  readonly models: Readonly<Record<string, ModelMap>>;
}

/** A field of schema.prisma, whichever reader found it. */
export interface ParsedField {
  readonly name: string;
  readonly kind: 'scalar' | 'enum' | 'object' | 'unsupported';
  readonly type: string;
  readonly list: boolean;
  readonly required: boolean;
  readonly id: boolean;
  readonly unique: boolean;
  readonly hasDefault: boolean;
  /** `@db.VarChar(20)` is `['VarChar', ['20']]`. */
  readonly nativeType: readonly [name: string, args: readonly string[]] | null;
  /** Own fields that a relation is stored in. */
  readonly relationFrom: readonly string[];
  /** Fields of the other model that it points to. */
  readonly relationTo: readonly string[];
  /** Triple-slash comment, its lines joined by line feeds. */
  readonly documentation: string;
}

/** A model or view of schema.prisma. */
export interface ParsedModel {
  readonly name: string;
  readonly documentation: string;
  readonly fields: readonly ParsedField[];
  /** Compound ids and unique constraints. */
  readonly compounds: readonly { readonly name: string; readonly fields: readonly string[] }[];
}

/** A schema as one of the readers found it. */
export interface ParsedSchema {
  /** `sqlite`, `postgresql`, `mysql` … */
  readonly provider: string;
  readonly models: readonly ParsedModel[];
}
