/**
 * The arguments of a whole operation, walked by the grammar.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel } from '../schema/compiled-schema.ts';
import type { QueryScope } from '../scope-context.ts';
import { MAIN, NESTED } from '../search/leaf.ts';
import { bucketOrderOf } from './bucket-order.ts';
import type { Extras } from './extras.ts';
import {
  distinctIndexes,
  refuseEncrypted,
  walkAttempt,
  walkCursor,
  walkHaving,
  walkUnique,
  walkWhere,
} from './filters.ts';
import { type Arguments, FIND, OPERATIONS, type Operation, type Rule } from './grammar.ts';
import { groupByIndexes, scopeOfGroups } from './grouping.ts';
import { indexWritten } from './index-writes.ts';
import { Plan } from './plan.ts';
import { namedByFilter, scopeOfValue } from './scope-frame.ts';
import { changedFrame } from './scope-writes.ts';
import { fieldsRead, readBoundFields } from './selection.ts';
import { canSift, readTestedFields, testedFields } from './tested-fields.ts';
import { entriesOf, isAbsent, isDictionary, itemsOf } from './value-kind.ts';
import { walkCreate, walkUpdate } from './writes.ts';

type Dictionary = Record<string, unknown>;

/**
 * The grammar of an operation.
 *
 * @throws ERR_UNSUPPORTED_OPERATION for one that is not known, ERR_INDEX_WRITTEN for one that deletes terms
 */
export function operationOf(model: CompiledModel, name: string): Operation {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation === undefined)
    throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', `the operation ${name} is unknown`, { model: model.name });
  // Rows of a table of terms go with the row that they belong to, or searches would miss it.
  if (model.termField !== null && operation.removes) throw indexWritten(model, model.termField);
  return operation;
}

/**
 * Plans what has to be done to the arguments, which are changed in place later by the plan. Whatever cannot be served throws here, before
 * any SQL.
 *
 * @param surroundings - scopes that the query runs in; by default those of withScope
 * @throws ERR_UNSUPPORTED_FILTER, ERR_UNSUPPORTED_OPERATION, ERR_INDEX_WRITTEN, ERR_BINDING, ERR_SCOPE_MISSING, ERR_SCOPE_CONFLICT
 */
export function planArguments(
  model: CompiledModel,
  operation: Operation,
  args: unknown,
  surroundings?: QueryScope,
): Plan {
  const plan = new Plan(surroundings);
  const finds = operation.list ? 'list' : operation.arguments === FIND ? 'first' : null;
  walkArguments({ plan, model, extras: plan.extras, main: true, finds }, operation.arguments, args);
  if (operation.removes && isDictionary(args)) changedFrame(plan, model, args).confineRows();
  if (operation.list && isDictionary(args)) {
    plan.sifts = plan.order === null && canSift(args, plan.leaves);
    const fields = plan.sifts ? testedFields(plan.leaves) : plan.order === null ? [] : [plan.order.node.spec.field];
    if (fields.length > 0) readTestedFields(model, args, fields, plan.extras);
  }
  if (operation.rows) readRows({ plan, model, extras: plan.extras }, args);
  return plan;
}

/** Where the walk is: the rows that are asked for, and what is read of them for us alone. */
interface At {
  readonly plan: Plan;
  readonly model: CompiledModel;
  readonly extras: Extras;
  /** Whether these are the rows of the operation itself. */
  readonly main: boolean;
  /** What the operation finds with arguments of findMany: a list of rows, the first one, or neither. */
  readonly finds: 'list' | 'first' | null;
}

type Walk = (at: At, value: unknown, argument: string, args: Dictionary) => void;

/** What to do for each rule of the grammar. */
const WALKS: Readonly<Record<Rule, Walk>> = {
  plain: () => {},
  where: ({ plan, model, main }, value) => walkWhere(plan, model, value, main ? MAIN : NESTED),
  unique: ({ plan, model }, value) => walkUnique(plan, model, value),
  cursor: ({ plan, model }, value) => walkCursor(plan, model, value),
  attempt: ({ plan, model }, value) => {
    plan.secondAttempt = walkAttempt(plan, model, value);
  },
  target: ({ plan, model }, value) => walkWhere(plan, model, value),
  create: ({ plan, model }, value) => walkCreate(plan, model, value),
  createMany: ({ plan, model }, value) => walkCreate(plan, model, value, true),
  update: ({ plan, model }, value, _, args) => walkUpdate(plan, model, value, args),
  updateMany: ({ plan, model }, value, _, args) => walkUpdate(plan, model, value, args, true),
  selection: (at, value) => at.plan.later(() => walkSelection(at, value)),
  orderBy: ({ plan, model, finds }, value, _, args) => {
    const order = finds === null ? null : bucketOrderOf(model, args, finds === 'first');
    if (order !== null) {
      const scope = scopeOfGroups(plan, model, args, 'orderBy');
      if ('id' in scope) plan.orderIn(scope.id, order);
    }
    walkOrderBy(model, order === null ? value : order.rest);
  },
  distinct: ({ plan, model }, value, argument, args) => {
    const indexes = distinctIndexes(model, value);
    if (indexes.size > 0) {
      const scope = scopeOfGroups(plan, model, args, argument);
      for (const index of indexes.values()) plan.tellApart('id' in scope ? scope.id : null, { model, index, args });
    }
    args[argument] = itemsOf(value).map((field) => indexes.get(String(field))?.spec.column ?? String(field));
  },
  by: ({ plan, model }, _, __, args) => {
    plan.grouping = groupByIndexes(plan, model, args);
  },
  aggregate: ({ model }, value, argument) => {
    for (const [field] of entriesOf(value)) refuseEncrypted(model, field, argument);
  },
  having: ({ model }, value) => walkHaving(model, value),
};

function walkArguments(at: At, grammar: Arguments, args: unknown): void {
  if (!isDictionary(args)) return;
  for (const [argument, value] of Object.entries(args)) {
    if (isAbsent(value)) continue;
    const rule = Object.hasOwn(grammar, argument) ? grammar[argument] : undefined;
    if (rule === undefined) throw unknownArgument(at.model, argument);
    WALKS[rule](at, value, argument, args);
  }
}

function unknownArgument(model: CompiledModel, argument: string): FieldsealError {
  return new FieldsealError('ERR_UNSUPPORTED_OPERATION', `the argument ${argument} is unknown`, {
    model: model.name,
    hint: 'These are the arguments of Prisma 7.10. One that another extension adds must be taken out by it before this extension.',
  });
}

/** select and include: each relation in them has the arguments of findMany; `_count` may filter relations. */
function walkSelection({ plan, model, extras }: At, selection: unknown): void {
  if (!isDictionary(selection)) return;
  for (const [key, value] of Object.entries(selection)) {
    const node = model.fields.get(key);
    if (node?.kind === 'relation' && node.model.reaches)
      walkRelation({ plan, model: node.model, extras: extras.under(key), main: false, finds: null }, selection, key);
    else if (key === '_count' && isDictionary(value)) walkCounts(plan, model, value['select']);
  }
}

/** Relations in `_count` are counted, not read: they take a filter and nothing else. */
function walkCounts(plan: Plan, model: CompiledModel, counts: unknown): void {
  for (const [key, value] of entriesOf(counts)) {
    const node = model.fields.get(key);
    if (node?.kind !== 'relation') continue;
    for (const [argument, filter] of entriesOf(value)) {
      if (argument !== 'where') throw unknownArgument(node.model, argument);
      walkWhere(plan, node.model, filter);
    }
  }
}

function walkRelation(at: At, selection: Dictionary, key: string): void {
  if (selection[key] === true && at.model.omitted.size > 0) selection[key] = {};
  const args = selection[key];
  walkArguments(at, FIND, args);
  if (args !== false && !isAbsent(args)) readRows(at, args);
}

/** What is read of rows: for the caller, and for us alone. */
function readRows({ plan, model, extras }: Pick<At, 'plan' | 'model' | 'extras'>, args: unknown): void {
  const given = isDictionary(args) ? args : {};
  const { where } = given;
  plan.reads.push({ model, fields: fieldsRead(model, given), scope: () => scopeOfRead(plan, model, where) });
  if (isDictionary(args)) readBoundFields(model, args, extras);
}

/** The scope of rows that are read, as far as the query tells. */
function scopeOfRead({ surroundings }: Plan, model: CompiledModel, where: unknown): string | null {
  const current = surroundings.of(model.name);
  if (model.scope === null) return current ?? '';
  const named = namedByFilter(model, model.scope.field, model.scope, where);
  if (named === undefined) return current || null;
  try {
    return scopeOfValue(named);
  } catch {
    return null; // a value of several spellings: the rows tell
  }
}

function walkOrderBy(model: CompiledModel, order: unknown): void {
  if (!model.reaches) return;
  for (const [key, value] of itemsOf(order).flatMap(entriesOf)) {
    const node = model.fields.get(key);
    if (isAbsent(value)) continue;
    if (node?.kind === 'relation') walkOrderBy(node.model, value);
    else if (key === '_relevance') refuseRelevance(model, value);
    else if (key !== '_count' && key.startsWith('_'))
      walkOrderBy(model, value); // _min, _max, _avg, _sum of groupBy
    else refuseEncrypted(model, key, 'orderBy');
  }
}

function refuseRelevance(model: CompiledModel, relevance: unknown): void {
  const fields = isDictionary(relevance) ? relevance['fields'] : undefined;
  for (const field of itemsOf(fields)) refuseEncrypted(model, String(field), 'orderBy._relevance');
}
