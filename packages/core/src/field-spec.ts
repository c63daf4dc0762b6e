import type { ValueType } from './value.ts';

/** Kind of column that a field's cells are stored in. */
export type ColumnType = 'String' | 'Bytes' | 'Json';

/** How one field is encrypted: plain data, made from an annotation. */
export interface FieldSpec {
  /** Names in the schema, for messages. */
  readonly model: string;
  readonly field: string;
  /** Names that the key is derived from: those of the schema unless an annotation gives stable ones. Changing them loses the data. */
  readonly context: { readonly model: string; readonly field: string };
  readonly column: ColumnType;
  readonly type: ValueType;
  /** Pad size in bytes, or null. */
  readonly pad: number | null;
}

/** Names of the normalisers that a blind index may apply. */
export type NormalizerName = 'trim' | 'lowercase' | 'nfkc' | 'digits';

/** A blind index: plain data, made from an annotation. */
export interface IndexSpec {
  /** Names in the schema: the model and the column that holds the terms. */
  readonly model: string;
  readonly column: string;
  /** Name that the key is derived from, within the source field. Changing it loses the index. */
  readonly name: string;
  /** Field that is indexed. */
  readonly source: FieldSpec;
  /** Applied in this order. */
  readonly normalize: readonly NormalizerName[];
  /** Bits of a term, 1 to 256. */
  readonly bits: number;
}
