import { FieldsealError, isFieldsealError } from '../errors.ts';

/** Errors that go away by trying again: the transaction is rolled back, or the connection is gone. */
const TRANSIENT: ReadonlySet<string> = new Set([
  // PostgreSQL: serialization, deadlock, lock and statement time-outs, shutdown and start-up, connections, and a standby that is not promoted yet
  ...[
    '25006',
    '40001',
    '40P01',
    '55P03',
    '57014',
    '57P01',
    '57P02',
    '57P03',
    '08000',
    '08001',
    '08003',
    '08004',
    '08006',
    '53300',
  ],
  // MySQL and MariaDB: lock wait, deadlock, shutdown, connections
  ...['1205', '1213', '1020', '1053', '1040', '1317', '1927', '45009', '45012', '45028'],
  // SQLite: another connection writes (primary and extended codes)
  ...['SQLITE_BUSY', 'SQLITE_BUSY_SNAPSHOT', 'SQLITE_BUSY_RECOVERY', 'SQLITE_LOCKED', '5', '6', '261', '517'],
  // sockets
  ...[
    'ECONNRESET',
    'ECONNREFUSED',
    'EPIPE',
    'ETIMEDOUT',
    'ER_SOCKET_UNEXPECTED_CLOSE',
    'ER_CONNECTION_TIMEOUT',
    'ER_GET_CONNECTION_TIMEOUT',
  ],
  // Prisma and its driver adapters
  ...['P1001', 'P1002', 'P1008', 'P1017', 'P2024', 'P2028', 'P2034'],
  ...[
    'TransactionWriteConflict',
    'ConnectionClosed',
    'DatabaseNotReachable',
    'SocketTimeout',
    'TransactionAlreadyClosed',
    'TooManyConnections',
  ],
]);

/** Errors that one row causes: constraints of the database. */
const CONSTRAINT =
  /^(23\d{3}|1062|1048|1406|1452|3819|4025|SQLITE_CONSTRAINT\w*|19|275|1043|1299|1555|2067|P2002|P2004)$|ConstraintViolation$/;

/** What drivers throw without a code when the connection is lost. */
const LOST =
  /Connection terminated|Connection ended|terminating connection|socket has unexpectedly been closed|database is locked|Client has encountered a connection error/i;

/** Members in which clients keep the error of a driver. */
const INSIDE = ['cause', 'meta', 'driverAdapterError', 'error', 'parent', 'original'] as const;

/** Whether the same work may succeed when it is tried again. */
export function isTransient(error: unknown): boolean {
  const found = inside(error);
  if (found.codes.some((code) => CONSTRAINT.test(code) && !TRANSIENT.has(code))) return false;
  return found.codes.some((code) => TRANSIENT.has(code)) || found.messages.some((message) => LOST.test(message));
}

/** Whether the database refused a row by one of its constraints. */
export function isConstraint(error: unknown): boolean {
  return inside(error).codes.some((code) => CONSTRAINT.test(code));
}

/** An error of a driver without its message, which may hold values of a row; errors of ours stay as they are. */
export function databaseError(error: unknown): unknown {
  if (isFieldsealError(error) || error instanceof RangeError || error instanceof TypeError) return error;
  const codes = inside(error).codes.filter((given) => /^[\w.-]{1,40}$/.test(given));
  const code = codes.findLast((given) => /\d/.test(given)) ?? codes.at(-1) ?? 'no code'; // the innermost with a digit is the database's own
  return new FieldsealError('ERR_JOB_DATABASE', `the database answered a job with an error (${code})`);
}

/** Codes and messages of an error and of those inside it. Only compared, never shown: messages of drivers may hold values. */
function inside(error: unknown): { readonly codes: readonly string[]; readonly messages: readonly string[] } {
  const codes: string[] = [];
  const messages: string[] = [];
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    const { code, originalCode, kind, errno, extendedCode, message } = value as Readonly<Record<string, unknown>>;
    for (const given of [code, originalCode, kind, errno, extendedCode])
      if (typeof given === 'string' || typeof given === 'number') codes.push(String(given));
    if (typeof message === 'string') messages.push(message);
    for (const member of INSIDE) look((value as Readonly<Record<string, unknown>>)[member]);
  };
  look(error);
  return { codes, messages };
}
