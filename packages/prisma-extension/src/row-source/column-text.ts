/**
 * Columns as text and back, in the SQL of each database: rows are read, compared and written as texts, which no driver changes on its way.
 *
 * @module
 */
import { joined, quoted, RawSql, raw, type SqlDialect, sql } from '@fieldseal/core/jobs';

/** What a column holds, as far as its text is concerned. */
export type ColumnKind = 'text' | 'number' | 'bytes' | 'json';

/** A column of a table. */
export interface TableColumn {
  /** Name in the database. */
  readonly name: string;
  readonly kind: ColumnKind;
  readonly list: boolean;
  /** Type in PostgreSQL, by its full name in quotes; null elsewhere. Without a length: a cast to one would cut what is too long. */
  readonly type: string | null;
}

/** The column, of the table called `r`. */
export function columnName(dialect: SqlDialect, { name }: TableColumn): RawSql {
  return sql`r.${quoted(dialect, name)}`;
}

/** Text of what a column holds, or NULL: bytes as hexadecimal digits, lists as a JSON array of the texts. */
export function textOf(dialect: SqlDialect, column: TableColumn): RawSql {
  const name = columnName(dialect, column);
  return TEXTS[dialect](name, column);
}

/** A text that is compared and grouped by its characters: collations of columns fold case and accents, or ignore spaces at the end. */
export function exact(dialect: SqlDialect, text: RawSql): RawSql {
  return sql`(${text}) COLLATE ${raw(EXACT[dialect])}`;
}

/** Whether a column holds exactly this text. */
export function holds(dialect: SqlDialect, column: TableColumn, text: RawSql): RawSql {
  const own = textOf(dialect, column);
  // A collation of MySQL ignores spaces at the end even so.
  if (dialect === 'mysql') return sql`CAST(${own} AS BINARY) <=> CAST(${text} AS BINARY)`;
  return sql`${exact(dialect, own)} ${raw(dialect === 'sqlite' ? 'IS' : 'IS NOT DISTINCT FROM')} ${text}`;
}

const EXACT: Readonly<Record<SqlDialect, string>> = { postgresql: '"C"', mysql: 'utf8mb4_bin', sqlite: 'BINARY' };

/** What is assigned to a column for its text. */
export function stored(dialect: SqlDialect, { kind, list, type }: TableColumn, text: RawSql): RawSql {
  if (dialect === 'postgresql') {
    if (list) {
      const elements =
        kind === 'json'
          ? sql`SELECT e FROM jsonb_array_elements(${text}::jsonb) e`
          : sql`SELECT ${kind === 'bytes' ? raw("decode(e, 'hex')") : raw('e')} FROM json_array_elements_text(${text}::json) e`;
      return sql`(CASE WHEN ${text} IS NULL THEN NULL ELSE ARRAY(${elements}) END)::${raw(type ?? 'text[]')}`;
    }
    if (kind === 'bytes') return sql`decode(${text}, 'hex')`;
    return sql`${text}::${raw(type ?? 'text')}`;
  }
  if (kind === 'number') return sql`CAST(${text} AS ${raw(dialect === 'mysql' ? 'SIGNED' : 'INTEGER')})`;
  if (kind === 'bytes') return dialect === 'mysql' ? sql`UNHEX(${text})` : blob(text);
  return text;
}

/** Rows behind a key, or up to it and with it, in the order of the key's columns. */
export function beyond(
  dialect: SqlDialect,
  key: readonly TableColumn[],
  values: readonly string[],
  operator: '>' | '<=',
): RawSql {
  const names = key.map((column) => columnName(dialect, column));
  const operands = key.map((column, at) => stored(dialect, column, sql`${values[at] as string}`));
  if (dialect !== 'mysql') return sql`(${joined(names, ', ')}) ${raw(operator)} (${joined(operands, ', ')})`;
  // MySQL finds no index for a comparison of rows.
  const [strict, wide] = operator === '>' ? ['>', '>='] : ['<', '<='];
  const alternatives = names.map((name, at) => {
    const equal = names.slice(0, at).map((other, place) => sql`${other} = ${operands[place] as RawSql}`);
    const last = sql`${name} ${raw(at === names.length - 1 ? operator : strict)} ${operands[at] as RawSql}`;
    return sql`(${joined([...equal, last], ' AND ')})`;
  });
  return sql`${names[0] as RawSql} ${raw(wide)} ${operands[0] as RawSql} AND (${joined(alternatives, ' OR ')})`;
}

type Text = (name: RawSql, column: TableColumn) => RawSql;

const TEXTS: Readonly<Record<SqlDialect, Text>> = {
  postgresql: (name, { kind, list }) => {
    if (!list) return kind === 'bytes' ? sql`encode(${name}, 'hex')` : sql`${name}::text`;
    if (kind !== 'bytes') return sql`to_json(${name})::text`;
    return sql`CASE WHEN ${name} IS NULL THEN NULL ELSE coalesce((SELECT json_agg(encode(e, 'hex')) FROM unnest(${name}) e)::text, '[]') END`;
  },
  mysql: (name, { kind }) => {
    if (kind === 'bytes') return sql`LOWER(HEX(${name}))`;
    return kind === 'text' ? sql`CONVERT(${name} USING utf8mb4)` : sql`CAST(${name} AS CHAR)`;
  },
  // hex() of NULL is an empty text
  sqlite: (name, { kind }) =>
    kind === 'bytes' ? sql`CASE WHEN ${name} IS NOT NULL THEN lower(hex(${name})) END` : sql`CAST(${name} AS TEXT)`,
};

/** SQLite has no function of old that reads hexadecimal digits: they stand in the statement, as a literal. */
function blob(text: RawSql): RawSql {
  const [digits] = text.args;
  if (digits == null) return raw('NULL');
  if (!/^[0-9a-f]*$/.test(digits)) throw new TypeError('bytes are hexadecimal digits here');
  return new RawSql(`X'${digits}'`);
}
