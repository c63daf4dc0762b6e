import {
  changeRows,
  joined,
  queryRows,
  quoted,
  type RawSql,
  type RowKey,
  type SqlDatabase,
  type SqlSession,
  selected,
  sql,
} from '@fieldseal/core/jobs';
import { makeId } from '../id-default.ts';
import { columnName, stored, type TableColumn, textOf } from './column-text.ts';
import { columnTypes } from './column-types.ts';
import type { TermTable } from './model-table.ts';

/** Columns with their types. */
interface Columns {
  /** In the order of the model's key. */
  readonly links: readonly TableColumn[];
  readonly term: TableColumn;
  readonly id: TableColumn | null;
}

/** Rows whose terms are read, and terms that are written, by one statement: SQLite takes 32,766 parameters. */
const ROWS = 500;

/** Terms of an index that have a table of their own, by SQL. */
export class TermsTable {
  readonly #database: SqlDatabase;
  readonly #table: TermTable;
  readonly #from: RawSql;
  #columns: Promise<Columns> | undefined;

  constructor(database: SqlDatabase, table: TermTable) {
    const { schema, name } = table;
    const { dialect } = database;
    this.#database = database;
    this.#table = table;
    this.#from = schema === null ? quoted(dialect, name) : sql`${quoted(dialect, schema)}.${quoted(dialect, name)}`;
  }

  /** The terms of rows in their order, each row's sorted as a list of terms is stored. */
  async read(session: SqlSession, keys: readonly RowKey[]): Promise<readonly string[][]> {
    const { dialect } = this.#database;
    const { links, term } = await this.#typed();
    const found = new Map(keys.map((key) => [JSON.stringify(key), [] as string[]]));
    const columns = selected([...links, term].map((column) => textOf(dialect, column)));
    for (let from = 0; from < keys.length; from += ROWS) {
      const rows = await queryRows(
        session,
        dialect,
        sql`SELECT ${columns} FROM ${this.#from} r WHERE ${this.#of(links, keys.slice(from, from + ROWS))}`,
      );
      for (const row of rows) found.get(JSON.stringify(row.slice(0, -1)))?.push(row.at(-1) as string);
    }
    return keys.map((key) => (found.get(JSON.stringify(key)) as string[]).sort());
  }

  /** Puts these terms in the place of those that a row has. Its row has to be locked, since whoever changes a value changes its terms behind it. */
  async replace(session: SqlSession, key: RowKey, terms: readonly string[]): Promise<void> {
    const { dialect } = this.#database;
    const { links, term, id } = await this.#typed();
    // SQLite has no alias in a DELETE before 3.33, and MySQL none in one of a single table.
    const named = joined(
      links.map(
        (column, at) => sql`${quoted(dialect, column.name)} = ${stored(dialect, column, sql`${key[at] as string}`)}`,
      ),
      ' AND ',
    );
    await changeRows(session, dialect, sql`DELETE FROM ${this.#from} WHERE ${named}`);
    const columns = [...links, term, ...(id === null ? [] : [id])];
    const list = joined(
      columns.map(({ name }) => quoted(dialect, name)),
      ', ',
    );
    for (let from = 0; from < terms.length; from += ROWS) {
      const rows = terms.slice(from, from + ROWS).map((text) => {
        const made = this.#table.id === null ? [] : [makeId(this.#table.id.form)];
        const values = [...key, text, ...made].map((value, at) =>
          stored(dialect, columns[at] as TableColumn, sql`${value}`),
        );
        return sql`(${joined(values, ', ')})`;
      });
      await changeRows(session, dialect, sql`INSERT INTO ${this.#from} (${list}) VALUES ${joined(rows, ', ')}`);
    }
  }

  #of(links: readonly TableColumn[], keys: readonly RowKey[]): RawSql {
    const { dialect } = this.#database;
    const [only] = links;
    const value = (column: TableColumn, text: string | undefined): RawSql =>
      stored(dialect, column, sql`${text as string}`);
    if (links.length === 1 && only !== undefined)
      return sql`${columnName(dialect, only)} IN (${joined(
        keys.map(([text]) => value(only, text)),
        ', ',
      )})`;
    const rows = keys.map(
      (key) =>
        sql`(${joined(
          links.map((column, at) => sql`${columnName(dialect, column)} = ${value(column, key[at])}`),
          ' AND ',
        )})`,
    );
    return sql`(${joined(rows, ' OR ')})`;
  }

  /** The columns with their types, asked for once. A failure is not kept. */
  #typed(): Promise<Columns> {
    this.#columns ??= this.#askTypes().catch((error: unknown) => {
      this.#columns = undefined;
      throw error;
    });
    return this.#columns;
  }

  async #askTypes(): Promise<Columns> {
    const { links, term, id } = this.#table;
    const typed = await columnTypes(this.#database, this.#table);
    return {
      links: [...links].sort((a, b) => a.key - b.key).map(({ column }) => typed(column)),
      term: typed(term),
      id: id === null ? null : typed(id.column),
    };
  }
}
