/**
 * The functions of `prisma.$encryption`: for raw SQL and TypedSQL, which the extension leaves alone.
 *
 * @module
 */
import { blindIndexTerm, type FieldCipher, FieldsealError } from '@fieldseal/core';
import type { KeyAccess } from './key-access.ts';
import type { CompiledModel, EncryptedNode, IndexNode } from './schema/compiled-schema.ts';
import type { SchemaMap } from './schema/schema-map.ts';
import type { Transform } from './transform.ts';
import { bindingOf, identityOfGiven } from './walk/binding.ts';
import { isStoredNull, toCipher } from './walk/typed-value.ts';

type Dictionary = Record<string, unknown>;

/** Models of a client with the types of their scalar fields. */
export type ModelsOf<Client> = {
  [Key in keyof Client & string as Client[Key] extends Delegate<infer Name, unknown>
    ? Name
    : never]: Client[Key] extends Delegate<string, infer Scalars> ? Scalars : never;
};

/** What the types of a generated client say of a model. */
interface Delegate<Name extends string, Scalars> {
  [symbol: symbol]: { types: { payload: { name: Name; scalars: Scalars } } };
}

/** `prisma.$encryption`: what raw SQL needs. All errors are those of queries. */
export interface EncryptionHelpers<Models> {
  /**
   * What a column stores for a value: text for String and Json columns, bytes for Bytes columns, a list for lists, null for null. A Json
   * column takes the text as a JSON string.
   *
   * @param row - the fields that the cell is bound to, for a field with `bind`
   * @throws ERR_SCHEMA_STALE for a field that is not encrypted, ERR_VALUE, ERR_BINDING
   */
  encrypt<Model extends keyof Models, Field extends keyof Models[Model]>(
    model: Model,
    field: Field,
    value: Models[Model][Field],
    row?: Readonly<Partial<Models[Model]>>,
  ): Promise<unknown>;
  /** The value of what a column stores: the opposite of {@link encrypt}. */
  decrypt<Model extends keyof Models, Field extends keyof Models[Model]>(
    model: Model,
    field: Field,
    stored: unknown,
    row?: Readonly<Partial<Models[Model]>>,
  ): Promise<Models[Model][Field]>;
  /**
   * The term to look for in an index column.
   *
   * @param column - field with the `@blindIndex` annotation
   * @param value - a value of the field that it indexes; null gives null
   */
  index<Model extends keyof Models>(model: Model, column: keyof Models[Model], value: unknown): Promise<string | null>;
  /**
   * Copies of rows that raw SQL or TypedSQL gave, decrypted. Columns are known by their name in the database or in the schema.
   *
   * @param aliases - other names that the query gave to columns, with the fields that they are
   * @throws ERR_CELL_FORMAT and the other errors of reading
   * @example
   * ```ts
   * const rows = await prisma.$queryRaw`SELECT id, email AS contact FROM "Patient"`;
   * await prisma.$encryption.decryptRows('Patient', rows, { contact: 'email' });
   * ```
   */
  decryptRows<Model extends keyof Models, Row extends object>(
    model: Model,
    rows: readonly Row[],
    aliases?: Readonly<Record<string, keyof Models[Model] & string>>,
  ): Promise<Row[]>;
}

/** What the helpers work with. */
export interface HelperParts {
  readonly map: SchemaMap;
  readonly models: ReadonlyMap<string, CompiledModel>;
  readonly cipher: FieldCipher;
  readonly keys: KeyAccess;
  readonly transform: Transform;
}

/** The helpers of one extended client. */
export function encryptionHelpers(parts: HelperParts): EncryptionHelpers<Record<string, Dictionary>> {
  const { cipher, keys, transform } = parts;
  return {
    encrypt: async (model, field, value, row = {}) => {
      const node = encryptedNode(parts, model, field);
      if (isStoredNull(node, value)) return null;
      const binding = bindingOf(node, identityOfGiven(modelOf(parts, model), row));
      const values = node.list ? (value as readonly unknown[]) : [value];
      const batch = values.map((item) => ({ spec: node.spec, value: toCipher(node, item), binding }));
      const cells = cipher.encrypt(keys.peek() ?? (await keys.resolve()), batch);
      return node.list ? cells : cells[0];
    },
    decrypt: async (model, field, stored, row = {}) => {
      encryptedNode(parts, model, field);
      const [opened] = (await transform.decryptRows(modelOf(parts, model), [{ ...row, [field]: stored }])) as [
        Dictionary,
      ];
      return opened[field];
    },
    index: async (model, column, value) => {
      const node = modelOf(parts, model).fields.get(column);
      if (node?.kind !== 'index') throw unknown(model, column, 'the field is no index column');
      const source = encryptedNode(parts, model, node.spec.source.field);
      if (isStoredNull(source, value)) return null;
      const { indexRoot } = keys.peek() ?? (await keys.resolve());
      return blindIndexTerm(indexRoot, (node as IndexNode).spec, toCipher(source, value));
    },
    decryptRows: async (model, rows, aliases = {}) => {
      const names = columnNames(parts, model, aliases);
      const fields = (rows as readonly Dictionary[]).map((row) => namedByField(parts, model, row, names));
      const opened = (await transform.decryptRows(modelOf(parts, model), fields)) as Dictionary[];
      return rows.map((row, at) => {
        const encrypted = Object.keys(row).filter(
          (key) => modelOf(parts, model).fields.get(names.get(key) ?? '')?.kind === 'encrypted',
        );
        return { ...row, ...Object.fromEntries(encrypted.map((key) => [key, opened[at]?.[names.get(key) as string]])) };
      });
    },
  };
}

/** Field of each name that a column may have in a row. */
function columnNames(
  { map }: HelperParts,
  model: string,
  aliases: Readonly<Record<string, string>>,
): Map<string, string> {
  const { encrypted = {}, bound = {} } = map.models[model] ?? {};
  return new Map([
    ...Object.keys(bound).map((field) => [field, field] as const),
    ...Object.entries(encrypted).flatMap(
      ([field, { dbName }]) =>
        [
          [field, field],
          [dbName, field],
        ] as const,
    ),
    ...Object.entries(aliases),
  ]);
}

/** What of a row is encrypted or bound, by field. A Json column may come as the text of its JSON. */
function namedByField(
  parts: HelperParts,
  model: string,
  row: Dictionary,
  names: ReadonlyMap<string, string>,
): Dictionary {
  const known: Dictionary = {};
  for (const [key, value] of Object.entries(row)) {
    const field = names.get(key);
    if (field === undefined) continue;
    const node = modelOf(parts, model).fields.get(field);
    const json = node?.kind === 'encrypted' && node.spec.column === 'Json' && typeof value === 'string';
    known[field] = json && value.startsWith('"') ? (JSON.parse(value) as unknown) : value;
  }
  return known;
}

function modelOf({ models }: HelperParts, name: string): CompiledModel {
  const model = models.get(name);
  if (model === undefined) throw unknown(name, undefined, 'there is no such model');
  return model;
}

function encryptedNode(parts: HelperParts, model: string, field: string): EncryptedNode {
  const node = modelOf(parts, model).fields.get(field);
  if (node?.kind === 'encrypted') return node;
  throw unknown(model, field, 'the field is not encrypted');
}

function unknown(model: string, field: string | undefined, message: string): FieldsealError {
  return new FieldsealError('ERR_SCHEMA_STALE', message, {
    model,
    field,
    hint: 'Give names as schema.prisma has them.',
  });
}
