import type { ColumnType, IndexKind, RangeSpec, ValueType } from '@fieldseal/core';
import type { IdDefault } from '../id-default.ts';

/**
 * What a field may do while data moves: `strict` accepts cells only; `migrating` reads and finds plaintext too, and writes cells;
 * `readonly` refuses writes.
 */
export type FieldMode = 'strict' | 'migrating' | 'readonly';

/** How an annotated field is encrypted. */
export interface EncryptedFieldMap {
  readonly column: ColumnType;
  /** Name of the column in the database. */
  readonly dbName: string;
  /** The longest cell that the column takes, in characters of text or bytes, or null. */
  readonly limit: number | null;
  /** Whether the column is a list, whose elements are cells. */
  readonly list: boolean;
  /** Whether the column itself is `@unique`, which says nothing about ciphertext. */
  readonly unique: boolean;
  readonly type: ValueType;
  /** The enum whose names are the values, of type String then, or null. */
  readonly enum: string | null;
  readonly mode: FieldMode;
  /** `mode: leaving`: as `migrating`, but plaintext is written; left out otherwise. */
  readonly leaving?: true;
  /** Fields of the same row that the cell is bound to, in schema order; empty for none. */
  readonly bind: readonly string[];
  /** Pad size in bytes, or null. */
  readonly pad: number | null;
  /** Names that the key is derived from. */
  readonly context: { readonly model: string; readonly field: string };
}

/** A blind index: by the column that holds its terms, or by the relation to the table that does. */
export interface IndexMap {
  /** Encrypted fields of the same model: one, or those of a compound index in its order. */
  readonly of: readonly string[];
  readonly kind: IndexKind;
  /** Name of the column in the database; of an index with a table of its own, that of the relation field, which is no column. */
  readonly dbName: string;
  /** Whether the column is a list of terms. */
  readonly list: boolean;
  /** Where terms have a table of their own: its model, and the field of it that holds them. */
  readonly child: { readonly model: string; readonly field: string } | null;
  /** Name that the key is derived from. */
  readonly name: string;
  /** Names of normalisers, with a version behind it where that is not 1: `slug@2`. */
  readonly normalize: readonly string[];
  readonly bits: number;
  /** 1 for none. */
  readonly partitions: number;
  /** Shortest and longest prefix or suffix, in code points; 0 for other kinds. */
  readonly min: number;
  readonly max: number;
  /** Code points of an n-gram; 0 for other kinds. */
  readonly n: number;
  readonly range: RangeSpec | null;
  /** Whether the column is `@unique`. */
  readonly unique: boolean;
  /** Column beside this one that has the terms of every other index root, so that uniqueness outlives a rotation; null for none. */
  readonly next: string | null;
  /** Column that this one stands beside so; null for an index of its own. */
  readonly nextOf: string | null;
  /** Why an index is accepted that gives its values away, or null. */
  readonly allowLeakage: string | null;
}

/** A column of a table of terms, which belongs to the index of another model. */
export interface TermColumnMap {
  /** Name of the column in the database. */
  readonly dbName: string;
  /** The model and the relation field that carry the annotation. */
  readonly index: { readonly model: string; readonly field: string };
}

/** A field that cells of its row are bound to. */
export interface BoundFieldMap {
  /** Name of the column in the database. */
  readonly dbName: string;
  readonly type: 'String' | 'Int' | 'BigInt';
  /** How a value is made where a create gives none, or null where it must be given. */
  readonly make: IdDefault | null;
  /**
   * Values that the database gives back as they were written and finds under no other spelling: any, or only those in lower case where
   * a collation or the column's type folds case.
   */
  readonly spelling: 'any' | 'lower' | 'uuid';
}

/** The field that names the scope of each row. */
export interface ScopeFieldMap extends BoundFieldMap {
  readonly field: string;
  /** Relations that the field is stored for: with another row the scope comes from there. */
  readonly relations: readonly ScopeRelationMap[];
  /** Relation fields of the model that are stored in it, those among them: a write of one excludes writes of their columns. */
  readonly stored: readonly string[];
}

/** A relation that is stored in the field that names the scope, and maybe in others. */
export interface ScopeRelationMap {
  /** The relation field. */
  readonly field: string;
  readonly model: string;
  /** Field of that model which the scope is a copy of. */
  readonly from: string;
  /** The relation field of that model which leads back. */
  readonly back: string;
  /** Whether the relation is stored in nothing else. */
  readonly alone: boolean;
}

/** What the extension knows of a model. */
export interface ModelMap {
  /** Name of the table in the database. */
  readonly dbName: string;
  /** Schema of the table in the database, or null for the connection's. */
  readonly dbSchema: string | null;
  /** Type of every field, with `[]` behind that of a list: `String`, `Post[]`. */
  readonly fields: Readonly<Record<string, string>>;
  readonly encrypted: Readonly<Record<string, EncryptedFieldMap>>;
  /** By the column that holds the terms, or the relation to the table that does. */
  readonly indexes: Readonly<Record<string, IndexMap>>;
  /** Columns of this model that hold the terms of another model's index. */
  readonly terms: Readonly<Record<string, TermColumnMap>>;
  /** Fields that are `@id` or `@unique` and not encrypted. */
  readonly uniques: readonly string[];
  /** Fields that cells are bound to. */
  readonly bound: Readonly<Record<string, BoundFieldMap>>;
  /** The field that names the scope of each row, or null. */
  readonly scope: ScopeFieldMap | null;
  /** Fields that scopes of other models' rows are copies of. */
  readonly scopeSources: Readonly<Record<string, BoundFieldMap>>;
  /** Fields of each compound id and unique constraint, by the name that queries use. */
  readonly compounds: Readonly<Record<string, readonly string[]>>;
}

/**
 * The annotated schema as plain data: what the generator writes and `encryption({ schema })` takes. It holds no secret.
 */
export interface SchemaMap {
  readonly format: 'fieldseal-schema/1';
  /** Names of the enums that encrypted fields use. */
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly models: Readonly<Record<string, ModelMap>>;
}

/** A field of schema.prisma, whichever reader found it. */
export interface ParsedField {
  readonly name: string;
  /** Name of the column in the database. */
  readonly dbName: string;
  readonly kind: 'scalar' | 'enum' | 'object' | 'unsupported';
  readonly type: string;
  readonly list: boolean;
  readonly required: boolean;
  readonly id: boolean;
  readonly unique: boolean;
  readonly hasDefault: boolean;
  /** Default that makes an id in the client, or null for another default or none. */
  readonly idDefault: IdDefault | null;
  /** `@db.VarChar(20)` is `['VarChar', ['20']]`. */
  readonly nativeType: readonly [name: string, args: readonly string[]] | null;
  /** Own fields that a relation is stored in. */
  readonly relationFrom: readonly string[];
  /** Fields of the other model that it points to. */
  readonly relationTo: readonly string[];
  /** Name that both ends of a relation share; where the schema gives none, null or one that Prisma made. */
  readonly relationName: string | null;
  /** What happens to the row when the one that the relation points to is deleted, as in `Cascade`; null where the schema does not say. */
  readonly onDelete: string | null;
  /** Triple-slash comment, its lines joined by line feeds. */
  readonly documentation: string;
}

/** A model or view of schema.prisma. */
export interface ParsedModel {
  readonly name: string;
  /** Name of the table in the database. */
  readonly dbName: string;
  /** Schema of the table in the database, or null. */
  readonly dbSchema: string | null;
  readonly documentation: string;
  readonly fields: readonly ParsedField[];
  /** Compound ids and unique constraints. */
  readonly compounds: readonly { readonly name: string; readonly fields: readonly string[] }[];
}

/** A schema as one of the readers found it. */
export interface ParsedSchema {
  /** `sqlite`, `postgresql`, `mysql` … */
  readonly provider: string;
  /** Names of each enum's values. */
  readonly enums: Readonly<Record<string, readonly string[]>>;
  readonly models: readonly ParsedModel[];
}
