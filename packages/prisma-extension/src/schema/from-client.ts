import { FieldsealError } from '@fieldseal/core';
import { inlineSchemaOf, type RuntimeModel, runtimeModelsOf } from '../client-internals.ts';
import { readSchemaMap } from './read-schema.ts';
import type { SchemaMap } from './schema-map.ts';

/**
 * The schema map for a client: the given one, checked against the client, or else the one that the client's own schema gives.
 *
 * @throws ERR_SCHEMA_STALE when the given map was made from another schema, ERR_SCHEMA when an annotation cannot be served or the client
 * carries no schema and none was given
 */
export function schemaMapFor(client: object, given: SchemaMap | undefined): SchemaMap {
  const text = inlineSchemaOf(client);
  const runtime = runtimeModelsOf(client);
  if (text === null) {
    if (given === undefined) {
      const hint = 'Add the fieldseal generator to schema.prisma and pass its schema to encryption().';
      throw new FieldsealError('ERR_SCHEMA', 'the Prisma client does not carry its schema', { hint });
    }
    checkFields(given, runtime);
    return given;
  }
  const own = readSchemaMap(text);
  checkFields(own, runtime);
  if (given !== undefined) checkSameMap(given, own);
  return own;
}

/**
 * Compares a schema map with the one that the client's schema gives.
 *
 * @throws ERR_SCHEMA_STALE when they differ in anything
 */
export function checkSameMap(given: SchemaMap, own: SchemaMap): void {
  if (canonical(given) === canonical(own)) return;
  const differing = Object.keys({ ...own.models, ...given.models }).find(
    (model) => canonical(given.models[model]) !== canonical(own.models[model]),
  );
  throw new FieldsealError('ERR_SCHEMA_STALE', 'the schema map is not the one of the Prisma schema', {
    model: differing,
  });
}

/** A field that the schema text hides from our reader could be an annotated one, and so could one that a stale map does not know. */
function checkFields(map: SchemaMap, runtime: Readonly<Record<string, RuntimeModel>>): void {
  for (const [model, { fields }] of Object.entries(runtime)) {
    const known = Object.hasOwn(map.models, model) ? map.models[model]?.fields : undefined;
    for (const { name: field, type } of fields) {
      if (known?.[field]?.replace('[]', '') === type) continue;
      throw new FieldsealError('ERR_SCHEMA_STALE', 'a field of the Prisma client is not in its schema', {
        model,
        field,
      });
    }
    const extra = Object.keys(known ?? {}).find((field) => !fields.some(({ name }) => name === field));
    if (extra !== undefined)
      throw new FieldsealError('ERR_SCHEMA_STALE', 'the Prisma client has no such field', { model, field: extra });
  }
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
