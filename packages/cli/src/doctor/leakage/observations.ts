import type { Observations } from './frequency-attack.ts';

/** Numbers texts in the order in which they are first seen. */
class Numbering {
  readonly #numbers = new Map<string, number>();

  of(text: string): number {
    const known = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, known);
    return known;
  }

  get size(): number {
    return this.#numbers.size;
  }
}

/**
 * Collects what rows show. Values come as labels, which are keyed digests of them, so that no plaintext is held longer than its row.
 */
export class ObservationBuilder {
  readonly #terms = new Numbering();
  readonly #labels = new Numbering();
  readonly #rows: number[] = [];
  readonly #termOf: number[] = [];
  readonly #valueOf: number[] = [];

  /** Adds a pair of a row. */
  add(row: number, term: string, label: string): void {
    this.#rows.push(row);
    this.#termOf.push(this.#terms.of(term));
    this.#valueOf.push(this.#labels.of(label));
  }

  /** The attacker's statistics as weights by the numbers of the labels. To be asked for before {@link build}. */
  weights(statistics: ReadonlyMap<string, number>): Float64Array {
    const numbered = [...statistics].map(([label, weight]) => [this.#labels.of(label), weight] as const);
    const weights = new Float64Array(this.#labels.size);
    for (const [value, weight] of numbered) weights[value] = weight;
    return weights;
  }

  /** All pairs so far. */
  build(): Observations {
    return {
      rows: Int32Array.from(this.#rows),
      terms: Int32Array.from(this.#termOf),
      values: Int32Array.from(this.#valueOf),
      termCount: this.#terms.size,
      valueCount: this.#labels.size,
    };
  }
}
