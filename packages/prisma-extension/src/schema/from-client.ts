import { FieldsealError } from '@fieldseal/core';
import { inlineSchemaOf, type RuntimeModel, runtimeModelsOf } from '../client-internals.ts';
import { buildSchemaMap } from './build-map.ts';
import { parseInlineSchema } from './inline-schema.ts';
import type { ParsedModel, SchemaMap } from './schema-map.ts';

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
    checkNames(given, runtime);
    return given;
  }
  const parsed = parseInlineSchema(text);
  checkComplete(parsed, runtime);
  const own = buildSchemaMap(parsed);
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

/** The reader of the schema text must have found what Prisma found: a field that it missed could be an annotated one. */
function checkComplete(parsed: readonly ParsedModel[], runtime: Readonly<Record<string, RuntimeModel>>): void {
  const fields = new Map(
    parsed.map((model) => [model.name, new Map(model.fields.map((field) => [field.name, field.type]))]),
  );
  for (const [model, { fields: expected }] of Object.entries(runtime)) {
    for (const { name: field, type, kind } of expected) {
      if (kind !== 'unsupported' && fields.get(model)?.get(field) !== type) {
        throw new FieldsealError('ERR_SCHEMA', 'a field of the Prisma client was not found in its schema', {
          model,
          field,
        });
      }
    }
  }
}

/** Without the schema text, at least every name must exist. */
function checkNames(map: SchemaMap, runtime: Readonly<Record<string, RuntimeModel>>): void {
  for (const [model, { encrypted, indexes, relations }] of Object.entries(map.models)) {
    const known = new Set(runtime[model]?.fields.map((field) => field.name));
    const missing = [...Object.keys(encrypted), ...Object.keys(indexes), ...Object.keys(relations)].find(
      (field) => !known.has(field),
    );
    if (missing !== undefined)
      throw new FieldsealError('ERR_SCHEMA_STALE', 'the Prisma client has no such field', { model, field: missing });
  }
  const unknown = Object.keys(runtime).find((model) => !(model in map.models));
  if (unknown !== undefined)
    throw new FieldsealError('ERR_SCHEMA_STALE', 'the schema given to encryption() lacks a model', { model: unknown });
}

function canonical(value: unknown): string | undefined {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  );
}
