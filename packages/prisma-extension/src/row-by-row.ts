import { FieldsealError } from '@fieldseal/core';
import { clientWithin, delegateName, transactionOf } from './client-internals.ts';
import type { CompiledModel } from './schema/compiled-schema.ts';
import type { QueryParams } from './transform.ts';
import { identityOfFiltered } from './walk/binding.ts';
import { COMBINATORS } from './walk/grammar.ts';
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

/** Operations that may change several rows, or one whose bound fields are not in its filter. */
const BULK: readonly string[] = ['update', 'updateMany', 'updateManyAndReturn'];

/** Whether an update writes a bound field of rows that its filter does not name, so that one statement cannot do it. */
export function needsRows(model: CompiledModel, { operation, args }: QueryParams): boolean {
  if (model.bound.size === 0 || !BULK.includes(operation) || !isDictionary(args)) return false;
  const { data, where } = args;
  const written = model.encrypted.filter(([field]) => isDictionary(data) && !isAbsent(data[field]));
  const known = identityOfFiltered(model, where);
  return written.some(([, { bind }]) => bind.some(([bound]) => !known.has(bound)));
}

/**
 * Does such an update row by row in one transaction: the rows are found, and each is updated by its bound fields and the filter, so that
 * a row that has changed meanwhile and does not match any more is left alone.
 *
 * @throws ERR_BINDING inside a batch transaction, which takes no queries of ours, and for a filter that follows a relation
 */
export function updateRowByRow(client: object, model: CompiledModel, params: QueryParams): Promise<unknown> {
  const transaction = transactionOf(params);
  if (transaction?.kind === 'batch')
    throw new FieldsealError('ERR_BINDING', 'a batch transaction cannot update bound fields row by row', {
      model: model.name,
      hint: 'Use an interactive transaction, or name the rows by their bound fields.',
    });
  if (isDictionary(params.args) && followsRelation(model, params.args['where']))
    throw new FieldsealError(
      'ERR_BINDING',
      'bound fields are not updated row by row where a relation chooses the rows',
      {
        model: model.name,
        hint: 'The first rows could change what the next are chosen by. Find the ids first, and update by them.',
      },
    );
  const work = (within: object) => updateEach(delegateOf(within, model), model, params);
  return transaction === undefined ? (client as Client).$transaction(work) : work(clientWithin(client, transaction));
}

/** Whether a filter looks at other rows than the one it is about. */
function followsRelation(model: CompiledModel, where: unknown): boolean {
  return itemsOf(where)
    .flatMap(entriesOf)
    .some(([key, value]) =>
      COMBINATORS.includes(key) ? followsRelation(model, value) : model.fields.get(key)?.kind === 'relation',
    );
}

async function updateEach(rows: Delegate, model: CompiledModel, { operation, args }: QueryParams): Promise<unknown> {
  const { where, limit, ...rest } = args as Dictionary;
  const select = Object.fromEntries([...model.bound.keys()].map((field) => [field, true]));
  if (operation === 'update') {
    const row = (await rows.findUnique({ where, select })) as Dictionary | null;
    // Where there is none, Prisma's own error says so.
    return rows.update(row === null ? { where, data: {} } : { ...rest, where: { ...(where as Dictionary), ...row } });
  }
  if (limit !== undefined && !(Number.isInteger(limit) && (limit as number) >= 0))
    throw new FieldsealError('ERR_UNSUPPORTED_OPERATION', 'limit is not a number of rows', { model: model.name });
  const found = await rows.findMany({ where, select, ...(limit === undefined ? {} : { take: limit }) });
  const updated: unknown[] = [];
  let count = 0;
  // Without rows the data is looked at all the same, by an update that finds none.
  const named = (found as Dictionary[]).length > 0 ? (found as Dictionary[]) : [{ ...nobody(model), OR: [] }];
  for (const row of named) {
    const change = { ...rest, where: { ...row, AND: isAbsent(where) ? [] : [where] } };
    if (operation === 'updateMany') count += ((await rows.updateMany(change)) as { count: number }).count;
    else updated.push(...((await rows.updateManyAndReturn(change)) as unknown[]));
  }
  return operation === 'updateMany' ? { count } : updated;
}

/** Values of the bound fields, of no row. */
function nobody({ bound }: CompiledModel): Dictionary {
  return Object.fromEntries([...bound].map(([field, { type }]) => [field, type === 'String' ? NOBODY : 0]));
}

function delegateOf(client: object, { name }: CompiledModel): Delegate {
  return (client as Readonly<Record<string, Delegate>>)[delegateName(name)] as Delegate;
}
