/**
 * Errors of Prisma without the arguments of the query. Its validation errors print them whole, whatever the error format
 * (prisma/orm #29497), and a violated constraint may quote the row.
 *
 * @module
 */
import { isPrismaError, type PrismaError } from './prisma-error.ts';

/** Members of `meta`, at any depth, that hold names only. Applications need them to tell which constraint was violated. */
const NAMES: readonly string[] = ['modelName', 'target', 'constraint', 'field_name', 'kind', 'fields', 'index'];
/** Members that are looked into. */
const PARENTS: readonly string[] = ['driverAdapterError', 'cause'];

/** Errors that {@link redacted} has freed. */
type Redacted = { -readonly [Member in keyof PrismaError]: PrismaError[Member] };

/** Frees an error of Prisma from arguments and rows; class, code and reason are kept. Anything else is given back as it is. */
export function redacted(error: unknown): unknown {
  if (isPrismaError(error, 'PrismaClientValidationError')) {
    // The reason is the last paragraph; the caller's source and the arguments stand before it.
    return rewritten(error, error.message.split(/\n\s*\n/).at(-1) ?? '');
  }
  if (isPrismaError(error, 'PrismaClientUnknownRequestError'))
    return rewritten(error, 'The database refused the query.');
  if (!isPrismaError(error, 'PrismaClientKnownRequestError')) return error;
  return rewritten(Object.assign(error, { meta: namesIn(error.meta) }), `Prisma error ${error.code}`);
}

function namesIn(meta: unknown): Record<string, unknown> {
  if (typeof meta !== 'object' || meta === null) return {};
  return Object.fromEntries(
    Object.entries(meta).flatMap(([name, value]): [string, unknown][] => {
      if (NAMES.includes(name)) return [[name, value]];
      return PARENTS.includes(name) ? [[name, namesIn(value)]] : [];
    }),
  );
}

/** The same error with another message, in its stack too. */
function rewritten(error: Redacted, message: string): Error {
  const { stack = '' } = error;
  const frames = stack.includes(error.message) ? stack.slice(stack.indexOf(error.message) + error.message.length) : '';
  error.message = message;
  error.stack = `${error.name}: ${message}${frames}`;
  return error;
}
