/**
 * What the MAC of a term is over (spec/format.md §4 and §7): lists of texts, which PAE joins. Each kind begins with a word of its own, so that
 * terms of different kinds, lengths and buckets are never equal.
 *
 * @module
 */
import { FieldsealError, isFieldsealError } from '../errors.ts';
import type { FieldSpec, IndexSpec } from '../field-spec.ts';
import { isNormalizerFor, normalize } from '../normalizer.ts';
import { canonicalText } from '../value.ts';
import { Buckets } from './buckets.ts';
import { placeOf } from './define-index.ts';

/** One list of texts. */
export type Pieces = readonly string[];

/** Terms that one value may have: a text of millions of characters would fill the database with them. */
export const MAX_TERMS = 65_536;

/**
 * What an index compares: the canonical text of a value, normalised.
 *
 * @param source - the place of the field among the sources of the index
 * @throws ERR_VALUE, with the model and field, when the value is not of the field's type or a normaliser refuses it
 */
export function indexedText(index: IndexSpec, value: unknown, source = 0): string {
  const spec = index.sources[source] as FieldSpec;
  const { normalize: list, normalizers } = index;
  const own = index.sources.length > 1 ? list.filter((name) => isNormalizerFor(name, spec.type)) : list;
  try {
    return normalize(canonicalText(spec.type, value), own, normalizers);
  } catch (error) {
    throw isFieldsealError(error) ? error.at(placeOf(spec)) : error;
  }
}

/** Whether the terms of an index are those of spec/format.md §4, under the key of §2. */
export function isPlainEquality({ kind, sources, partitions }: IndexSpec): boolean {
  return kind === 'equality' && sources.length === 1 && partitions === 1;
}

/** Values as an equality index has them, in a partition if it has any. */
export function equalityPieces(index: IndexSpec, texts: readonly string[], partition: number): Pieces {
  if (isPlainEquality(index)) return texts;
  return index.partitions === 1 ? ['equality', ...texts] : ['partition', String(partition), ...texts];
}

/** The first or the last `length` code points of a text. */
export function endPieces(kind: 'prefix' | 'suffix', points: readonly string[], length: number): Pieces {
  const part = kind === 'prefix' ? points.slice(0, length) : points.slice(points.length - length);
  return [kind, String(length), part.join('')];
}

/** The different n-grams of a text. */
export function gramPieces(points: readonly string[], n: number): Pieces[] {
  const grams = new Set<string>();
  for (let at = 0; at + n <= points.length; at++) grams.add(points.slice(at, at + n).join(''));
  return [...grams].map((gram) => ['ngram', String(n), gram]);
}

/** A bucket, by the values that bound it. */
export function bucketPieces([lower, upper]: readonly [string, string]): Pieces {
  return ['bucket', lower, upper];
}

/** What an index stores for values, one of each source field; `pick` chooses a partition below a number. */
export function storedPieces(index: IndexSpec, values: readonly unknown[], pick: (below: number) => number): Pieces[] {
  if (index.kind === 'range') return [bucketPieces(bucketsOf(index, () => buckets(index).of(values[0])))];
  const texts = values.map((value, at) => indexedText(index, value, at));
  if (index.kind === 'equality')
    return [equalityPieces(index, texts, index.partitions === 1 ? 0 : pick(index.partitions))];
  const points = [...(texts[0] as string)];
  if (index.kind === 'ngram') return bounded(index, gramPieces(points, index.n));
  const { kind, min, max } = index;
  const lengths = Array.from({ length: Math.max(0, Math.min(max, points.length) - min + 1) }, (_, at) => min + at);
  return lengths.map((length) => endPieces(kind, points, length));
}

function bounded(index: IndexSpec, pieces: Pieces[]): Pieces[] {
  if (pieces.length <= MAX_TERMS) return pieces;
  throw new FieldsealError('ERR_VALUE', `a value has more than ${MAX_TERMS} terms`, {
    ...placeOf(index.sources[0]),
    hint: 'Index a shorter field, or the prefixes of this one.',
  });
}

const known = new WeakMap<IndexSpec, Buckets>();

/** The buckets of a range index. */
export function buckets(index: IndexSpec): Buckets {
  const made = known.get(index);
  if (made !== undefined) return made;
  if (index.range === null) throw new FieldsealError('ERR_OPTIONS', 'a range index needs from, to and step');
  const fresh = new Buckets(index.sources[0].type, index.range);
  known.set(index, fresh);
  return fresh;
}

/** Work with the buckets of an index, whose errors are told with the place. */
export function bucketsOf<T>({ sources: [source] }: IndexSpec, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw isFieldsealError(error) ? error.at(placeOf(source)) : error;
  }
}
