import { type ErrorCode, isFieldsealError } from '@fieldseal/core';

/** Exit codes and their meaning; 1 is any other failure. */
export const EXIT_CODES = {
  usage: 2,
  key: 3,
  keyringMissing: 4,
  keyringDamaged: 5,
  readOnly: 6,
  unreachable: 8,
} as const;

type Kind = keyof typeof EXIT_CODES;

/** A problem that its message and hint explain fully. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly kind: Kind;
  readonly hint: string;

  constructor(kind: Kind, message: string, hint: string) {
    super(message);
    this.kind = kind;
    this.hint = hint;
  }
}

const OF_FIELDSEAL: Partial<Record<ErrorCode, Kind>> = {
  ERR_KEY_INVALID: 'key',
  ERR_KEY_MISSING: 'key',
  ERR_KEY_UNKNOWN: 'key',
  ERR_KEYRING_LOCKED: 'key',
  ERR_KEYRING_MISSING: 'keyringMissing',
  ERR_KEYRING_DAMAGED: 'keyringDamaged',
  ERR_KEY_STORE: 'keyringDamaged',
  ERR_KEYRING_IO: 'readOnly',
  ERR_KEYRING_BUSY: 'readOnly',
};

/** What operating systems and databases call the problems that have an exit code of their own. Matched from the start. */
const OF_SYSTEM: readonly (readonly [kind: Kind, hint: string, codes: readonly string[]])[] = [
  [
    'readOnly',
    'Check the path, the permissions and the free space; --data names another folder.',
    [
      'EACCES',
      'EPERM',
      'EROFS',
      'EISDIR',
      'ENOTDIR',
      'EEXIST',
      'ENOSPC',
      'SQLITE_CANTOPEN',
      'SQLITE_READONLY',
      'SQLITE_IOERR',
      'SQLITE_FULL',
      '42501',
      '25006',
    ],
  ],
  [
    'unreachable',
    'Check host, port, database, user and password of --url, and that the server is running.',
    ['ECONN', 'ENOTFOUND', 'EAI_', 'ETIMEDOUT', 'EHOSTUNREACH', '28', '3D000', '57P', '08', '53300'],
  ],
];

/** What the user is told. */
export interface Explanation {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly exitCode: number;
}

/** One line and a hint for whatever was thrown. */
export function explain(thrown: unknown): Explanation {
  if (thrown instanceof Problem) {
    return { code: thrown.kind, message: thrown.message, hint: thrown.hint, exitCode: EXIT_CODES[thrown.kind] };
  }
  const fieldseal = causes(thrown).find((error) => isFieldsealError(error));
  if (isFieldsealError(fieldseal)) {
    const kind = OF_FIELDSEAL[fieldseal.code];
    const exitCode = kind === undefined ? 1 : EXIT_CODES[kind];
    return { code: fieldseal.code, message: fieldseal.summary, hint: fieldseal.hint, exitCode };
  }
  for (const [kind, hint, prefixes] of OF_SYSTEM) {
    const code = causes(thrown)
      .flatMap(codesOf)
      .find((found) => prefixes.some((prefix) => found.startsWith(prefix)));
    if (code === undefined) continue;
    const message =
      kind === 'readOnly'
        ? `${pathOf(thrown) ?? 'a file or table'} cannot be opened or written (${code})`
        : `the database cannot be used (${code})`;
    return { code, message, hint, exitCode: EXIT_CODES[kind] };
  }
  // The last line of a Prisma error says what went wrong; the lines before it quote the query.
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const message = text.trim().split('\n').at(-1) ?? 'unknown';
  return {
    code: 'failed',
    message,
    hint: 'Run with --reset to start afresh; if it stays, please report it.',
    exitCode: 1,
  };
}

/** An error, the errors behind it, and those that Prisma keeps from its driver adapters. */
function causes(thrown: unknown): object[] {
  const found: object[] = [];
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || found.includes(value)) return;
    found.push(value);
    for (const name of ['cause', 'meta', 'driverAdapterError', 'errors']) {
      const inner: unknown = Reflect.get(value, name);
      if (Array.isArray(inner)) inner.forEach(visit);
      else visit(inner);
    }
  };
  visit(thrown);
  return found;
}

/** The path that an error of the file system names. */
function pathOf(thrown: unknown): string | undefined {
  const paths = causes(thrown).map((error): unknown => Reflect.get(error, 'path'));
  return paths.find((path) => typeof path === 'string');
}

function codesOf(error: object): string[] {
  const codes = ['code', 'originalCode'].map((name): unknown => Reflect.get(error, name));
  const message: unknown = Reflect.get(error, 'message');
  const named = typeof message === 'string' ? (message.match(/\bSQLITE_[A-Z]+/g) ?? []) : [];
  // Prisma's own codes (P2010, say) tell nothing about the cause.
  return [...codes.filter((code) => typeof code === 'string'), ...named].filter((code) => !/^P\d{4}$/.test(code));
}
