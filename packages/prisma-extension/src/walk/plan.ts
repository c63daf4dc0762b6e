import {
  blindIndexTerms,
  type FieldCipher,
  type FieldSpec,
  FieldsealError,
  type FieldUse,
  type IndexSpec,
  type KeyView,
  type PlainField,
  type RowToIndex,
  type StoredTerms,
  searchTerms,
  storedTerms,
} from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import { QueryScope } from '../scope-context.ts';
import { placeTerms } from '../search/condition.ts';
import { otherRoot, refuseMixedTerms, refuseTwoTerms, searchedRoots } from '../search/index-roots.ts';
import type { Leaf, PendingLeaf, PlacedLeaf } from '../search/leaf.ts';
import { bindingOf, type RowIdentity } from './binding.ts';
import type { BucketOrder } from './bucket-order.ts';
import { Extras } from './extras.ts';
import type { Attempt } from './filters.ts';
import type { Grouping } from './grouping.ts';
import { type ScopeFrame, scopeMissing } from './scope-frame.ts';
import { putTerms, type TermPlace } from './term-places.ts';
import { toCipher } from './typed-value.ts';

/** Where a value is to be put: a member of an object or an item of an array. */
interface Place {
  readonly parent: object;
  readonly key: string | number;
}

/** What is made under the keys of one scope. */
interface Batch {
  readonly values: (Place & PlainField & { readonly limit: number | null; readonly stage: number })[];
  readonly stored: StoredPlace[];
  readonly terms: (Place & { readonly index: IndexNode; readonly value: unknown })[];
  readonly leaves: Leaf[];
  /** Indexes by whose terms rows are told apart. */
  readonly telling: IndexNode[];
}

/** Rows of any scopes that are told apart by the terms of an index, and by their scope. */
export interface ScopesApart {
  readonly model: CompiledModel;
  readonly index: IndexNode;
  /** The arguments whose `where` finds them. */
  readonly args: Readonly<Record<string, unknown>>;
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
  /** Leaves of filters that have placeholders; {@link search} adds to them. */
  readonly leaves: Leaf[] = [];
  /** The same with their terms, once the plan was applied. */
  placed: readonly PlacedLeaf[] = [];
  /** Scopes that surround the query. */
  readonly surroundings: QueryScope;
  /** Encrypted fields that the query reads, of each part that gives rows. */
  readonly reads: {
    readonly model: CompiledModel;
    readonly fields: readonly string[];
    readonly scope: () => string | null;
  }[] = [];
  /** Rows whose scopes are known only when they are read. */
  readonly apart: ScopesApart[] = [];
  readonly #batches = new Map<string, Batch>();
  #frame: ScopeFrame | null = null;
  #stages = 1;
  #stage = 0;
  #orderScope = '';

  constructor(surroundings: QueryScope = new QueryScope(undefined)) {
    this.surroundings = surroundings;
  }

  /** The part of the query that is walked, of which scopes are asked. */
  get frame(): ScopeFrame | null {
    return this.#frame;
  }

  /** Walks a part of the query: what is encrypted or indexed meanwhile is so in its scope. */
  within(frame: ScopeFrame, walk: () => void): void {
    const outer = this.#frame;
    this.#frame = frame;
    try {
      walk();
    } finally {
      this.#frame = outer;
    }
  }

  /** Walks a part of the query that the database comes to when others are done: a nested write, or what is read of a row that was written. */
  later(walk: () => void): void {
    const outer = this.#stage;
    this.#stage = this.#stages++;
    try {
      walk();
    } finally {
      this.#stage = outer;
    }
  }

  /** Whether the query may change what a leaf finds before the database comes to it, so that rows that are read beforehand say nothing. */
  isOvertaken({ stage, parts }: Leaf): boolean {
    if (stage === 0) return false;
    return [...this.#batches.values()].some(({ values }) =>
      values.some(({ spec, stage: at }) => at !== stage && parts.some(({ node }) => node.spec === spec)),
    );
  }

  /** What is made in the scope of the part that is walked. */
  #batch(model: string): Batch {
    if (this.#frame === null) throw scopeMissing({ name: model, scope: null } as CompiledModel);
    return this.#batchOf(this.#frame.id());
  }

  #batchOf(scope: string): Batch {
    const known = this.#batches.get(scope);
    if (known !== undefined) return known;
    const made: Batch = { values: [], stored: [], terms: [], leaves: [], telling: [] };
    this.#batches.set(scope, made);
    return made;
  }

  /**
   * Puts the cell of `value` at `parent[key]`.
   *
   * @throws ERR_BINDING when the cell is bound to its row and the row is not known
   */
  encrypt(parent: object, key: string | number, node: EncryptedNode, value: unknown, row: RowIdentity): void {
    const { spec, limit } = node;
    const binding = bindingOf(node, row);
    const field = { parent, key, spec, limit, value: toCipher(node, value), binding, stage: this.#stage };
    this.#batch(spec.model).values.push(field);
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
    const { stored } = this.#batch(spec.model);
    stored.push({ node, values, other: null, put: (terms) => (data[spec.column] = terms ?? empty) });
    if (other !== null) stored.push({ node, values, other, put: (terms) => (data[other.column] = terms) });
  }

  /** Puts what an index stores for values into a nested write: the rows of its table of terms, in one statement. */
  storeRows(write: Record<string, unknown>, node: IndexNode, column: string, values: readonly unknown[]): void {
    const put = (terms: StoredTerms): void => {
      const rows = Array.isArray(terms) ? (terms as readonly string[]).map((term) => ({ [column]: term })) : [];
      if (rows.length > 0) write['createMany'] = { data: rows };
    };
    this.#batch(node.spec.model).stored.push({ node, values, other: null, put });
  }

  /** Puts the index term of `value` at `parent[key]`. */
  index(parent: object, key: string | number, node: EncryptedNode, index: IndexSpec, value: unknown): void {
    const own = node.indexes.find(({ spec }) => spec === index) as IndexNode;
    this.#batch(index.model).terms.push({ parent, key, index: own, value: toCipher(node, value) });
  }

  /** Notes a leaf of a filter, which gets the terms of the scope that it stands in. */
  search(given: Omit<Leaf, 'scope' | 'stage'>): void {
    const batch = this.#batch(given.model.name);
    const leaf: Leaf = { ...given, scope: (this.#frame as ScopeFrame).id(), stage: this.#stage };
    batch.leaves.push(leaf);
    this.leaves.push(leaf);
  }

  /** Orders the rows of one scope by an encrypted field. */
  orderIn(scope: string, order: BucketOrder): void {
    this.#batchOf(scope);
    this.order = order;
    this.#orderScope = scope;
  }

  /** Notes that rows are told apart by the terms of an index: those of one scope, or of whatever scopes there are (null). */
  tellApart(scope: string | null, rows: ScopesApart): void {
    if (scope === null) this.apart.push(rows);
    else this.#batchOf(scope).telling.push(rows.index);
  }

  /** Notes that each place for a term that `walk` finds takes one alone. */
  takingOne(walk: () => void): void {
    const before = new Map(
      [...this.#batches].map(([scope, { terms, leaves }]) => [scope, [terms.length, leaves.length]]),
    );
    walk();
    for (const [scope, { terms, leaves, telling }] of this.#batches) {
      const [term = 0, leaf = 0] = before.get(scope) ?? [];
      telling.push(...[...terms.slice(term), ...leaves.slice(leaf)].map(({ index }) => index));
    }
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
    return this.#batches.size === 0;
  }

  /** Scopes whose keys are needed, with whether something is written in them. */
  get scopes(): ReadonlyMap<string, boolean> {
    return new Map(
      [...this.#batches].map(([scope, { values, stored }]) => [scope, values.length > 0 || stored.length > 0]),
    );
  }

  /** Uses of keys that the query makes before it is sent, one of each model, scope and operation. */
  get uses(): FieldUse[] {
    const made = [...this.#batches].flatMap(([scope, { values, stored, terms, leaves }]) => [
      ...usesOf(
        'encrypt',
        scope,
        values.map(({ spec }) => spec),
      ),
      ...usesOf(
        'search',
        scope,
        [...terms.map(({ index }) => index.spec), ...leaves.map(({ index }) => index.spec)].flatMap(
          ({ sources }) => sources,
        ),
      ),
      // Terms beside values that are encrypted are part of that.
      ...(values.length > 0
        ? []
        : usesOf(
            'encrypt',
            scope,
            stored.flatMap(({ node }) => node.spec.sources),
          )),
    ]);
    const read = new Map<string, FieldUse>();
    for (const { model, fields, scope: scopeOf } of this.reads) {
      const scope = scopeOf();
      const key = JSON.stringify([model.name, scope]);
      const known = read.get(key)?.fields ?? [];
      if (fields.length > 0)
        read.set(key, { scope, model: model.name, fields: [...new Set([...known, ...fields])], operation: 'decrypt' });
    }
    const ordered = this.order === null ? [] : usesOf('search', this.#orderScope, [this.order.node.spec]);
    return [...made, ...ordered, ...read.values()];
  }

  /**
   * Does everything.
   *
   * @param viewOf - keys of a scope; `paired` where indexes are used there that have two columns
   * @throws ERR_VALUE for a value that is not of its field's type or does not fit its column, ERR_INDEX_ROTATION for what waits until the
   * indexes are rotated, before anything is changed
   */
  apply(cipher: FieldCipher, viewOf: (scope: string, paired: boolean) => KeyView): void {
    const views = new Map([...this.#batches].map(([scope, batch]) => [scope, viewOf(scope, isPaired(batch))]));
    const puts = [...this.#batches].map(([scope, batch]) => prepared(cipher, views.get(scope) as KeyView, batch));
    if (this.order !== null) {
      const { index } = this.order;
      const roots = searchedRoots(views.get(this.#orderScope) as KeyView, index);
      const all = roots.map((root) => searchTerms(root, index.spec, { range: {} })?.terms ?? []);
      this.buckets = (all[0] ?? []).map((_, at) => all.map((of) => of[at] as string));
    }
    this.placed = [...this.#batches].flatMap(([scope, { leaves }]) => placeTerms(views.get(scope) as KeyView, leaves));
    for (const put of puts) put();
  }
}

/** Whether a batch uses an index of two columns. */
function isPaired({ stored, terms, leaves, telling }: Batch): boolean {
  const indexes = [...stored.map(({ node }) => node), ...[...terms, ...leaves].map(({ index }) => index), ...telling];
  return indexes.some(({ other }) => other !== null);
}

/** Makes the cells and terms of a batch; the function that is returned puts them in their places. */
function prepared(cipher: FieldCipher, view: KeyView, batch: Batch): () => void {
  for (const index of batch.telling) refuseTwoTerms(view, index);
  const places = batch.terms.map((place): TermPlace => {
    return { ...place, index: place.index.spec, roots: searchedRoots(view, place.index) };
  });
  const terms = termsAt(view, places);
  const stored = storedAt(view, batch.stored);
  const cells = batch.values.length === 0 ? [] : cipher.encrypt(view, batch.values);
  for (const [at, { spec, limit }] of batch.values.entries()) {
    if (limit !== null && (cells[at] as string | Uint8Array).length > limit) throw tooLong(spec);
  }
  return () => {
    for (const [at, { put: keep }] of batch.stored.entries()) keep(stored[at] ?? null);
    putTerms(places, terms);
    for (const [at, place] of batch.values.entries()) put(place, cells[at]);
  };
}

function usesOf(operation: FieldUse['operation'], scope: string, specs: readonly FieldSpec[]): FieldUse[] {
  const models = [...new Set(specs.map(({ model }) => model))];
  return models.map((model) => {
    const own = specs.filter((spec) => spec.model === model);
    return { scope, model, fields: [...new Set(own.map(({ field }) => field))], operation, points: own.length };
  });
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
