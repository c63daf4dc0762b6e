/**
 * Whether tables, columns and indexes of the database are what the schema says, and can hold ciphertext.
 *
 * @module
 */
import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import { checkCellColumn, checkTermColumn, type ModelMap } from '@fieldseal/prisma/internal';
import type { Database } from './database.ts';
import { type Finding, finding } from './finding.ts';

/** What was found of one model, and the columns that rows can be counted by. */
export interface Structure {
  readonly findings: readonly Finding[];
  /** Names of the columns that the table has. Empty when there is no such table. */
  readonly columns: ReadonlySet<string>;
}

interface Index {
  readonly column: string;
  /** Whether it makes the column alone unique. */
  readonly unique: boolean;
}

interface Column {
  readonly type: string;
  readonly length: number | null;
  readonly folds: boolean;
}

/** Model of the schema with the names that the database has for it. */
export interface NamedModel {
  readonly name: string;
  readonly map: ModelMap;
  /** Name of the column of each field. */
  readonly columnOf: ReadonlyMap<string, string>;
  /** Tables of terms by the relation field that carries the annotation. */
  readonly termTables: ReadonlyMap<string, NamedTermTable>;
}

/** A table of terms with the names that the database has for it. */
export interface NamedTermTable {
  readonly dbName: string;
  readonly dbSchema: string | null;
  /** Column of the terms. */
  readonly term: string;
  /** Columns that point to the row, with those of the row. */
  readonly links: readonly { readonly from: string; readonly to: string }[];
}

/**
 * Checks the table of a model.
 *
 * @throws DatabaseProblem
 */
export async function checkStructure(database: Database, provider: string, model: NamedModel): Promise<Structure> {
  const columns = await columnsOf(database, model.map);
  if (columns.size === 0) {
    const { dbName, dbSchema } = model.map;
    const table = dbSchema === null ? dbName : `${dbSchema}.${dbName}`;
    return {
      findings: [finding('database.table', model.name, `the database has no table ${table}`)],
      columns: new Set(),
    };
  }
  const findings = [
    ...cellColumns(database, provider, model, columns),
    ...termColumns(database, model, columns, await indexesOf(database, model.map)),
    ...boundColumns(model, columns),
    ...scopeColumn(model, columns),
  ];
  return { findings, columns: new Set(columns.keys()) };
}

async function columnsOf(database: Database, map: ModelMap): Promise<ReadonlyMap<string, Column>> {
  const rows = await database.rows(database.dialect.columns(map));
  return new Map(
    rows.map(([column, type, length, folds]) => [
      String(column),
      { type: String(type), length: length === null ? null : Number(length), folds: Number(folds) === 1 },
    ]),
  );
}

async function indexesOf(database: Database, map: ModelMap): Promise<readonly Index[]> {
  const rows = await database.rows(database.dialect.indexes(map));
  return rows.map(([column, unique]) => ({ column: String(column), unique: Number(unique) === 1 }));
}

type Columns = ReadonlyMap<string, Column>;

function cellColumns({ dialect }: Database, provider: string, { name, map }: NamedModel, columns: Columns): Finding[] {
  return Object.entries(map.encrypted).flatMap(([field, { column, dbName }]) =>
    columnFindings(`${name}.${field}`, dbName, columns, (found, refuse) => {
      checkCellColumn(column, nativeOf(dialect.nativeType(found.type, column), found, refuse), provider, refuse);
    }),
  );
}

function termColumns(
  { dialect }: Database,
  { name, map }: NamedModel,
  columns: Columns,
  indexes: readonly Index[],
): Finding[] {
  return Object.entries(map.indexes).flatMap(([field, { dbName, bits, unique, child }]) => {
    if (child !== null) return []; // the terms are in a table of their own
    const place = `${name}.${field}`;
    const findings = columnFindings(place, dbName, columns, (found, refuse) => {
      checkTermColumn(bits, nativeOf(dialect.nativeType(found.type, 'String'), found, refuse), refuse);
    });
    if (!columns.has(dbName)) return findings;
    const own = indexes.filter(({ column }) => column === dbName);
    if (unique && !own.some((index) => index.unique))
      findings.push(
        finding('index.not-unique', place, 'the schema says @unique, and no index of the database makes it so'),
      );
    else if (own.length === 0)
      findings.push(finding('index.unindexed', place, 'no index of the database begins with this column of terms'));
    return findings;
  });
}

function boundColumns({ name, map, columnOf }: NamedModel, columns: Columns): Finding[] {
  return Object.entries(map.bound).flatMap(([field, { type, spelling }]) => {
    const folds = columns.get(columnOf.get(field) ?? field)?.folds === true;
    if (!folds || type !== 'String' || spelling !== 'any') return [];
    const message = 'cells are bound to it, and the database does not tell its capital letters from small ones';
    return [finding('bound.collation', `${name}.${field}`, message)];
  });
}

/** Scopes that the database takes for one would have the keys of two. */
function scopeColumn({ name, map: { scope }, columnOf }: NamedModel, columns: Columns): Finding[] {
  if (scope === null || scope.type !== 'String' || scope.spelling !== 'any') return [];
  if (columns.get(columnOf.get(scope.field) ?? scope.field)?.folds !== true) return [];
  const message = 'it names scopes, and the database does not tell its capital letters from small ones';
  return [finding('bound.collation', `${name}.${scope.field}`, message)];
}

type Refuse = (message: string) => FieldsealError;

function columnFindings(
  place: string,
  dbName: string,
  columns: Columns,
  check: (column: Column, refuse: Refuse) => void,
): Finding[] {
  const column = columns.get(dbName);
  if (column === undefined) return [finding('database.column', place, `the table has no column ${dbName}`)];
  try {
    check(column, (message) => new FieldsealError('ERR_SCHEMA', message));
    return [];
  } catch (error) {
    if (!isFieldsealError(error)) throw error;
    return [finding('column.type', place, `in the database ${error.summary}`)];
  }
}

/** The column as the schema would declare it, so that the schema's own rules judge it. */
function nativeOf(name: string | null, { type, length }: Column, refuse: Refuse): readonly [string, readonly string[]] {
  if (name === null) throw refuse(`a column of type ${type} cannot hold it`);
  return [name, length === null ? [] : [String(length)]];
}
