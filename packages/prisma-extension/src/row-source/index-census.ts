import { FieldsealError, type IndexRoot, indexRootOf, type KeyView, TEXT_PREFIX } from '@fieldseal/core';
import {
  joined,
  queryRows,
  quoted,
  type RawSql,
  raw,
  type SqlDatabase,
  type SqlDialect,
  sql,
} from '@fieldseal/core/jobs';
import { columnName, exact, holds, stored, textOf } from './column-text.ts';
import { columnTypes } from './column-types.ts';
import type { ModelTable, NamedColumn, TermColumns, TermTable } from './model-table.ts';

/** Rows whose terms in one column are of one version of the index root. */
export interface IndexCensusLine {
  /** `Model.column` in the names of the schema. */
  readonly column: string;
  /** Version of the index root, or null where there is no term. */
  readonly version: number | null;
  /** Whether all fields of the index have a value; one that is being migrated, whether it has a cell. */
  readonly filled: boolean;
  readonly rows: number;
}

/** The columns of one index with the rows that they hold. */
export interface CountedIndex {
  readonly index: TermColumns;
  readonly first: readonly IndexCensusLine[];
  /** Of the second column; null where the index has one. */
  readonly second: readonly IndexCensusLine[] | null;
}

/** The part of a term before its dot, of a column. A list has the terms of one root. */
const VERSIONS: Readonly<Record<SqlDialect, (column: RawSql, list: boolean) => RawSql>> = {
  postgresql: (column, list) => sql`split_part(${column}${raw(list ? '[1]' : '')}, '.', 1)`,
  mysql: (column) => sql`substring_index(${column}, '.', 1)`,
  sqlite: (column) => sql`substr(${column}, 1, instr(${column}, '.') - 1)`,
};

/**
 * Counts the terms of all indexes of a model by version. It reads no value and needs no key.
 *
 * @param scope - the scope whose rows alone are counted, of a model with `@scope`; versions of several scopes have nothing to do with each other
 * @throws ERR_JOB_DATABASE; ERR_OPTIONS for a scope of a model without
 */
export async function countIndexTerms(
  database: SqlDatabase,
  table: ModelTable,
  scope?: string,
): Promise<CountedIndex[]> {
  const counted: CountedIndex[] = [];
  const where = scope === undefined ? raw('1 = 1') : await ofScope(database, table, scope);
  for (const index of table.indexes) {
    const first =
      index.table === null
        ? await countColumn(database, table, index, index.first, where)
        : await countTable(database, table, index.table, where);
    const second = index.second === null ? null : await countColumn(database, table, index, index.second, where);
    counted.push({ index, first, second });
  }
  return counted;
}

/**
 * Rows that lack a term of a root in the columns that would be searched if it were the primary.
 *
 * @param alone - whether indexes of one column count too, rows of which only are written under the primary
 */
export function rowsWithout(root: IndexRoot, counted: readonly CountedIndex[], alone: boolean): number {
  let rows = 0;
  for (const { first, second } of counted) {
    const searched = second === null ? first : root.version % 2 === 1 ? first : second;
    for (const line of searched) {
      const lacks = second === null ? alone && line.version !== null : line.filled;
      if (lacks && line.version !== root.version) rows += line.rows;
    }
  }
  return rows;
}

/** Rows whose terms are not what a write would put there now. Terms of their values under these roots are taken to be right. */
export function rowsToFill(view: KeyView, counted: readonly CountedIndex[]): number {
  let rows = 0;
  for (const { first, second } of counted) {
    const wanted: [readonly IndexCensusLine[], IndexRoot | null][] =
      second === null
        ? [[first, view.indexRoot]]
        : [
            [first, indexRootOf(view, 'odd')],
            [second, indexRootOf(view, 'even')],
          ];
    for (const [lines, root] of wanted) {
      for (const line of lines) {
        const missing = line.version === null && line.filled && root !== null && second !== null;
        if (missing || (line.version !== null && line.version !== root?.version)) rows += line.rows;
      }
    }
  }
  return rows;
}

/** Rows by the versions of their terms in a table of such; a row with terms of two roots counts for both, and one without terms is not seen. */
async function countTable(
  database: SqlDatabase,
  model: ModelTable,
  table: TermTable,
  where: RawSql,
): Promise<IndexCensusLine[]> {
  const { dialect } = database;
  const column = `${model.model}.${table.field}`;
  const place = (named: string): RawSql => sql`t.${quoted(dialect, named)}`;
  const links = joined(
    table.links.map((link) => place(link.column.name)),
    ', ',
  );
  const on = joined(
    table.links.map(({ column: link, key }) => {
      return sql`${place(link.name)} = r.${quoted(dialect, (model.key[key] as NamedColumn).name)}`;
    }),
    ' AND ',
  );
  const text = raw(dialect === 'mysql' ? 'char' : 'text');
  const rows = await queryRows(
    database,
    dialect,
    sql`SELECT CAST(v AS ${text}) AS c0, CAST(count(*) AS ${text}) AS c1 FROM (SELECT DISTINCT ${links}, ${VERSIONS[dialect](place(table.term.name), false)} AS v FROM ${tableName(dialect, table)} t JOIN ${tableName(dialect, model)} r ON ${on} WHERE ${where}) a GROUP BY v`,
  );
  return rows.map(([version, count]) => ({ column, version: Number(version), filled: true, rows: Number(count) }));
}

/** The rows `r` of a scope: their column holds exactly its text. */
async function ofScope(database: SqlDatabase, table: ModelTable, scope: string): Promise<RawSql> {
  if (table.scope === null)
    throw new FieldsealError('ERR_OPTIONS', 'the rows of the model name no scope', { model: table.model });
  const typed = await columnTypes(database, table);
  const [dialect, column] = [database.dialect, typed(table.scope)];
  return sql`${columnName(dialect, column)} = ${stored(dialect, column, sql`${scope}`)} AND ${holds(dialect, column, sql`${scope}`)}`;
}

/** The name of a table in a statement. */
function tableName(
  dialect: SqlDialect,
  { name, schema }: { readonly name: string; readonly schema: string | null },
): RawSql {
  return schema === null ? quoted(dialect, name) : sql`${quoted(dialect, schema)}.${quoted(dialect, name)}`;
}

async function countColumn(
  database: SqlDatabase,
  table: ModelTable,
  index: TermColumns,
  column: TermColumns['first'],
  where: RawSql,
): Promise<IndexCensusLine[]> {
  const { dialect } = table;
  const place = (named: string): RawSql => sql`r.${quoted(dialect, named)}`;
  const version = VERSIONS[dialect](place(column.name), column.list);
  const filled = joined(
    index.sources.map((source) => {
      if (!source.migrating || source.kind === 'bytes') return sql`${place(source.name)} IS NOT NULL`;
      // Plaintext has no term. What begins as a cell is none of it.
      const start = `${source.kind === 'json' ? '"' : ''}${TEXT_PREFIX}`;
      const stored = textOf(dialect, { ...source, type: null });
      return sql`${exact(dialect, sql`substr(${stored}, 1, ${raw(String(start.length))})`)} = ${start}`;
    }),
    ' AND ',
  );
  const text = raw(dialect === 'mysql' ? 'char' : 'text');
  const rows = await queryRows(
    database,
    dialect,
    sql`SELECT CAST(v AS ${text}) AS c0, CAST(f AS ${text}) AS c1, CAST(count(*) AS ${text}) AS c2 FROM (SELECT coalesce(${version}, '') AS v, CASE WHEN ${filled} THEN 1 ELSE 0 END AS f FROM ${tableName(dialect, table)} r WHERE ${where}) a GROUP BY v, f`,
  );
  return rows.map(([found, full, count]) => ({
    column: `${table.model}.${column.field}`,
    version: found === '' || found == null ? null : Number(found),
    filled: full === '1',
    rows: Number(count),
  }));
}
