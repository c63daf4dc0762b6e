/**
 * What an error of a database driver says about the work that it ended. Messages of drivers may hold values of a row: they are compared here, and leave
 * no trace.
 *
 * @module
 */

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
  // key services, by our own errors
  ...['ERR_KEK_UNAVAILABLE', 'ERR_KEK_TIMEOUT', 'ERR_KEK_THROTTLED'],
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

/** What is kept of an error of a driver. An error of ours may have it as its cause. */
export interface DatabaseFault {
  /** Codes of the error and of those inside it, the outermost first. */
  readonly codes: readonly string[];
  /** Whether the same work may succeed when it is tried again. */
  readonly transient: boolean;
}

/** What an error is told by. */
export function databaseFault(error: unknown): DatabaseFault {
  const codes = inside(error).codes.filter((given) => /^[\w.-]{1,40}$/.test(given));
  return { codes: [...new Set(codes)], transient: isTransient(error) };
}

/** Whether the same work may succeed when it is tried again. */
export function isTransient(error: unknown): boolean {
  const found = inside(error);
  if (found.transient) return true;
  if (found.codes.some((code) => CONSTRAINT.test(code) && !TRANSIENT.has(code))) return false;
  return found.codes.some((code) => TRANSIENT.has(code)) || found.messages.some((message) => LOST.test(message));
}

/** Whether the database refused a row by one of its constraints. */
export function isConstraint(error: unknown): boolean {
  return inside(error).codes.some((code) => CONSTRAINT.test(code));
}

/** What is in an error and in those inside it. */
interface Inside {
  readonly codes: string[];
  readonly messages: string[];
  /** Whether one has a fault as its cause that may go away. */
  transient: boolean;
}

function inside(error: unknown): Inside {
  const found: Inside = { codes: [], messages: [], transient: false };
  const seen = new Set<unknown>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    seen.add(value);
    const { code, originalCode, kind, errno, extendedCode, message, transient } = value as Readonly<
      Record<string, unknown>
    >;
    for (const given of [code, originalCode, kind, errno, extendedCode])
      if (typeof given === 'string' || typeof given === 'number') found.codes.push(String(given));
    if (typeof message === 'string') found.messages.push(message);
    if (transient === true) found.transient = true;
    for (const member of INSIDE) look((value as Readonly<Record<string, unknown>>)[member]);
  };
  look(error);
  return found;
}
