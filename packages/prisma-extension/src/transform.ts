import { type FieldCipher, FieldsealError, type KeyView } from '@fieldseal/core';
import { fluentPathOf, transactionOf } from './client-internals.ts';
import type { KeyAccess } from './key-access.ts';
import { isPrismaError } from './prisma-error.ts';
import type { CompiledModel } from './schema/compiled-schema.ts';
import { followedOrder } from './search/ordered-rows.ts';
import { completeFilters, inOrder, needsSearch, rowSource, type SearchSettings, siftRows } from './search/search.ts';
import { operationOf, planArguments } from './walk/arguments.ts';
import type { Extras } from './walk/extras.ts';
import type { Attempt } from './walk/filters.ts';
import type { Operation } from './walk/grammar.ts';
import { collectGroups } from './walk/grouping.ts';
import type { Plan } from './walk/plan.ts';
import { collectCells, type ResultCell } from './walk/results.ts';
import { type DecimalClass, fromCipher } from './walk/typed-value.ts';

/** What Prisma passes to a query extension. */
export interface QueryParams {
  readonly model: string;
  readonly operation: string;
  readonly args: unknown;
  readonly query: (args: unknown) => Promise<unknown>;
}

type Dictionary = Record<string, unknown>;

/** Prisma's code for a row that an operation needs and does not find. */
const NOT_FOUND = 'P2025';

/** Runs one query: locate, resolve keys, transform, and the same on the way back. */
export class Transform {
  readonly #cipher: FieldCipher;
  readonly #keys: KeyAccess;
  readonly #decimal: DecimalClass;

  readonly #searching: SearchSettings;

  constructor(cipher: FieldCipher, keys: KeyAccess, decimal: DecimalClass, searching: SearchSettings) {
    this.#searching = searching;
    this.#cipher = cipher;
    this.#keys = keys;
    this.#decimal = decimal;
  }

  /**
   * Runs the query; everything that can be refused is refused before it is sent.
   *
   * @param view - the keys that `model` was chosen by, where it depends on them
   */
  async run(model: CompiledModel, params: QueryParams, view?: KeyView): Promise<unknown> {
    const operation = operationOf(model, params.operation);
    const plan = planArguments(model, operation, params.args);
    if (plan.secondAttempt !== null && transactionOf(params)?.kind === 'batch')
      throw noSecondAttempt(model, plan.secondAttempt);
    if (!plan.empty) plan.apply(this.#cipher, view ?? this.#keys.peek() ?? (await this.#keys.resolve()));
    if (needsSearch(this.#searching, plan, params)) return this.#search(model, operation, plan, params);
    return this.#finish(model, operation, plan, params, await attempts(plan, params));
  }

  /** Reads what the filters need, and then runs the query. */
  async #search(model: CompiledModel, operation: Operation, plan: Plan, params: QueryParams): Promise<unknown> {
    const source = rowSource(this.#searching, params, (of, rows) => this.#values(of, rows));
    const query = { model, operation: params.operation, args: params.args, plan };
    const completed = await completeFilters(source, this.#searching, query);
    if (completed.kind === 'count') return completed.count;
    const { limit, provider } = this.#searching;
    if (plan.order !== null) {
      const order = followedOrder(plan.order, plan.buckets, provider);
      const ordered = await inOrder(source, limit, order, query, params.query);
      return this.#finish(model, operation, plan, params, ordered);
    }
    if (completed.kind === 'query') return this.#finish(model, operation, plan, params, await attempts(plan, params));
    const rows = await params.query({ ...(params.args as object), take: limit + 1 });
    const kept = await siftRows(source, model, completed.leaves, rows as Dictionary[], limit);
    return this.#finish(model, operation, plan, params, kept);
  }

  async #values(model: CompiledModel, rows: readonly Dictionary[]): Promise<readonly Dictionary[]> {
    return (await this.decryptRows(model, rows)) as readonly Dictionary[];
  }

  /** Decrypts the result of a query. */
  async #finish(
    model: CompiledModel,
    operation: Operation,
    plan: Plan,
    params: QueryParams,
    result: unknown,
  ): Promise<unknown> {
    if (plan.grouping !== null) {
      const { grouping } = plan;
      return this.#decrypt((cells) => collectGroups(grouping, result, cells));
    }
    if (!operation.rows) return result;
    const path = fluentPathOf(params);
    const extras = path.reduce<Extras | undefined>((rows, field) => rows?.within(field), plan.extras);
    return this.decryptRows(path.reduce(follow, model), result, extras);
  }

  /** Decrypts what looks like rows of a model: a row, a list of rows, or null. */
  decryptRows(model: CompiledModel, rows: unknown, extras?: Extras): Promise<unknown> {
    return this.#decrypt((cells) => collectCells({ cells, decimal: this.#decimal }, model, rows, extras));
  }

  async #decrypt(collect: (cells: ResultCell[]) => unknown): Promise<unknown> {
    const found: ResultCell[] = [];
    const copy = collect(found);
    if (found.length === 0) return copy;
    const values = this.#atHand(found) ?? (await this.#resolved(found));
    for (let at = 0; at < found.length; at++) {
      const { parent, key, node } = found[at] as ResultCell;
      (parent as Record<string | number, unknown>)[key] = fromCipher(node, values[at], this.#decimal);
    }
    return copy;
  }

  /** The values if the keys of all cells are in memory. */
  #atHand(cells: readonly ResultCell[]): readonly unknown[] | null {
    const view = this.#keys.peek();
    return view === undefined ? null : this.#cipher.read(view, cells);
  }

  async #resolved(found: readonly ResultCell[]): Promise<readonly unknown[]> {
    const cells = this.#cipher.parse(found);
    const keyIds = new Set(cells.map(({ cell }) => cell.keyId));
    return this.#cipher.decrypt(this.#keys.peek(keyIds) ?? (await this.#keys.resolve(keyIds)), cells);
  }
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

/** The model behind a relation field of a fluent call. */
function follow(model: CompiledModel, field: string): CompiledModel {
  const node = model.fields.get(field);
  if (node?.kind === 'relation') return node.model;
  throw new FieldsealError('ERR_SCHEMA_STALE', 'a fluent call follows an unknown relation', {
    model: model.name,
    field,
  });
}
