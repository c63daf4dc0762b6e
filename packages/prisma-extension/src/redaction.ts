/**
 * Errors of Prisma without the arguments of the query. Its validation errors print them whole, whatever the error format
 * (prisma/orm #29497), and a violated constraint may quote the row.
 *
 * @module
 */
import { stripVTControlCharacters } from 'node:util';
import { isPrismaError, type PrismaError } from './prisma-error.ts';

/** Members of `meta`, at any depth, that hold names of the schema or codes. Applications need them to tell which constraint was violated. */
const NAMES: readonly string[] = [
  'modelName',
  'model',
  'field',
  'target',
  'constraint',
  'field_name',
  'kind',
  'originalCode',
  'fields',
  'index',
];
/** Members that are looked into. */
const PARENTS: readonly string[] = ['driverAdapterError', 'cause', 'constraint'];

/** How Prisma begins the reason of a validation error that holds names of fields and types only. */
const REASONS =
  /^(?:Argument `|Unknown (?:argument|field) `|Invalid scalar field `|Please either use `|The (?:global )?`?(?:omit|select)\b)/;
/** A reason that quotes the value, or what a parser says of it, in its middle. */
const QUOTING: readonly { readonly form: RegExp; readonly kept: string }[] = [
  {
    form: /^(Invalid value for (?:argument|selection field) `\w+`)(?:.*(\. Expected [\w ,[\]|-]+)\.)?.*$/,
    kept: '$1$2.',
  },
  {
    form: /^Unable to fit value .*(into a 64-bit signed integer for field `\w+`)$/,
    kept: 'Unable to fit the value $1',
  },
];

/** Operations of raw SQL, which the database refuses with its own words. */
const RAW: readonly string[] = ['$queryRaw', '$queryRawUnsafe', '$queryRawTyped', '$executeRaw', '$executeRawUnsafe'];

/** Errors that {@link redacted} has freed. */
type Redacted = { -readonly [Member in keyof PrismaError]: PrismaError[Member] };

/** What a query extension gets, as far as it is used here. */
interface Query {
  readonly args: unknown;
  readonly query: (args: unknown) => Promise<unknown>;
}

/** Query extensions that free the errors of raw SQL. Neither the SQL nor its results are touched. */
export function rawRedaction(): Readonly<Record<string, (query: Query) => Promise<unknown>>> {
  return Object.fromEntries(RAW.map((name) => [name, ({ args, query }: Query) => redacting(() => query(args))]));
}

/** Runs a query; its error is freed from arguments. */
export async function redacting(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run();
  } catch (error) {
    throw redacted(error);
  }
}

/** Frees an error of Prisma from arguments and rows; class, code and reason are kept. Anything else is given back as it is. */
export function redacted(error: unknown): unknown {
  if (isPrismaError(error, 'PrismaClientValidationError')) return rewritten(error, reasonOf(error.message));
  if (isPrismaError(error, 'PrismaClientUnknownRequestError'))
    return rewritten(error, 'The database refused the query.');
  if (!isPrismaError(error, 'PrismaClientKnownRequestError')) return error;
  return rewritten(Object.assign(error, { meta: namesIn(error.meta) }), `Prisma error ${error.code}`);
}

/**
 * The reason is the last paragraph, in its first line; the caller's source and the arguments stand before it. One of an unknown form is
 * not shown.
 */
function reasonOf(message: string): string {
  const paragraph = stripVTControlCharacters(message)
    .trim()
    .split(/\n\s*\n/)
    .at(-1) as string;
  const reason = paragraph.split('\n')[0] as string;
  if (REASONS.test(reason)) return reason;
  const quoting = QUOTING.find(({ form }) => form.test(reason));
  return quoting === undefined ? 'The arguments are not valid.' : reason.replace(quoting.form, quoting.kept);
}

function namesIn(meta: unknown): Record<string, unknown> {
  if (typeof meta !== 'object' || meta === null) return {};
  return Object.fromEntries(
    Object.entries(meta).flatMap(([name, value]): [string, unknown][] => {
      if (NAMES.includes(name) && isName(value)) return [[name, value]];
      return PARENTS.includes(name) ? [[name, namesIn(value)]] : [];
    }),
  );
}

function isName(value: unknown): boolean {
  return Array.isArray(value) ? value.every((item) => typeof item === 'string') : typeof value === 'string';
}

/** The same error with another message, in its stack too. */
function rewritten(error: Redacted, message: string): Error {
  const { stack = '' } = error;
  const frames = stack.includes(error.message) ? stack.slice(stack.indexOf(error.message) + error.message.length) : '';
  error.message = message;
  error.stack = `${error.name}: ${message}${frames}`;
  return error;
}
