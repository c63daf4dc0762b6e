import { type FieldSpec, FieldsealError } from '@fieldseal/core';
import type { CellForm, JobField, SqlDialect } from '@fieldseal/core/jobs';
import type { IdDefault } from '../id-default.ts';
import { type CompiledModel, compileSchema, type EncryptedNode, type IndexNode } from '../schema/compiled-schema.ts';
import { parseInlineSchema } from '../schema/inline-schema.ts';
import { readSchemaMap } from '../schema/read-schema.ts';
import type { ModelMap, ParsedField, ParsedModel, SchemaMap } from '../schema/schema-map.ts';
import type { ColumnKind, TableColumn } from './column-text.ts';
import { plaintextCodec } from './plaintext-codec.ts';

/** A column of a table, before the database was asked for its type. */
export type NamedColumn = Omit<TableColumn, 'type'>;

/** A column that cells are bound to, under the name that is in the cell. */
export interface BoundColumnName {
  readonly field: string;
  readonly column: NamedColumn;
}

/** A column of terms, with the field that it is in the schema. */
export interface TermColumn extends NamedColumn {
  readonly field: string;
}

/** A table that holds the terms of one index, each a row of its own. */
export interface TermTable {
  readonly model: string;
  /** The relation field that carries the annotation. */
  readonly field: string;
  /** Name of the table in the database, and its schema, or null for the connection's. */
  readonly name: string;
  readonly schema: string | null;
  readonly term: NamedColumn;
  /** Columns that point to the row, with the places of what they point to in {@link ModelTable.key}. */
  readonly links: readonly { readonly column: NamedColumn; readonly key: number }[];
  /** Id that is made by the client, or null where the database makes it or there is none. */
  readonly id: { readonly column: NamedColumn; readonly form: IdDefault } | null;
}

/** An index of a model, with where its terms are. */
export interface TermColumns {
  /** The column of the terms, in the table of the model or in {@link table}. */
  readonly first: TermColumn;
  /** The table of terms, or null where they are in columns of the model. */
  readonly table: TermTable | null;
  /** The column that has the terms of index roots of even versions, or null. */
  readonly second: TermColumn | null;
  /** Columns of its fields, with whether plaintext is allowed in them (`mode: migrating`). */
  readonly sources: readonly (NamedColumn & { readonly migrating: boolean })[];
  /** Whether its terms name unique rows, and it has one column. */
  readonly single: boolean;
}

/** The table of a model as a job sees it. */
export interface ModelTable {
  readonly model: string;
  readonly dialect: SqlDialect;
  /** Name of the table in the database. */
  readonly name: string;
  /** Its schema in the database, or null for the connection's. */
  readonly schema: string | null;
  /** Columns that name a row. */
  readonly key: readonly NamedColumn[];
  readonly fields: readonly JobField[];
  /** Columns of the fields, in their order. */
  readonly cells: readonly NamedColumn[];
  /** Columns of index terms of the fields, and behind them the tables of such. */
  readonly terms: readonly NamedColumn[];
  readonly termTables: readonly TermTable[];
  /** All indexes of the model but those {@link outOfReach}. */
  readonly indexes: readonly TermColumns[];
  /** Relation fields of indexes whose tables of terms do not point to the key of the model. */
  readonly outOfReach: readonly string[];
  readonly bound: readonly BoundColumnName[];
  /** The column that names the scope of each row, or null. */
  readonly scope: NamedColumn | null;
  /** All other columns. */
  readonly rest: readonly NamedColumn[];
}

/** Which part of a schema a job works on. */
export interface TableRequest {
  /** Text of schema.prisma; several files are joined by line feeds. */
  readonly schema: string;
  readonly model: string;
  /** Encrypted fields; all of the model by default. */
  readonly fields?: readonly string[] | undefined;
  /** The schema until now, where `reencrypt` changes how cells are written: padding, binding, or the names that keys are made from. */
  readonly before?: string | undefined;
}

const DIALECTS: Readonly<Record<string, SqlDialect>> = {
  postgresql: 'postgresql',
  postgres: 'postgresql',
  mysql: 'mysql',
  sqlite: 'sqlite',
};

const KINDS: Readonly<Record<string, ColumnKind>> = { Bytes: 'bytes', Json: 'json', Int: 'number', BigInt: 'number' };

/** Types of fields that can name a row here: their texts are exact and their order is that of the database. */
const KEY_TYPES: readonly string[] = ['String', 'Int', 'BigInt'];

/**
 * Reads the table of a model from a schema.
 *
 * @throws ERR_SCHEMA for an annotation that cannot be served, ERR_OPTIONS for a model or field that is not encrypted, a database that jobs do
 * not know, or a model whose rows cannot be named
 */
export function modelTable({ schema, model, fields, before }: TableRequest): ModelTable {
  const { provider, models } = parseInlineSchema(schema);
  const dialect = DIALECTS[provider];
  if (dialect === undefined) throw refused(model, `jobs do not know databases of the provider ${provider}`);
  const parsed = models.find(({ name }) => name === model);
  const map = readSchemaMap(schema);
  const compiled = compileSchema(map).get(model);
  const own = map.models[model];
  if (parsed === undefined || compiled === undefined || own === undefined)
    throw refused(model, 'the schema has no such model');
  const nodes = chosen(compiled, fields);
  const old = before === undefined ? null : olderModel(before, own);
  const columnOf = (field: string): NamedColumn =>
    named(parsed.fields.find(({ name }) => name === field) as ParsedField);
  const bound: BoundColumnName[] = [];
  const place = (field: string, column: NamedColumn): number => {
    const known = bound.findIndex((other) => other.field === field && other.column.name === column.name);
    return known >= 0 ? known : bound.push({ field, column }) - 1;
  };
  const bindOf = (node: EncryptedNode, of: ModelMap): number[] =>
    node.bind.map(([field, { type }]) => {
      const name = of.bound[field]?.dbName ?? field;
      return place(field, { name, kind: KINDS[type] ?? 'text', list: false });
    });
  const key = keyOf(parsed, own);
  const migrating = compiled.encrypted.flatMap(([field, { mode }]) => (mode === 'migrating' ? [field] : []));
  const tableOf = ({ spec, child }: IndexNode): TermTable | null =>
    child === null ? null : termTable(models, map, parsed, key, spec.column);
  const places = nodes.map(({ spec }) => spec.field);
  const reached = (index: IndexNode): boolean =>
    index.spec.sources.every(({ field }) => places.includes(field)) &&
    (index.child === null || tableOf(index) !== null);
  const all = indexesOver(compiled);
  const served = all.filter(reached);
  const columns = served.filter(isColumn).flatMap(({ spec, other }) => [spec, ...(other === null ? [] : [other])]);
  const tables = served.filter((index) => !isColumn(index));
  const terms = [...columns, ...tables.map(({ spec }) => spec)].map(({ column }) => column);
  const jobFields = nodes.map((node): JobField => {
    const over = all.filter((index) => index.spec.sources.includes(node.spec));
    const older = old === null ? null : olderNode(old, own, node);
    const form: CellForm = { spec: node.spec, bind: bindOf(node, own) };
    const was: CellForm | null =
      old === null || older === null ? null : { spec: older.spec, bind: bindOf(older, old.map) };
    return {
      form,
      before: was === null || sameForm(form, was, bound) ? null : was,
      list: node.list,
      migrating: node.mode === 'migrating',
      leaving: node.leaving,
      limit: node.limit,
      outOfReach: over.filter((index) => !reached(index)).map(({ spec }) => spec.column),
      indexes: over
        .filter((index) => index.spec.sources[0] === node.spec && reached(index))
        .map(({ spec, other }) => ({
          spec,
          at: terms.indexOf(spec.column),
          second: other === null ? null : { spec: other, at: terms.indexOf(other.column) },
          sources: spec.sources.map(({ field }) => places.indexOf(field)),
        })),
      plaintext: plaintextCodec(node),
    };
  });
  const cells = nodes.map(({ spec }) => columnOf(spec.field));
  const termColumns = columns.map(({ column }) => columnOf(column));
  const written = new Set([...cells, ...termColumns].map(({ name }) => name));
  const scalars = parsed.fields.filter(({ kind }) => kind === 'scalar' || kind === 'enum').map(named);
  return {
    model,
    dialect,
    name: own.dbName,
    schema: own.dbSchema,
    key: key.map(named),
    fields: jobFields,
    cells,
    terms: termColumns,
    termTables: tables.map((index) => tableOf(index) as TermTable),
    indexes: all.flatMap((index) => indexIn(index, tableOf(index), columnOf, migrating)),
    outOfReach: all.filter((index) => !isColumn(index) && tableOf(index) === null).map(({ spec }) => spec.column),
    bound,
    scope: compiled.scope === null ? null : columnOf(compiled.scope.field),
    rest: scalars.filter(({ name }) => !written.has(name)),
  };
}

function indexesOver(model: CompiledModel): IndexNode[] {
  return [...model.encrypted.flatMap(([, { indexes }]) => indexes), ...model.compoundIndexes];
}

/** An index with where its terms are; none where no job reaches them. */
function indexIn(
  { spec, child, other, single }: IndexNode,
  table: TermTable | null,
  columnOf: (field: string) => NamedColumn,
  migrating: readonly string[],
): TermColumns[] {
  if (child !== null && table === null) return [];
  const columnAt = (field: string): TermColumn => ({ ...columnOf(field), field });
  const first = table === null ? columnAt(spec.column) : { ...table.term, field: spec.column };
  const second = other === null ? null : columnAt(other.column);
  const sources = spec.sources.map(({ field }) => ({ ...columnOf(field), migrating: migrating.includes(field) }));
  return [{ first, table, second, sources, single }];
}

/** The table of an index's terms; null where it points to other columns than those that name rows. */
function termTable(
  models: readonly ParsedModel[],
  map: SchemaMap,
  parsed: ParsedModel,
  key: readonly ParsedField[],
  field: string,
): TermTable | null {
  const child = map.models[parsed.name]?.indexes[field]?.child;
  const model = models.find(({ name }) => name === child?.model);
  const relation = model?.fields.find(({ kind, type }) => kind === 'object' && type === parsed.name);
  const term = model?.fields.find(({ name }) => name === child?.field);
  if (model === undefined || relation === undefined || term === undefined) return null;
  const links = relation.relationFrom.map((from, at) => ({
    column: named(model.fields.find(({ name }) => name === from) as ParsedField),
    key: key.findIndex(({ name }) => name === relation.relationTo[at]),
  }));
  if (links.length !== key.length || links.some(({ key: place }) => place < 0)) return null;
  const made = model.fields.find(({ id, idDefault }) => id && idDefault !== null);
  const id = made?.idDefault == null ? null : { column: named(made), form: made.idDefault };
  return { model: model.name, field, name: model.dbName, schema: model.dbSchema, term: named(term), links, id };
}

/** Whether the terms of an index are in a column of the row. */
function isColumn({ child }: IndexNode): boolean {
  return child === null;
}

/** The table of a model with all its columns, encrypted ones or not, for backups. */
export interface WholeTable extends Pick<ModelTable, 'model' | 'dialect' | 'name' | 'schema' | 'key'> {
  /** Every column, in the order of the schema. */
  readonly columns: readonly NamedColumn[];
  /** Columns with fractions, of which databases may show fewer digits than there are, by their type in Prisma. */
  readonly fractions: ReadonlyMap<string, 'Float' | 'Decimal'>;
  /** Columns that hold cells. */
  readonly cells: readonly NamedColumn[];
  /** Columns that hold terms of indexes. */
  readonly terms: readonly NamedColumn[];
}

/**
 * Reads the table of any model from a schema.
 *
 * @throws ERR_SCHEMA, ERR_OPTIONS as {@link modelTable} does, also for a model with a column that Prisma does not know
 */
export function wholeTable(schema: string, model: string): WholeTable {
  const { provider, models } = parseInlineSchema(schema);
  const dialect = DIALECTS[provider];
  if (dialect === undefined) throw refused(model, `databases of the provider ${provider} are not known here`);
  const parsed = models.find(({ name }) => name === model);
  const own = readSchemaMap(schema).models[model];
  if (parsed === undefined || own === undefined) throw refused(model, 'the schema has no such model');
  if (parsed.fields.some(({ kind }) => kind === 'unsupported'))
    throw refused(model, 'a column of a type that Prisma does not know would be missing in a copy');
  const stored = parsed.fields.filter(({ kind }) => kind === 'scalar' || kind === 'enum');
  return {
    model,
    dialect,
    name: own.dbName,
    schema: own.dbSchema,
    key: keyOf(parsed, own).map(named),
    columns: stored.map(named),
    fractions: new Map(
      stored.flatMap(({ type, dbName }) => (type === 'Float' || type === 'Decimal' ? [[dbName, type]] : [])),
    ),
    cells: stored.filter(({ name }) => name in own.encrypted).map(named),
    terms: stored.filter(({ name }) => name in own.indexes || name in own.terms).map(named),
  };
}

function chosen(model: CompiledModel, fields: readonly string[] | undefined): readonly EncryptedNode[] {
  if (fields === undefined) return model.encrypted.map(([, node]) => node);
  return [...new Set(fields)].map((field) => {
    const found = model.encrypted.find(([name]) => name === field);
    if (found !== undefined) return found[1];
    throw refused(model.name, `the field ${field} is not encrypted`);
  });
}

interface OlderModel {
  readonly map: ModelMap;
  readonly compiled: CompiledModel;
}

/** The model of the same table in the older schema. */
function olderModel(schema: string, { dbName, dbSchema }: ModelMap): OlderModel | null {
  const map = readSchemaMap(schema);
  const found = Object.entries(map.models).find(([, it]) => it.dbName === dbName && it.dbSchema === dbSchema);
  if (found === undefined) throw refused(dbName, 'the older schema has no model of this table');
  const [name, own] = found;
  return { map: own, compiled: compileSchema(map).get(name) as CompiledModel };
}

/** The field of the same column in the older schema. */
function olderNode({ map, compiled }: OlderModel, own: ModelMap, { spec }: EncryptedNode): EncryptedNode | null {
  const column = own.encrypted[spec.field]?.dbName;
  const found = Object.entries(map.encrypted).find(([, { dbName }]) => dbName === column);
  const node = found === undefined ? undefined : compiled.encrypted.find(([name]) => name === found[0])?.[1];
  if (node === undefined) return null;
  if (
    node.spec.type !== spec.type ||
    node.spec.column !== spec.column ||
    node.list !== (own.encrypted[spec.field]?.list ?? false)
  )
    throw refused(spec.model, `the type of ${spec.field} is another one in the older schema, which no job changes`);
  return node;
}

function sameForm(now: CellForm, was: CellForm, bound: readonly BoundColumnName[]): boolean {
  const shape = ({ spec: { context, pad }, bind }: { spec: FieldSpec; bind: readonly number[] }) =>
    JSON.stringify([context.model, context.field, pad, bind.map((at) => bound[at])]);
  return shape(now) === shape(was);
}

/** The fields that name a row: its id, or else what is unique in it and never NULL. */
function keyOf(parsed: ParsedModel, { encrypted, indexes }: ModelMap): readonly ParsedField[] {
  const fits = ({ name, type, list, required }: ParsedField): boolean =>
    required && !list && KEY_TYPES.includes(type) && !(name in encrypted) && !(name in indexes);
  const ids = parsed.fields.filter(({ id }) => id);
  const uniques = parsed.fields.filter(({ unique }) => unique);
  const compounds = parsed.compounds.map(({ fields }) =>
    fields.flatMap((name) => parsed.fields.filter((field) => field.name === name)),
  );
  const candidates = [...ids.map((id) => [id]), ...compounds, ...uniques.map((field) => [field])];
  const found = candidates.find((fields) => fields.length > 0 && fields.every(fits));
  if (found !== undefined) return found;
  throw refused(parsed.name, 'its rows have no id of type String, Int or BigInt, nor another such unique key');
}

function named({ dbName, type, list }: ParsedField): NamedColumn {
  return { name: dbName, kind: KINDS[type] ?? 'text', list };
}

function refused(model: string, message: string): FieldsealError {
  return new FieldsealError('ERR_OPTIONS', message, { model });
}
