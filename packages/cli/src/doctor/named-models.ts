import { parseInlineSchema, type SchemaMap } from '@fieldseal/prisma/internal';
import type { SchemaFile } from '../schema-file.ts';
import type { NamedModel } from './structure-check.ts';

/** Models with encrypted fields. Those whose schema Prisma leaves to the connection get the one that its URL names. */
export function namedModels({ text }: SchemaFile, map: SchemaMap, dbSchema: string | null): NamedModel[] {
  const { models } = parseInlineSchema(text);
  return models.flatMap(({ name, fields }): NamedModel[] => {
    const model = map.models[name];
    if (model === undefined || Object.keys(model.encrypted).length === 0) return [];
    const columnOf = new Map(fields.map((field) => [field.name, field.dbName]));
    const termTables = new Map(
      Object.entries(model.indexes).flatMap(([field, { child }]) => {
        const table = models.find((other) => other.name === child?.model);
        if (child === null || table === undefined) return [];
        const named = (of: string): string => table.fields.find((each) => each.name === of)?.dbName ?? of;
        const relation = table.fields.find(({ kind, type }) => kind === 'object' && type === name);
        const links = (relation?.relationFrom ?? []).map((from, at) => {
          const to = relation?.relationTo[at] ?? '';
          return { from: named(from), to: columnOf.get(to) ?? to };
        });
        const schema = table.dbSchema ?? dbSchema;
        return [[field, { dbName: table.dbName, dbSchema: schema, term: named(child.field), links }] as const];
      }),
    );
    return [{ name, map: { ...model, dbSchema: model.dbSchema ?? dbSchema }, columnOf, termTables }];
  });
}

/** `?schema=` of a PostgreSQL URL: Prisma's migrations heed it, its driver does not. */
export function connectionSchema(provider: string, url: string): string | null {
  return provider === 'postgresql' && URL.canParse(url) ? new URL(url).searchParams.get('schema') : null;
}
