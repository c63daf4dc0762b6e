/**
 * From a `@blindIndex` annotation to the index in the schema map, with every rule that can be checked before a query runs.
 *
 * @module
 */
import {
  DEFAULT_BITS,
  defineIndex,
  EXACT_BITS,
  type FieldSpec,
  type IndexKind,
  isCustomNormalizer,
  isFieldsealError,
  NORMALIZER_NAMES,
  parseNormalizer,
  type ValueType,
} from '@fieldseal/core';
import type { Annotation, ArgumentValue } from './annotation.ts';
import { checkTermColumn } from './column-size.ts';
import { checkPlain, type Refuse, refuser, type Surroundings } from './field-rules.ts';
import type { EncryptedFieldMap, IndexMap, ParsedField, ParsedModel } from './schema-map.ts';
import { termTable } from './term-table.ts';

/** Types with so few values that the frequency of terms tells which is which (SciTePress 2024, "LAMA"). */
const FEW_VALUES: readonly ValueType[] = ['Boolean'];

/** Databases whose columns may be lists. */
const WITH_LISTS: readonly string[] = ['postgresql', 'cockroachdb'];

/** Bits that an index may have. Below them every search would read a large part of the table. */
const MIN_BITS = 8;
const MAX_BITS = 256;

/** Arguments that belong to some kinds only, and those that a kind cannot do without. */
const KINDS: Readonly<Record<IndexKind, { readonly takes: readonly string[]; readonly needs: readonly string[] }>> = {
  equality: { takes: ['normalize', 'partitions'], needs: [] },
  prefix: { takes: ['normalize', 'min', 'max'], needs: ['min', 'max'] },
  suffix: { takes: ['normalize', 'min', 'max'], needs: ['min', 'max'] },
  ngram: { takes: ['normalize', 'n'], needs: [] },
  range: { takes: ['from', 'to', 'step'], needs: ['from', 'to', 'step'] },
};
const COMMON: readonly string[] = ['of', 'kind', 'bits', 'name', 'allowLeakage'];

/** Code points of an n-gram unless the annotation says otherwise. */
const DEFAULT_N = 3;

type Encrypted = Readonly<Record<string, EncryptedFieldMap>>;

/**
 * Builds and checks one index.
 *
 * @param encrypted - the encrypted fields of the model
 * @throws ERR_SCHEMA for an index that cannot be served
 */
export function buildIndex(
  around: Surroundings,
  field: ParsedField,
  { args }: Annotation,
  encrypted: Encrypted,
): IndexMap {
  const refuse = refuser(around.model, field);
  const kind = kindOf(args, refuse);
  const of = sourceNames(args['of'], refuse);
  const sources = of.map((name) => source(name, encrypted, refuse));
  const allowLeakage = leakage(args['allowLeakage'], sources, refuse);
  const { bits = DEFAULT_BITS, partitions, name = field.name } = args;
  if (partitions !== undefined && Number(partitions) < 2)
    throw refuse('partitions is a number from 2 to 256, or left out');
  if (!(Number(bits) >= MIN_BITS && Number(bits) <= MAX_BITS))
    throw refuse(
      `bits is a number from ${MIN_BITS} to ${MAX_BITS}; below ${EXACT_BITS} terms of different values may be equal, and searches read and discard more rows`,
    );
  const number = (argument: string, otherwise = 0): number => Number(args[argument] ?? otherwise);
  const parameters = {
    kind,
    name: String(name),
    normalize: normalizersIn(args, refuse),
    bits: Number(bits),
    partitions: number('partitions', 1),
    min: number('min'),
    max: number('max'),
    n: kind === 'ngram' ? number('n', DEFAULT_N) : 0,
    range: kind === 'range' ? { from: String(args['from']), to: String(args['to']), step: String(args['step']) } : null,
  };
  const many = define(around, field, of, sources, parameters, refuse);
  const { list, child } = column(around, field, many, parameters.bits, refuse);
  checkUnique(around, field, parameters, refuse);
  return {
    of,
    dbName: field.dbName,
    list,
    child,
    ...parameters,
    unique: field.unique,
    next: null,
    nextOf: null,
    allowLeakage,
  };
}

/**
 * Builds and checks the column that stands beside that of an index: `@blindIndex(next: emailIndex)`. It has the terms of the same values
 * under every other index root, by normalisers of its own where the annotation says so.
 *
 * @param indexes - the indexes of the model that have columns of their own
 * @throws ERR_SCHEMA for one that could not take the other's place
 */
export function buildNext(
  around: Surroundings,
  field: ParsedField,
  { args }: Annotation,
  indexes: Readonly<Record<string, IndexMap>>,
  encrypted: Encrypted,
): IndexMap {
  const { model } = around;
  const refuse = refuser(model, field);
  const first = String(args['next']);
  const foreign = Object.keys(args).find((argument) => argument !== 'next' && argument !== 'normalize');
  if (foreign !== undefined)
    throw refuse(`beside next stands normalize at most: ${foreign} is said at the index that it names`);
  const index = Object.hasOwn(indexes, first) ? indexes[first] : undefined;
  if (index === undefined) throw refuse(`@blindIndex(next: ${first}) names no index of this model`);
  if (index.list || index.child !== null)
    throw refuse('an index of many terms needs no second column: its terms of two index roots stand side by side');
  column(around, field, false, index.bits, refuse);
  if (index.unique !== field.unique)
    throw refuse(`it takes the place of ${first}, and one of them is @unique and the other is not`);
  const [own, others] = [field.name, first].map((name) => constraintsWith(model, name, first));
  const alone = [...(own as string[]), ...(others as string[])].find(
    (constraint) => !((own as string[]).includes(constraint) && (others as string[]).includes(constraint)),
  );
  if (alone !== undefined)
    throw refuse(`it takes the place of ${first}: repeat every @@unique that holds one of them with the other`);
  if (args['normalize'] === undefined) return { ...index, dbName: field.dbName, next: null, nextOf: first };
  if (!KINDS[index.kind].takes.includes('normalize'))
    throw refuse(`an index of kind ${index.kind} has no argument normalize`);
  const parameters = { ...index, normalize: normalizersIn(args, refuse) };
  const sources = index.of.map((name) => source(name, encrypted, refuse));
  define(around, field, index.of, sources, parameters, refuse);
  return { ...parameters, dbName: field.dbName, next: null, nextOf: first };
}

/** The constraints that hold a column, as texts that are equal where they differ in this column only. */
function constraintsWith({ compounds }: ParsedModel, column: string, as: string): string[] {
  return compounds.flatMap(({ fields }) =>
    fields.includes(column) ? [JSON.stringify(fields.map((name) => (name === column ? as : name)))] : [],
  );
}

function kindOf(args: Annotation['args'], refuse: Refuse): IndexKind {
  const { kind = 'equality' } = args;
  if (!Object.hasOwn(KINDS, kind as string))
    throw refuse(`there is no kind of index ${kind}; known are ${Object.keys(KINDS).join(', ')}`);
  const { takes, needs } = KINDS[kind as IndexKind];
  const foreign = Object.keys(args).find((argument) => !COMMON.includes(argument) && !takes.includes(argument));
  if (foreign !== undefined) throw refuse(`an index of kind ${kind} has no argument ${foreign}`);
  const missing = needs.find((argument) => args[argument] === undefined);
  if (missing !== undefined) throw refuse(`an index of kind ${kind} needs the argument ${missing}`);
  return kind as IndexKind;
}

function sourceNames(of: ArgumentValue | undefined, refuse: Refuse): readonly string[] {
  if (of === undefined) throw refuse('@blindIndex needs the field that it indexes, as in @blindIndex(of: email)');
  const names = typeof of === 'string' ? [of] : (of as readonly string[]);
  if (names.length === 0) throw refuse('of names no field');
  if (new Set(names).size < names.length) throw refuse('of names a field twice');
  return names;
}

function source(name: string, encrypted: Encrypted, refuse: Refuse): EncryptedFieldMap {
  const found = Object.hasOwn(encrypted, name) ? encrypted[name] : undefined;
  if (found === undefined) throw refuse(`@blindIndex(of: ${name}) names no encrypted field of this model`);
  if (found.type === 'Json') throw refuse('a Json field cannot be indexed');
  if (found.list) throw refuse('a list cannot be indexed by this version');
  return found;
}

/** Why an index is accepted that gives its values away. */
function leakage(
  reason: ArgumentValue | undefined,
  sources: readonly EncryptedFieldMap[],
  refuse: Refuse,
): string | null {
  if (reason !== undefined && String(reason).trim() === '') throw refuse('allowLeakage is the reason, in words');
  if (reason !== undefined) return String(reason);
  if (sources.some((field) => field.enum === null && !FEW_VALUES.includes(field.type))) return null;
  throw refuse(
    'an index of a field with so few values gives them away by their frequency; filter after reading, index it together with another field, or say why it may be: allowLeakage: "…"',
  );
}

/** The normalisers of an annotation. Those of the application are told from typing mistakes by their version. */
function normalizersIn({ normalize = [] }: Annotation['args'], refuse: Refuse): string[] {
  for (const written of normalize as readonly string[]) {
    const name = parseNormalizer(written)?.name ?? written;
    if (NORMALIZER_NAMES.includes(name) || (isCustomNormalizer(name) && written.includes('@'))) continue;
    throw refuse(
      `there is no normaliser ${written}; known are ${NORMALIZER_NAMES.join(', ')}, and those of the application, which are written with their version: "${name}@1"`,
    );
  }
  return (normalize as readonly string[]).map((written) => written.replace(/@1$/, ''));
}

/** What the core says to such an index; whether it has many terms. */
function define(
  { model }: Surroundings,
  field: ParsedField,
  of: readonly string[],
  sources: readonly EncryptedFieldMap[],
  parameters: Pick<IndexMap, 'kind' | 'name' | 'normalize' | 'bits' | 'partitions' | 'min' | 'max' | 'n' | 'range'>,
  refuse: Refuse,
): boolean {
  const specs = sources.map(({ column: type, type: valueType, context, pad }, at): FieldSpec => {
    return { model: model.name, field: of[at] as string, context, column: type, type: valueType, pad };
  });
  const texts = sources.every((map) => map.enum === null);
  if (!texts && parameters.kind !== 'equality') throw refuse('the names of an enum are searched by equality only');
  try {
    const [first, ...rest] = specs as [FieldSpec, ...FieldSpec[]];
    return defineIndex({ model: model.name, column: field.name, sources: [first, ...rest], ...parameters }).many;
  } catch (error) {
    throw isFieldsealError(error, 'ERR_OPTIONS') ? refuse(error.summary) : error;
  }
}

/** The column of the terms, or the table where one value has many and the database has no lists. */
function column(
  around: Surroundings,
  field: ParsedField,
  many: boolean,
  bits: number,
  refuse: Refuse,
): Pick<IndexMap, 'list' | 'child'> {
  if (field.kind === 'object') {
    if (!many) throw refuse('one value has one term here: the index column is a String');
    return { list: false, child: termTable(around, field, bits, refuse) };
  }
  if (field.kind !== 'scalar' || field.type !== 'String') throw refuse('an index column is a String');
  if (many && !field.list) {
    const advice = WITH_LISTS.includes(around.provider) ? 'String[]' : 'a relation to a model that holds them';
    throw refuse(`one value has many terms here: the index column is ${advice}`);
  }
  if (!many && field.list) throw refuse('one value has one term here: the index column is a String');
  if (!many && field.required) throw refuse('an index column is optional (String?), because only Fieldseal writes it');
  checkPlain(around, field, refuse);
  checkTermColumn(bits, field.nativeType, refuse);
  return { list: field.list, child: null };
}

/** Uniqueness is that of terms: they have to be equal if, and only if, values are. */
function checkUnique(
  { model }: Surroundings,
  field: ParsedField,
  { kind, bits, partitions }: Pick<IndexMap, 'kind' | 'bits' | 'partitions'>,
  refuse: Refuse,
): void {
  if (!field.unique && !model.compounds.some(({ fields }) => fields.includes(field.name))) return;
  if (kind !== 'equality')
    throw refuse(`an index of kind ${kind} cannot be unique: different values may have the same term`);
  if (partitions > 1) throw refuse('an index with partitions cannot be unique: one value has several terms');
  if (bits < EXACT_BITS)
    throw refuse(`an index of less than ${EXACT_BITS} bits cannot be unique: different values may have the same term`);
}
