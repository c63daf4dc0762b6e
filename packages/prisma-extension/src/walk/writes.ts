/**
 * Written data: values become cells, index columns follow their fields, and nested writes are walked to any depth.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, RelationNode } from '../schema/compiled-schema.ts';
import { SCALAR } from '../search/leaf.ts';
import { identityOfCreated, identityOfFiltered, type RowIdentity, refuseBoundWrites } from './binding.ts';
import { walkUnique, walkWhere } from './filters.ts';
import { NESTED_WRITES, type NestedWrite, type Rule, SCALAR_UPDATES } from './grammar.ts';
import { indexWritten, type WriteKind, walkIndexes } from './index-writes.ts';
import { isPlaintext, writePlaintext } from './plaintext.ts';
import type { Plan } from './plan.ts';
import { ScopeFrame } from './scope-frame.ts';
import {
  changedFrame,
  confineNamed,
  createdFrame,
  refuseScopeChange,
  refuseSourceWrites,
  refuseTakenIn,
  sourceScope,
} from './scope-writes.ts';
import { isStoredNull, toCipher } from './typed-value.ts';
import { entriesOf, isAbsent, isDictionary, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/**
 * Data of one new row or a list of such. Changed in place.
 *
 * @param bulk - whether one statement writes them all, which cannot write rows of other tables
 */
export function walkCreate(plan: Plan, model: CompiledModel, data: unknown, bulk = false): void {
  const around = plan.frame;
  for (const row of itemsOf(data)) {
    if (!model.reaches || !isDictionary(row)) continue;
    const frame = createdFrame(plan.surroundings, model, row, around);
    plan.within(frame, () => walkRow(plan, model, row, identityOfCreated(model, row), { creates: true, bulk }));
  }
}

/**
 * Changes of the row, or the rows, that the `where` beside them names. Changed in place.
 *
 * @param parts - what holds the filter as `where`, or nothing yet
 * @param bulk - whether one statement changes them all
 */
export function walkUpdate(plan: Plan, model: CompiledModel, data: unknown, parts: Dictionary, bulk = false): void {
  if (!model.reaches || !isDictionary(data)) return;
  refuseBoundWrites(model, data);
  refuseSourceWrites(model, data);
  const { frame, confineRows } = changedFrame(plan, model, parts);
  refuseScopeChange(frame, data);
  plan.within(frame, () =>
    walkRow(plan, model, data, identityOfFiltered(model, parts['where']), { creates: false, bulk }, parts),
  );
  confineRows();
}

/** @param parts - what holds the filter of a row that is updated */
function walkRow(
  plan: Plan,
  model: CompiledModel,
  data: Dictionary,
  row: RowIdentity,
  kind: WriteKind,
  parts?: Dictionary,
): void {
  refuseHandWrittenTerms(model, data);
  for (const [key, value] of Object.entries(data)) {
    const node = model.fields.get(key);
    if (isAbsent(value)) continue;
    if (node?.kind === 'encrypted') walkField(plan, node, data, value, row);
    else if (node?.kind === 'relation') walkBehind(plan, model, node, data, value, parts);
    else if (!model.types.has(key)) throw unknownPart(model, `the field ${key}`);
  }
  walkIndexes(plan, model, data, kind);
}

/** Nested writes, in the scope that this row gives to those behind the relation. */
function walkBehind(
  plan: Plan,
  model: CompiledModel,
  node: RelationNode,
  data: Dictionary,
  writes: unknown,
  parts: Dictionary | undefined,
): void {
  if (!node.model.reaches) return;
  const given = node.scopeOf === null ? undefined : sourceScope(plan, model, node.scopeOf, data, parts);
  const frame = new ScopeFrame(node.model, 'relation', given, plan.surroundings);
  plan.within(frame, () => walkNestedWrites(plan, node, writes));
}

/** Refuses terms that did not come from the field's value, and anything in a table of terms. */
function refuseHandWrittenTerms(model: CompiledModel, data: Dictionary): void {
  const given = Object.keys(data).filter((key) => !isAbsent(data[key]));
  if (model.termField !== null && given.length > 0) throw indexWritten(model, model.termField);
  const terms = given.find((key) => {
    const node = model.fields.get(key);
    return node?.kind === 'index' || (node?.kind === 'relation' && node.terms !== null);
  });
  if (terms !== undefined) throw indexWritten(model, terms);
}

function walkField(plan: Plan, node: EncryptedNode, data: Dictionary, value: unknown, row: RowIdentity): void {
  const { field, model, column, type } = node.spec;
  if (node.mode === 'readonly')
    throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', 'the field is read-only (mode: readonly)', { model, field });
  const wrapped = (type !== 'Json' || node.list) && isDictionary(value); // JSON is opaque: { set } is a value
  const [parent, key] = wrapped ? [value, updateOperator(node, value)] : [data, field];
  const written = wrapped ? value[key] : value;
  if (isAbsent(written)) return;
  if (node.list) {
    walkList(plan, node, parent, key, written, row);
    return;
  }
  if (isStoredNull(node, written))
    parent[key] = written === null || column === 'Json' ? written : null; // DbNull is for Json columns
  else putValue(plan, node, parent, key, written, row);
}

/** Puts the cell of a value into its place, or while a field leaves encryption the value itself. */
function putValue(
  plan: Plan,
  node: EncryptedNode,
  parent: object,
  key: string | number,
  value: unknown,
  row: RowIdentity,
): void {
  if (!node.leaving) {
    plan.encrypt(parent, key, node, value, row);
    return;
  }
  const stored = writePlaintext(node.spec, toCipher(node, value));
  if (!isPlaintext(node, stored)) {
    const { model, field } = node.spec;
    const hint = 'Until the annotation is gone it would be taken for a damaged cell.';
    throw new FieldsealError('ERR_VALUE', 'a value that begins as a cell does cannot be stored in plaintext', {
      model,
      field,
      hint,
    });
  }
  (parent as Record<string | number, unknown>)[key] = stored;
}

/** The elements of a list that is written, or of those that are pushed to it. */
function walkList(
  plan: Plan,
  node: EncryptedNode,
  parent: Dictionary,
  key: string,
  written: unknown,
  row: RowIdentity,
): void {
  const { column, type, model, field } = node.spec;
  if (key === 'push' && (column !== 'String' || type === 'Json')) {
    // Prisma 7.10 pushes an array of JSON as one element, and stores the base64 text of bytes in an array.
    if (column === 'Bytes' && Array.isArray(written))
      throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', 'several Bytes cannot be pushed at once', {
        model,
        field,
        hint: 'Push them one by one, or write the whole list.',
      });
    putValue(plan, node, parent, key, written, row);
    return;
  }
  const elements = [...itemsOf(written)];
  parent[key] = elements;
  elements.forEach((element, at) => {
    // A null inside a list of JSON is JSON's; Prisma refuses it elsewhere, and an undefined everywhere.
    const json = node.spec.type === 'Json' && element === null;
    if (json || !(isAbsent(element) || isStoredNull(node, element))) putValue(plan, node, elements, at, element, row);
  });
}

/** The operator of an update that is an object: `set`, and `push` of lists. Others would change ciphertext. */
function updateOperator({ spec, list }: EncryptedNode, value: Dictionary): string {
  const served = list ? ['set', 'push'] : ['set'];
  const { model, field } = spec;
  const given = Object.keys(value).filter((operator) => !isAbsent(value[operator]));
  const other = given.find((operator) => !served.includes(operator)) ?? given[1];
  if (other === undefined) return given[0] ?? 'set';
  throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', `${other} cannot change an encrypted field`, {
    model,
    field,
    hint: 'Write the new value itself.',
  });
}

function walkNestedWrites(plan: Plan, relation: RelationNode, writes: unknown): void {
  const { model } = relation;
  if (!model.reaches) return;
  for (const [operation, value] of entriesOf(writes)) {
    if (isAbsent(value)) continue;
    const shape = Object.hasOwn(NESTED_WRITES, operation) ? NESTED_WRITES[operation] : undefined;
    if (shape === undefined) throw unknownPart(model, `the nested write ${operation}`);
    confineNamed(plan, relation, operation, writes as Dictionary);
    for (const item of itemsOf((writes as Dictionary)[operation]))
      plan.later(() => walkNestedWrite(plan, relation, shape, operation, item));
  }
}

function walkNestedWrite(
  plan: Plan,
  relation: RelationNode,
  shape: NestedWrite,
  operation: string,
  item: unknown,
): void {
  if (!isDictionary(item)) return; // disconnect: true, delete: true
  if (relation.scopeOf !== null) refuseTakenIn(plan, relation.model, operation, item);
  if (typeof shape === 'string') walkRule(plan, relation, shape, item, {});
  else if (operation === 'update' && !relation.list && isBareUpdate(relation.model, item))
    walkBareUpdate(plan, relation.model, item);
  else {
    for (const [key, value] of Object.entries(item)) {
      const rule = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (rule === undefined) throw unknownPart(relation.model, `the part ${key} of the nested write ${operation}`);
      walkRule(plan, relation, rule, value, item);
    }
  }
}

/** The update of a to-one relation without a filter: it gets one where its row may have to be confined to a scope. */
function walkBareUpdate(plan: Plan, model: CompiledModel, item: Dictionary): void {
  if (model.scope === null) {
    walkUpdate(plan, model, item, {});
    return;
  }
  // Moved before it is walked: cells go into the object that the walk has seen.
  const parts: Dictionary = { where: {}, data: { ...item } };
  for (const key of Object.keys(item)) delete item[key];
  walkUpdate(plan, model, parts['data'], parts);
  Object.assign(item, parts);
}

/**
 * Whether the update of a to-one relation is the data itself, without `{ where, data }` around it. A model may have fields of these names;
 * Prisma then tells the two forms apart by types, and so far as that can be done here it is.
 *
 * @throws ERR_UNSUPPORTED_OPERATION where it cannot
 */
function isBareUpdate(model: CompiledModel, item: Dictionary): boolean {
  const { data } = item;
  const type = model.types.get('data');
  const whereIsField = model.types.has('where');
  if (Object.keys(item).some((key) => key !== 'where' && key !== 'data'))
    return !('data' in item && 'where' in item && !whereIsField);
  if ('where' in item && !whereIsField) return false;
  if (!('data' in item)) return true;
  if (type === undefined) return false;
  if (!isDictionary(data)) return true;
  if (type !== 'Json' && !model.fields.has('data'))
    return Object.keys(data).every((key) => SCALAR_UPDATES.includes(key) && !model.types.has(key));
  throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', 'an update that could be the field or the part called data', {
    model: model.name,
    field: 'data',
    hint: 'Write it as { where: {}, data: { … } }.',
  });
}

function walkRule(plan: Plan, { model, list }: RelationNode, rule: Rule, value: unknown, parts: Dictionary): void {
  if (rule === 'create' || rule === 'createMany') walkCreate(plan, model, value, rule === 'createMany');
  else if (rule === 'update' || rule === 'updateMany') walkUpdate(plan, model, value, parts, rule === 'updateMany');
  else if (rule === 'unique' || (rule === 'target' && list)) walkUnique(plan, model, value);
  else if (rule === 'where') walkWhere(plan, model, value, SCALAR);
  else if (rule === 'target') walkWhere(plan, model, value);
}

function unknownPart(model: CompiledModel, what: string): FieldsealError {
  return new FieldsealError('ERR_UNSUPPORTED_OPERATION', `${what} is unknown`, {
    model: model.name,
    hint: 'Check its spelling; what Fieldseal does not know could carry plaintext.',
  });
}
