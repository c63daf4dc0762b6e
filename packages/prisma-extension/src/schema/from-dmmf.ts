import { type IdDefault, parseIdDefault } from '../id-default.ts';
import type { ParsedField, ParsedSchema } from './schema-map.ts';

/** The part of Prisma's DMMF that is read, declared here so that no version of its types is forced on anybody. */
export interface Dmmf {
  readonly datamodel: { readonly models: readonly DmmfModel[]; readonly enums: readonly DmmfEnum[] };
}

interface DmmfEnum {
  readonly name: string;
  readonly values: readonly { readonly name: string }[];
}

interface DmmfModel {
  readonly name: string;
  readonly dbName?: string | null | undefined;
  readonly schema?: string | null | undefined;
  readonly documentation?: string | undefined;
  readonly fields: readonly DmmfField[];
  readonly primaryKey?: DmmfConstraint | null | undefined;
  readonly uniqueIndexes: readonly DmmfConstraint[];
}

interface DmmfConstraint {
  readonly name?: string | null | undefined;
  readonly fields: readonly string[];
}

interface DmmfField {
  readonly name: string;
  readonly dbName?: string | null | undefined;
  readonly kind: string;
  readonly type: string;
  readonly isList: boolean;
  readonly isRequired: boolean;
  readonly isId: boolean;
  readonly isUnique: boolean;
  readonly isUpdatedAt?: boolean | undefined;
  readonly hasDefaultValue: boolean;
  /** A literal, a list of such, or a call. */
  readonly default?: unknown;
  readonly nativeType?: readonly [string, readonly string[]] | null | undefined;
  readonly relationName?: string | null | undefined;
  readonly relationFromFields?: readonly string[] | undefined;
  readonly relationToFields?: readonly string[] | undefined;
  readonly relationOnDelete?: string | null | undefined;
  readonly documentation?: string | undefined;
}

/** The schema that Prisma hands to a generator. */
export function parseDmmf({ datamodel }: Dmmf, provider: string): ParsedSchema {
  const models = datamodel.models.map((model) => {
    const constraints = [...(model.primaryKey ? [model.primaryKey] : []), ...model.uniqueIndexes];
    const single = new Set(constraints.flatMap(({ fields }) => (fields.length === 1 ? fields : [])));
    return {
      name: model.name,
      dbName: model.dbName ?? model.name,
      dbSchema: model.schema ?? null,
      documentation: model.documentation ?? '',
      fields: model.fields.map((field) => parseField(field, single)),
      compounds: constraints
        .filter(({ fields }) => fields.length > 1)
        .map(({ name, fields }) => ({ name: name ?? fields.join('_'), fields })),
    };
  });
  const enums = datamodel.enums.map(({ name, values }) => [name, values.map((value) => value.name)]);
  return { provider, enums: Object.fromEntries(enums), models };
}

function parseField(field: DmmfField, single: ReadonlySet<string>): ParsedField {
  const { name, kind, type } = field;
  const known = kind === 'scalar' || kind === 'enum' || kind === 'object';
  return {
    name,
    dbName: field.dbName ?? name,
    kind: known ? kind : 'unsupported',
    type,
    list: field.isList,
    required: field.isRequired,
    id: field.isId,
    unique: field.isUnique || single.has(name),
    hasDefault: field.hasDefaultValue || field.isUpdatedAt === true,
    idDefault: idDefaultOf(field.default),
    nativeType: field.nativeType ?? null,
    relationFrom: field.relationFromFields ?? [],
    relationTo: field.relationToFields ?? [],
    relationName: field.relationName ?? null,
    onDelete: field.relationOnDelete ?? null,
    documentation: field.documentation ?? '',
  };
}

function idDefaultOf(value: unknown): IdDefault | null {
  if (typeof value !== 'object' || value === null || !('name' in value)) return null;
  const { name, args = [] } = value as { name: string; args?: readonly unknown[] };
  return parseIdDefault(name, String(args[0] ?? ''));
}
