import { FieldsealError } from '../errors.ts';
import type { FieldSpec, IndexKind, IndexSpec } from '../field-spec.ts';
import { isNormalizerFor, normalizerProblem } from '../normalizer.ts';
import { Buckets } from './buckets.ts';

/** Bits of a term unless an index says otherwise. */
export const DEFAULT_BITS = 128;
/** With so many bits or more, terms are equal only if the values are: of 2^32 values no two collide, with a probability of 1 - 2^-33. */
export const EXACT_BITS = 96;
/** Partitions that an index may have; a search lists the terms of all. */
export const MAX_PARTITIONS = 256;
/** Code points of the longest prefix or n-gram. */
const MAX_LENGTH = 64;

/** What an index has to say of itself; the rest has a default. */
export type IndexDefinition = Pick<IndexSpec, 'model' | 'column' | 'name' | 'sources'> &
  Partial<Omit<IndexSpec, 'many'>>;

/**
 * An index with its defaults: of equality, without normalisers, with terms of {@link DEFAULT_BITS} bits.
 *
 * @throws ERR_OPTIONS, with the reason, for what no index can be: a prefix index over numbers, partitions of an n-gram index
 */
export function defineIndex(given: IndexDefinition): IndexSpec {
  const index: IndexSpec = {
    kind: 'equality',
    normalize: [],
    normalizers: {},
    bits: DEFAULT_BITS,
    partitions: 1,
    min: 0,
    max: 0,
    n: 0,
    range: null,
    ...given,
    many: isMany(given),
  };
  const problem = problemOf(index);
  if (problem !== null) throw new FieldsealError('ERR_OPTIONS', problem, { model: index.model, field: index.column });
  return index;
}

/** Whether terms of an index are equal only if what they stand for is. */
export function isExact({ bits }: Pick<IndexSpec, 'bits'>): boolean {
  return bits >= EXACT_BITS;
}

function isMany({ kind, min, max }: IndexDefinition): boolean {
  return kind === 'ngram' || ((kind === 'prefix' || kind === 'suffix') && min !== max);
}

/** Rules of each kind: what is wrong with an index of it, or null. */
const KIND_RULES: Readonly<Record<IndexKind, (index: IndexSpec) => string | null>> = {
  equality: ({ partitions }) =>
    isCount(partitions, 1, MAX_PARTITIONS) ? null : `partitions is a number from 2 to ${MAX_PARTITIONS}`,
  prefix: lengthProblem,
  suffix: lengthProblem,
  ngram: (index) =>
    textProblem(index) ?? (isCount(index.n, 2, 8) ? null : 'n is a number of characters from 2 to 8; 3 is usual'),
  range: ({ sources: [source], range, normalize }) => {
    if (range === null) return 'a range index needs from, to and step';
    if (normalize.length > 0) return 'values of a range index are not normalised';
    new Buckets(source.type, range);
    return null;
  },
};

function problemOf(index: IndexSpec): string | null {
  const { kind, sources, bits, normalize, partitions } = index;
  if (!Object.hasOwn(KIND_RULES, kind)) return `there is no kind of index ${JSON.stringify(kind)}`;
  if (!isCount(bits, 1, 256)) return 'an index term has 1 to 256 bits'; // without any, every term would be equal
  if (kind !== 'equality' && sources.length > 1) return 'only an equality index is over several fields';
  if (kind !== 'equality' && partitions !== 1) return 'only an equality index has partitions';
  const idle = normalize.find((name) => sources.length > 1 && !sources.some(({ type }) => isNormalizerFor(name, type)));
  if (idle !== undefined) return `${idle} is for fields of another type than those of the index`;
  const problem = normalizerProblem(normalize, sources.length > 1 ? 'compound' : sources[0].type);
  return problem ?? KIND_RULES[kind](index);
}

function lengthProblem(index: IndexSpec): string | null {
  const { min, max } = index;
  const fits = isCount(min, 1, MAX_LENGTH) && isCount(max, min, MAX_LENGTH);
  return (
    textProblem(index) ??
    (fits ? null : `min and max are numbers of characters from 1 to ${MAX_LENGTH}, min not above max`)
  );
}

function textProblem({ sources: [source] }: IndexSpec): string | null {
  return source.type === 'String'
    ? null
    : `an index over parts of a text is for fields of type String, not ${source.type}`;
}

function isCount(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** A source field's own place, for errors. */
export function placeOf({ model, field }: FieldSpec): { readonly model: string; readonly field: string } {
  return { model, field };
}
