import { buildSchemaMap } from './build-map.ts';
import { parseInlineSchema } from './inline-schema.ts';
import type { SchemaMap } from './schema-map.ts';

/**
 * The schema map of a schema, for programs that do not use the generator.
 *
 * @param schema - text of schema.prisma; several files are joined by line feeds
 * @throws ERR_SCHEMA with model and field for the first annotation that cannot be served
 */
export function readSchemaMap(schema: string): SchemaMap {
  return buildSchemaMap(parseInlineSchema(schema));
}
