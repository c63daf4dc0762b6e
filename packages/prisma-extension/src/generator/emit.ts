import type { SchemaMap } from '../schema/schema-map.ts';

/** The schema map as a TypeScript file of plain data. The same map always gives the same text. */
export function emitSchemaMap(map: SchemaMap): string {
  return [
    '// Written by the fieldseal generator from schema.prisma. Do not edit; run `prisma generate` instead.',
    "import type { SchemaMap } from '@fieldseal/prisma';",
    '',
    '/** For `encryption({ schema })`. */',
    `export const schema: SchemaMap = ${JSON.stringify(map, null, 2)};`,
    '',
  ].join('\n');
}
