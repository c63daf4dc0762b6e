/**
 * Row binding: the values that tie a cell to its row. They have to be known before the row is written, and are read with it.
 *
 * @module
 */
import { type BoundColumn, canonicalText, FieldsealError, isFieldsealError } from '@fieldseal/core';
import { makeId } from '../id-default.ts';
import type { CompiledModel, EncryptedNode } from '../schema/compiled-schema.ts';
import type { BoundFieldMap } from '../schema/schema-map.ts';
import { isAbsent, isDictionary } from './value-kind.ts';

type Dictionary = Record<string, unknown>;

/** Canonical text of the bound fields of one row, as far as they are known. */
export type RowIdentity = ReadonlyMap<string, string>;

/** Texts for which a comparison that folds case, accents or trailing spaces is the same as an exact one. */
const SPELLINGS: Readonly<Record<BoundFieldMap['spelling'], RegExp>> = {
  any: /^[^\0]*$/, // a text may be cut at U+0000 on its way to the database
  lower: /^[0-9a-z_-]+$/,
  uuid: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
};

/** Identity of a row that is going to be created. Ids that Prisma would make by default are made here and put into `data`. */
export function identityOfCreated(model: CompiledModel, data: Dictionary): RowIdentity {
  for (const [field, { make }] of model.bound) {
    if (isAbsent(data[field]) && make !== null) data[field] = makeId(make);
  }
  return identityOfGiven(model, data);
}

/** Identity of a row of which the caller gives the bound fields. */
export function identityOfGiven(model: CompiledModel, row: Readonly<Dictionary>): RowIdentity {
  const given = [...model.bound].filter(([field]) => !isAbsent(row[field]) && row[field] !== null);
  return new Map(given.map(([field, map]) => [field, boundText(model, field, map, row[field])]));
}

/** Identity of the row that a filter names: by equality, at its top or in a compound constraint. */
export function identityOfFiltered(model: CompiledModel, where: unknown): RowIdentity {
  const known = new Map<string, string>();
  if (model.bound.size === 0 || !isDictionary(where)) return known;
  const parts = [where, ...[...model.compounds.keys()].map((name) => where[name]).filter(isDictionary)];
  for (const [field, map] of model.bound) {
    for (const part of parts) {
      const value = equalTo(part[field]);
      if (value !== undefined) known.set(field, boundText(model, field, map, value));
    }
  }
  return known;
}

/**
 * Refuses to change what cells of the same row are bound to: they would not open any more.
 *
 * @throws ERR_BINDING
 */
export function refuseBoundWrites(model: CompiledModel, data: Dictionary): void {
  for (const field of model.bound.keys()) {
    if (isAbsent(data[field])) continue;
    throw new FieldsealError('ERR_BINDING', 'a field that cells are bound to cannot be changed', {
      model: model.name,
      field,
      hint: 'Create a new row with the values instead, and delete this one.',
    });
  }
}

/**
 * What a cell of the row is bound to, or null for a field that is not bound.
 *
 * @throws ERR_BINDING when the row is not known well enough
 */
export function bindingOf({ spec, bind }: EncryptedNode, row: RowIdentity): readonly BoundColumn[] | null {
  if (bind.length === 0) return null;
  return bind.map(([bound]) => {
    const text = row.get(bound);
    if (text !== undefined) return [bound, text];
    throw new FieldsealError('ERR_BINDING', `the value of ${bound}, which the cell is bound to, is not known`, spec);
  });
}

/**
 * What a cell of a row that was read is bound to.
 *
 * @throws ERR_BINDING when the row lacks a bound field, as where another extension took it out
 */
export function bindingOfRow({ spec, bind }: EncryptedNode, row: Dictionary): readonly BoundColumn[] | null {
  if (bind.length === 0) return null;
  return bind.map(([bound, { type }]) => {
    const value = row[bound];
    if (value !== undefined && value !== null) return [bound, canonicalText(type, value)];
    throw new FieldsealError('ERR_BINDING', `the row came without ${bound}, which its cell is bound to`, {
      model: spec.model,
      field: spec.field,
      hint: 'Read the bound fields with the encrypted one.',
    });
  });
}

/** Fields that have to be read to open the cells of a field: it, those that they are bound to, and the one that names their scope. */
export function cellFields({ scope }: CompiledModel, { spec, bind }: EncryptedNode): string[] {
  return [spec.field, ...bind.map(([bound]) => bound), ...(scope === null ? [] : [scope.field])];
}

/** The operand of an equality filter: the value itself or `{ equals }` alone; undefined for another filter. */
export function equalTo(filter: unknown): unknown {
  if (!isDictionary(filter)) return isAbsent(filter) || filter === null ? undefined : filter;
  const given = Object.entries(filter).filter(([, operand]) => !isAbsent(operand));
  return given.length === 1 && given[0]?.[0] === 'equals' && given[0][1] !== null ? given[0][1] : undefined;
}

/**
 * The one text of a value of a field that cells depend on.
 *
 * @throws ERR_BINDING where the database may find it under another, ERR_VALUE for a value of another type
 */
export function boundText(
  model: CompiledModel,
  field: string,
  { type, spelling }: BoundFieldMap,
  value: unknown,
): string {
  try {
    const text = canonicalText(type, value);
    if (SPELLINGS[spelling].test(text)) return text;
  } catch (error) {
    throw isFieldsealError(error) ? error.at({ model: model.name, field }) : error;
  }
  throw new FieldsealError('ERR_BINDING', 'the database may find this value under another spelling', {
    model: model.name,
    field,
    hint:
      spelling === 'uuid'
        ? 'Write the UUID in lower case, in five groups.'
        : 'It holds U+0000, or its comparison folds case: then use ids of small letters, digits, - and _ only.',
  });
}
