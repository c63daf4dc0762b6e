import { parseInlineSchema, type SchemaMap } from '@fieldseal/prisma/internal';
import type { SchemaFile } from '../schema-file.ts';
import type { NamedModel } from './structure-check.ts';

/** Models with encrypted fields. Those whose schema Prisma leaves to the connection get the one that its URL names. */
export function namedModels({ text }: SchemaFile, map: SchemaMap, dbSchema: string | null): NamedModel[] {
  return parseInlineSchema(text).models.flatMap(({ name, fields }): NamedModel[] => {
    const model = map.models[name];
    if (model === undefined || Object.keys(model.encrypted).length === 0) return [];
    const columnOf = new Map(fields.map((field) => [field.name, field.dbName]));
    return [{ name, map: { ...model, dbSchema: model.dbSchema ?? dbSchema }, columnOf }];
  });
}

/** `?schema=` of a PostgreSQL URL: Prisma's migrations heed it, its driver does not. */
export function connectionSchema(provider: string, url: string): string | null {
  return provider === 'postgresql' && URL.canParse(url) ? new URL(url).searchParams.get('schema') : null;
}
