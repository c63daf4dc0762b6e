/**
 * The private properties of Prisma's client that Fieldseal reads. No other file touches them, and each has a contract test, so that a new
 * version of Prisma that changes one is noticed before a user is.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';

/** The runtime data model of a generated client: what it holds after Prisma has pruned it. */
export interface RuntimeModel {
  readonly fields: readonly { readonly name: string; readonly kind: string; readonly type: string }[];
}

/** Text of the schema that the client was generated from, or null when this version of Prisma does not carry it. */
export function inlineSchemaOf(client: object): string | null {
  const schema = member(member(client, '_engineConfig'), 'inlineSchema');
  return typeof schema === 'string' ? schema : null;
}

/**
 * Models of the client.
 *
 * @throws ERR_SCHEMA when this version of Prisma does not show them
 */
export function runtimeModelsOf(client: object): Readonly<Record<string, RuntimeModel>> {
  const models = member(member(client, '_runtimeDataModel'), 'models');
  if (typeof models === 'object' && models !== null) return models as Readonly<Record<string, RuntimeModel>>;
  throw new FieldsealError('ERR_SCHEMA', 'the Prisma client does not show its models', {
    hint: 'Use the Prisma version that this package names as its peer.',
  });
}

/** Whether an extension of this name was applied to the client before. */
export function hasExtension(client: object, name: string): boolean {
  let node = member(member(client, '_extensions'), 'head');
  for (; node !== undefined && node !== null; node = member(node, 'previous')) {
    if (member(member(node, 'extension'), 'name') === name) return true;
  }
  return false;
}

/** The name that a client has for a model: `userProfile` for `UserProfile`. */
export function delegateName(model: string): string {
  return model.charAt(0).toLowerCase() + model.slice(1);
}

/** Fields that the client's option `omit` leaves out of the results of a model. */
export function globalOmitOf(client: object, model: string): readonly string[] {
  const omit = member(member(client, '_globalOmit'), delegateName(model));
  return typeof omit === 'object' && omit !== null
    ? Object.entries(omit).flatMap(([f, on]) => (on === true ? [f] : []))
    : [];
}

/** Kind of the transaction that a query runs in: interactive, one of a batch, or none. */
export function transactionOf(params: object): { readonly kind: 'itx' | 'batch' } | undefined {
  const transaction = member(member(params, '__internalParams'), 'transaction');
  const kind = member(transaction, 'kind');
  return kind === 'itx' || kind === 'batch' ? (transaction as { readonly kind: 'itx' | 'batch' }) : undefined;
}

/**
 * The client bound to the interactive transaction of a query; without one the client itself.
 *
 * @throws ERR_OPTIONS when this version of Prisma has no such function
 */
export function clientWithin<Client extends object>(client: Client, transaction: object | undefined): Client {
  if (transaction === undefined) return client;
  const create = member(client, '_createItxClient');
  if (typeof create !== 'function')
    throw new FieldsealError('ERR_OPTIONS', 'this version of Prisma does not let queries join a transaction');
  return (create as (transaction: object) => Client).call(client, transaction);
}

/**
 * A client over the same connections without any extension.
 *
 * @throws ERR_OPTIONS when this version of Prisma does not show it
 */
export function bareClientOf(client: object): object {
  const original = member(client, '_originalClient');
  const extend = member(original, '$extends');
  if (typeof extend === 'function') return (extend as (extension: object) => object).call(original, {});
  throw new FieldsealError('ERR_OPTIONS', 'this version of Prisma does not show the client behind extensions');
}

/** Name of the database that the client was generated for: `sqlite`, `postgresql`, `mysql` …; '' where this version of Prisma does not show it. */
export function providerOf(client: object): string {
  const provider = member(client, '_activeProvider');
  return typeof provider === 'string' ? provider : '';
}

/** Path from the queried model to the one that a fluent call such as `findUnique(…).posts()` gives back: relation fields in order. */
export function fluentPathOf(params: object): readonly string[] {
  const path = member(member(params, '__internalParams'), 'dataPath');
  if (!Array.isArray(path)) return [];
  return path.filter((_, at) => at % 2 === 1).map(String); // ['select', 'posts', 'select', 'author']
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[name] : undefined;
}
