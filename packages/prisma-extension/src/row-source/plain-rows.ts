import {
  APPLICATION_SCOPE,
  type BoundColumn,
  FieldCipher,
  FieldsealError,
  type KeySource,
  type StoredTerms,
} from '@fieldseal/core';
import {
  type JobField,
  type JobRow,
  type NewRow,
  openRows,
  type RowKey,
  type RowPort,
  type SealedRow,
  type SqlDatabase,
  type SqlSession,
  type StoredRow,
  type StoredRowChange,
  sealRows,
} from '@fieldseal/core/jobs';
import type { TableColumn } from './column-text.ts';
import { type ModelTable, modelTable, type NamedColumn, wholeTable } from './model-table.ts';
import { fromPlain, toPlain } from './plain-value.ts';
import { sqlRowPort } from './sql-row-port.ts';
import { SqlRowSource } from './sql-row-source.ts';
import { fromText, toText } from './stored-text.ts';
import { TermsTable } from './terms-table.ts';

/** A row in plaintext, by the names of its columns in the database: fields that are encrypted as JSON values, the others as texts or null. */
export type PlainRow = Readonly<Record<string, unknown>>;

/** What {@link PlainRows} works with. */
export interface PlainRowsOptions {
  readonly database: SqlDatabase;
  /** Text of schema.prisma; several files are joined by line feeds. */
  readonly schema: string;
  readonly model: string;
  readonly keys: KeySource;
  /** The scope whose rows alone are meant, of a model with `@scope`. */
  readonly scope?: string | undefined;
}

/** How rows are written. */
export interface PlainWrites {
  /** What happens to a row whose key is there. */
  readonly onConflict: 'fail' | 'skip' | 'overwrite';
  /** Whether nothing is written. */
  readonly dryRun: boolean;
}

/** What writing did, or would do, in rows. */
export interface PlainCounts {
  readonly inserted: number;
  readonly overwritten: number;
  /** Were there, and stay as they are. */
  readonly kept: number;
  /** Are of another scope than the one that is meant. */
  readonly skipped: number;
}

const ROW_HINT =
  'A row is an object with the names of the columns in the database, as `fieldseal backup export` writes them: those of the key and of all encrypted fields at least.';

/** Rows of a page. */
const PAGE_ROWS = 500;

/** The rows of a model with their values in plaintext, for taking data out to other systems and in from them. Plaintext is written nowhere. */
export class PlainRows {
  readonly #options: PlainRowsOptions;
  readonly #table: ModelTable;
  /** Names of the columns, but for those of terms. */
  readonly #known: ReadonlySet<string>;
  /** Names of those that hold cells. */
  readonly #encrypted: ReadonlySet<string>;
  readonly #port: RowPort;
  readonly #source: SqlRowSource;
  readonly #cipher = new FieldCipher();

  /** @throws ERR_OPTIONS, ERR_SCHEMA for a model that is not encrypted, whose rows cannot be named, or that has no scope where one is given */
  constructor(options: PlainRowsOptions) {
    const { database, schema, model, scope } = options;
    this.#options = options;
    this.#table = modelTable({ schema, model });
    const { columns, terms } = wholeTable(schema, model);
    const held = new Set(terms.map(({ name }) => name));
    this.#known = new Set(columns.map(({ name }) => name).filter((name) => !held.has(name)));
    this.#encrypted = new Set(this.#table.cells.map(({ name }) => name));
    this.#port = sqlRowPort({ database, schema, models: [model] });
    this.#source = new SqlRowSource(database, this.#table, scope);
  }

  /**
   * All rows, page by page in the order of the key. Each is what one statement read, so that it never mixes two states of a row.
   *
   * @throws ERR_DECRYPT, ERR_SCOPE_MISMATCH, ERR_KEY_UNKNOWN and the like for the first value that does not open
   */
  async *read(): AsyncGenerator<readonly PlainRow[]> {
    const { database, model } = this.#options;
    for (let after: RowKey | null = null; ; ) {
      const page = await this.#source.read(database, { after, upTo: null }, PAGE_ROWS, { what: 'all' });
      const last = page.at(-1);
      if (last === undefined) return;
      const found = await this.#port.find(
        model,
        page.map(({ key }) => key),
      );
      const order = new Map(page.map(({ key }, at) => [JSON.stringify(key), at]));
      const placeOf = ({ key }: StoredRow): number => order.get(JSON.stringify(key)) ?? 0;
      yield await this.#open([...found].sort((a, b) => placeOf(a) - placeOf(b)));
      after = last.key;
    }
  }

  /**
   * Checks a row before anything is written.
   *
   * @throws ERR_OPTIONS for columns that are missing or unknown, ERR_VALUE, ERR_BINDING, ERR_SCOPE_MISSING
   */
  check(row: unknown): NewRow {
    const { model } = this.#options;
    const { key, fields, cells, scope } = this.#table;
    const refused = (message: string): FieldsealError =>
      new FieldsealError('ERR_OPTIONS', message, { model, hint: ROW_HINT });
    if (typeof row !== 'object' || row === null || Array.isArray(row)) throw refused('a row is no JSON object');
    const given = row as PlainRow;
    if (Object.keys(given).some((name) => !this.#known.has(name)))
      throw refused('a row names a column that the model does not have, or that holds terms of an index');
    const missing = [...key, ...cells].find(({ name }) => !Object.hasOwn(given, name));
    if (missing !== undefined) throw refused(`a row lacks the column ${missing.name}`);
    const texts = Object.entries(given).filter(([name]) => !this.#encrypted.has(name));
    if (texts.some(([, text]) => text !== null && typeof text !== 'string'))
      throw refused('a column that is not encrypted is neither a text nor null');
    const own = scope === null ? APPLICATION_SCOPE : given[scope.name];
    if (typeof own !== 'string' || (scope !== null && own === ''))
      throw new FieldsealError('ERR_SCOPE_MISSING', 'a row does not name its scope', { model });
    const names = key.map(({ name }) => given[name]);
    if (names.some((text) => typeof text !== 'string')) throw refused('a column of the key is null');
    return {
      key: names as string[],
      scope: own,
      values: cells.map(({ name, list }, at) => valueIn(fields[at] as JobField, list, given[name])),
      bound: this.#bound(given),
    };
  }

  /**
   * Writes rows, all or none: values become cells under the primary key of their scope, with their index terms.
   *
   * @throws what {@link check} throws; ERR_OPTIONS for a model with an index whose terms cannot be written here; ERR_SCOPE_CONFLICT for a row that is there in another scope; ERR_ROW_REFUSED for a row that is
   * there where `onConflict` is `fail`, or that the database does not take
   */
  async write(rows: readonly PlainRow[], { onConflict, dryRun }: PlainWrites): Promise<PlainCounts> {
    const { database, schema, model, scope } = this.#options;
    const [unreached] = this.#table.outOfReach;
    if (unreached !== undefined)
      throw new FieldsealError(
        'ERR_OPTIONS',
        `the table of terms ${unreached} does not point to the key of its model`,
        {
          model,
          hint: 'Write such rows by the application.',
        },
      );
    const checked = rows.map((row) => ({ row, made: this.check(row) }));
    const meant = checked.filter(({ made }) => scope === undefined || made.scope === scope);
    const counts = { inserted: 0, overwritten: 0, kept: 0, skipped: checked.length - meant.length };
    const found = await this.#port.find(
      model,
      meant.map(({ made }) => made.key),
    );
    const present = new Map(found.map((row) => [JSON.stringify(row.key), row]));
    const writes = meant.flatMap(({ row, made }) => {
      const before = present.get(JSON.stringify(made.key)) ?? null;
      this.#refuseOthers(before, made.scope);
      if (before === null) counts.inserted++;
      else if (onConflict === 'overwrite') counts.overwritten++;
      else counts.kept++;
      return before === null || onConflict === 'overwrite' ? [{ row, made, before }] : [];
    });
    if (counts.kept > 0 && onConflict === 'fail' && !dryRun)
      throw new FieldsealError('ERR_ROW_REFUSED', 'a row with the same key is there', {
        model,
        hint: 'Say by --on-conflict whether such rows stay (skip) or are replaced (overwrite).',
      });
    if (dryRun || writes.length === 0) return counts;
    const { terms, termTables } = this.#table;
    const all = writes.map(({ made }) => made);
    // Before the transaction: keys of a new scope may be made in the same database, by another connection.
    const sealed = await sealRows(
      this.#cipher,
      this.#options.keys,
      this.#source,
      all,
      terms.length + termTables.length,
    );
    const changes = writes.map(({ row, made, before }, at): StoredRowChange => {
      const { cells, terms: own } = sealed[at] as SealedRow;
      return { row: { key: made.key, keyIds: [], columns: this.#columns(row, cells, own) }, before };
    });
    await database.transaction(async (session) => {
      const inside = within(database, session);
      await sqlRowPort({ database: inside, schema, models: [model] }).write(model, changes);
      const tables = termTables.map((table) => new TermsTable(inside, table));
      for (const [at, { made }] of writes.entries())
        for (const [place, table] of tables.entries())
          await table.replace(session, made.key, (sealed[at]?.terms[terms.length + place] ?? []) as string[]);
    });
    return counts;
  }

  /** Whoever writes rows of a scope does not write over those of another. */
  #refuseOthers(before: StoredRow | null, scope: string): void {
    const { model, scope: column } = this.#table;
    if (before === null || column === null || before.columns[column.name] === scope) return;
    throw new FieldsealError('ERR_SCOPE_CONFLICT', 'a row with the same key is there in another scope', {
      model,
      hint: 'Give the row another key, or take the one that is there away first.',
    });
  }

  #columns(row: PlainRow, cells: readonly unknown[], terms: readonly StoredTerms[]): StoredRow['columns'] {
    const { cells: columns, terms: indexed } = this.#table;
    return {
      ...(row as StoredRow['columns']),
      ...Object.fromEntries(columns.map((column, at) => [column.name, toText(untyped(column), cells[at])])),
      ...Object.fromEntries(indexed.map((column, at) => [column.name, toText(untyped(column), terms[at] ?? null)])),
    };
  }

  async #open(rows: readonly StoredRow[]): Promise<readonly PlainRow[]> {
    const { cells, scope } = this.#table;
    const stored = rows.map(
      ({ key, columns }): JobRow => ({
        key,
        scope: scope === null ? APPLICATION_SCOPE : (columns[scope.name] ?? ''),
        cells: cells.map((column) => fromText(untyped(column), columns[column.name] ?? null)),
        terms: [],
        bound: this.#bound(columns),
        witness: null,
      }),
    );
    const opened = await openRows(this.#cipher, this.#options.keys, this.#source, stored);
    return rows.map(({ columns }, row) => {
      const plain = Object.entries(columns).filter(([name]) => this.#known.has(name));
      const values = cells.map(({ name, list }, at) => {
        const value = opened[row]?.[at];
        return [name, list && Array.isArray(value) ? value.map(toPlain) : toPlain(value)] as const;
      });
      return Object.fromEntries([...plain, ...values]);
    });
  }

  /** The columns of a row that cells are bound to. */
  #bound(columns: PlainRow): (BoundColumn | null)[] {
    return this.#table.bound.map(({ field, column }): BoundColumn | null => {
      const text = columns[column.name];
      return typeof text === 'string' ? [field, text] : null;
    });
  }
}

/** A database whose transaction is one that runs already. */
function within({ dialect }: SqlDatabase, session: SqlSession): SqlDatabase {
  return {
    dialect,
    query: (text, args) => session.query(text, args),
    execute: (text, args) => session.execute(text, args),
    transaction: (work) => work(session),
  };
}

/** A column whose text alone matters, which its type in PostgreSQL does not change. */
function untyped(column: NamedColumn): TableColumn {
  return { ...column, type: null };
}

function valueIn({ form: { spec } }: JobField, list: boolean, json: unknown): unknown {
  if (json === null) return null;
  if (!list) return fromPlain(spec, json);
  if (Array.isArray(json)) return json.map((one) => fromPlain(spec, one));
  throw new FieldsealError('ERR_VALUE', 'the value of a list is no list', spec);
}
