/** Codes of statements that were stopped for their time: PostgreSQL (also waiting for a lock), MySQL, MariaDB. */
const TIMED_OUT: readonly string[] = ['57014', '55P03', '3024', '1969', '1205'];

/**
 * A database that cannot be asked. The driver's own message is dropped, because it may hold a password or a row; its code stays.
 */
export class DatabaseProblem extends Error {
  override readonly name = 'DatabaseProblem';
  readonly kind: 'adapter' | 'unreachable' | 'timeout';

  constructor(kind: DatabaseProblem['kind'], message: string) {
    super(message);
    this.kind = kind;
  }

  /** What a driver or an adapter threw, without its message. */
  static of(error: unknown): DatabaseProblem {
    if (error instanceof DatabaseProblem) return error;
    const cause = member(error, 'cause');
    const codes = [
      member(cause, 'kind'),
      member(cause, 'originalCode') ?? member(error, 'code') ?? member(cause, 'code'),
    ];
    const said = codes.filter((code) => typeof code === 'string' && /^[\w.-]{1,40}$/.test(code));
    const timedOut = TIMED_OUT.some((code) => said.includes(code));
    const code = said.length === 0 ? (error instanceof Error ? error.name : typeof error) : said.join(' ');
    return new DatabaseProblem(
      timedOut ? 'timeout' : 'unreachable',
      timedOut ? 'the statement took too long' : `the database answered with an error (${code})`,
    );
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
