import { FieldsealError, isFieldsealError } from '@fieldseal/core';
import {
  changeRows,
  databaseError,
  isConstraint,
  joined,
  queryRows,
  quoted,
  type RawSql,
  type RowKey,
  type RowPort,
  raw,
  type SqlDatabase,
  type SqlSession,
  type StoredRow,
  type StoredRowChange,
  selected,
  sql,
} from '@fieldseal/core/jobs';
import { readSchemaMap } from '../schema/read-schema.ts';
import { keyIdsIn } from './cell-head.ts';
import { beyond, columnName, stored, type TableColumn, textOf } from './column-text.ts';
import { columnTypes } from './column-types.ts';
import { type WholeTable, wholeTable } from './model-table.ts';

/** Options of {@link sqlRowPort}. */
export interface SqlRowPortOptions {
  readonly database: SqlDatabase;
  /** Text of schema.prisma; several files are joined by line feeds. */
  readonly schema: string;
  /**
   * In the order in which they are read: a model that others point to comes before them. By default those with encrypted fields; `all` are those
   * whose rows can be named. The tables of their terms come along, behind them: without its terms a row is not found.
   */
  readonly models?: readonly string[] | 'all';
}

/** Rows of a page, and keys that are looked up in one statement. */
const PAGE_ROWS = 500;
const KEYS = 200;
/** Parameters of a statement: SQLite takes 32,766 of them. */
const PARAMETERS = 10_000;

/**
 * Whole rows of Prisma models by SQL, for backups. They are read page by page in the order of their keys, which is no copy of one point in time. What
 * is written is read back in the same transaction, and has to be what was meant.
 *
 * @throws ERR_OPTIONS for a model that the schema does not have, or whose rows cannot be named; ERR_SCHEMA
 */
export function sqlRowPort({ database, schema, models: given }: SqlRowPortOptions): RowPort {
  const named = Array.isArray(given) ? (given as readonly string[]) : modelsOf(schema, given === 'all');
  const models = [...new Set([...named, ...termTables(schema, named)])];
  const tables = new Map(models.map((model) => [model, new Table(database, wholeTable(schema, model))]));
  const tableOf = (model: string): Table => {
    const table = tables.get(model);
    if (table === undefined) throw new FieldsealError('ERR_OPTIONS', 'this model was not asked for', { model });
    return table;
  };
  return {
    models,
    read: (model) => tableOf(model).read(),
    find: (model, keys) => asked(model, () => tableOf(model).find(database, keys, false)),
    write: (model, changes) => asked(model, () => tableOf(model).write(changes)),
  };
}

/** Models that hold the terms of these models' indexes in tables of their own. */
export function termTables(schema: string, models: readonly string[]): readonly string[] {
  const map = readSchemaMap(schema).models;
  const tables = models.flatMap((model) =>
    Object.values(map[model]?.indexes ?? {}).flatMap(({ child }) => (child === null ? [] : [child.model])),
  );
  return [...new Set(tables)];
}

function modelsOf(schema: string, all: boolean): readonly string[] {
  const { models } = readSchemaMap(schema);
  return Object.keys(models).filter((name) => {
    if (Object.keys(models[name]?.encrypted ?? {}).length > 0) return true;
    try {
      return all && wholeTable(schema, name) !== null;
    } catch (error) {
      if (isFieldsealError(error, 'ERR_OPTIONS')) return false;
      throw error;
    }
  });
}

/** Columns with their types. */
interface Columns {
  readonly key: readonly TableColumn[];
  readonly all: readonly TableColumn[];
}

class Table {
  readonly #database: SqlDatabase;
  readonly #table: WholeTable;
  readonly #from: RawSql;
  #columns: Promise<Columns> | undefined;

  constructor(database: SqlDatabase, table: WholeTable) {
    const { dialect, model, schema, name } = table;
    if (dialect !== database.dialect)
      throw new FieldsealError('ERR_OPTIONS', 'the schema is of another kind of database', { model });
    this.#database = database;
    this.#table = table;
    this.#from = schema === null ? quoted(dialect, name) : sql`${quoted(dialect, schema)}.${quoted(dialect, name)}`;
  }

  async *read(): AsyncGenerator<StoredRow> {
    const { dialect } = this.#table;
    const { key } = await asked(this.#table.model, () => this.#typed());
    const order = joined(
      key.map((column) => columnName(dialect, column)),
      ', ',
    );
    for (let after: RowKey | null = null; ; ) {
      const where: RawSql = after === null ? raw('1 = 1') : beyond(dialect, key, after, '>');
      const rows: readonly StoredRow[] = await asked(this.#table.model, () =>
        this.#select(this.#database, sql`WHERE ${where} ORDER BY ${order} LIMIT ${raw(String(PAGE_ROWS))}`),
      );
      yield* rows;
      if (rows.length < PAGE_ROWS) return;
      after = rows.at(-1)?.key ?? null;
    }
  }

  async find(session: SqlSession, keys: readonly RowKey[], lock: boolean): Promise<readonly StoredRow[]> {
    const { dialect } = this.#table;
    const { key } = await this.#typed();
    if (keys.some((given) => given.length !== key.length))
      throw new FieldsealError('ERR_BACKUP_DAMAGED', 'the rows have another key than their model', {
        model: this.#table.model,
        hint: 'The key of the model was changed since the backup: restore into the schema of that time.',
      });
    const found: StoredRow[] = [];
    const end = raw(lock && dialect !== 'sqlite' ? ' FOR UPDATE' : '');
    for (let from = 0; from < keys.length; from += KEYS)
      found.push(...(await this.#select(session, sql`WHERE ${this.#among(key, keys.slice(from, from + KEYS))}${end}`)));
    return found;
  }

  /** Writes all rows or none. */
  async write(changes: readonly StoredRowChange[]): Promise<void> {
    const { model } = this.#table;
    const keys = changes.map(({ row }) => row.key);
    await this.#checkColumns(changes);
    await this.#database.transaction(async (session) => {
      const present = byKey(await this.find(session, keys, true));
      for (const { row, before } of changes)
        if (!isSame(before, present.get(JSON.stringify(row.key)) ?? null))
          throw new FieldsealError('ERR_ROW_REFUSED', 'a row was changed while it was being restored', {
            model,
            hint: 'Run it again: what was restored stays, and the row is looked at anew.',
          });
      await this.#insert(
        session,
        changes.filter(({ before }) => before === null).map(({ row }) => row),
      );
      for (const { row, before } of changes) if (before !== null) await this.#update(session, row);
      const written = byKey(await this.find(session, keys, false));
      for (const { row } of changes)
        if (!isSame(row, written.get(JSON.stringify(row.key)) ?? null))
          throw new FieldsealError('ERR_ROW_REFUSED', 'the database holds a row otherwise than it was written', {
            model,
            hint: 'A trigger, or a column of another type than in the backup, changes it: compare the schemas.',
          });
    });
  }

  async #checkColumns(changes: readonly StoredRowChange[]): Promise<void> {
    const { all } = await this.#typed();
    const known = new Set(all.map(({ name }) => name));
    for (const { row } of changes)
      if (Object.keys(row.columns).some((name) => !known.has(name)))
        throw new FieldsealError('ERR_OPTIONS', 'the model lacks a column of the backup', {
          model: this.#table.model,
          hint: 'Restore into the schema of the time of the backup, and migrate then.',
        });
  }

  async #insert(session: SqlSession, rows: readonly StoredRow[]): Promise<void> {
    const { dialect } = this.#table;
    const { all } = await this.#typed();
    // Rows of one archive have the same columns, unless the schema was changed between two of its models.
    const shapes = new Map<string, StoredRow[]>();
    for (const row of rows) {
      const shape = JSON.stringify(Object.keys(row.columns).sort());
      const same = shapes.get(shape);
      if (same === undefined) shapes.set(shape, [row]);
      else same.push(row);
    }
    for (const same of shapes.values()) {
      const columns = all.filter(({ name }) => same[0] !== undefined && name in same[0].columns);
      const size = Math.max(1, Math.floor(PARAMETERS / columns.length));
      const list = joined(
        columns.map(({ name }) => quoted(dialect, name)),
        ', ',
      );
      for (let from = 0; from < same.length; from += size) {
        const values = same.slice(from, from + size).map(
          (row) =>
            sql`(${joined(
              columns.map((column) => this.#value(column, row)),
              ', ',
            )})`,
        );
        await changeRows(session, dialect, sql`INSERT INTO ${this.#from} (${list}) VALUES ${joined(values, ', ')}`);
      }
    }
  }

  async #update(session: SqlSession, row: StoredRow): Promise<void> {
    const { dialect } = this.#table;
    const { key, all } = await this.#typed();
    const names = new Set(key.map(({ name }) => name));
    const set = all
      .filter(({ name }) => name in row.columns && !names.has(name))
      .map((column) => sql`${quoted(dialect, column.name)} = ${this.#value(column, row)}`);
    if (set.length === 0) return;
    const alias = raw(dialect === 'sqlite' ? ' AS r' : ' r');
    await changeRows(
      session,
      dialect,
      sql`UPDATE ${this.#from}${alias} SET ${joined(set, ', ')} WHERE ${this.#among(key, [row.key])}`,
    );
  }

  #value(column: TableColumn, row: StoredRow): RawSql {
    return stored(this.#table.dialect, column, sql`${row.columns[column.name] ?? null}`);
  }

  /** Rows with one of these keys. */
  #among(key: readonly TableColumn[], keys: readonly RowKey[]): RawSql {
    const { dialect } = this.#table;
    const [only] = key;
    if (key.length === 1 && only !== undefined) {
      const list = keys.map(([text]) => stored(dialect, only, sql`${text as string}`));
      return sql`${columnName(dialect, only)} IN (${joined(list, ', ')})`;
    }
    const alternatives = keys.map((texts) => {
      const parts = key.map(
        (column, at) => sql`${columnName(dialect, column)} = ${stored(dialect, column, sql`${texts[at] as string}`)}`,
      );
      return sql`(${joined(parts, ' AND ')})`;
    });
    return sql`(${joined(alternatives, ' OR ')})`;
  }

  async #select(session: SqlSession, rest: RawSql): Promise<readonly StoredRow[]> {
    const { dialect } = this.#table;
    const { key, all } = await this.#typed();
    const list = selected([...key, ...all].map((column) => this.#text(column)));
    const rows = await queryRows(session, dialect, sql`SELECT ${list} FROM ${this.#from} r ${rest}`);
    return rows.map((texts) => {
      const columns = Object.fromEntries(all.map(({ name }, at) => [name, texts[key.length + at] ?? null]));
      const keyIds = this.#table.cells.flatMap((column) => {
        const text = columns[column.name];
        return text == null ? [] : keyIdsIn(column, text);
      });
      return { key: texts.slice(0, key.length) as RowKey, columns, keyIds: [...new Set(keyIds)] };
    });
  }

  /** A column as the text that gives exactly the same value when it is written. */
  #text(column: TableColumn): RawSql {
    const { dialect, fractions } = this.#table;
    const name = columnName(dialect, column);
    const fraction = column.list ? undefined : fractions.get(column.name);
    if (fraction !== undefined && dialect === 'sqlite')
      return sql`CASE typeof(${name}) WHEN 'real' THEN printf('%!.17g', ${name}) ELSE CAST(${name} AS TEXT) END`;
    // Of a FLOAT it shows six digits; as a DOUBLE it is shown whole.
    if (fraction === 'Float' && dialect === 'mysql') return sql`CONVERT(CAST(${name} AS DOUBLE) USING utf8mb4)`;
    return textOf(dialect, column);
  }

  #typed(): Promise<Columns> {
    this.#columns ??= columnTypes(this.#database, this.#table).then(
      (typed) => ({ key: this.#table.key.map(typed), all: this.#table.columns.map(typed) }),
      (error: unknown) => {
        this.#columns = undefined; // a failure is not kept
        throw error;
      },
    );
    return this.#columns;
  }
}

function byKey(rows: readonly StoredRow[]): ReadonlyMap<string, StoredRow> {
  return new Map(rows.map((row) => [JSON.stringify(row.key), row]));
}

/** Whether a row holds all that another one says. */
function isSame(wanted: StoredRow | null, found: StoredRow | null): boolean {
  if (wanted === null || found === null) return wanted === found;
  return Object.entries(wanted.columns).every(([name, text]) => found.columns[name] === text);
}

/** Errors of drivers may hold values of a row: they become ours. */
async function asked<T>(model: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isFieldsealError(error)) throw error;
    if (isConstraint(error))
      throw new FieldsealError('ERR_ROW_REFUSED', 'a constraint of the database refuses a row', {
        model,
        hint: 'Another row holds the same unique value, or one that it points to is missing: restore that model first.',
      });
    const found = databaseError(error);
    if (!isFieldsealError(found, 'ERR_JOB_DATABASE')) throw found;
    throw new FieldsealError('ERR_JOB_DATABASE', found.summary, {
      model,
      hint: 'Check that the database has the table of this model, as the schema names it, and that its user may read and write it.',
    });
  }
}
