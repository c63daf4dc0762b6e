import type { Normalizers } from './normalizer.ts';
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

/**
 * What a blind index finds: `equality` equal values, `prefix` and `suffix` how a text begins or ends, `ngram` parts of a text, `range` values
 * between two others.
 */
export type IndexKind = 'equality' | 'prefix' | 'suffix' | 'ngram' | 'range';

/** Buckets of a range index, in canonical text of the values (spec/format.md §3). */
export interface RangeSpec {
  /** Where the first bucket of finite width begins: smaller values share one open bucket. */
  readonly from: string;
  /** Where the last one ends: this and larger values share another. */
  readonly to: string;
  /** Width of a bucket: a number; for DateTime a number of seconds, or `day`, `week`, `month` or `year` of UTC. */
  readonly step: string;
}

/** A blind index, made from an annotation. {@link defineIndex} fills in and checks what is not said. */
export interface IndexSpec {
  /** Names in the schema: the model and the column that holds the terms. */
  readonly model: string;
  readonly column: string;
  /** Name that the key is derived from, within the source fields. Changing it loses the index. */
  readonly name: string;
  readonly kind: IndexKind;
  /** Fields that are indexed: one, or several for an equality index over their combination, in the order that the term has them in. */
  readonly sources: readonly [FieldSpec, ...FieldSpec[]];
  /** Names of normalisers, applied in this order; `name@2` is version 2 of one, `name` version 1. */
  readonly normalize: readonly string[];
  /** Normalisers that are not built in, by name. */
  readonly normalizers: Normalizers;
  /** Bits of a term, 1 to 256. Below {@link EXACT_BITS} terms of different values may be equal. */
  readonly bits: number;
  /** Terms that one value may have, of which each write picks one at random; 1 for no partitions. Equality only. */
  readonly partitions: number;
  /** Shortest and longest prefix or suffix that has a term, in code points; 0 for other kinds. */
  readonly min: number;
  readonly max: number;
  /** Code points of an n-gram; 0 for other kinds. */
  readonly n: number;
  /** Buckets of a range index; null for other kinds. */
  readonly range: RangeSpec | null;
  /** Whether one value has several terms, so that the column is a list or a table of its own. */
  readonly many: boolean;
}
