/**
 * From a parsed schema to the schema map, with every rule that can be checked before a query runs.
 *
 * @module
 */
import { type ColumnType, MAX_PAD, VALUE_TYPES, type ValueType } from '@fieldseal/core';
import { type Annotation, type ArgumentValue, parseAnnotations, schemaError } from './annotation.ts';
import { buildIndex, buildNext } from './build-index.ts';
import { scopeField, scopeSources } from './build-scope.ts';
import { cellLimit, checkCellColumn } from './column-size.ts';
import { checkPlain, type Refuse, refuser, type Surroundings } from './field-rules.ts';
import { boundField } from './row-field.ts';
import type {
  EncryptedFieldMap,
  FieldMode,
  IndexMap,
  ModelMap,
  ParsedField,
  ParsedModel,
  ParsedSchema,
  SchemaMap,
} from './schema-map.ts';

/** Column types that can hold cells. Unless an annotation says otherwise, the values are of the same type. */
const COLUMNS: readonly ColumnType[] = ['String', 'Bytes', 'Json'];

/** Modes that an annotation may name. */
const MODES: readonly string[] = ['migrating', 'leaving', 'readonly'];

interface Annotated {
  readonly field: ParsedField;
  readonly encrypted: Annotation | undefined;
  readonly index: Annotation | undefined;
  readonly scope: Annotation | undefined;
}

/** What one model says of itself; the rest depends on the others. */
type ModelDraft = Omit<ModelMap, 'terms' | 'scopeSources'>;

/**
 * Builds and checks the schema map.
 *
 * @throws ERR_SCHEMA with model and field for the first annotation that cannot be served
 */
export function buildSchemaMap({ provider, enums, models }: ParsedSchema): SchemaMap {
  const referenced = new Set(models.flatMap((model) => model.fields.flatMap((field) => referencedBy(model, field))));
  const contexts = new Map<string, string>();
  const entries = models.map((model): [string, ModelDraft] => {
    const map = modelMap({ model, models, provider, enums, referenced });
    for (const [field, { context }] of Object.entries(map.encrypted)) {
      const name = `${context.model}.${context.field}`;
      const other = contexts.get(name);
      if (other !== undefined)
        throw schemaError(`the stable name "${name}" is used by ${other} too`, { model: model.name, field });
      contexts.set(name, `${model.name}.${field}`);
    }
    return [model.name, map];
  });
  const terms = termColumns(models, entries);
  const sources = scopeSources({ provider, models }, entries);
  const used = new Set(entries.flatMap(([, map]) => Object.values(map.encrypted).map((field) => field.enum)));
  return {
    format: 'fieldseal-schema/1',
    enums: Object.fromEntries(Object.entries(enums).filter(([name]) => used.has(name))),
    models: Object.fromEntries(
      entries.map(([name, map]) => [
        name,
        { ...map, terms: terms.get(name) ?? {}, scopeSources: sources.get(name) ?? {} },
      ]),
    ),
  };
}

/** The columns of tables of terms, by model. */
function termColumns(
  models: readonly ParsedModel[],
  entries: readonly (readonly [string, ModelDraft])[],
): ReadonlyMap<string, ModelMap['terms']> {
  return new Map(
    entries.flatMap(([model, { indexes }]) =>
      Object.entries(indexes).flatMap(([field, { child }]) => {
        const column = models
          .find(({ name }) => name === child?.model)
          ?.fields.find(({ name }) => name === child?.field);
        if (child === null || column === undefined) return [];
        return [[child.model, { [child.field]: { dbName: column.dbName, index: { model, field } } }] as const];
      }),
    ),
  );
}

function modelMap(around: Surroundings): ModelDraft {
  const { model } = around;
  if (parseAnnotations(model.documentation, { model: model.name }).length > 0) {
    throw schemaError('an annotation stands on the model; put it on a field', { model: model.name });
  }
  const annotated = model.fields.map((field) => annotate(model, field));
  const encrypted: Record<string, EncryptedFieldMap> = {};
  const indexes: Record<string, IndexMap> = {};
  for (const entry of annotated) {
    if (entry.encrypted !== undefined)
      encrypted[entry.field.name] = encryptedField(around, entry.field, entry.encrypted);
  }
  for (const { field, index } of annotated) {
    if (index !== undefined && index.args['next'] === undefined)
      indexes[field.name] = buildIndex(around, field, index, encrypted);
  }
  refuseSharedNames(model, indexes);
  for (const [column, next] of nextColumns(around, annotated, indexes, encrypted)) {
    indexes[column] = next;
    const first = next.nextOf as string;
    indexes[first] = { ...(indexes[first] as IndexMap), next: column };
  }
  for (const { field } of annotated) {
    if (
      field.unique &&
      Object.hasOwn(encrypted, field.name) &&
      !Object.values(indexes).some(({ of, unique }) => of.length === 1 && of[0] === field.name && unique)
    ) {
      throw schemaError('@unique on ciphertext enforces nothing; put it on a @blindIndex column of this field', {
        model: model.name,
        field: field.name,
      });
    }
  }
  const bound = new Set(Object.values(encrypted).flatMap(({ bind }) => bind));
  return {
    dbName: model.dbName,
    dbSchema: model.dbSchema,
    fields: Object.fromEntries(model.fields.map((field) => [field.name, `${field.type}${field.list ? '[]' : ''}`])),
    encrypted,
    indexes,
    uniques: model.fields.flatMap(({ name, id, unique }) =>
      (id || unique) && !Object.hasOwn(encrypted, name) ? [name] : [],
    ),
    bound: Object.fromEntries(
      model.fields.flatMap((field) => (bound.has(field.name) ? [[field.name, boundField(around, field)]] : [])),
    ),
    scope: scopeField(
      around,
      annotated.flatMap(({ field, scope }) => (scope === undefined ? [] : [field])),
      Object.keys(encrypted).length > 0,
    ),
    compounds: Object.fromEntries(model.compounds.map((compound) => [compound.name, compound.fields])),
  };
}

/** The columns with `next`, of which an index has one at most. */
function nextColumns(
  around: Surroundings,
  annotated: readonly Annotated[],
  indexes: Readonly<Record<string, IndexMap>>,
  encrypted: Readonly<Record<string, EncryptedFieldMap>>,
): [string, IndexMap][] {
  const found = annotated.flatMap(({ field, index }): [string, IndexMap][] =>
    index?.args['next'] === undefined ? [] : [[field.name, buildNext(around, field, index, indexes, encrypted)]],
  );
  const second = found.find(([, { nextOf }], at) => found.findIndex(([, other]) => other.nextOf === nextOf) < at);
  if (second === undefined) return found;
  throw schemaError(`${second[1].nextOf} has another column with next`, {
    model: around.model.name,
    field: second[0],
  });
}

/** Two indexes under one name would have one key, and equal terms in both columns would show. */
function refuseSharedNames(model: ParsedModel, indexes: Readonly<Record<string, IndexMap>>): void {
  const names = new Set<string>();
  for (const [field, { of, name }] of Object.entries(indexes)) {
    const key = JSON.stringify([of, name]);
    if (names.has(key))
      throw schemaError(`two indexes of ${of.join(', ')} have the name "${name}"`, { model: model.name, field });
    names.add(key);
  }
}

function annotate(model: ParsedModel, field: ParsedField): Annotated {
  const place = { model: model.name, field: field.name };
  const annotations = parseAnnotations(field.documentation, place);
  if (annotations.length > 1) throw schemaError('a field has one annotation at most', place);
  const [annotation] = annotations;
  const of = (name: Annotation['name']) => (annotation?.name === name ? annotation : undefined);
  return { field, encrypted: of('encrypted'), index: of('blindIndex'), scope: of('scope') };
}

function encryptedField(around: Surroundings, field: ParsedField, { args }: Annotation): EncryptedFieldMap {
  const { model, provider } = around;
  const refuse = refuser(model, field);
  const column = field.kind === 'scalar' ? COLUMNS.find((known) => known === field.type) : undefined;
  if (column === undefined)
    throw refuse(
      `@encrypted needs a String, Bytes or Json column, and this is ${field.kind === 'object' ? 'a relation' : field.type}`,
    );
  checkPlain(around, field, refuse);
  const compound = model.compounds.find(({ fields }) => fields.includes(field.name));
  if (compound !== undefined)
    throw refuse(`the constraint ${compound.name} holds ciphertext; use a @blindIndex column in it instead`);
  checkCellColumn(column, field.nativeType, provider, refuse);
  const { pad = null, mode = 'strict' } = args;
  if (pad !== null && !((pad as number) >= 2 && (pad as number) <= MAX_PAD))
    throw refuse(`pad is a size in bytes from 2 to ${MAX_PAD}`);
  if (args['mode'] !== undefined && !MODES.some((known) => known === mode))
    throw refuse(`mode is ${MODES.slice(0, -1).join(', ')} or ${MODES.at(-1)}, or left out`);
  return {
    column,
    dbName: field.dbName,
    limit: cellLimit(field.nativeType, provider),
    list: field.list,
    unique: field.unique,
    ...valueType(column, args['type'], around.enums, refuse),
    mode: mode === 'leaving' ? 'migrating' : (mode as FieldMode),
    ...(mode === 'leaving' && { leaving: true }),
    bind: boundFields(around, args['bind'], refuse),
    pad: pad as number | null,
    context: stableName(model, field, args['name'], refuse),
  };
}

/** Type of the values; an enum's are its names. */
function valueType(
  column: ColumnType,
  type: ArgumentValue | undefined,
  enums: ParsedSchema['enums'],
  refuse: Refuse,
): { readonly type: ValueType; readonly enum: string | null } {
  if (type === undefined) return { type: column, enum: null };
  if (Object.hasOwn(enums, type as string)) {
    if (column === 'Json') throw refuse('an enum needs a String or Bytes column');
    return { type: 'String', enum: type as string };
  }
  const known = VALUE_TYPES.find((candidate) => candidate === type);
  if (known === undefined) throw refuse(`there is no type ${type}; known are ${VALUE_TYPES.join(', ')} and the enums`);
  if (column === 'Json' && known !== 'Json') throw refuse(`a value of type ${known} needs a String or Bytes column`);
  return { type: known, enum: null };
}

/** Names that the key is derived from. */
function stableName(
  { name: model }: ParsedModel,
  { name: field }: ParsedField,
  name: ArgumentValue | undefined,
  refuse: Refuse,
): EncryptedFieldMap['context'] {
  if (name === undefined) return { model, field };
  const [stableModel = '', stableField = '', ...rest] = String(name).split('.');
  if (rest.length > 0 || stableModel === '' || stableField === '')
    throw refuse('name is a stable name of two parts, as in "user.email"');
  return { model: stableModel, field: stableField };
}

/** Fields that a cell is bound to, in schema order. */
function boundFields({ model }: Surroundings, bind: ArgumentValue | undefined, refuse: Refuse): string[] {
  if (bind === undefined) return [];
  const names = bind as readonly string[];
  if (names.length === 0) throw refuse('bind names no field; write bind: [id], or leave it out');
  const unknown = names.find((name) => !model.fields.some((field) => field.name === name));
  if (unknown !== undefined) throw refuse(`bind names ${unknown}, which is no field of this model`);
  return model.fields.filter(({ name }) => names.includes(name)).map(({ name }) => name);
}

function referencedBy(model: ParsedModel, field: ParsedField): string[] {
  return [
    ...field.relationFrom.map((name) => `${model.name}.${name}`),
    ...field.relationTo.map((name) => `${field.type}.${name}`),
  ];
}
