/**
 * Scopes of rows that are written. The scope of a row is what its field with `@scope` holds: where a create leaves it out, that of the
 * surroundings goes into it, and an update keeps it.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import { makeId } from '../id-default.ts';
import type { CompiledModel, RelationNode } from '../schema/compiled-schema.ts';
import type { BoundFieldMap, ScopeFieldMap } from '../schema/schema-map.ts';
import type { QueryScope } from '../scope-context.ts';
import type { Plan } from './plan.ts';
import {
  columnValue,
  confine,
  confineToScope,
  type GivenScope,
  namedByFilter,
  ScopeFrame,
  scopeOfValue,
  twoScopes,
} from './scope-frame.ts';
import { isAbsent, isDictionary, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** A scope that data names: null where it names a row of which the scope is not known. */
type Named = string | null;

/**
 * The scope of a row that is going to be created. What nothing names is put into `data`: the current scope, or an id that Prisma would make.
 *
 * @param around - the part of the query that the row stands in
 * @throws ERR_SCOPE_CONFLICT when data and surroundings name two
 */
export function createdFrame(
  surroundings: QueryScope,
  model: CompiledModel,
  data: Dictionary,
  around: ScopeFrame | null,
): ScopeFrame {
  makeSources(model, data);
  const { scope } = model;
  if (scope === null) return new ScopeFrame(model, 'row', undefined, surroundings);
  const named = namedByData(model, scope, data);
  if (around?.kind === 'relation' && around.model === model && around.given !== undefined)
    named.push(around.named ? around.id() : null);
  if (named.includes(null)) return new ScopeFrame(model, 'row', null, surroundings);
  const [first, ...rest] = named;
  if (rest.some((other) => other !== first)) throw twoScopes(model, 'the data of a row names two scopes');
  const id = first ?? putScope(surroundings, model, scope, data);
  const frame = new ScopeFrame(model, 'row', id, surroundings);
  if (id !== undefined) frame.id(); // agrees with the surroundings
  return frame;
}

/**
 * The scope of rows that are changed or removed, and what confines them to it once it is known that it was asked for. Under a current scope it
 * always is: no row of another is touched, whatever the filter names.
 */
export function changedFrame(
  plan: Plan,
  model: CompiledModel,
  parts: Dictionary,
): { readonly frame: ScopeFrame; readonly confineRows: () => void } {
  const { scope } = model;
  const around = plan.frame?.kind === 'relation' && plan.frame.model === model ? plan.frame : null;
  const given = around?.named ? around.id() : undefined;
  const named = scope === null ? undefined : (namedByFilter(model, scope.field, scope, parts['where']) ?? given);
  const frame = new ScopeFrame(model, 'row', named, plan.surroundings);
  frame.confineToCurrent();
  const confineRows = (): void => {
    if (frame.pinned) confineToScope(frame, filterOf(parts));
  };
  return { frame, confineRows };
}

/**
 * Refuses an update that would give a row another scope: its cells would not open any more.
 *
 * @throws ERR_SCOPE_CONFLICT
 */
export function refuseScopeChange(frame: ScopeFrame, data: Dictionary): void {
  const { scope } = frame.model;
  const named = scope === null ? [] : namedByData(frame.model, scope, data);
  if (named.every((text) => text !== null && text === frame.id())) return;
  throw new FieldsealError('ERR_SCOPE_CONFLICT', 'an update cannot give a row another scope', {
    model: frame.model.name,
    field: scope?.field,
    hint: 'Create a new row in the other scope instead, and delete this one.',
  });
}

/**
 * Refuses to change a field that scopes of other rows are copies of.
 *
 * @throws ERR_SCOPE_CONFLICT
 */
export function refuseSourceWrites({ name, scopeSources }: CompiledModel, data: Dictionary): void {
  const field = [...scopeSources.keys()].find((source) => !isAbsent(data[source]));
  if (field === undefined) return;
  throw new FieldsealError('ERR_SCOPE_CONFLICT', 'a field that names the scope of other rows cannot be changed', {
    model: name,
    field,
    hint: 'Create a new row with the values instead.',
  });
}

/** Nested writes of a relation that take rows in which are there already. */
const TAKING_IN: readonly string[] = ['connect', 'connectOrCreate', 'set'];

/**
 * Refuses a nested write that would take a row in from another scope.
 *
 * @throws ERR_SCOPE_CONFLICT unless the filter of the row names the scope that it gets
 */
export function refuseTakenIn({ frame }: Plan, model: CompiledModel, operation: string, item: Dictionary): void {
  if (!TAKING_IN.includes(operation) || model.scope === null || frame === null) return;
  const where = operation === 'connectOrCreate' ? item['where'] : item;
  const named = namedByFilter(model, model.scope.field, model.scope, where);
  if (named !== undefined && frame.named && scopeOfValue(named) === frame.id()) return;
  throw new FieldsealError('ERR_SCOPE_CONFLICT', `${operation} could give a row another scope`, {
    model: model.name,
    field: model.scope.field,
    hint: `Name ${model.scope.field} beside the unique field, with the scope that the row has and keeps.`,
  });
}

/** Nested writes that name rows which are there already, and where their filter is. */
const NAMING: Readonly<Record<string, 'item' | 'where'>> = {
  connect: 'item',
  disconnect: 'item',
  delete: 'item',
  deleteMany: 'item',
  connectOrCreate: 'where',
};

/**
 * Confines rows behind a relation that does not carry the scope, as a nested write names them, to the current scope where there is one. Changed in
 * place.
 *
 * @throws ERR_SCOPE_CONFLICT for a `set`, which would take rows of other scopes out of the relation
 */
export function confineNamed(
  { surroundings }: Plan,
  relation: RelationNode,
  operation: string,
  writes: Dictionary,
): void {
  const { model, scopeOf, list } = relation;
  const { scope, name } = model;
  if (scope === null || scopeOf !== null || (surroundings.of(name) ?? '') === '') return;
  if (operation === 'set' && list)
    throw new FieldsealError('ERR_SCOPE_CONFLICT', 'set would take rows of other scopes out of the relation', {
      model: name,
      field: scope.field,
      hint: 'Name the rows by connect and disconnect, or run it outside of all scopes.',
    });
  const place = Object.hasOwn(NAMING, operation) ? NAMING[operation] : undefined;
  if (place === undefined) return;
  if (writes[operation] === true) writes[operation] = {}; // the row of a relation to one
  for (const item of itemsOf(writes[operation])) {
    const where = place === 'where' && isDictionary(item) ? item['where'] : item;
    if (!isDictionary(where)) continue;
    const frame = new ScopeFrame(model, 'row', namedByFilter(model, scope.field, scope, where), surroundings);
    frame.confineToCurrent();
    confineToScope(frame, where);
  }
}

/**
 * The scope that a row gives to rows behind a relation: the value of a field of it.
 *
 * @param parts - what holds the filter of a row that is updated; undefined for one that is created
 */
export function sourceScope(
  plan: Plan,
  model: CompiledModel,
  field: string,
  data: Dictionary,
  parts: Dictionary | undefined,
): GivenScope {
  const { frame } = plan;
  if (field === model.scope?.field) return frame === null ? null : () => frame.id();
  const map = model.scopeSources.get(field) as BoundFieldMap;
  if (parts === undefined)
    return isAbsent(data[field]) ? null : scopeOfValue({ model, field, map, value: data[field] });
  const named = namedByFilter(model, field, map, parts['where']);
  if (named !== undefined) return named;
  const current = plan.surroundings.of(model.name);
  if (current === undefined || current === '') return null;
  return () => {
    confine(filterOf(parts), field, columnValue(model, field, map, current));
    return current;
  };
}

/** The filter of an update, made where there is none. */
function filterOf(parts: Dictionary): Dictionary {
  if (!isDictionary(parts['where'])) parts['where'] = {};
  return parts['where'] as Dictionary;
}

/** Ids that Prisma would make, where scopes of nested rows are copies of them. */
function makeSources({ scopeSources, scope }: CompiledModel, data: Dictionary): void {
  for (const [field, { make }] of scopeSources) {
    if (field !== scope?.field && make !== null && isAbsent(data[field])) data[field] = makeId(make);
  }
}

/** Puts the scope into a new row that does not name it. Undefined where there is none to put. */
function putScope(
  surroundings: QueryScope,
  model: CompiledModel,
  scope: ScopeFieldMap,
  data: Dictionary,
): string | undefined {
  const current = surroundings.of(model.name);
  if (current === undefined || current === '') {
    if (scope.make === null) return undefined;
    const made = makeId(scope.make);
    data[scope.field] = made;
    return made;
  }
  const value = columnValue(model, scope.field, scope, current);
  // Prisma takes relations or the columns that they are stored in, not both.
  const related = scope.stored.some((field) => !isAbsent(data[field]));
  const relation = related ? scope.relations.find(({ alone }) => alone) : undefined;
  if (relation === undefined) data[scope.field] = value;
  else data[relation.field] = { connect: { [relation.from]: value } };
  return current;
}

/** The scopes that data names: by the field itself, and by rows that it connects. */
function namedByData(model: CompiledModel, scope: ScopeFieldMap, data: Dictionary): Named[] {
  const given = data[scope.field];
  const value = isDictionary(given) ? given['set'] : given;
  if (isDictionary(given) && Object.keys(given).some((operator) => operator !== 'set' && !isAbsent(given[operator])))
    return [null]; // increment and the like
  const own: Named[] = isAbsent(value) ? [] : [scopeOfValue({ model, field: scope.field, map: scope, value })];
  const related = scope.relations.flatMap(({ field }) => {
    const node = model.fields.get(field);
    return node?.kind === 'relation' && isDictionary(data[field]) ? namedByRelation(node, data[field]) : [];
  });
  return [...own, ...related];
}

/** The scopes that writes of a relation name: those of the rows that they connect or create. */
function namedByRelation({ model, scopeFrom }: RelationNode, writes: Dictionary): Named[] {
  const field = scopeFrom as string;
  const map = model.scopeSources.get(field) as BoundFieldMap;
  const filtered = (where: unknown): Named => {
    const named = namedByFilter(model, field, map, where);
    return named === undefined ? null : scopeOfValue(named);
  };
  const created = (data: unknown): Named => {
    if (!isDictionary(data)) return null;
    makeSources(model, data);
    return isAbsent(data[field]) ? null : scopeOfValue({ model, field, map, value: data[field] });
  };
  return Object.entries(writes).flatMap(([operation, value]): Named[] => {
    if (isAbsent(value)) return [];
    const items = itemsOf(value);
    if (operation === 'connect') return items.map(filtered);
    if (operation === 'create') return items.map(created);
    // Where there is no row yet, its creation points the relation to it.
    if (operation === 'upsert') return items.map((item) => (isDictionary(item) ? created(item['create']) : null));
    if (operation !== 'connectOrCreate') return [];
    return items.flatMap((item) => (isDictionary(item) ? [filtered(item['where']), created(item['create'])] : [null]));
  });
}
