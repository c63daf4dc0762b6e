import { type FieldCipher, FieldsealError, type FieldUse, type KeyView, type UsePolicy } from '@fieldseal/core';
import { fluentPathOf, transactionOf } from './client-internals.ts';
import type { KeyAccess, KeyViews } from './key-access.ts';
import { isPrismaError } from './prisma-error.ts';
import type { CompiledModel } from './schema/compiled-schema.ts';
import { QueryScope, type ScopeOption } from './scope-context.ts';
import { sameColumns, searchesSecond } from './search/index-roots.ts';
import { followedOrder } from './search/ordered-rows.ts';
import { noScopesInBatch, refuseScopesApart } from './search/scopes-apart.ts';
import { completeFilters, inOrder, needsSearch, rowSource, type SearchSettings, siftRows } from './search/search.ts';
import { operationOf, planArguments } from './walk/arguments.ts';
import type { Extras } from './walk/extras.ts';
import type { Attempt } from './walk/filters.ts';
import type { Operation } from './walk/grammar.ts';
import { collectGroups } from './walk/grouping.ts';
import type { Plan } from './walk/plan.ts';
import { collectCells, type ResultCell } from './walk/results.ts';
import { type DecimalClass, fromCipher } from './walk/typed-value.ts';
import { isDictionary } from './walk/value-kind.ts';

/** What Prisma passes to a query extension. */
export interface QueryParams {
  readonly model: string;
  readonly operation: string;
  readonly args: unknown;
  readonly query: (args: unknown) => Promise<unknown>;
}

type Dictionary = Record<string, unknown>;

/** Prisma's code for a row that an operation needs and does not find. */
export const NOT_FOUND: string = 'P2025';

/** What a transform works with. */
export interface TransformParts {
  readonly cipher: FieldCipher;
  readonly keys: KeyAccess;
  readonly decimal: DecimalClass;
  readonly scope: ScopeOption | undefined;
  readonly policy: UsePolicy | undefined;
  readonly searching: SearchSettings;
}

/** Runs one query: locate, resolve keys, transform, and the same on the way back. */
export class Transform {
  readonly #parts: TransformParts;

  constructor(parts: TransformParts) {
    this.#parts = parts;
  }

  /** The scopes that surround the running code. */
  surroundings(): QueryScope {
    return new QueryScope(this.#parts.scope);
  }

  /**
   * Runs the query; everything that can be refused is refused before it is sent.
   *
   * @param surroundings - by default those of the running code
   * @param chosenBy - the keys that `model` was chosen by, where it depends on them
   * @throws ERR_INDEX_ROTATION when the query needs scopes whose indexes are searched by other columns
   */
  async run(
    model: CompiledModel,
    params: QueryParams,
    surroundings: QueryScope = this.surroundings(),
    chosenBy?: KeyView,
  ): Promise<unknown> {
    const { cipher, keys, searching } = this.#parts;
    const operation = operationOf(model, params.operation);
    const plan = planArguments(model, operation, params.args, surroundings);
    if (plan.secondAttempt !== null && transactionOf(params)?.kind === 'batch')
      throw noSecondAttempt(model, plan.secondAttempt);
    const [apart] = plan.apart;
    if (apart !== undefined && transactionOf(params)?.kind === 'batch') throw noScopesInBatch(apart);
    const allowed = this.#parts.policy === undefined ? undefined : this.allowed(plan.uses);
    if (allowed !== undefined) await allowed;
    if (!plan.empty) {
      const { scopes } = plan;
      const views = keys.peekMany(scopes) ?? (await keys.forQuery(scopes));
      plan.apply(cipher, (scope, paired) => sameColumns(views.get(scope) as KeyView, chosenBy, paired));
    }
    if (apart !== undefined || needsSearch(searching, plan, params)) {
      const second = chosenBy !== undefined && searchesSecond(chosenBy);
      return this.#search(surroundings, model, operation, plan, params, second);
    }
    return this.#finish(surroundings, model, operation, plan, params, await attempts(plan, params));
  }

  /** Looks at arguments as {@link run} does, and throws what it throws for them; nothing is sent, and no key is needed. */
  check(model: CompiledModel, operation: string, args: unknown): void {
    planArguments(model, operationOf(model, operation), copyOf(args), this.surroundings());
  }

  /**
   * The keys of a scope that a query names, which say what columns it needs: of one that has terms, where there is any. Undefined when it names
   * none.
   *
   * @throws what {@link run} throws for its arguments
   */
  async namedScope(model: CompiledModel, params: QueryParams, surroundings: QueryScope): Promise<KeyView | undefined> {
    const { keys } = this.#parts;
    const args = copyOf(params.args); // a walk changes what it is given
    const { scopes } = planArguments(model, operationOf(model, params.operation), args, surroundings);
    const asked = new Map([...scopes.keys()].map((scope) => [scope, false]));
    const views = keys.peekMany(asked) ?? (await keys.forQuery(asked));
    const named = [...views.values()];
    return named.find(({ indexRoot }) => indexRoot.version > 0) ?? named[0];
  }

  /** Reads what the filters need, and then runs the query. */
  async #search(
    surroundings: QueryScope,
    model: CompiledModel,
    operation: Operation,
    plan: Plan,
    params: QueryParams,
    second: boolean,
  ): Promise<unknown> {
    const { keys, searching } = this.#parts;
    const source = rowSource(searching, params, (of, rows) => this.#values(surroundings, of, rows));
    const query = { model, operation: params.operation, args: params.args, plan };
    const completed = await completeFilters(source, searching, query);
    await refuseScopesApart(source, keys, plan.apart, second);
    if (completed.kind === 'count') return completed.count;
    const { limit, provider } = searching;
    if (plan.order !== null) {
      const order = followedOrder(plan.order, plan.buckets, provider);
      const ordered = await inOrder(source, limit, order, query, params.query);
      return this.#finish(surroundings, model, operation, plan, params, ordered);
    }
    if (completed.kind === 'query')
      return this.#finish(surroundings, model, operation, plan, params, await attempts(plan, params));
    const rows = await params.query({ ...(params.args as object), take: limit + 1 });
    const kept = await siftRows(source, model, completed.leaves, rows as Dictionary[], limit);
    return this.#finish(surroundings, model, operation, plan, params, kept);
  }

  async #values(
    surroundings: QueryScope,
    model: CompiledModel,
    rows: readonly Dictionary[],
  ): Promise<readonly Dictionary[]> {
    return (await this.decryptRows(model, rows, surroundings)) as readonly Dictionary[];
  }

  /** Decrypts the result of a query. */
  async #finish(
    surroundings: QueryScope,
    model: CompiledModel,
    operation: Operation,
    plan: Plan,
    params: QueryParams,
    result: unknown,
  ): Promise<unknown> {
    if (plan.grouping !== null) {
      const { grouping } = plan;
      return this.#decrypt((cells) => collectGroups(grouping, result, { cells, surroundings }));
    }
    if (!operation.rows) return result;
    const path = fluentPathOf(params);
    const extras = path.reduce<Extras | undefined>((rows, field) => rows?.within(field), plan.extras);
    return this.decryptRows(path.reduce(follow, model), result, surroundings, extras);
  }

  /** Asks the policy. Undefined when nothing has to be waited for; throws or rejects with its denials. */
  allowed(uses: readonly FieldUse[]): Promise<void> | undefined {
    return this.#parts.policy?.check(uses);
  }

  /** Decrypts what looks like rows of a model: a row, a list of rows, or null. */
  decryptRows(model: CompiledModel, rows: unknown, surroundings: QueryScope, extras?: Extras): Promise<unknown> {
    const { decimal } = this.#parts;
    return this.#decrypt((cells) => collectCells({ cells, decimal, surroundings }, model, rows, extras));
  }

  async #decrypt(collect: (cells: ResultCell[]) => unknown): Promise<unknown> {
    const found: ResultCell[] = [];
    const copy = collect(found);
    if (found.length === 0) return copy;
    const batches = byScope(found);
    const views = this.#parts.keys.peekMany(batches);
    if (views === undefined || !this.#atHand(batches, views)) await this.#resolved(batches);
    return copy;
  }

  /** Puts the values in their places if the keys of all cells are in memory. */
  #atHand(batches: Batches, views: KeyViews): boolean {
    const values = [...batches].map(([scope, cells]) => this.#parts.cipher.read(views.get(scope) as KeyView, cells));
    if (values.includes(null)) return false;
    for (const [at, cells] of [...batches.values()].entries()) this.#put(cells, values[at] as readonly unknown[]);
    return true;
  }

  async #resolved(batches: Batches): Promise<void> {
    const { cipher, keys } = this.#parts;
    const parsed = [...batches].map(([scope, cells]) => ({ scope, cells, fields: cipher.parse(cells) }));
    const wanted = new Map(parsed.map(({ scope, fields }) => [scope, new Set(fields.map(({ cell }) => cell.keyId))]));
    const views = keys.peekMany(wanted) ?? (await keys.forReading(wanted));
    const values = parsed.map(({ scope, fields }) => cipher.decrypt(views.get(scope) as KeyView, fields));
    for (const [at, { cells }] of parsed.entries()) this.#put(cells, values[at] as readonly unknown[]);
  }

  #put(cells: readonly ResultCell[], values: readonly unknown[]): void {
    for (let at = 0; at < cells.length; at++) {
      const { parent, key, node } = cells[at] as ResultCell;
      (parent as Record<string | number, unknown>)[key] = fromCipher(node, values[at], this.#parts.decimal);
    }
  }
}

/** Cells by the scope that their keys belong to. */
type Batches = ReadonlyMap<string, readonly ResultCell[]>;

function byScope(cells: readonly ResultCell[]): Batches {
  const first = (cells[0] as ResultCell).scope;
  if (cells.every(({ scope }) => scope === first)) return new Map([[first, cells]]);
  const batches = new Map<string, ResultCell[]>();
  for (const cell of cells) {
    const batch = batches.get(cell.scope);
    if (batch === undefined) batches.set(cell.scope, [cell]);
    else batch.push(cell);
  }
  return batches;
}

/** Sends the query, and once more with the plan's second filter when it found no row. */
async function attempts({ secondWhere }: Plan, { args, query }: QueryParams): Promise<unknown> {
  if (secondWhere === null) return query(args);
  try {
    const result = await query(args);
    if (result !== null) return result;
  } catch (error) {
    const missed = isPrismaError(error, 'PrismaClientKnownRequestError') && error.code === NOT_FOUND;
    // With a relation in it, it is a nested write that missed, and the row itself was found.
    if (!missed || error.meta?.['relation'] !== undefined) throw error;
  }
  return query({ ...(args as object), where: secondWhere });
}

/** A batch ends with the first statement that finds nothing: the second one would run behind it and outside. */
function noSecondAttempt({ name }: CompiledModel, { field }: Attempt): FieldsealError {
  const hint = 'Use an interactive transaction, or name the row by its id.';
  const message = 'a row is not found by a field that is being migrated inside a batch transaction';
  return new FieldsealError('ERR_UNSUPPORTED_OPERATION', message, { model: name, field, hint });
}

/** Arguments once more; what Prisma takes for values is the same. */
function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf);
  if (!isDictionary(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, copyOf(member)]));
}

/** The model behind a relation field of a fluent call. */
function follow(model: CompiledModel, field: string): CompiledModel {
  const node = model.fields.get(field);
  if (node?.kind === 'relation') return node.model;
  throw new FieldsealError('ERR_SCHEMA_STALE', 'a fluent call follows an unknown relation', {
    model: model.name,
    field,
  });
}
