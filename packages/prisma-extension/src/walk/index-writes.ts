/**
 * Terms beside written values: the columns and tables of indexes follow their fields.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { CompiledModel, EncryptedNode, IndexNode } from '../schema/compiled-schema.ts';
import type { Plan } from './plan.ts';
import { isStoredNull, toCipher } from './typed-value.ts';
import { isAbsent, isDictionary } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** The error of terms that are written by hand. Terms are ours alone: others would make searches lie. */
export function indexWritten({ name }: CompiledModel, field: string): FieldsealError {
  return new FieldsealError('ERR_INDEX_WRITTEN', 'an index column cannot be written by hand', { model: name, field });
}

/** What a write does: to a new row or one that is there, and whether several rows get it in one statement. */
export interface WriteKind {
  readonly creates: boolean;
  readonly bulk: boolean;
}

/**
 * Puts the terms of all indexes whose fields are written into `data`. A NULL takes them away, and so does a value of a field that leaves encryption.
 *
 * @throws ERR_UNSUPPORTED_OPERATION where they cannot be kept right: an update that gives some fields of an index over several, and
 * statements on several rows where terms have a table of their own; ERR_VALUE for a value that is not of its field's type
 */
export function walkIndexes(plan: Plan, model: CompiledModel, data: Dictionary, kind: WriteKind): void {
  for (const [field, node] of model.encrypted) {
    if (node.list || isAbsent(writtenValue(node, data[field]))) continue;
    for (const index of node.indexes) writeTerms(plan, index, data, [givenValue(node, data[field])], kind);
  }
  for (const index of model.compoundIndexes) walkCompound(plan, model, index, data, kind);
}

function walkCompound(plan: Plan, model: CompiledModel, index: IndexNode, data: Dictionary, kind: WriteKind): void {
  const values = index.spec.sources.map(({ field }) => {
    const node = model.fields.get(field) as EncryptedNode;
    return isAbsent(writtenValue(node, data[field])) ? undefined : givenValue(node, data[field]);
  });
  if (values.every((value) => value === undefined)) return;
  if (values.includes(null) || !values.includes(undefined)) {
    writeTerms(plan, index, data, values.includes(null) ? [null] : values, kind);
    return;
  }
  if (kind.creates) return; // what is left out is NULL, and so is the term
  const names = index.spec.sources.map(({ field }) => field).join(', ');
  throw new FieldsealError(
    'ERR_UNSUPPORTED_OPERATION',
    'an update gives some of the fields of an index and not others',
    {
      model: model.name,
      field: index.spec.column,
      hint: `Its term is made of all of them: write ${names} together.`,
    },
  );
}

function writeTerms(plan: Plan, index: IndexNode, data: Dictionary, values: readonly unknown[], kind: WriteKind): void {
  if (index.child !== null) writeTable(plan, index, index.child, data, values, kind);
  else plan.store(data, index, values);
}

/** Terms that have a table of their own are taken out and written anew, in the statement tree of the write itself. */
function writeTable(
  plan: Plan,
  index: IndexNode,
  child: string,
  data: Dictionary,
  values: readonly unknown[],
  { creates, bulk }: WriteKind,
): void {
  if (bulk)
    throw new FieldsealError(
      'ERR_UNSUPPORTED_OPERATION',
      'the terms of an index in a table of its own are written row by row',
      {
        model: index.spec.model,
        field: index.spec.sources[0].field,
        hint: 'Use create or update for each row, in a transaction.',
      },
    );
  const write: Dictionary = creates ? {} : { deleteMany: {} };
  data[index.spec.column] = write;
  if (values.includes(null)) return;
  plan.storeRows(write, index, child, values);
}

/** The value that a write gives a field: the value itself, or that of `{ set }`. */
function writtenValue({ spec }: EncryptedNode, given: unknown): unknown {
  return spec.type !== 'Json' && isDictionary(given) ? given['set'] : given;
}

/** The value whose terms are stored, as the cipher takes it; null for NULL, and for a field that leaves encryption. */
function givenValue(node: EncryptedNode, given: unknown): unknown {
  const value = writtenValue(node, given);
  return node.leaving || isStoredNull(node, value) ? null : toCipher(node, value);
}
