import {
  blindIndexTerm,
  type FieldCipher,
  type FieldSpec,
  type IndexSpec,
  isFieldsealError,
  type KeyView,
} from '@fieldseal/core';

/** Where a value is to be put: a member of an object or an item of an array. */
interface Place {
  readonly parent: object;
  readonly key: string | number;
}

/**
 * The cells and terms that the arguments of one query need: collected while they are walked, made at once when the keys are there. The
 * arguments are Prisma's own copy, so that neither the walk nor a refusal in it touches what the caller holds.
 */
export class Plan {
  readonly #values: (Place & { readonly spec: FieldSpec; readonly value: unknown })[] = [];
  readonly #terms: (Place & { readonly index: IndexSpec; readonly value: unknown })[] = [];

  /** Puts the cell of `value` at `parent[key]`. */
  encrypt(parent: object, key: string | number, spec: FieldSpec, value: unknown): void {
    this.#values.push({ parent, key, spec, value });
  }

  /** Puts the index term of `value` at `parent[key]`. */
  index(parent: object, key: string | number, index: IndexSpec, value: unknown): void {
    this.#terms.push({ parent, key, index, value });
  }

  /** Whether there is nothing to do, so that no key is needed. */
  get empty(): boolean {
    return this.#values.length === 0 && this.#terms.length === 0;
  }

  /** Does everything. Throws ERR_VALUE for a value that is not of its field's type, before anything is changed. */
  apply(cipher: FieldCipher, view: KeyView): void {
    const terms = this.#terms.map(({ index, value }) => term(view, index, value));
    const cells = cipher.encrypt(
      view,
      this.#values.map(({ spec, value }) => ({ spec, value, binding: null })),
    );
    for (const [at, place] of this.#terms.entries()) put(place, terms[at]);
    for (const [at, place] of this.#values.entries()) put(place, cells[at]);
  }
}

function term(view: KeyView, index: IndexSpec, value: unknown): string {
  try {
    return blindIndexTerm(view.indexRoot, index, value);
  } catch (error) {
    throw isFieldsealError(error) ? error.at(index.source) : error;
  }
}

function put({ parent, key }: Place, value: unknown): void {
  (parent as Record<string | number, unknown>)[key] = value;
}
