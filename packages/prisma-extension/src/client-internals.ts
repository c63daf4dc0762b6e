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

/** Path from the queried model to the one that a fluent call such as `findUnique(…).posts()` gives back: relation fields in order. */
export function fluentPathOf(params: object): readonly string[] {
  const path = member(member(params, '__internalParams'), 'dataPath');
  if (!Array.isArray(path)) return [];
  return path.filter((_, at) => at % 2 === 1).map(String); // ['select', 'posts', 'select', 'author']
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null ? (of as Record<string, unknown>)[name] : undefined;
}
