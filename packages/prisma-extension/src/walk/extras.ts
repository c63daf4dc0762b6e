/**
 * Fields that a query reads for us alone, such as the id that a cell is bound to: by row, and by relation below it. The result is rid of them.
 */
export class Extras {
  readonly fields: string[] = [];
  /** Whether computed fields of another extension may read them: then they are hidden and not taken out. */
  computed = false;
  readonly #relations = new Map<string, Extras>();

  /** The extras of a relation's rows, made when there are none. */
  under(relation: string): Extras {
    const known = this.#relations.get(relation);
    if (known !== undefined) return known;
    const made = new Extras();
    this.#relations.set(relation, made);
    return made;
  }

  /** The extras of a relation's rows, if there are any. */
  within(relation: string): Extras | undefined {
    return this.#relations.get(relation);
  }
}
