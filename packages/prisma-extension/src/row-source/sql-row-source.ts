import { createHash } from 'node:crypto';
import {
  APPLICATION_SCOPE,
  type BoundColumn,
  FieldsealError,
  type StoredTerms,
  SUITES,
  TEXT_PREFIX,
} from '@fieldseal/core';
import {
  type CensusLine,
  changeRows,
  type JobField,
  type JobRow,
  joined,
  type Pending,
  queryRows,
  quoted,
  type RawSql,
  type RowChange,
  type RowKey,
  type RowRange,
  type RowSource,
  raw,
  type SqlDatabase,
  type SqlSession,
  sameTerms,
  selected,
  sql,
} from '@fieldseal/core/jobs';
import { HEADER_CHARACTERS, HEADER_DIGITS, keyOfHead, MIN_CELL_DIGITS } from './cell-head.ts';
import { beyond, columnName, exact, holds, stored, type TableColumn, textOf } from './column-text.ts';
import { columnTypes } from './column-types.ts';
import type { ModelTable } from './model-table.ts';
import { fromText, toText } from './stored-text.ts';
import { TermsTable } from './terms-table.ts';

type Text = string | null;

/** Columns with their types. */
interface TypedColumns {
  readonly key: readonly TableColumn[];
  readonly cells: readonly TableColumn[];
  readonly terms: readonly TableColumn[];
  readonly bound: readonly TableColumn[];
  /** The column that names the scope, or none. */
  readonly scope: readonly TableColumn[];
  readonly rest: readonly TableColumn[];
}

/** What a row held when it was read, as texts: cells, terms, bound columns, and the one that names its scope. Terms in tables of their own change with their cell only. */
type Witness = readonly Text[];

/** A column that a batch writes, and its place in the witness. */
interface Written {
  readonly column: TableColumn;
  readonly at: number;
}

/** Ranges of the planned size; behind so many they grow, so that a table of any size has some ten thousand at most. */
const RANGES_OF_A_SIZE = 1000;
const GROWTH = 2;
const LARGEST = 50;
/** Rows of a page when a table is digested. */
const PAGE_ROWS = 1000;
/** The first byte of a cell, for a list in SQL. */
const SUITE_DIGITS = Object.keys(SUITES)
  .map((suite) => `'${Number(suite).toString(16).padStart(2, '0')}'`)
  .join(', ');

/**
 * Rows of a model by SQL, over any client. Prisma's own writes would set `updatedAt`, and reading that back to write it again would cut its
 * microseconds and lose a change made meanwhile: SQL leaves alone what it does not name.
 */
export class SqlRowSource implements RowSource {
  readonly model: string;
  readonly scope: string | null;
  readonly fields: readonly JobField[];
  readonly database: SqlDatabase;
  readonly #table: ModelTable;
  readonly #from: RawSql;
  readonly #termTables: readonly TermsTable[];
  #columns: Promise<TypedColumns> | undefined;

  /**
   * @param scope - the scope whose rows alone are meant, of a model with `@scope`
   * @throws ERR_OPTIONS for a scope of a model without
   */
  constructor(database: SqlDatabase, table: ModelTable, scope?: string) {
    if (scope !== undefined && table.scope === null)
      throw new FieldsealError('ERR_OPTIONS', 'the rows of the model name no scope', {
        model: table.model,
        hint: 'Leave the scope out, or name the models that have one.',
      });
    this.model = table.model;
    this.scope = scope ?? (table.scope === null ? APPLICATION_SCOPE : null);
    this.fields = table.fields;
    this.database = database;
    this.#table = table;
    const { dialect, schema, name } = table;
    if (dialect !== database.dialect)
      throw new FieldsealError('ERR_OPTIONS', 'the schema is of another kind of database', { model: table.model });
    this.#from = schema === null ? quoted(dialect, name) : sql`${quoted(dialect, schema)}.${quoted(dialect, name)}`;
    this.#termTables = table.termTables.map((terms) => new TermsTable(database, terms));
  }

  async *ranges(rows: number): AsyncIterable<{ readonly upTo: RowKey | null; readonly rows: number }> {
    const columns = await this.#typed();
    const { key } = columns;
    let after: RowKey | null = null;
    let size = rows;
    for (let count = 1; ; count++) {
      const where = this.#within(columns, { after, upTo: null });
      const order = this.#order(key);
      const [last] = await this.#query(
        sql`SELECT ${this.#texts(key)} FROM ${this.#from} r WHERE ${where} ORDER BY ${order} LIMIT 1 OFFSET ${raw(String(size - 1))}`,
      );
      if (last === undefined) {
        const [left] = await this.#query(
          sql`SELECT CAST(count(*) AS ${raw(this.#table.dialect === 'mysql' ? 'char' : 'text')}) FROM ${this.#from} r WHERE ${where}`,
        );
        yield { upTo: null, rows: Number(left?.[0] ?? 0) };
        return;
      }
      after = last as RowKey;
      yield { upTo: after, rows: size };
      if (count % RANGES_OF_A_SIZE === 0) size = Math.min(size * GROWTH, rows * LARGEST);
    }
  }

  async read(session: SqlSession, range: RowRange, limit: number, pending: Pending): Promise<readonly JobRow[]> {
    const columns = await this.#typed();
    const { key, cells, terms, bound, scope } = columns;
    const filter = this.#pending(cells, pending);
    const rows = await this.#query(
      sql`SELECT ${this.#texts([...key, ...cells, ...terms, ...bound, ...scope])} FROM ${this.#from} r WHERE ${this.#within(columns, range)} AND ${filter} ORDER BY ${this.#order(key)} LIMIT ${raw(String(limit))}`,
      session,
    );
    const keys = rows.map((row) => row.slice(0, key.length) as RowKey);
    const apart: (readonly string[][])[] = [];
    for (const table of this.#termTables) apart.push(await table.read(session, keys));
    return rows.map((row, at) =>
      this.#row(
        columns,
        row,
        apart.map((terms) => terms[at] as string[]),
      ),
    );
  }

  async swap(session: SqlSession, changes: readonly RowChange[]): Promise<number> {
    const columns = await this.#typed();
    const { cells, terms } = columns;
    const texts = changes.map((change) => ({ change, next: nextTexts(columns, change) }));
    // Columns that no row of the batch changes are not named: what re-encryption does not touch, it does not write.
    const written = [...cells, ...terms].flatMap((column, at) =>
      texts.some(({ change, next }) => next[at] !== (change.row.witness as Witness)[at]) ? [{ column, at }] : [],
    );
    const apart = texts.filter(({ change }) => this.#apart(change).length > 0);
    const together = this.#table.dialect === 'postgresql' ? texts.filter((one) => !apart.includes(one)) : [];
    const single = this.#table.dialect === 'postgresql' ? apart : texts;
    let swapped = 0;
    if (written.length > 0 && together.length > 0)
      swapped += await this.#swapTogether(session, columns, together, written);
    for (const { change, next } of single) swapped += await this.#swapOne(session, columns, change, next, written);
    return swapped;
  }

  /** The tables of terms in which a change gives a row others. */
  #apart({ row, terms }: RowChange): { readonly table: TermsTable; readonly terms: readonly string[] }[] {
    const first = this.#table.terms.length;
    return this.#termTables.flatMap((table, at) => {
      const next = terms[first + at] ?? null;
      return sameTerms(next, row.terms[first + at] ?? null)
        ? []
        : [{ table, terms: (next ?? []) as readonly string[] }];
    });
  }

  async census(session: SqlSession): Promise<readonly CensusLine[]> {
    const columns = await this.#typed();
    const { cells } = columns;
    const lines: CensusLine[] = [];
    for (const [at, column] of cells.entries()) {
      const { field } = (this.fields[at] as JobField).form.spec;
      const counts = new Map<string, number>();
      for (const [head, count] of await this.#query(this.#heads(columns, column), session)) {
        const key = keyOfHead(column.kind, head ?? '');
        counts.set(key, (counts.get(key) ?? 0) + Number(count));
      }
      for (const [key, values] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) lines.push({ field, key, values });
    }
    return lines;
  }

  async fingerprint(session: SqlSession): Promise<string> {
    const columns = await this.#typed();
    const { key, rest } = columns;
    const hash = createHash('sha256');
    for (let after: RowKey | null = null; ; ) {
      const rows: readonly (readonly Text[])[] = await this.#query(
        sql`SELECT ${this.#texts([...key, ...rest])} FROM ${this.#from} r WHERE ${this.#within(columns, { after, upTo: null })} ORDER BY ${this.#order(key)} LIMIT ${raw(String(PAGE_ROWS))}`,
        session,
      );
      for (const row of rows) hash.update(`${JSON.stringify(row)}\n`);
      const last = rows.at(-1);
      if (last === undefined) return hash.digest('hex');
      after = last.slice(0, key.length) as RowKey;
    }
  }

  /** All rows of a batch in one statement, which is what makes re-encryption fast. */
  async #swapTogether(
    session: SqlSession,
    { key, cells, terms, bound, scope }: TypedColumns,
    texts: readonly { readonly change: RowChange; readonly next: readonly Text[] }[],
    written: readonly Written[],
  ): Promise<number> {
    const { dialect } = this.#table;
    const compared = [...cells, ...terms, ...bound, ...scope];
    const values = texts.map(({ change: { row }, next }) => {
      const before = row.witness as Witness;
      return Object.fromEntries([
        ...row.key.map((text, at) => [`k${at}`, text] as const),
        ...compared.map((_, at) => [`o${at}`, before[at]] as const),
        ...written.map(({ at }) => [`n${at}`, next[at]] as const),
      ]);
    });
    const names = [
      ...key.map((_, at) => `k${at}`),
      ...compared.map((_, at) => `o${at}`),
      ...written.map(({ at }) => `n${at}`),
    ];
    const set = written.map(
      ({ column, at }) => sql`${quoted(dialect, column.name)} = ${stored(dialect, column, raw(`v.n${at}`))}`,
    );
    const where = [
      ...key.map((column, at) => sql`${columnName(dialect, column)} = ${stored(dialect, column, raw(`v.k${at}`))}`),
      ...compared.map((column, at) => holds(dialect, column, raw(`v.o${at}`))),
    ];
    const list = raw(names.map((name) => `${name} text`).join(', '));
    return changeRows(
      session,
      dialect,
      sql`UPDATE ${this.#from} r SET ${joined(set, ', ')} FROM json_to_recordset(${JSON.stringify(values)}::json) AS v(${list}) WHERE ${joined(where, ' AND ')}`,
    );
  }

  /** A row in a statement of its own, with the terms that it has in tables of theirs. */
  async #swapOne(
    session: SqlSession,
    { key, cells, terms, bound, scope }: TypedColumns,
    change: RowChange,
    next: readonly Text[],
    written: readonly Written[],
  ): Promise<number> {
    const { dialect } = this.#table;
    const { row } = change;
    const before = row.witness as Witness;
    const where = joined(
      [
        ...key.map(
          (column, at) =>
            sql`${columnName(dialect, column)} = ${stored(dialect, column, sql`${row.key[at] as string}`)}`,
        ),
        ...[...cells, ...terms, ...bound, ...scope].map((column, at) =>
          holds(dialect, column, sql`${before[at] ?? null}`),
        ),
      ],
      ' AND ',
    );
    const apart = this.#apart(change);
    const set = written
      .filter(({ at }) => apart.length === 0 || next[at] !== before[at])
      .map(
        ({ column, at }) => sql`${quoted(dialect, column.name)} = ${stored(dialect, column, sql`${next[at] ?? null}`)}`,
      );
    const alias = raw(dialect === 'sqlite' ? ' AS r' : ' r');
    // Where nothing changes but terms in a table of their own, the row is locked: its cell is what says that they are still to be written.
    const swapped =
      set.length > 0
        ? await changeRows(session, dialect, sql`UPDATE ${this.#from}${alias} SET ${joined(set, ', ')} WHERE ${where}`)
        : apart.length === 0
          ? 0
          : (
              await this.#query(
                sql`SELECT '1' AS c0 FROM ${this.#from} r WHERE ${where}${raw(dialect === 'sqlite' ? '' : ' FOR UPDATE')}`,
                session,
              )
            ).length;
    if (swapped > 0) for (const { table, terms: given } of apart) await table.replace(session, row.key, given);
    return swapped;
  }

  #row({ key, cells, terms, bound, scope }: TypedColumns, texts: readonly Text[], apart: readonly string[][]): JobRow {
    const witness = texts.slice(key.length);
    const beside = witness.slice(cells.length + terms.length);
    return {
      key: texts.slice(0, key.length) as RowKey,
      cells: cells.map((column, at) => fromText(column, witness[at] ?? null)),
      terms: [
        ...terms.map((column, at) => fromText(column, witness[cells.length + at] ?? null) as StoredTerms),
        ...apart,
      ],
      scope: scope.length === 0 ? APPLICATION_SCOPE : (beside.at(-1) as string),
      bound: beside
        .slice(0, bound.length)
        .map((text, at): BoundColumn | null =>
          text === null ? null : [(this.#table.bound[at] as { field: string }).field, text],
        ),
      witness,
    };
  }

  #within({ key, scope }: TypedColumns, { after, upTo }: RowRange): RawSql {
    const { dialect } = this.#table;
    const parts = [
      ...this.#confined(scope),
      ...(after === null ? [] : [beyond(dialect, key, after, '>')]),
      ...(upTo === null ? [] : [beyond(dialect, key, upTo, '<=')]),
    ];
    return parts.length === 0 ? raw('1 = 1') : joined(parts, ' AND ');
  }

  /** The rows of the scope that is meant, if one is: their column holds exactly its text. */
  #confined(scope: readonly TableColumn[]): RawSql[] {
    const { dialect } = this.#table;
    const id = this.scope;
    if (id === null) return [];
    return scope.flatMap((column) => [
      sql`${columnName(dialect, column)} = ${stored(dialect, column, sql`${id}`)}`,
      holds(dialect, column, sql`${id}`),
    ]);
  }

  #pending(cells: readonly TableColumn[], pending: Pending): RawSql {
    const { dialect } = this.#table;
    if (pending.what === 'all') return raw('1 = 1');
    const tests = cells.map((column) => {
      const text = textOf(dialect, column);
      const name = columnName(dialect, column);
      // Elements of lists are not told apart here, and bytes that may or may not be a cell are for the job to judge.
      if (column.list || (column.kind === 'bytes' && pending.what !== 'other-keys')) return sql`${name} IS NOT NULL`;
      const start =
        (column.kind === 'json' ? '"' : '') + (pending.what === 'other-keys' ? pending.prefix : TEXT_PREFIX);
      const head = column.kind === 'bytes' ? hexOf(pending) : start;
      const begins = sql`${exact(dialect, sql`substr(${text}, 1, ${raw(String(head.length))})`)} = ${head}`;
      return sql`(${name} IS NOT NULL AND ${pending.what === 'cells' ? begins : sql`NOT (${begins})`})`;
    });
    return sql`(${joined(tests, ' OR ')})`;
  }

  /** Counts by what values begin with; of plaintext nothing is read. */
  #heads({ scope }: TypedColumns, column: TableColumn): RawSql {
    const { dialect } = this.#table;
    const number = raw(dialect === 'mysql' ? 'char' : 'text');
    const element = elementOf(column);
    const own = joined([raw('1 = 1'), ...this.#confined(scope)], ' AND ');
    const texts = column.list
      ? sql`SELECT ${raw(column.kind === 'bytes' ? "encode(e, 'hex')" : 'e::text')} AS t FROM ${this.#from} r, unnest(${columnName(dialect, column)}) e WHERE ${own}`
      : sql`SELECT ${textOf(dialect, column)} AS t FROM ${this.#from} r WHERE ${own}`;
    const [isCell, length] =
      element === 'bytes'
        ? [`length(t) >= ${MIN_CELL_DIGITS} AND substr(t, 1, 2) IN (${SUITE_DIGITS})`, HEADER_DIGITS]
        : element === 'json'
          ? [`substr(t, 1, 5) = '"${TEXT_PREFIX}'`, HEADER_CHARACTERS + 1]
          : [`substr(t, 1, 4) = '${TEXT_PREFIX}'`, HEADER_CHARACTERS];
    const nothing = element === 'json' ? " AND t <> 'null'" : ''; // the null of JSON is no value here
    const head = exact(dialect, raw(`CASE WHEN ${isCell} THEN substr(t, 1, ${length}) ELSE '' END`));
    return sql`SELECT ${selected([raw('h'), sql`CAST(count(*) AS ${number})`])} FROM (SELECT ${head} AS h FROM (${texts}) a WHERE t IS NOT NULL${raw(nothing)}) b GROUP BY h`;
  }

  #texts(columns: readonly TableColumn[]): RawSql {
    return selected(columns.map((column) => textOf(this.#table.dialect, column)));
  }

  #order(key: readonly TableColumn[]): RawSql {
    return joined(
      key.map((column) => columnName(this.#table.dialect, column)),
      ', ',
    );
  }

  #query(piece: RawSql, session: SqlSession = this.database): Promise<readonly (readonly Text[])[]> {
    return queryRows(session, this.#table.dialect, piece);
  }

  /** The columns with their types, asked for once. A failure is not kept. */
  #typed(): Promise<TypedColumns> {
    this.#columns ??= this.#askTypes().catch((error: unknown) => {
      this.#columns = undefined;
      throw error;
    });
    return this.#columns;
  }

  async #askTypes(): Promise<TypedColumns> {
    const { key, cells, terms, bound, scope, rest } = this.#table;
    const typed = await columnTypes(this.database, this.#table);
    return {
      key: key.map(typed),
      cells: cells.map(typed),
      terms: terms.map(typed),
      bound: bound.map(({ column }) => typed(column)),
      scope: scope === null ? [] : [typed(scope)],
      rest: rest.map(typed),
    };
  }
}

/** Texts of the new content: what did not change keeps the very text that was read. */
function nextTexts({ cells, terms }: TypedColumns, { row, cells: next, terms: nextTerms }: RowChange): readonly Text[] {
  const witness = row.witness as Witness;
  return [
    ...cells.map((column, at) => (next[at] === row.cells[at] ? (witness[at] ?? null) : toText(column, next[at]))),
    ...terms.map((column, at) =>
      sameTerms(nextTerms[at] ?? null, row.terms[at] ?? null)
        ? (witness[cells.length + at] ?? null)
        : toText(column, nextTerms[at] ?? null),
    ),
  ];
}

function hexOf(pending: Pending): string {
  return pending.what === 'other-keys' ? Buffer.from(pending.header).toString('hex') : '';
}

function elementOf({ kind }: TableColumn): 'text' | 'bytes' | 'json' {
  return kind === 'bytes' || kind === 'json' ? kind : 'text';
}
