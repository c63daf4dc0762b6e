import {
  blindIndexTerms,
  type FieldCipher,
  type FieldSpec,
  FieldsealError,
  type IndexSpec,
  type KeyView,
  type PlainField,
  type RowToIndex,
  type StoredTerms,
  searchTerms,
  storedTerms,
} from '@fieldseal/core';
import type { EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import { placeTerms } from '../search/condition.ts';
import type { Leaf, PendingLeaf, PlacedLeaf } from '../search/leaf.ts';
import { bindingOf, type RowIdentity } from './binding.ts';
import type { BucketOrder } from './bucket-order.ts';
import { Extras } from './extras.ts';
import type { Attempt } from './filters.ts';
import type { Grouping } from './grouping.ts';
import { toCipher } from './typed-value.ts';

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
  /** What the query reads besides what it was asked for. */
  readonly extras: Extras = new Extras();
  /** How to try again when the query finds no row, or null. */
  secondAttempt: Attempt | null = null;
  /** How the groups of groupBy are turned into values, or null. */
  grouping: Grouping | null = null;
  /** Order by an encrypted field, or null. */
  order: BucketOrder | null = null;
  /** Terms of the buckets of the order, the lowest first, once the plan was applied. */
  buckets: readonly string[] = [];
  /** Whether rows that do not satisfy the leaves of the main filter are left out of the result. */
  sifts = false;
  /** Leaves of filters that have placeholders. */
  readonly leaves: Leaf[] = [];
  /** The same with their terms, once the plan was applied. */
  placed: readonly PlacedLeaf[] = [];
  readonly #values: (Place & PlainField & { readonly limit: number | null })[] = [];
  readonly #stored: (RowToIndex & { readonly put: (terms: StoredTerms) => void })[] = [];
  readonly #terms: (Place & { readonly index: IndexSpec; readonly value: unknown })[] = [];

  /**
   * Puts the cell of `value` at `parent[key]`.
   *
   * @throws ERR_BINDING when the cell is bound to its row and the row is not known
   */
  encrypt(parent: object, key: string | number, node: EncryptedNode, value: unknown, row: RowIdentity): void {
    const { spec, limit } = node;
    this.#values.push({ parent, key, spec, limit, value: toCipher(node, value), binding: bindingOf(node, row) });
  }

  /**
   * Puts what an index stores for values into its column of `data`: nothing for NULL.
   *
   * @param values - one of each source field, as the cipher takes them; null for NULL
   */
  store(data: Record<string, unknown>, { spec }: IndexNode, values: readonly unknown[]): void {
    const empty = spec.many ? [] : null;
    data[spec.column] = empty;
    if (!values.includes(null))
      this.#stored.push({ index: spec, values, put: (terms) => (data[spec.column] = terms ?? empty) });
  }

  /** Puts what an index stores for values into a nested write: the rows of its table of terms, in one statement. */
  storeRows(write: Record<string, unknown>, index: IndexSpec, column: string, values: readonly unknown[]): void {
    const put = (terms: StoredTerms): void => {
      const rows = Array.isArray(terms) ? (terms as readonly string[]).map((term) => ({ [column]: term })) : [];
      if (rows.length > 0) write['createMany'] = { data: rows };
    };
    this.#stored.push({ index, values, put });
  }

  /** Puts the index term of `value` at `parent[key]`. */
  index(parent: object, key: string | number, node: EncryptedNode, index: IndexSpec, value: unknown): void {
    this.#terms.push({ parent, key, index, value: toCipher(node, value) });
  }

  /** Leaves whose rows have to be read, once the plan was applied. */
  get pending(): PendingLeaf[] {
    return this.placed.filter(({ exact }) => !exact);
  }

  /** Filter to try when the query finds no row, or null. What else is in the first one has its terms once the plan is applied. */
  get secondWhere(): Record<string, unknown> | null {
    if (this.secondAttempt === null) return null;
    const { where, column, second } = this.secondAttempt;
    const { [column]: _, ...rest } = where;
    return { ...rest, ...second };
  }

  /** Whether there is nothing to do, so that no key is needed. */
  get empty(): boolean {
    const given = [this.#values, this.#terms, this.#stored, this.leaves];
    return this.order === null && given.every((list) => list.length === 0);
  }

  /** Does everything. Throws ERR_VALUE for a value that is not of its field's type or does not fit its column, before anything is changed. */
  apply(cipher: FieldCipher, view: KeyView): void {
    const terms = blindIndexTerms(view.indexRoot, this.#terms);
    const stored = storedTerms(view.indexRoot, this.#stored);
    const cells = cipher.encrypt(view, this.#values);
    for (const [at, { spec, limit }] of this.#values.entries()) {
      if (limit !== null && (cells[at] as string | Uint8Array).length > limit) throw tooLong(spec);
    }
    if (this.order !== null)
      this.buckets = searchTerms(view.indexRoot, this.order.index.spec, { range: {} })?.terms ?? [];
    this.placed = placeTerms(view.indexRoot, this.leaves);
    for (const [at, { put: keep }] of this.#stored.entries()) keep(stored[at] ?? null);
    for (const [at, place] of this.#terms.entries()) put(place, terms[at]);
    for (const [at, place] of this.#values.entries()) put(place, cells[at]);
  }
}

/** The database would refuse the cell, or cut it where MySQL skips duplicates. */
function tooLong({ model, field }: FieldSpec): FieldsealError {
  const hint =
    'Give the column a larger type: a value of n bytes takes 4 + ⌈(n + 50) × 4 ÷ 3⌉ characters, or n + 50 bytes.';
  return new FieldsealError('ERR_VALUE', 'the encrypted value does not fit its column', { model, field, hint });
}

function put({ parent, key }: Place, value: unknown): void {
  (parent as Record<string | number, unknown>)[key] = value;
}
