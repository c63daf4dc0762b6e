import type { ColumnType } from '@fieldseal/core';
import type { ModelMap } from '@fieldseal/prisma/internal';

/** A statement with its text parameters. */
export interface Statement {
  readonly sql: string;
  readonly args: readonly string[];
}

/** How one kind of database is asked. All answers are names, numbers, and headers of what is a cell by its form. */
export interface Dialect {
  /** Statements that begin a transaction that can only read, and stops after so many milliseconds. */
  begin(timeoutMs: number, version: string): readonly { readonly sql: string; readonly optional: boolean }[];
  /** The server's version, one text. */
  readonly version: string;
  /** A name in quotes. */
  quote(name: string): string;
  /**
   * Columns of a table: name, type, length or null, and whether its comparison folds case (1 or 0).
   * No row means that there is no such table.
   */
  columns(model: ModelMap): Statement;
  /** Indexes that begin with a column: name of the column, and whether it alone is unique (1 or 0). */
  indexes(model: ModelMap): Statement;
  /** About how many rows the table has, or null where the database keeps no such number. */
  estimate(model: ModelMap): Statement | null;
  /** Prisma's name of a column type (`VarChar`) where it may hold such a column, or null for one that cannot hold ciphertext. */
  nativeType(type: string, column: ColumnType): string | null;
  /** Text or bytes of a stored value; JSON without the quotes of a string, and NULL for its null. */
  value(column: ColumnType, sql: string): string;
  /** A column of a plain type as text. */
  text(sql: string): string;
  /** Hexadecimal digits of the first `count` characters or bytes. */
  head(column: ColumnType, sql: string, count: number): string;
  /** Characters or bytes. */
  length(column: ColumnType, sql: string): string;
  /** Elements of a list column as a column `v` of one table. */
  elements(sql: string, table: string): string;
  /** Version in front of an index term of so many hexadecimal digits, as text, and `''` for anything else. */
  termVersion(sql: string, digits: number): string;
}
