/**
 * Errors of Prisma without the arguments of the query. Its validation errors print them whole, whatever the error format
 * (prisma/orm #29497), and a violated CHECK constraint of PostgreSQL quotes the row.
 *
 * @module
 */
import {
  PrismaClientKnownRequestError,
  PrismaClientUnknownRequestError,
  PrismaClientValidationError,
} from '@prisma/client-runtime-utils';

/** The same error without any argument or row in it: code and reason are kept. Anything that is no error of Prisma is given back as it is. */
export function redacted(error: unknown): unknown {
  if (error instanceof PrismaClientValidationError) {
    // The reason is the last paragraph; before it stand the caller's source and the arguments.
    const reason = error.message.split(/\n\s*\n/).at(-1) ?? '';
    return sameStack(error, new PrismaClientValidationError(reason, { clientVersion: error.clientVersion }));
  }
  if (error instanceof PrismaClientUnknownRequestError)
    return sameStack(
      error,
      new PrismaClientUnknownRequestError('The database refused the query.', { clientVersion: error.clientVersion }),
    );
  if (!(error instanceof PrismaClientKnownRequestError)) return error;
  const { code, clientVersion, meta } = error;
  const known = code === 'P2002' || code === 'P2003' || code === 'P2025';
  const message = `Prisma error ${code}`;
  return sameStack(
    error,
    new PrismaClientKnownRequestError(message, { code, clientVersion, ...(known && meta ? { meta } : {}) }),
  );
}

/** Where the error came from, with the new message in place of the old. */
function sameStack<E extends Error>({ stack = '', message }: Error, error: E): E {
  const frames = stack.includes(message) ? stack.slice(stack.indexOf(message) + message.length) : '';
  error.stack = `${error.name}: ${error.message}${frames}`;
  return error;
}
