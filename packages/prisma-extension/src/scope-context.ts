import { AsyncLocalStorage } from 'node:async_hooks';
import { FieldsealError } from '@fieldseal/core';

/** Id of a scope: that of a tenant, say. A number is the same scope as its decimal text. */
export type ScopeId = string | number | bigint;

/** What a function that tells the scope is told of a query. */
export interface ScopeQuery {
  /** Model whose fields are encrypted, decrypted or searched: that of the query, or one that it nests. */
  readonly model: string;
}

/** The scope of a client's queries: one for all, or told of each model of a query; undefined for none. */
export type ScopeOption = ScopeId | ((query: ScopeQuery) => ScopeId | undefined);

const scopes = new AsyncLocalStorage<string>();

/**
 * Runs `work`, and everything that it starts, in a scope. A query that it returns without having sent it, as Prisma's are until they are
 * awaited, is sent in the scope. Within another scope this one counts alone; the empty id leaves all scopes.
 *
 * @throws ERR_OPTIONS for what is no id, or a list of queries that are not sent yet
 *
 * @example
 * ```ts
 * const patients = await withScope(request.tenantId, () => prisma.patient.findMany());
 * ```
 */
export function withScope<Result>(id: ScopeId, work: () => Result): Result {
  return scopes.run(scopeText(id), () => {
    const result = work();
    if (Array.isArray(result) && result.some(isLazy))
      throw new FieldsealError(
        'ERR_OPTIONS',
        'withScope was given queries that are not sent yet, and would be sent outside',
        {
          hint: 'Await them inside: withScope(id, () => Promise.all([…])), or give them to $transaction.',
        },
      );
    // Prisma sends a query when `then` is called, and that would be outside.
    return isLazy(result) ? (new Promise((resolve, reject) => result.then(resolve, reject)) as Result) : result;
  });
}

/** The scope of {@link withScope} that the running code is in: undefined outside, empty where it was left. */
export function currentScope(): string | undefined {
  return scopes.getStore();
}

/** Text of a scope's id. Throws ERR_OPTIONS for what is no id. */
function scopeText(id: unknown): string {
  if (typeof id === 'string') return id;
  if (typeof id === 'bigint' || (typeof id === 'number' && Number.isSafeInteger(id))) return String(id);
  throw new FieldsealError('ERR_OPTIONS', 'the id of a scope is a text or a whole number');
}

function isLazy(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function' && !(value instanceof Promise);
}

/** The scope that one query runs in, by model. Asked once per model, so that all of the query sees the same. */
export class QueryScope {
  readonly #option: ScopeOption | undefined;
  readonly #current = currentScope();
  readonly #known = new Map<string, string | undefined>();

  constructor(option: ScopeOption | undefined) {
    this.#option = option;
  }

  /**
   * The scope of a model's rows as far as the query's surroundings tell: empty for the whole application, undefined where they say nothing.
   *
   * @throws ERR_SCOPE_CONFLICT when withScope and the option of the client name two, ERR_OPTIONS for what is no id
   */
  of(model: string): string | undefined {
    if (this.#option === undefined) return this.#current;
    if (this.#known.has(model)) return this.#known.get(model);
    const given = typeof this.#option === 'function' ? this.#option({ model }) : this.#option;
    const own = given === undefined || given === null ? undefined : scopeText(given);
    if (own !== undefined && this.#current !== undefined && own !== this.#current)
      throw new FieldsealError('ERR_SCOPE_CONFLICT', 'withScope and encryption({ scope }) name two scopes', { model });
    const scope = own ?? this.#current;
    this.#known.set(model, scope);
    return scope;
  }
}
