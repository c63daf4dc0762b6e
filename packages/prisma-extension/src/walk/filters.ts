/**
 * Filters: `where`, unique filters and `having`. A filter on an encrypted field moves to the column of its blind index, with terms in
 * place of values; one that no index serves is refused.
 *
 * @module
 */
import { FieldsealError, type IndexSpec } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode, RelationNode } from '../schema/compiled-schema.ts';
import { COMBINATORS, EQUALITY_OPERATORS, LIST_QUANTIFIERS, ONE_QUANTIFIERS } from './grammar.ts';
import type { Plan } from './plan.ts';
import { entriesOf, isAbsent, isDictionary, isFieldReference, isNull, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** Filter of a model, or a list of such. Changed in place. */
export function walkWhere(plan: Plan, model: CompiledModel, where: unknown): void {
  for (const filter of itemsOf(where)) walkFilter(plan, model, filter, false);
}

/** Filter that has to name a unique row. */
export function walkUnique(plan: Plan, model: CompiledModel, where: unknown): void {
  walkFilter(plan, model, where, true);
}

function walkFilter(plan: Plan, model: CompiledModel, where: unknown, unique: boolean): void {
  if (!model.reaches || !isDictionary(where)) return;
  for (const [key, value] of Object.entries(where)) {
    const node = model.fields.get(key);
    if (isAbsent(value)) continue;
    if (COMBINATORS.includes(key)) walkWhere(plan, model, value);
    else if (node?.kind === 'relation') walkRelationFilter(plan, node, value);
    else if (node?.kind === 'encrypted') moveToIndex(plan, node, where, key, value, unique);
    else if (model.types.has(key)) refuseReferences(model, value);
    else if (model.compounds.has(key)) walkCompound(plan, model, key, value);
    else throw unknownFilter(model, key);
  }
}

/** A filter of a plain field may compare it with another field by reference; an encrypted one would be compared as ciphertext. */
function refuseReferences(model: CompiledModel, operand: unknown): void {
  if (isFieldReference(operand)) refuseEncrypted(model, operand.name, 'a comparison of two fields');
  for (const [, part] of entriesOf(operand)) {
    for (const item of itemsOf(part)) refuseReferences(model, item);
  }
}

/** `having` of groupBy: an encrypted field in it has no meaning. */
export function walkHaving(model: CompiledModel, having: unknown): void {
  for (const [key, value] of itemsOf(having).flatMap(entriesOf)) {
    if (COMBINATORS.includes(key)) walkHaving(model, value);
    else if (!isAbsent(value)) refuseEncrypted(model, key, 'having');
    refuseReferences(model, value);
  }
}

/** Refuses an encrypted field in a place that only its plaintext could serve. */
export function refuseEncrypted(model: CompiledModel, field: string, where: string): void {
  if (model.fields.get(field)?.kind !== 'encrypted') return;
  throw new FieldsealError('ERR_UNSUPPORTED_FILTER', `${where} cannot be served on an encrypted field`, {
    model: model.name,
    field,
    hint: 'The database sees ciphertext there. Do it in the application after reading.',
  });
}

function walkRelationFilter(plan: Plan, { list, model }: RelationNode, filter: unknown): void {
  const parts = entriesOf(filter);
  const quantified = list || (parts.length > 0 && parts.every(([key]) => ONE_QUANTIFIERS.includes(key)));
  if (!quantified) walkWhere(plan, model, filter);
  for (const [key, value] of quantified ? parts : []) {
    // A to-one relation may also take the filter itself, and then `is` could be a field of it.
    if (!(list ? LIST_QUANTIFIERS : ONE_QUANTIFIERS).includes(key) || (!list && model.types.has(key)))
      throw unknownFilter(model, key);
    walkWhere(plan, model, value);
  }
}

/** What is not known could be a filter on an encrypted field under another name. */
function unknownFilter(model: CompiledModel, key: string): FieldsealError {
  return new FieldsealError('ERR_UNSUPPORTED_FILTER', `the filter ${key} is unknown or ambiguous`, {
    model: model.name,
    hint: 'Check its spelling. A field called as an operator of Prisma cannot be told from it; rename it (with @map).',
  });
}

/** `{ org_emailIndex: { org, email } }`: the fields of a compound constraint, where the encrypted field stands for its index column. */
function walkCompound(plan: Plan, model: CompiledModel, name: string, value: unknown): void {
  if (!isDictionary(value)) return;
  const fields = model.compounds.get(name) ?? [];
  for (const [key, operand] of Object.entries(value)) {
    const node = model.fields.get(key);
    if (node?.kind !== 'encrypted' || isAbsent(operand)) continue;
    const index = node.indexes.find(({ spec }) => fields.includes(spec.column));
    if (index === undefined) throw unserved(node, `the constraint ${name} holds no index of this field`);
    if (!isAbsent(value[index.spec.column]))
      throw unserved(node, `the constraint ${name} names the field and its index`);
    checkOperand(node, operand);
    delete value[key];
    putTerm(plan, index.spec, value, operand);
  }
}

/** Takes the filter of an encrypted field out and puts one on its index column in. */
function moveToIndex(
  plan: Plan,
  node: EncryptedNode,
  where: Dictionary,
  field: string,
  filter: unknown,
  unique: boolean,
): void {
  if (isNullTest(filter)) return; // NULL is stored as NULL
  const { spec } = chooseIndex(node, filter, unique);
  const free = isAbsent(where[spec.column]);
  const target: Dictionary = free ? where : {};
  delete where[field];
  if (isDictionary(filter)) target[spec.column] = operators(plan, node, spec, filter);
  else putTerm(plan, spec, target, filter);
  if (!free) where['AND'] = [...(isAbsent(where['AND']) ? [] : itemsOf(where['AND'])), target];
}

/** Puts the term of `operand` into the index column; NULL stays NULL. */
function putTerm(plan: Plan, index: IndexSpec, parent: Dictionary, operand: unknown): void {
  parent[index.column] = operand;
  if (!isNull(operand)) plan.index(parent, index.column, index, operand);
}

/** The operators of a scalar filter with terms in place of values. */
function operators(plan: Plan, node: EncryptedNode, index: IndexSpec, filter: Dictionary): Dictionary {
  const moved: Dictionary = {};
  for (const [operator, operand] of Object.entries(filter)) {
    if (operator === 'mode') continue; // the index decides
    if (isAbsent(operand)) {
      moved[operator] = operand; // Prisma refuses it, or takes it for nothing
    } else if (operator === 'not' && isDictionary(operand)) {
      moved[operator] = operators(plan, node, index, operand);
    } else if (operator === 'in' || operator === 'notIn') {
      if (!Array.isArray(operand)) throw unserved(node, `${operator} needs a list`);
      const terms = [...(operand as unknown[])];
      terms.forEach((item, at) => {
        checkOperand(node, item);
        if (!isNull(item)) plan.index(terms, at, index, item);
      });
      moved[operator] = terms;
    } else {
      moved[operator] = operand;
      if (!isNull(operand)) plan.index(moved, operator, index, operand);
    }
  }
  return moved;
}

/**
 * The index that serves a filter: where a unique row must be named a unique one, elsewhere an exact one before a normalising one, so that
 * equality means what it says where it can.
 *
 * @throws ERR_UNSUPPORTED_FILTER when none does
 */
function chooseIndex(node: EncryptedNode, filter: unknown, unique: boolean): IndexNode {
  const insensitive = checkOperators(node, filter);
  const folding = node.indexes.filter(({ spec }) => !insensitive || spec.normalize.includes('lowercase'));
  const exact = folding.find(({ spec }) => spec.normalize.length === 0);
  const index = (unique ? folding.find((candidate) => candidate.unique) : exact) ?? exact ?? folding[0];
  if (index !== undefined) return index;
  if (node.indexes.length > 0) throw unserved(node, 'mode: insensitive needs an index that normalises to lowercase');
  throw unserved(node, 'the field is encrypted and has no blind index');
}

/** Refuses operators and operands that no equality index serves; returns whether the filter ignores case. */
function checkOperators(node: EncryptedNode, filter: unknown): boolean {
  if (!isDictionary(filter)) {
    checkOperand(node, filter);
    return false;
  }
  const { mode } = filter;
  if (!isAbsent(mode) && mode !== 'default' && mode !== 'insensitive')
    throw unserved(node, 'the mode of a filter is unknown');
  let insensitive = mode === 'insensitive';
  for (const [operator, operand] of Object.entries(filter)) {
    if (isAbsent(operand)) continue;
    if (!EQUALITY_OPERATORS.includes(operator)) {
      const hint = 'A blind index serves equality only. Filter in the application after reading.';
      throw unserved(node, `the filter ${operator} cannot be served on an encrypted field`, hint);
    }
    if (operator === 'not' && isDictionary(operand)) insensitive = checkOperators(node, operand) || insensitive;
    else if (operator === 'equals' || operator === 'not') checkOperand(node, operand);
  }
  return insensitive;
}

/** Operands are values. A field reference or anything else that Prisma would resolve in SQL cannot become a term. */
function checkOperand(node: EncryptedNode, operand: unknown): void {
  const scalar = typeof operand !== 'object' || operand instanceof Uint8Array || isNull(operand);
  if (!scalar) throw unserved(node, 'the operand of a filter is not a value');
}

/** Whether a filter asks for NULL or its opposite, or for nothing at all: what the column of ciphertext itself can serve. */
function isNullTest(filter: unknown): boolean {
  if (isNull(filter)) return true;
  return (
    isDictionary(filter) && Object.entries(filter).every(([operator, operand]) => isNullOperator(operator, operand))
  );
}

function isNullOperator(operator: string, operand: unknown): boolean {
  if (isAbsent(operand)) return true;
  if (operator === 'not') return isNullTest(operand);
  if (operator === 'equals') return isNull(operand);
  return (operator === 'in' || operator === 'notIn') && Array.isArray(operand) && operand.length === 0;
}

function unserved({ spec, indexes }: EncryptedNode, reason: string, hint?: string): FieldsealError {
  const { model, field } = spec;
  const served = 'equals, in, not, notIn and null tests are served through a blind index.';
  const advice =
    indexes.length > 0 ? `On this field ${served}` : `Add @blindIndex(of: ${field}) on a sibling column: ${served}`;
  return new FieldsealError('ERR_UNSUPPORTED_FILTER', reason, { model, field, hint: hint ?? advice });
}
