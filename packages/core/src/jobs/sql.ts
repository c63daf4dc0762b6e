/**
 * SQL as jobs send it, to any database and by any client: statements whose parameters and answers are texts, so that no driver's own
 * idea of a type comes between.
 *
 * @module
 */

/** Databases that jobs know how to ask. MariaDB is `mysql`. */
export type SqlDialect = 'postgresql' | 'mysql' | 'sqlite';

/** What runs statements: a connection, a pool or a transaction. Structural, so that any client can be passed in. */
export interface SqlSession {
  /** Rows of a statement; every column of an answer is a text or NULL. */
  query(sql: string, args: readonly (string | null)[]): Promise<readonly (readonly (string | null)[])[]>;
  /** Runs a statement and returns how many rows it changed. */
  execute(sql: string, args: readonly (string | null)[]): Promise<number>;
}

/** A database that can run several statements at once or not at all. */
export interface SqlDatabase extends SqlSession {
  readonly dialect: SqlDialect;
  /** Runs `work` in one transaction: committed when it resolves, rolled back, with nothing left, when it throws. */
  transaction<T>(work: (session: SqlSession) => Promise<T>): Promise<T>;
}

/** A statement with its parameters. */
export interface SqlStatement {
  readonly text: string;
  readonly args: readonly (string | null)[];
}

/** SQL that is put into a statement as it is: names in quotes, numbers of ours. Never a value. */
export class RawSql {
  readonly text: string;
  readonly args: readonly (string | null)[];

  constructor(text: string, args: readonly (string | null)[] = []) {
    this.text = text;
    this.args = args;
  }
}

/** SQL of our own, without parameters. */
export function raw(text: string): RawSql {
  return new RawSql(text);
}

/** A piece of SQL with parameters: `${text}` becomes one, `${raw(…)}` and other pieces are put in as they are. Parameters are `?`. */
export function sql(parts: TemplateStringsArray, ...values: readonly (string | null | RawSql)[]): RawSql {
  let text = parts[0] as string;
  const args: (string | null)[] = [];
  for (const [at, value] of values.entries()) {
    if (value instanceof RawSql) {
      text += value.text;
      args.push(...value.args);
    } else {
      text += PLACE;
      args.push(value);
    }
    text += parts[at + 1] as string;
  }
  return new RawSql(text, args);
}

/** Pieces with a text of ours between them. */
export function joined(pieces: readonly RawSql[], between: string): RawSql {
  return new RawSql(
    pieces.map(({ text }) => text).join(between),
    pieces.flatMap(({ args }) => args),
  );
}

/** The columns of an answer, each with a name of its own: clients that give rows as objects would lose those of the same name. */
export function selected(columns: readonly RawSql[]): RawSql {
  return joined(
    columns.map((column, at) => sql`${column} AS c${raw(String(at))}`),
    ', ',
  );
}

/** The statement in the spelling of a database: `$1` with a cast, which spares PostgreSQL guessing, or `?`. */
export function statement(dialect: SqlDialect, piece: RawSql): SqlStatement {
  let number = 0;
  const text = piece.text.replaceAll(PLACE, () => (dialect === 'postgresql' ? `$${++number}::text` : '?'));
  return { text, args: piece.args };
}

/** A name in quotes. */
export function quoted(dialect: SqlDialect, name: string): RawSql {
  return raw(dialect === 'mysql' ? `\`${name.replaceAll('`', '``')}\`` : `"${name.replaceAll('"', '""')}"`);
}

/** Runs a piece that answers with rows. */
export function queryRows(
  session: SqlSession,
  dialect: SqlDialect,
  piece: RawSql,
): Promise<readonly (readonly (string | null)[])[]> {
  const { text, args } = statement(dialect, piece);
  return session.query(text, args);
}

/** Runs a piece that changes rows, and returns how many. */
export function changeRows(session: SqlSession, dialect: SqlDialect, piece: RawSql): Promise<number> {
  const { text, args } = statement(dialect, piece);
  return session.execute(text, args);
}

/** Where a parameter stands. No name of a table can hold it: databases refuse U+0000. */
const PLACE = '\0';
