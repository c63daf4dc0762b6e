/**
 * Written data: values become cells, index columns follow their fields, and nested writes are walked to any depth.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode } from '../schema/compiled-schema.ts';
import { walkWhere } from './filters.ts';
import { NESTED_WRITES, type NestedWrite, type Rule } from './grammar.ts';
import type { Plan } from './plan.ts';
import { isAbsent, isDictionary, isNull, itemsOf } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** Data of one row or a list of rows. Changed in place. */
export function walkData(plan: Plan, model: CompiledModel, data: unknown): void {
  for (const row of itemsOf(data)) walkRow(plan, model, row);
}

function walkRow(plan: Plan, model: CompiledModel, data: unknown): void {
  if (!model.reaches || !isDictionary(data)) return;
  refuseHandWrittenTerms(model, data);
  for (const [key, value] of Object.entries(data)) {
    const node = model.fields.get(key);
    if (isAbsent(value) || node === undefined) continue;
    if (node.kind === 'encrypted') walkValue(plan, node, data, key, value);
    else if (node.kind === 'relation') walkNestedWrites(plan, node.model, value);
  }
}

/** Terms are ours alone: one that did not come from the field's value would make searches lie. */
function refuseHandWrittenTerms(model: CompiledModel, data: Dictionary): void {
  for (const [key, value] of Object.entries(data)) {
    if (isAbsent(value) || model.fields.get(key)?.kind !== 'index') continue;
    throw new FieldsealError('ERR_INDEX_WRITTEN', 'an index column cannot be written by hand', {
      model: model.name,
      field: key,
    });
  }
}

function walkValue(plan: Plan, node: EncryptedNode, data: Dictionary, field: string, value: unknown): void {
  const wrapped = node.spec.column !== 'Json' && isDictionary(value); // Json has no { set }
  if (wrapped) refuseOtherThanSet(node, value);
  const written = wrapped ? value['set'] : value;
  if (isAbsent(written)) return;
  const empty = isNull(written);
  if (!empty && wrapped) plan.encrypt(value, 'set', node.spec, written);
  if (!empty && !wrapped) plan.encrypt(data, field, node.spec, written);
  for (const { spec } of node.indexes) {
    data[spec.column] = null;
    if (!empty) plan.index(data, spec.column, spec, written);
  }
}

function refuseOtherThanSet({ spec }: EncryptedNode, value: Dictionary): void {
  const other = Object.keys(value).find((operator) => operator !== 'set');
  if (other === undefined) return;
  const { model, field } = spec;
  throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', `${other} cannot change an encrypted field`, {
    model,
    field,
    hint: 'Write the new value itself.',
  });
}

function walkNestedWrites(plan: Plan, model: CompiledModel, writes: unknown): void {
  if (!model.reaches || !isDictionary(writes)) return;
  for (const [operation, value] of Object.entries(writes)) {
    if (isAbsent(value)) continue;
    const shape = Object.hasOwn(NESTED_WRITES, operation) ? NESTED_WRITES[operation] : undefined;
    if (shape === undefined) {
      throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', `the nested write ${operation} is unknown`, {
        model: model.name,
      });
    }
    for (const item of itemsOf(value)) walkNestedWrite(plan, model, shape, operation, item);
  }
}

function walkNestedWrite(plan: Plan, model: CompiledModel, shape: NestedWrite, operation: string, item: unknown): void {
  if (!isDictionary(item)) return; // disconnect: true, delete: true
  if (typeof shape === 'string') {
    walkRule(plan, model, shape, item);
    return;
  }
  // The update of a to-one relation may be the data itself, without { where, data } around it.
  if (operation === 'update' && !isWrappedUpdate(model, item)) {
    walkData(plan, model, item);
    return;
  }
  for (const [key, value] of Object.entries(item)) {
    const rule = Object.hasOwn(shape, key) ? shape[key] : undefined;
    if (rule !== undefined) walkRule(plan, model, rule, value);
    else if (!isAbsent(value)) {
      throw new FieldsealError(
        'ERR_UNSUPPORTED_OPERATION',
        `the nested write ${operation} has the unknown part ${key}`,
        { model: model.name },
      );
    }
  }
}

function isWrappedUpdate(model: CompiledModel, item: Dictionary): boolean {
  return (
    isDictionary(item['data']) &&
    Object.keys(item).every((key) => key === 'where' || key === 'data') &&
    !model.columns.has('data')
  );
}

function walkRule(plan: Plan, model: CompiledModel, rule: Rule, value: unknown): void {
  if (rule === 'data') walkData(plan, model, value);
  else if (rule === 'where' || rule === 'unique') walkWhere(plan, model, value);
}
