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
import { otherRoot, refuseMixedTerms, refuseTwoTerms, searchedRoots } from '../search/index-roots.ts';
import type { Leaf, PendingLeaf, PlacedLeaf } from '../search/leaf.ts';
import { bindingOf, type RowIdentity } from './binding.ts';
import type { BucketOrder } from './bucket-order.ts';
import { Extras } from './extras.ts';
import type { Attempt } from './filters.ts';
import type { Grouping } from './grouping.ts';
import { putTerms, type TermPlace } from './term-places.ts';
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
  /** Terms of each bucket of the order, the lowest first, once the plan was applied. */
  buckets: readonly (readonly string[])[] = [];
  /** Whether rows that do not satisfy the leaves of the main filter are left out of the result. */
  sifts = false;
  /** Leaves of filters that have placeholders. */
  readonly leaves: Leaf[] = [];
  /** The same with their terms, once the plan was applied. */
  placed: readonly PlacedLeaf[] = [];
  readonly #values: (Place & PlainField & { readonly limit: number | null })[] = [];
  readonly #stored: StoredPlace[] = [];
  readonly #terms: (Place & { readonly index: IndexNode; readonly value: unknown })[] = [];
  readonly #telling: IndexNode[] = [];

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
  store(data: Record<string, unknown>, node: IndexNode, values: readonly unknown[]): void {
    const { spec, other } = node;
    const empty = spec.many ? [] : null;
    data[spec.column] = empty;
    if (other !== null) data[other.column] = empty;
    if (values.includes(null)) return;
    this.#stored.push({ node, values, other: null, put: (terms) => (data[spec.column] = terms ?? empty) });
    if (other !== null) this.#stored.push({ node, values, other, put: (terms) => (data[other.column] = terms) });
  }

  /** Puts what an index stores for values into a nested write: the rows of its table of terms, in one statement. */
  storeRows(write: Record<string, unknown>, node: IndexNode, column: string, values: readonly unknown[]): void {
    const put = (terms: StoredTerms): void => {
      const rows = Array.isArray(terms) ? (terms as readonly string[]).map((term) => ({ [column]: term })) : [];
      if (rows.length > 0) write['createMany'] = { data: rows };
    };
    this.#stored.push({ node, values, other: null, put });
  }

  /** Puts the index term of `value` at `parent[key]`. */
  index(parent: object, key: string | number, node: EncryptedNode, index: IndexSpec, value: unknown): void {
    const own = node.indexes.find(({ spec }) => spec === index) as IndexNode;
    this.#terms.push({ parent, key, index: own, value: toCipher(node, value) });
  }

  /** Notes that rows are told apart by the terms of an index. */
  tellApart(index: IndexNode): void {
    this.#telling.push(index);
  }

  /** Notes that each place for a term that `walk` finds takes one alone. */
  takingOne(walk: () => void): void {
    const [terms, leaves] = [this.#terms.length, this.leaves.length];
    walk();
    this.#telling.push(...[...this.#terms.slice(terms), ...this.leaves.slice(leaves)].map(({ index }) => index));
  }

  /** Leaves whose rows have to be read, once the plan was applied. */
  get pending(): PendingLeaf[] {
    return this.placed.filter(({ exact }) => !exact);
  }

  /** Filter to try when the query finds no row, or null. What else is in the first one has its terms once the plan is applied. */
  get secondWhere(): Record<string, unknown> | null {
    if (this.secondAttempt === null) return null;
    const { where, field, column, value } = this.secondAttempt;
    const { [column]: _, ...rest } = where;
    return { ...rest, [field]: value };
  }

  /** Whether there is nothing to do, so that no key is needed. */
  get empty(): boolean {
    const given = [this.#values, this.#terms, this.#stored, this.#telling, this.leaves];
    return this.order === null && given.every((list) => list.length === 0);
  }

  /**
   * Does everything.
   *
   * @throws ERR_VALUE for a value that is not of its field's type or does not fit its column, ERR_INDEX_ROTATION for what waits until the
   * indexes are rotated, before anything is changed
   */
  apply(cipher: FieldCipher, view: KeyView): void {
    for (const index of this.#telling) refuseTwoTerms(view, index);
    const places = this.#terms.map((place): TermPlace => {
      return { ...place, index: place.index.spec, roots: searchedRoots(view, place.index) };
    });
    const terms = termsAt(view, places);
    const stored = storedAt(view, this.#stored);
    const cells = cipher.encrypt(view, this.#values);
    for (const [at, { spec, limit }] of this.#values.entries()) {
      if (limit !== null && (cells[at] as string | Uint8Array).length > limit) throw tooLong(spec);
    }
    if (this.order !== null) {
      const { index } = this.order;
      const all = searchedRoots(view, index).map((root) => searchTerms(root, index.spec, { range: {} })?.terms ?? []);
      this.buckets = (all[0] ?? []).map((_, at) => all.map((of) => of[at] as string));
    }
    this.placed = placeTerms(view, this.leaves);
    for (const [at, { put: keep }] of this.#stored.entries()) keep(stored[at] ?? null);
    putTerms(places, terms);
    for (const [at, place] of this.#values.entries()) put(place, cells[at]);
  }
}

/** What a column of an index gets. */
interface StoredPlace {
  readonly node: IndexNode;
  readonly values: readonly unknown[];
  /** The index in the column that is not searched now, which has terms of the other index root; null where the column is the one that is. */
  readonly other: IndexSpec | null;
  readonly put: (terms: StoredTerms) => void;
}

/** Terms of each place, of all its roots, in one batch for each root. */
function termsAt({ indexRoots }: KeyView, places: readonly TermPlace[]): string[][] {
  const found = places.map((): string[] => []);
  for (const root of indexRoots) {
    const at = places.flatMap(({ roots }, place) => (roots.includes(root) ? [place] : []));
    const terms = blindIndexTerms(
      root,
      at.map((place) => places[place] as TermPlace),
    );
    for (const [order, place] of at.entries()) found[place]?.push(terms[order] as string);
  }
  return found;
}

/** What is stored in each place, in order. */
function storedAt(view: KeyView, places: readonly StoredPlace[]): StoredTerms[] {
  for (const { node } of places) refuseMixedTerms(view, node);
  const second = otherRoot(view);
  const own = places.flatMap(({ node, values, other }): RowToIndex[] =>
    other === null ? [{ index: node.spec, values }] : [],
  );
  const beside = places.flatMap(({ values, other }): RowToIndex[] =>
    other === null ? [] : [{ index: other, values }],
  );
  const terms = storedTerms(view.indexRoot, own).values();
  const others = second === null ? null : storedTerms(second, beside).values();
  return places.map(({ other }) => (other === null ? terms : others)?.next().value ?? null);
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
