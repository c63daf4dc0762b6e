/**
 * From a parsed schema to the schema map, with every rule that can be checked before a query runs.
 *
 * @module
 */
import {
  type ColumnType,
  type FieldsealError,
  MAX_PAD,
  NORMALIZER_NAMES,
  type NormalizerName,
  type ValueType,
} from '@fieldseal/core';
import { type Annotation, parseAnnotations, schemaError } from './annotation.ts';
import { checkCellColumn, checkTermColumn } from './column-size.ts';
import type {
  EncryptedFieldMap,
  IndexMap,
  ModelMap,
  ParsedField,
  ParsedModel,
  ParsedSchema,
  SchemaMap,
} from './schema-map.ts';

/** Column types that can hold cells, with the type of value that they hold. */
const COLUMNS: Readonly<Record<ColumnType, ValueType>> = { String: 'String', Bytes: 'Bytes', Json: 'Json' };

/** Arguments that a later version will serve. They are refused rather than ignored. */
const NOT_YET = { encrypted: ['type', 'bind', 'mode'], blindIndex: ['kind'] } as const;

/** Bits of a term unless the annotation says otherwise. */
const DEFAULT_BITS = 128;
/** Shorter terms collide, and an equality search would then return a row that does not match. */
const MIN_BITS = 96;
const MAX_BITS = 256;

interface Annotated {
  readonly field: ParsedField;
  readonly encrypted: Annotation | undefined;
  readonly index: Annotation | undefined;
}

/**
 * Builds and checks the schema map.
 *
 * @throws ERR_SCHEMA with model and field for the first annotation that cannot be served
 */
export function buildSchemaMap({ provider, models }: ParsedSchema): SchemaMap {
  const referenced = new Set(models.flatMap((model) => model.fields.flatMap((field) => referencedBy(model, field))));
  const contexts = new Map<string, string>();
  const entries = models.map((model): [string, ModelMap] => {
    const map = modelMap(model, provider, referenced);
    for (const [field, { context }] of Object.entries(map.encrypted)) {
      const name = `${context.model}.${context.field}`;
      const other = contexts.get(name);
      if (other !== undefined)
        throw schemaError(`the stable name "${name}" is used by ${other} too`, { model: model.name, field });
      contexts.set(name, `${model.name}.${field}`);
    }
    return [model.name, map];
  });
  return { format: 'fieldseal-schema/1', models: Object.fromEntries(entries) };
}

function modelMap(model: ParsedModel, provider: string, referenced: ReadonlySet<string>): ModelMap {
  if (parseAnnotations(model.documentation, { model: model.name }).length > 0) {
    throw schemaError('an annotation stands on the model; put it on a field', { model: model.name });
  }
  const annotated = model.fields.map((field) => annotate(model, field));
  const encrypted: Record<string, EncryptedFieldMap> = {};
  const indexes: Record<string, IndexMap> = {};
  for (const entry of annotated) {
    if (entry.encrypted !== undefined)
      encrypted[entry.field.name] = encryptedField(model, entry.field, entry.encrypted, provider, referenced);
  }
  for (const entry of annotated) {
    if (entry.index !== undefined)
      indexes[entry.field.name] = index(model, entry.field, entry.index, encrypted, referenced);
  }
  refuseSharedNames(model, indexes);
  for (const { field } of annotated) {
    if (
      field.unique &&
      Object.hasOwn(encrypted, field.name) &&
      !Object.values(indexes).some((map) => map.of === field.name && map.unique)
    ) {
      throw schemaError('@unique on ciphertext enforces nothing; put it on a @blindIndex column of this field', {
        model: model.name,
        field: field.name,
      });
    }
  }
  return {
    fields: Object.fromEntries(model.fields.map((field) => [field.name, `${field.type}${field.list ? '[]' : ''}`])),
    encrypted,
    indexes,
    compounds: Object.fromEntries(model.compounds.map((compound) => [compound.name, compound.fields])),
  };
}

/** Two indexes under one name would have one key, and equal terms in both columns would show. */
function refuseSharedNames(model: ParsedModel, indexes: Readonly<Record<string, IndexMap>>): void {
  const names = new Set<string>();
  for (const [field, { of, name }] of Object.entries(indexes)) {
    if (names.has(`${of} ${name}`))
      throw schemaError(`two indexes of ${of} have the name "${name}"`, { model: model.name, field });
    names.add(`${of} ${name}`);
  }
}

function annotate(model: ParsedModel, field: ParsedField): Annotated {
  const place = { model: model.name, field: field.name };
  const annotations = parseAnnotations(field.documentation, place);
  if (annotations.some(({ name }) => name === 'scope'))
    throw schemaError('@scope is not supported by this version', place);
  if (annotations.length > 1) throw schemaError('a field has one annotation at most', place);
  const [annotation] = annotations;
  for (const argument of annotation === undefined ? [] : NOT_YET[annotation.name as keyof typeof NOT_YET]) {
    if (argument in (annotation?.args ?? {}))
      throw schemaError(`the argument ${argument} is not supported by this version`, place);
  }
  const of = (name: Annotation['name']) => (annotation?.name === name ? annotation : undefined);
  return { field, encrypted: of('encrypted'), index: of('blindIndex') };
}

function encryptedField(
  model: ParsedModel,
  field: ParsedField,
  { args }: Annotation,
  provider: string,
  referenced: ReadonlySet<string>,
): EncryptedFieldMap {
  const refuse = refuser(model, field);
  const column = field.kind === 'scalar' && Object.hasOwn(COLUMNS, field.type) ? (field.type as ColumnType) : undefined;
  if (column === undefined)
    throw refuse(
      `@encrypted needs a String, Bytes or Json column, and this is ${field.kind === 'object' ? 'a relation' : field.type}`,
    );
  if (field.list) throw refuse('lists cannot be encrypted by this version');
  checkPlain(model, field, referenced, refuse);
  const compound = model.compounds.find(({ fields }) => fields.includes(field.name));
  if (compound !== undefined)
    throw refuse(`the constraint ${compound.name} holds ciphertext; use a @blindIndex column in it instead`);
  checkCellColumn(column, field.nativeType, provider, refuse);
  const { pad = null, name } = args;
  if (pad !== null && !((pad as number) >= 2 && (pad as number) <= MAX_PAD))
    throw refuse(`pad is a size in bytes from 2 to ${MAX_PAD}`);
  const [stableModel = model.name, stableField = field.name, ...rest] =
    name === undefined ? [] : String(name).split('.');
  if (
    rest.length > 0 ||
    stableModel === '' ||
    stableField === '' ||
    (name !== undefined && !String(name).includes('.'))
  ) {
    throw refuse('name is a stable name of two parts, as in "user.email"');
  }
  return {
    column,
    type: COLUMNS[column],
    pad: pad as number | null,
    context: { model: stableModel, field: stableField },
  };
}

function index(
  model: ParsedModel,
  field: ParsedField,
  { args }: Annotation,
  encrypted: ModelMap['encrypted'],
  referenced: ReadonlySet<string>,
): IndexMap {
  const refuse = refuser(model, field);
  const { of, normalize = [], bits = DEFAULT_BITS, name = field.name } = args;
  if (of === undefined) throw refuse('@blindIndex needs the field that it indexes, as in @blindIndex(of: email)');
  if (typeof of !== 'string') throw refuse('an index over several fields is not supported by this version');
  const source = Object.hasOwn(encrypted, of) ? encrypted[of] : undefined;
  const sourceField = model.fields.find((candidate) => candidate.name === of);
  if (source === undefined || sourceField === undefined)
    throw refuse(`@blindIndex(of: ${of}) names no encrypted field of this model`);
  if (source.type === 'Json') throw refuse('a Json field cannot be indexed');
  if (field.kind !== 'scalar' || field.type !== 'String' || field.list) throw refuse('an index column is a String');
  if (field.required) throw refuse('an index column is optional (String?), because only Fieldseal writes it');
  checkPlain(model, field, referenced, refuse);
  for (const normalizer of normalize as readonly string[]) {
    if (!NORMALIZER_NAMES.some((known) => known === normalizer)) {
      throw refuse(`there is no normaliser ${normalizer}; known are ${NORMALIZER_NAMES.join(', ')}`);
    }
  }
  if ((normalize as readonly string[]).lastIndexOf('nfkc') > 0)
    throw refuse('nfkc stands first: behind another normaliser it can undo what that one did');
  if (!((bits as number) >= MIN_BITS && (bits as number) <= MAX_BITS))
    throw refuse(`bits is a number from ${MIN_BITS} to ${MAX_BITS}`);
  checkTermColumn(bits as number, field.nativeType, refuse);
  return {
    of,
    name: String(name),
    normalize: normalize as readonly NormalizerName[],
    bits: bits as number,
    unique: field.unique,
  };
}

/** What neither a ciphertext nor a term can be. */
function checkPlain(model: ParsedModel, field: ParsedField, referenced: ReadonlySet<string>, refuse: Refuse): void {
  if (field.id) throw refuse('an @id cannot be encrypted or hold index terms');
  if (field.hasDefault)
    throw refuse('the database would write the @default in plaintext; set the value in the application');
  if (referenced.has(`${model.name}.${field.name}`))
    throw refuse('a field that a relation is built on cannot be encrypted or hold index terms');
}

type Refuse = (message: string) => FieldsealError;

function refuser(model: ParsedModel, field: ParsedField): Refuse {
  return (message) => schemaError(message, { model: model.name, field: field.name });
}

function referencedBy(model: ParsedModel, field: ParsedField): string[] {
  return [
    ...field.relationFrom.map((name) => `${model.name}.${name}`),
    ...field.relationTo.map((name) => `${field.type}.${name}`),
  ];
}
