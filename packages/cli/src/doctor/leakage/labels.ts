import { defineIndex, type IndexSpec, indexedText, type KeyView, type RowToIndex, storedTerms } from '@fieldseal/core';

/** A term and the label of what it stands for. */
export interface LabelledTerm {
  readonly term: string;
  /** A term of the same under a key of its own, untruncated: it is equal where the values are, and says nothing of the stored term. */
  readonly label: string;
}

/** Bits of a label: enough that two values have one by no chance. */
const LABEL_BITS = 128;

/** Makes the terms of an index one by one, each with the label of the value, prefix, n-gram or bucket that it stands for. */
export class Labeller {
  readonly #view: KeyView;
  readonly #index: IndexSpec;
  /** Indexes of one term each, by the code points that their term is of. */
  readonly #parts = new Map<number, { readonly own: IndexSpec; readonly labels: IndexSpec }>();

  constructor(view: KeyView, index: IndexSpec) {
    this.#view = view;
    this.#index = index;
  }

  /**
   * The terms of values, each with its label. Those of partitions are picked at random.
   *
   * @param values - one of each source
   * @throws ERR_VALUE when a value is not of its type, ERR_OPTIONS for a normaliser that only the application has
   */
  of(values: readonly unknown[]): readonly LabelledTerm[] {
    const { indexRoot } = this.#view;
    const parts = this.#index.many ? this.#partsOf(indexedText(this.#index, values[0])) : [{ length: 0, values }];
    const terms = storedTerms(indexRoot, parts.map(this.#row('own')));
    const labels = storedTerms(indexRoot, parts.map(this.#row('labels')));
    return terms.flatMap((term, at): LabelledTerm[] => {
      const label = labels[at];
      return typeof term === 'string' && typeof label === 'string' ? [{ term, label }] : [];
    });
  }

  /** What the terms of a normalised text are of. */
  #partsOf(text: string): Part[] {
    const { kind, min, max, n } = this.#index;
    const points = [...text];
    if (kind !== 'ngram')
      return Array.from({ length: Math.max(0, Math.min(max, points.length) - min + 1) }, (_, at) => {
        return { length: min + at, values: [text] };
      });
    const grams = new Set<string>();
    for (let at = 0; at + n <= points.length; at++) grams.add(points.slice(at, at + n).join(''));
    return [...grams].map((gram) => ({ length: n, values: [gram] }));
  }

  #row(use: 'own' | 'labels'): (part: Part) => RowToIndex {
    return ({ length, values }) => {
      const known = this.#parts.get(length) ?? this.#partOf(length);
      this.#parts.set(length, known);
      return { index: known[use], values };
    };
  }

  /** The key of a term depends on none of what is changed for one of our own. */
  #partOf(length: number): { own: IndexSpec; labels: IndexSpec } {
    const index = this.#index;
    const ofLength = index.kind === 'ngram' ? {} : { min: length, max: length };
    const own = index.many ? { ...index, ...ofLength, normalize: [], many: false } : index;
    const labels = defineIndex({ ...own, name: `leakage of ${index.name}`, bits: LABEL_BITS, partitions: 1 });
    return { own, labels: { ...labels, many: own.many } };
  }
}

/** Values that have one term. */
interface Part {
  /** Code points of the prefix, suffix or n-gram; 0 for other kinds. */
  readonly length: number;
  readonly values: readonly unknown[];
}
