/**
 * Filters: `where`, unique filters and `having`. A filter on an encrypted field moves to the column of its blind index, with terms in
 * place of values; one that no index serves is refused.
 *
 * @module
 */
import { FieldsealError, type IndexSpec } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode, RelationNode } from '../schema/compiled-schema.ts';
import { COMBINATORS, EQUALITY_OPERATORS, LIST_OPERATORS, LIST_QUANTIFIERS, ONE_QUANTIFIERS } from './grammar.ts';
import type { Plan } from './plan.ts';
import {
  entriesOf,
  isAbsent,
  isDbNull,
  isDecimal,
  isDictionary,
  isFieldReference,
  isNull,
  itemsOf,
} from './value-kind.ts';

type Dictionary = Record<string, unknown>;

const MIGRATING = 'the field is being migrated, and its rows without a term cannot be found this way';
const MIGRATING_HINT =
  'Until the backfill is done, filters are served by an index without normalisers, and unique rows are found by find, update and delete.';

/** What a filter has to find: any rows, or one unique row. */
type Purpose = 'any' | 'unique';

/** How a unique filter is tried again: by the plaintext of a field, in place of its term. */
export interface Attempt {
  /** Filter of the first attempt. */
  readonly where: Readonly<Dictionary>;
  readonly field: string;
  /** Column that the first attempt has the term in. */
  readonly column: string;
  readonly value: unknown;
}

/** Filter of a model, or a list of such. Changed in place. */
export function walkWhere(plan: Plan, model: CompiledModel, where: unknown): void {
  for (const filter of itemsOf(where)) walkFilter(plan, model, filter, 'any');
}

/** Filter that has to name a unique row. */
export function walkUnique(plan: Plan, model: CompiledModel, where: unknown): void {
  walkFilter(plan, model, where, namedByPlainField(model, where) ? 'any' : 'unique');
}

/** Whether a plain field or a compound constraint names the row, so that encrypted fields beside it are filters like any other. */
function namedByPlainField({ uniques, compounds }: CompiledModel, where: unknown): boolean {
  return entriesOf(where).some(([key, value]) => !isAbsent(value) && (uniques.includes(key) || compounds.has(key)));
}

/**
 * Filter of an operation on one row that changes nothing where it finds none, so that it can be tried again. While a field is being
 * migrated the row is named by a term at first, and by the plaintext then; other fields that are being migrated are found either way.
 *
 * @returns the second attempt, or null when none is needed
 */
export function walkAttempt(plan: Plan, model: CompiledModel, where: unknown): Attempt | null {
  for (const [key, value] of namedByPlainField(model, where) ? [] : entriesOf(where)) {
    const node = model.fields.get(key);
    if (node?.kind !== 'encrypted' || node.mode !== 'migrating' || isAbsent(value) || isNullTest(value)) continue;
    if (!node.unique || node.spec.type !== node.spec.column) continue;
    const filter = where as Dictionary;
    const index = chooseIndex(node, value, true).spec;
    if (!isAbsent(filter[index.column])) throw unserved(node, 'the filter names the field and its index');
    delete filter[key];
    walkFilter(plan, model, filter, 'any');
    putFilter(plan, node, index, filter, value);
    return { where: filter, field: key, column: index.column, value };
  }
  walkUnique(plan, model, where);
  return null;
}

function walkFilter(plan: Plan, model: CompiledModel, where: unknown, purpose: Purpose): void {
  if (!model.reaches || !isDictionary(where)) return;
  for (const [key, value] of Object.entries(where)) {
    const node = model.fields.get(key);
    if (isAbsent(value)) continue;
    if (COMBINATORS.includes(key)) walkWhere(plan, model, value);
    else if (node?.kind === 'relation') walkRelationFilter(plan, node, value);
    else if (node?.kind === 'encrypted') walkEncrypted(plan, node, where, value, purpose);
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

/** Fields whose combinations rows are told apart by, an encrypted one by its index. */
export function distinctFields(model: CompiledModel, fields: unknown): string[] {
  return itemsOf(fields).map((field) => {
    const node = model.fields.get(String(field));
    return node?.kind === 'encrypted' ? exactIndex(node, 'distinct').spec.column : String(field);
  });
}

/**
 * An index whose terms are equal exactly when the values are.
 *
 * @throws ERR_UNSUPPORTED_FILTER when there is none, or not every row has a term yet
 */
export function exactIndex(node: EncryptedNode, argument: string): IndexNode {
  const index = node.indexes.find(({ spec }) => spec.normalize.length === 0);
  if (index !== undefined && node.mode !== 'migrating') return index;
  const hint = 'It needs an index without normalisers, with a term in every row.';
  throw unserved(node, `${argument} cannot be served on this encrypted field`, hint);
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
    if (node.mode === 'migrating') throw unserved(node, MIGRATING, MIGRATING_HINT);
    delete value[key];
    putTerm(plan, node, index.spec, value, operand);
  }
}

function walkEncrypted(plan: Plan, node: EncryptedNode, where: Dictionary, filter: unknown, purpose: Purpose): void {
  if (node.list) checkListFilter(node, filter);
  else if (isNullTest(filter))
    putNullTest(node, where, filter); // NULL is stored as NULL
  else if (node.mode === 'migrating' && purpose === 'any') addIndex(plan, node, where, filter);
  else {
    if (node.mode === 'migrating') throw unserved(node, MIGRATING, MIGRATING_HINT);
    moveToIndex(plan, node, where, filter, chooseIndex(node, filter, purpose === 'unique').spec);
  }
}

/** Json over a column of another type: NULL is DbNull to the caller and null to the column; the null of JSON is a cell, which nothing finds. */
function putNullTest(node: EncryptedNode, parent: Dictionary, filter: unknown, key: string = node.spec.field): void {
  const { type, column } = node.spec;
  if (type !== 'Json' || column === 'Json') return;
  for (const [operator, operand] of entriesOf(filter)) putNullTest(node, filter as Dictionary, operand, operator);
  if (filter === null || !isNull(filter)) return;
  if (!isDbNull(filter)) throw unserved(node, 'the null of JSON is encrypted and cannot be searched');
  parent[key] = null;
}

/** Takes the filter of an encrypted field out and puts one on its index column in. */
function moveToIndex(plan: Plan, node: EncryptedNode, where: Dictionary, filter: unknown, index: IndexSpec): void {
  const free = isAbsent(where[index.column]);
  const target: Dictionary = free ? where : {};
  delete where[node.spec.field];
  putFilter(plan, node, index, target, filter);
  if (!free) addToAnd(where, target);
}

/**
 * While a field is being migrated some rows have plaintext and no term: a filter finds those by the column itself. Only an index without
 * normalisers means the same as the column.
 */
function addIndex(plan: Plan, node: EncryptedNode, where: Dictionary, filter: unknown): void {
  const { field, type } = node.spec;
  checkOperators(node, filter);
  const exact = node.indexes.find(({ spec }) => spec.normalize.length === 0);
  if (exact === undefined || type !== node.spec.column || mentionsMode(filter))
    throw unserved(node, MIGRATING, MIGRATING_HINT);
  const encrypted: Dictionary = {};
  putFilter(plan, node, exact.spec, encrypted, filter);
  delete where[field];
  const column = exact.spec.column;
  // The test for NULL makes the first part false, and not unknown, for plaintext: a NOT around it has to find those rows.
  addToAnd(where, {
    OR: [
      { [column]: { not: null }, AND: [encrypted] },
      { [column]: null, [field]: filter },
    ],
  });
}

function addToAnd(where: Dictionary, filter: Dictionary): void {
  where['AND'] = [...(isAbsent(where['AND']) ? [] : itemsOf(where['AND'])), filter];
}

function putFilter(plan: Plan, node: EncryptedNode, index: IndexSpec, target: Dictionary, filter: unknown): void {
  if (isDictionary(filter)) target[index.column] = operators(plan, node, index, filter);
  else putTerm(plan, node, index, target, filter);
}

/** Puts the term of `operand` into the index column; NULL stays NULL. */
function putTerm(plan: Plan, node: EncryptedNode, index: IndexSpec, parent: Dictionary, operand: unknown): void {
  parent[index.column] = operand;
  if (!isNull(operand)) plan.index(parent, index.column, node, index, operand);
}

/** Whether a list is empty or NULL can be told from ciphertext, and nothing else. */
function checkListFilter(node: EncryptedNode, filter: unknown): void {
  const served =
    isNull(filter) ||
    entriesOf(filter).every(
      ([operator, operand]) =>
        LIST_OPERATORS.includes(operator) ||
        isAbsent(operand) ||
        (operator === 'equals' && (isNull(operand) || isEmptyList(operand))),
    );
  if (served && (isNull(filter) || isDictionary(filter) || isEmptyList(filter))) return;
  const hint = 'isEmpty is served on an encrypted list. Filter in the application after reading.';
  throw unserved(node, 'the elements of an encrypted list cannot be searched', hint);
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function mentionsMode(filter: unknown): boolean {
  return entriesOf(filter).some(([key, value]) => (key === 'mode' ? value === 'insensitive' : mentionsMode(value)));
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
        if (!isNull(item)) plan.index(terms, at, node, index, item);
      });
      moved[operator] = terms;
    } else {
      moved[operator] = operand;
      if (!isNull(operand)) plan.index(moved, operator, node, index, operand);
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
  const { type } = node.spec;
  const typed = (type === 'DateTime' && operand instanceof Date) || (type === 'Decimal' && isDecimal(operand));
  if (!scalar && !typed) throw unserved(node, 'the operand of a filter is not a value');
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
