import { FieldsealError } from '@fieldseal/core';
import { clientWithin, delegateName, transactionOf } from './client-internals.ts';
import { isPrismaError } from './prisma-error.ts';
import type { CompiledModel, EncryptedNode } from './schema/compiled-schema.ts';
import type { QueryScope } from './scope-context.ts';
import { NOT_FOUND, type QueryParams } from './transform.ts';
import { identityOfFiltered } from './walk/binding.ts';
import { COMBINATORS } from './walk/grammar.ts';
import { columnValue } from './walk/scope-frame.ts';
import { entriesOf, isAbsent, isDictionary, itemsOf } from './walk/value-kind.ts';

type Dictionary = Record<string, unknown>;

/** The delegate of a model, as far as it is used here. */
type Delegate = Readonly<
  Record<
    'findUnique' | 'findMany' | 'update' | 'updateMany' | 'updateManyAndReturn',
    (args: Dictionary) => Promise<unknown>
  >
>;

/** The extended client. */
interface Client {
  $transaction<Result>(work: (client: Client) => Promise<Result>): Promise<Result>;
}

/** An id in every spelling that a bound field may demand. */
const NOBODY = '00000000-0000-0000-0000-000000000000';

/** Types of fields that rows are named by. */
const NAMING_TYPES: readonly string[] = ['String', 'Int', 'BigInt'];

/** Operations that may change several rows, or one whose bound fields are not in its filter. */
const BULK: readonly string[] = ['update', 'updateMany', 'updateManyAndReturn'];

/** Looks at the arguments of an operation as a query does, without any SQL. */
export type CheckArguments = (operation: string, args: Dictionary) => void;

/**
 * Whether an update cannot be done in one statement: it writes a bound field of rows that its filter does not name, or terms that have a table of
 * their own in several rows.
 */
export function needsRows(model: CompiledModel, { operation, args }: QueryParams): boolean {
  if (!BULK.includes(operation) || !isDictionary(args)) return false;
  return writesBound(model, args) || (operation !== 'update' && writesTables(model, args) && nameOf(model) !== null);
}

function writesBound(model: CompiledModel, { data, where }: Dictionary): boolean {
  if (model.bound.size === 0) return false;
  const known = identityOfFiltered(model, where);
  return writtenIn(model, data).some(({ bind }) => bind.some(([bound]) => !known.has(bound)));
}

/** Whether terms are written that have a table of their own. */
function writesTables(model: CompiledModel, { data }: Dictionary): boolean {
  return writtenIn(model, data).some(({ indexes }) => indexes.some(({ child }) => child !== null));
}

function writtenIn(model: CompiledModel, data: unknown): EncryptedNode[] {
  return model.encrypted.flatMap(([field, node]) => (isDictionary(data) && !isAbsent(data[field]) ? [node] : []));
}

/** A field that names a row by itself, or null. Where cells are bound to one, that is it. */
function nameOf({ uniques, bound, types }: CompiledModel): string | null {
  const names = uniques.filter((field) => NAMING_TYPES.includes(types.get(field) ?? ''));
  return names.find((field) => bound.has(field)) ?? names[0] ?? null;
}

/**
 * Does such an update row by row in one transaction: the rows are found, and each is updated by its bound fields and the filter, so that
 * a row that has changed meanwhile and does not match any more is left alone.
 *
 * @param surroundings - to whose scope the rows are confined, so that `limit` counts no others
 * @param check - looks at what would be done for a row, before any SQL
 * @throws ERR_BINDING, or for terms ERR_UNSUPPORTED_OPERATION, inside a batch transaction, which takes no queries of ours, and for a filter that
 * follows a relation; whatever `check` throws
 */
export function updateRowByRow(
  client: object,
  model: CompiledModel,
  params: QueryParams,
  surroundings: QueryScope,
  check: CheckArguments,
): Promise<unknown> {
  const transaction = transactionOf(params);
  const args = params.args as Dictionary;
  const code = writesBound(model, args) ? 'ERR_BINDING' : 'ERR_UNSUPPORTED_OPERATION';
  if (transaction?.kind === 'batch')
    throw new FieldsealError(code, 'a batch transaction cannot update rows one by one', {
      model: model.name,
      hint: 'Use an interactive transaction, or name the rows.',
    });
  if (followsRelation(model, args['where']))
    throw new FieldsealError(code, 'rows are not updated one by one where a relation chooses them', {
      model: model.name,
      hint: 'The first rows could change what the next are chosen by. Find the ids first, and update by them.',
    });
  checkRow(model, params.operation, args, check);
  const own = ownRows(model, args['where'], surroundings);
  const work = (within: object) => updateEach(delegateOf(within, model), model, params, own);
  return transaction === undefined ? (client as Client).$transaction(work) : work(clientWithin(client, transaction));
}

/** A filter, confined to the rows of the current scope: no encrypted field need be in it, which would confine it by itself. */
function ownRows(model: CompiledModel, where: unknown, surroundings: QueryScope): unknown {
  const current = surroundings.of(model.name) ?? '';
  if (model.scope === null || current === '') return where;
  const { field } = model.scope;
  return { [field]: columnValue(model, field, model.scope, current), AND: isAbsent(where) ? [] : [where] };
}

/** Whether a filter looks at other rows than the one it is about. */
function followsRelation(model: CompiledModel, where: unknown): boolean {
  return itemsOf(where)
    .flatMap(entriesOf)
    .some(([key, value]) =>
      COMBINATORS.includes(key) ? followsRelation(model, value) : model.fields.get(key)?.kind === 'relation',
    );
}

/** What is refused for a row is refused before any is read, though there be none. */
function checkRow(model: CompiledModel, operation: string, args: Dictionary, check: CheckArguments): void {
  const { where, limit, data, ...rest } = args;
  if (limit !== undefined && !(Number.isInteger(limit) && (limit as number) >= 0))
    throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', 'limit is not a number of rows', { model: model.name });
  if (operation === 'update') {
    check('update', { ...rest, data, where: { ...(where as Dictionary), ...nobody(model) } });
    return;
  }
  const change = { ...rest, data, where: { ...nobody(model), AND: isAbsent(where) ? [] : [where] } };
  if (!writesTables(model, args) || nameOf(model) === null) {
    check(operation, change);
    return;
  }
  // As an update of one row it would be taken with nested writes, which an update of several does not take.
  const nested = entriesOf(data).find(([key, value]) => !isAbsent(value) && model.fields.get(key)?.kind === 'relation');
  if (nested !== undefined)
    throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', `${operation} does not write relations`, {
      model: model.name,
      field: nested[0],
      hint: 'Use update for each row, in a transaction.',
    });
  check('update', change);
}

async function updateEach(
  rows: Delegate,
  model: CompiledModel,
  { operation, args }: QueryParams,
  own: unknown,
): Promise<unknown> {
  const { where, limit, ...rest } = args as Dictionary;
  const tables = operation !== 'update' && writesTables(model, args as Dictionary);
  const name = tables ? nameOf(model) : null;
  const fields = [...model.bound.keys(), ...(name === null ? [] : [name])];
  const select = Object.fromEntries(fields.map((field) => [field, true]));
  if (operation === 'update') {
    const row = (await rows.findUnique({ where, select })) as Dictionary | null;
    // Where there is none, Prisma's own error says so.
    return rows.update(row === null ? { where, data: {} } : { ...rest, where: { ...(where as Dictionary), ...row } });
  }
  const found = await rows.findMany({ where: own, select, ...(limit === undefined ? {} : { take: limit }) });
  const updated: unknown[] = [];
  let count = 0;
  // Without rows the data is looked at all the same, by an update that finds none.
  const named = (found as Dictionary[]).length > 0 ? (found as Dictionary[]) : [{ ...nobody(model, fields), OR: [] }];
  for (const row of named) {
    const change = { ...rest, where: { ...row, AND: isAbsent(where) ? [] : [where] } };
    if (tables) {
      const one = await updateOne(rows, operation === 'updateMany' ? { ...change, select } : change);
      if (one !== null) updated.push(one);
      count += one === null ? 0 : 1;
    } else if (operation === 'updateMany') count += ((await rows.updateMany(change)) as { count: number }).count;
    else updated.push(...((await rows.updateManyAndReturn(change)) as unknown[]));
  }
  return operation === 'updateMany' ? { count } : updated;
}

/** Updates a row with the terms in tables of its own. Null for one that has changed meanwhile, and does not match any more. */
async function updateOne(rows: Delegate, change: Dictionary): Promise<unknown> {
  try {
    return await rows.update(change);
  } catch (error) {
    // The only nested writes are of terms, which miss the row where it is not found.
    if (isPrismaError(error, 'PrismaClientKnownRequestError') && error.code === NOT_FOUND) return null;
    throw error;
  }
}

/** Values of fields that name rows, of no row. */
function nobody({ types, bound }: CompiledModel, fields: Iterable<string> = bound.keys()): Dictionary {
  return Object.fromEntries([...fields].map((field) => [field, types.get(field) === 'String' ? NOBODY : 0]));
}

function delegateOf(client: object, { name }: CompiledModel): Delegate {
  return (client as Readonly<Record<string, Delegate>>)[delegateName(name)] as Delegate;
}
