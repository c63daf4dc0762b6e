/**
 * Lines of a generated client and what becomes of them. A line is known by the type that it stands in and by its key; what it says is
 * compared with what Prisma 7.10 writes, so that a line of another meaning is never replaced.
 *
 * @module
 */
import {
  type ColumnType,
  EXACT_BITS,
  foldsCase,
  type IndexKind,
  isCustomNormalizer,
  parseNormalizer,
} from '@fieldseal/core';
import type { EncryptedFieldMap, IndexMap, ModelMap } from '../schema/schema-map.ts';
import { listOf, valueText } from './value-text.ts';

/** One line that must be there. */
export interface LineEdit {
  /** Model whose types hold the line. */
  readonly model: string;
  /** Name of the type that it stands in. */
  readonly block: string;
  /** Field of the type, or `}` for the line that closes it. */
  readonly key: string;
  /** What may stand behind the key, without the namespaces `Prisma.` and `runtime.`. */
  readonly expected: readonly string[];
  /** What stands behind the key afterwards, or null for what stands there already. */
  readonly becomes: string | null;
  /** Text that takes the place of the whole line, key and all. */
  readonly line?: string;
  /** How many levels below the type's own line it stands; 1 unless given. */
  readonly depth?: number;
}

/** What has to be known of an encrypted field to type it. */
export interface FieldToType {
  readonly model: string;
  readonly name: string;
  readonly map: EncryptedFieldMap;
  /** Indexes over this field alone. */
  readonly indexes: readonly IndexMap[];
  /** Indexes over this field and others. */
  readonly compounds: readonly IndexMap[];
  /** Whether the column may be NULL. */
  readonly optional: boolean;
}

/** What is left of a line that must not be used. */
export const NEVER = '?: never';

/** What Prisma calls the type of a column in results and in queries. */
const COLUMN: Readonly<Record<ColumnType, { readonly read: string; readonly write: string }>> = {
  String: { read: 'string', write: 'string' },
  Bytes: { read: 'Bytes', write: 'Bytes' },
  Json: { read: 'JsonValue', write: 'InputJsonValue' },
};

/** Name of the type of filters, which {@link filterType} defines. */
export function filterName(model: string): string {
  return `${model}FieldsealFilter`;
}

/** Comparisons besides equality, by the kinds of index that serve them. */
const SERVED_BY: Readonly<Record<string, readonly IndexKind[]>> = {
  lt: ['range'],
  lte: ['range'],
  gt: ['range'],
  gte: ['range'],
  contains: ['ngram'],
  startsWith: ['prefix', 'ngram'],
  endsWith: ['suffix', 'ngram'],
};

/**
 * The filters of encrypted fields: of values, with modes, and with the comparisons that are served, of which `in` stands for all of equality.
 * Those that are not are named and forbidden: an object that happens to have one more member would pass otherwise.
 */
export function filterType(model: string): string {
  const name = filterName(model);
  const equal = (yes: string, no: string) => `'in' extends Served ? ${yes} : ${no}`;
  const members = [
    'equals?: V',
    `in?: ${equal('Exclude<V, null>[]', 'never')}`,
    `notIn?: ${equal('Exclude<V, null>[]', 'never')}`,
    `not?: ${equal(`V | ${name}<V, Mode, Served>`, 'Extract<V, null>')}`,
    'mode?: Mode',
    ...Object.keys(SERVED_BY).map(
      (operator) => `${operator}?: '${operator}' extends Served ? Exclude<V, null> : never`,
    ),
    ...['search', 'path'].map((operator) => `${operator}${NEVER}`),
  ];
  return `export type ${name}<V, Mode = never, Served = 'in'> = { ${members.join('; ')} }`;
}

/** A field in results: exact, or possibly null whatever the column says. */
export function readLine({ map, optional }: FieldToType, form: 'asColumn' | 'nullable'): Pick<LineEdit, 'expected'> {
  const nullable = form === 'nullable' || (optional && !map.list);
  return { expected: [`: ${COLUMN[map.column].read}${map.list ? '[]' : ''}${nullable ? ' | null' : ''}`] };
}

/** The type of a field in results. */
export function readType({ map, optional }: FieldToType): string {
  const { read } = valueText(map);
  if (map.list) return `: ${listOf(read)}`;
  return `: ${read}${optional ? ' | null' : ''}`;
}

/** A field of new rows. */
export function createLine(field: FieldToType): Pick<LineEdit, 'expected' | 'becomes'> {
  const { model, name, map, optional } = field;
  const { write } = COLUMN[map.column];
  const [mark, nullable] = optional || map.list ? ['?', ' | null'] : ['', ''];
  const expected = map.list
    ? `?: ${model}Create${name}Input | ${write}[]`
    : map.column === 'Json'
      ? `${mark}: ${optional ? 'Nullable' : ''}JsonNullValueInput | ${write}`
      : `${mark}: ${write}${nullable}`;
  const text = valueText(map).write;
  const list = listOf(text);
  const becomes = map.list ? `?: { set: ${list} } | ${list}` : `${mark}: ${text}${nullable}`;
  return { expected: [expected], becomes: written(field, becomes) };
}

/** A field of changes. */
export function updateLine(field: FieldToType): Pick<LineEdit, 'expected' | 'becomes'> {
  const { model, name, map, optional } = field;
  const { write } = COLUMN[map.column];
  const [prefix, nullable] = optional ? ['Nullable', ' | null'] : ['', ''];
  const expected = map.list
    ? `?: ${model}Update${name}Input | ${write}[]`
    : map.column === 'Json'
      ? `?: ${prefix}JsonNullValueInput | ${write}`
      : `?: ${prefix}${map.column}FieldUpdateOperationsInput | ${write}${nullable}`;
  const text = valueText(map).write;
  const list = listOf(text);
  // JSON is opaque: an object with the member `set` is a value.
  const set = map.type === 'Json' ? '' : `{ set?: ${text}${nullable} } | `;
  const becomes = map.list ? `?: { set?: ${list}; push?: ${text} | ${list} } | ${list}` : `?: ${set}${text}${nullable}`;
  return { expected: [expected], becomes: written(field, becomes) };
}

/** Prisma's own type where it is right already, and nothing where the field cannot be written. */
function written({ map }: FieldToType, becomes: string): string | null {
  if (map.mode === 'readonly') return NEVER;
  return map.type === map.column && map.enum === null ? null : becomes;
}

/**
 * An index column, or the relation to a table of terms, where rows are written: it is written by the extension alone.
 *
 * @param column - the model and the field
 * @param relation - type of the nested write, for a relation
 */
export function indexLine(
  [model, field]: readonly [model: string, field: string],
  kind: 'create' | 'update',
  { list, child }: Pick<IndexMap, 'list' | 'child'>,
  relation: string,
): Pick<LineEdit, 'expected' | 'becomes'> {
  if (child !== null) return { expected: [`?: ${relation}`], becomes: NEVER };
  if (list)
    return {
      expected: [`?: ${model}${kind === 'create' ? 'Create' : 'Update'}${field}Input | string[]`],
      becomes: NEVER,
    };
  const text = kind === 'create' ? 'string | null' : 'NullableStringFieldUpdateOperationsInput | string | null';
  return { expected: [`?: ${text}`], becomes: NEVER };
}

/** What names the scope of a new row, whether or not it has a default. */
export function scopeLine(type: string, namespace = ''): Pick<LineEdit, 'expected' | 'becomes'> {
  return { expected: [`: ${type}`, `?: ${type}`], becomes: `?: ${namespace}${type}` };
}

/** The column of a table of terms where its rows are written. */
export const TERM_CREATE: Pick<LineEdit, 'expected' | 'becomes'> = { expected: [': string'], becomes: NEVER };

/** The same in changes. */
export const TERM_UPDATE: Pick<LineEdit, 'expected' | 'becomes'> = {
  expected: ['?: StringFieldUpdateOperationsInput | string'],
  becomes: NEVER,
};

/** A field in filters of any rows, or in those of a unique one. */
export function filterLine(field: FieldToType, purpose: 'any' | 'unique'): Pick<LineEdit, 'expected' | 'becomes'> {
  const { map } = field;
  if (purpose === 'any' || !map.unique)
    return { expected: [prismaFilter(field, 'Filter')], becomes: `?: ${filterOf(field, purpose)}` };
  return { expected: [`?: ${COLUMN[map.column].write}`], becomes: `?: ${valueText(map).write}` };
}

/** A field in `having`, where nothing of it can be asked for. */
export function havingLine(field: FieldToType): Pick<LineEdit, 'expected' | 'becomes'> {
  return { expected: [prismaFilter(field, 'WithAggregatesFilter')], becomes: NEVER };
}

function prismaFilter({ model, map, optional }: FieldToType, kind: string): string {
  if (map.list) return `?: ${map.column}NullableListFilter<"${model}">`;
  const name = `${map.column}${optional ? 'Nullable' : ''}${kind}<"${model}">`;
  const plain = map.column === 'Json' ? '' : ` | ${COLUMN[map.column].write}${optional ? ' | null' : ''}`;
  return `?: ${name}${plain}`;
}

/** What can be asked of a field: whatever one of its indexes serves, and whether it is NULL. */
function filterOf(field: FieldToType, purpose: 'any' | 'unique'): string {
  const { model, map, optional, indexes, compounds } = field;
  if (map.list) return '{ isEmpty?: boolean }';
  const text = valueText(map).write;
  if (namesUniqueRow(field) && purpose === 'unique') return text;
  const value = optional ? `${text} | null` : text;
  if (serves(field, purpose)) {
    const served = map.mode === 'migrating' ? [] : comparisons(indexes);
    return `${value} | ${filterName(model)}<${[value, modes(field, indexes), ...listed(served)].join(', ')}>`;
  }
  if (map.mode !== 'migrating' && compounds.length > 0)
    return `${value} | ${filterName(model)}<${value}, ${modes(field, compounds)}, never>`;
  if (!optional) return 'never';
  if (map.column === 'Json')
    return '{ equals?: Prisma.JsonNullValueFilter; not?: Prisma.JsonNullValueFilter; path?: never }';
  return `null | ${filterName(model)}<null>`;
}

/** Comparisons besides equality that one of the indexes serves. */
function comparisons(indexes: readonly IndexMap[]): string[] {
  return Object.entries(SERVED_BY).flatMap(([operator, kinds]) =>
    indexes.some(({ kind }) => kinds.includes(kind)) ? [operator] : [],
  );
}

/** What is served besides equality, as the last argument of a filter's type; none where that is its default. */
function listed(served: readonly string[]): string[] {
  return served.length === 0 ? [] : [['in', ...served].map((operator) => `'${operator}'`).join(' | ')];
}

/** Modes of a filter. Whether a normaliser of the application folds case is known at run time only. */
function modes({ map }: FieldToType, indexes: readonly IndexMap[]): string {
  const folds = indexes.some(
    ({ normalize }) =>
      foldsCase(normalize) || normalize.some((written) => isCustomNormalizer(parseNormalizer(written)?.name ?? '')),
  );
  return folds && map.mode !== 'migrating' ? `'default' | 'insensitive'` : 'never';
}

/** Whether filters on the field are served: while it is being migrated, by the column itself together with an exact index. */
function serves({ map, indexes }: FieldToType, purpose: 'any' | 'unique'): boolean {
  if (map.mode !== 'migrating') return indexes.length > 0;
  return purpose === 'any' && map.type === map.column && indexes.some(isExact);
}

/** Whether terms of an index are equal exactly when the values are. */
function isExact({ kind, partitions, bits, normalize }: IndexMap): boolean {
  return kind === 'equality' && partitions === 1 && bits >= EXACT_BITS && normalize.length === 0;
}

/** Whether the field is ordered by a range index: rows that a query takes are sorted after they were decrypted. */
export function isOrdered({ map, indexes }: FieldToType): boolean {
  return map.mode !== 'migrating' && indexes.some(({ kind }) => kind === 'range');
}

/** Whether a value of the field names a row by way of a unique index, although the column itself is not unique. */
export function namesUniqueRow({ map, indexes }: FieldToType): boolean {
  return !map.unique && map.mode !== 'migrating' && indexes.some(({ unique }) => unique);
}

/** Whether rows can be told apart by the field: by an index whose terms are equal exactly when the values are. */
export function tellsRowsApart({ map, indexes }: FieldToType): boolean {
  return map.mode !== 'migrating' && indexes.some(isExact);
}

/** Whether rows can be grouped by the field: a group shows its value, which is that of any cell in it. */
export function makesGroups(field: FieldToType): boolean {
  return tellsRowsApart(field) && field.map.column === 'String' && field.map.bind.length === 0;
}

/** The lines of a compound constraint in which the encrypted field may stand for its index column. */
export function compoundLines(
  model: string,
  block: string,
  columns: readonly string[],
  { encrypted, indexes }: Pick<ModelMap, 'encrypted' | 'indexes'>,
): LineEdit[] {
  const taken = new Set<string>();
  return columns.flatMap((column) => {
    const of = indexes[column]?.of ?? [];
    const maps = of.flatMap((field) => encrypted[field] ?? []);
    const usable =
      maps.length > 0 && maps.every(({ mode }) => mode !== 'migrating') && !of.some((field) => taken.has(field));
    if (!usable) return [];
    for (const field of of) taken.add(field);
    const values = maps.map((map, at) => `${of[at]}: ${valueText(map).write}`).join('; ');
    const none = of.map((field) => `${field}?: never`).join('; ');
    const either = `{ ${values}; ${column}?: never } | { ${column}: string; ${none} }`;
    return [{ model, block, key: column, expected: [': string'], becomes: null, line: `} & (${either}) & {` }];
  });
}
