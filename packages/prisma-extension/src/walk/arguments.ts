/**
 * The arguments of a whole operation, walked by the grammar.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel } from '../schema/compiled-schema.ts';
import { refuseEncrypted, walkHaving, walkUnique, walkWhere } from './filters.ts';
import { type Arguments, FIND, OPERATIONS, type Operation, type Rule } from './grammar.ts';
import { Plan } from './plan.ts';
import { entriesOf, isAbsent, isDictionary, itemsOf } from './value-kind.ts';
import { walkData } from './writes.ts';

/**
 * The grammar of an operation.
 *
 * @throws ERR_UNSUPPORTED_OPERATION for one that is not known
 */
export function operationOf(model: CompiledModel, name: string): Operation {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation !== undefined) return operation;
  throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', `the operation ${name} is unknown`, { model: model.name });
}

/**
 * Plans what has to be done to the arguments, which are changed in place later by the plan. Whatever cannot be served throws here, before
 * any SQL.
 *
 * @throws ERR_UNSUPPORTED_FILTER, ERR_UNSUPPORTED_OPERATION, ERR_INDEX_WRITTEN
 */
export function planArguments(model: CompiledModel, operation: Operation, args: unknown): Plan {
  const plan = new Plan();
  walkArguments(plan, model, operation.arguments, args);
  return plan;
}

type Walk = (plan: Plan, model: CompiledModel, value: unknown, argument: string) => void;

/** What to do for each rule of the grammar. */
const WALKS: Readonly<Record<Rule, Walk>> = {
  plain: () => {},
  where: walkWhere,
  unique: walkUnique,
  target: walkWhere,
  data: walkData,
  selection: walkSelection,
  orderBy: (_, model, value) => walkOrderBy(model, value),
  fields: (_, model, value, argument) => {
    for (const field of itemsOf(value)) refuseEncrypted(model, String(field), argument);
  },
  aggregate: (_, model, value, argument) => {
    for (const [field] of entriesOf(value)) refuseEncrypted(model, field, argument);
  },
  having: (_, model, value) => walkHaving(model, value),
};

function walkArguments(plan: Plan, model: CompiledModel, grammar: Arguments, args: unknown): void {
  if (!isDictionary(args)) return;
  for (const [argument, value] of Object.entries(args)) {
    if (isAbsent(value)) continue;
    const rule = Object.hasOwn(grammar, argument) ? grammar[argument] : undefined;
    if (rule === undefined)
      throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', `the argument ${argument} is unknown`, {
        model: model.name,
        hint: 'These are the arguments of Prisma 7.10. One that another extension adds must be taken out by it before this extension.',
      });
    WALKS[rule](plan, model, value, argument);
  }
}

/** select and include: each relation in them has the arguments of findMany; `_count` may filter relations. */
function walkSelection(plan: Plan, model: CompiledModel, selection: unknown): void {
  if (!isDictionary(selection)) return;
  for (const [key, value] of Object.entries(selection)) {
    const node = model.fields.get(key);
    if (node?.kind === 'relation' && node.model.reaches) walkArguments(plan, node.model, FIND, value);
    else if (key === '_count' && isDictionary(value)) walkSelection(plan, model, value['select']);
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
