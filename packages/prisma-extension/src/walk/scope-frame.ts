/**
 * Scopes of a query's parts: whose keys serve a row that is written, or a level of a filter.
 *
 * @module
 */
import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { BoundFieldMap, ScopeFieldMap } from '../schema/schema-map.ts';
import type { QueryScope } from '../scope-context.ts';
import { boundText, equalTo } from './binding.ts';
import { isAbsent, isDictionary, isNull, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** A value whose text is a scope, of a field that may have it under one spelling only. */
export interface ScopeValue {
  readonly model: CompiledModel;
  readonly field: string;
  readonly map: BoundFieldMap;
  readonly value: unknown;
}

/**
 * The scope as a query names it: a value, or what to do when it is asked for. Undefined when it does not, null when it depends on what only
 * the database knows.
 */
export type GivenScope = string | ScopeValue | (() => string) | null | undefined;

/** Where a scope is asked for: in a row that is written or in a filter of rows. */
export class ScopeFrame {
  readonly model: CompiledModel;
  readonly kind: 'row' | 'filter' | 'relation';
  readonly given: GivenScope;
  readonly #surroundings: QueryScope;
  #pinned = false;
  #id: string | undefined;

  constructor(model: CompiledModel, kind: ScopeFrame['kind'], given: GivenScope, surroundings: QueryScope) {
    this.model = model;
    this.kind = kind;
    this.given = given;
    this.#surroundings = surroundings;
  }

  /** Whether the scope was asked for and is that of the surroundings, to which the rows have to be confined. */
  get pinned(): boolean {
    return this.#pinned;
  }

  /** The scope where the query itself names it. */
  get named(): boolean {
    return this.given !== undefined && this.given !== null;
  }

  /**
   * The scope, empty for the whole application.
   *
   * @throws ERR_SCOPE_MISSING when nothing tells it, ERR_SCOPE_CONFLICT when the query and its surroundings name two, or the value may be
   * stored under another spelling
   */
  id(): string {
    this.#id ??= this.#resolve();
    return this.#id;
  }

  /** Confines the rows to the current scope, where there is one, also for what needs no key: NULL, or an empty list. */
  confineToCurrent(): void {
    const { name, scope } = this.model;
    if (scope !== null && this.given !== null && (this.#surroundings.of(name) ?? '') !== '') this.id();
  }

  #resolve(): string {
    const { name, scope } = this.model;
    const around = this.#surroundings.of(name);
    if (scope === null) return around ?? '';
    const current = around === '' ? undefined : around;
    if (this.given === null)
      throw scopeMissing(this.model, 'its row gets the scope of another, which the query does not name');
    if (this.given === undefined) {
      if (current === undefined) throw scopeMissing(this.model);
      this.#pinned = true;
      return current;
    }
    const given = textOf(this.given);
    if (current !== undefined && given !== current) throw twoScopes(this.model);
    return given;
  }
}

function textOf(given: string | ScopeValue | (() => string)): string {
  if (typeof given === 'function') return given();
  return typeof given === 'string' ? given : scopeOfValue(given);
}

/** Text of a value that names a scope. Throws ERR_SCOPE_MISSING for an empty one, ERR_SCOPE_CONFLICT for one that has no single spelling. */
export function scopeOfValue({ model, field, map, value }: ScopeValue): string {
  let text: string;
  try {
    text = boundText(model, field, map, value);
  } catch (error) {
    if (!isFieldsealError(error, 'ERR_BINDING')) throw error;
    throw new FieldsealError('ERR_SCOPE_CONFLICT', error.summary, { model: model.name, field, hint: error.hint });
  }
  if (text === '') throw scopeMissing(model, 'the value that names it is empty');
  return text;
}

/** The value of the field for a scope. Throws ERR_SCOPE_CONFLICT when it cannot hold it. */
export function columnValue(model: CompiledModel, field: string, map: BoundFieldMap, scope: string): unknown {
  if (map.type !== 'String' && !/^(0|-?[1-9]\d*)$/.test(scope))
    throw new FieldsealError('ERR_SCOPE_CONFLICT', 'the current scope is not the number that names scopes here', {
      model: model.name,
      field,
    });
  const value = map.type === 'String' ? scope : map.type === 'Int' ? Number(scope) : BigInt(scope);
  scopeOfValue({ model, field, map, value });
  return value;
}

/**
 * The scope that a filter names by equality, at its top level or in an AND of it; undefined when it does not.
 *
 * @param field - the field that names it
 */
export function namedByFilter(
  model: CompiledModel,
  field: string,
  map: BoundFieldMap,
  where: unknown,
): ScopeValue | undefined {
  if (!isDictionary(where)) return undefined;
  const parts = [where, ...[...model.compounds.keys()].map((name) => where[name]).filter(isDictionary)];
  const value = parts.map((part) => equalTo(part[field])).find((operand) => operand !== undefined);
  if (value !== undefined) return { model, field, map, value };
  for (const part of isAbsent(where['AND']) ? [] : itemsOf(where['AND'])) {
    const named = namedByFilter(model, field, map, part);
    if (named !== undefined) return named;
  }
  return undefined;
}

/** Confines a filter to the rows whose field has a value. Changed in place. */
export function confine(where: Dictionary, field: string, value: unknown): void {
  if (isAbsent(where[field])) where[field] = value;
  else where['AND'] = [...(isAbsent(where['AND']) ? [] : itemsOf(where['AND'])), { [field]: value }];
}

/** Confines a filter of a frame's rows to the scope of the surroundings, where that was asked for. Changed in place. */
export function confineToScope(frame: ScopeFrame, where: Dictionary): void {
  const { model } = frame;
  if (frame.pinned && model.scope !== null)
    confine(where, model.scope.field, columnValue(model, model.scope.field, model.scope, frame.id()));
}

/** The scope of a row that was read. Throws ERR_SCOPE_MISSING when the row came without it. */
export function scopeOfRow(model: CompiledModel, { field, type }: ScopeFieldMap, row: Readonly<Dictionary>): string {
  const value = row[field];
  if (value === undefined || isNull(value))
    throw new FieldsealError('ERR_SCOPE_MISSING', `the row came without ${field}, which names its scope`, {
      model: model.name,
      field,
      hint: 'Read the field that names the scope with the encrypted ones.',
    });
  return scopeOfValue({ model, field, map: { dbName: field, type, make: null, spelling: 'any' }, value });
}

/** The error of a scope that nothing names. */
export function scopeMissing({ name, scope }: CompiledModel, reason?: string): FieldsealError {
  const message = `the scope is not known${reason === undefined ? '' : `: ${reason}`}`;
  return new FieldsealError('ERR_SCOPE_MISSING', message, { model: name, field: scope?.field });
}

/** The error of scopes that do not agree. */
export function twoScopes(
  { name, scope }: CompiledModel,
  message = 'the query names another scope than the current one',
): FieldsealError {
  return new FieldsealError('ERR_SCOPE_CONFLICT', message, { model: name, field: scope?.field });
}
