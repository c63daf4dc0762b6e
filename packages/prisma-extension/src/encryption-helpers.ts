/**
 * The functions of `prisma.$encryption`: for raw SQL and TypedSQL, which the extension leaves alone.
 *
 * @module
 */
import {
  type FieldCipher,
  FieldsealError,
  type IndexSearch,
  type KeyView,
  type SearchTerms,
  type StoredTerms,
  searchTerms,
  storedTerms,
} from '@fieldseal/core';
import type { KeyAccess } from './key-access.ts';
import type { CompiledModel, EncryptedNode, IndexNode } from './schema/compiled-schema.ts';
import type { SchemaMap } from './schema/schema-map.ts';
import type { QueryScope } from './scope-context.ts';
import { searchedRoots } from './search/index-roots.ts';
import type { Transform } from './transform.ts';
import { bindingOf, identityOfGiven } from './walk/binding.ts';
import { columnValue, namedByFilter, ScopeFrame } from './walk/scope-frame.ts';
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
   * @param row - the fields that the cell is bound to, for a field with `bind`, and the one that names the scope, unless the current scope does
   * @throws ERR_SCHEMA_STALE for a field that is not encrypted, ERR_VALUE, ERR_BINDING, ERR_SCOPE_MISSING, ERR_SCOPE_CONFLICT
   */
  encrypt<Model extends keyof Models, Field extends keyof Models[Model]>(
    model: Model,
    field: Field,
    value: Models[Model][Field],
    row?: Readonly<Partial<Models[Model]>>,
  ): Promise<unknown>;
  /** The value of what a column stores: the opposite of {@link encrypt}. Throws ERR_SCOPE_MISMATCH for a cell of another scope. */
  decrypt<Model extends keyof Models, Field extends keyof Models[Model]>(
    model: Model,
    field: Field,
    stored: unknown,
    row?: Readonly<Partial<Models[Model]>>,
  ): Promise<Models[Model][Field]>;
  /**
   * What the column of an index stores for a value: a term, or a list of them for an index that has many. For an equality index without
   * partitions it is the term to look for, too; elsewhere that is {@link search}.
   *
   * @param column - field with the `@blindIndex` annotation
   * @param value - a value of the field that it indexes, or a list of values for an index over several fields; null gives null
   * @param row - the field that names the scope, unless the current scope does
   */
  index<Model extends keyof Models>(
    model: Model,
    column: keyof Models[Model] | (string & {}),
    value: unknown,
    row?: Readonly<Partial<Models[Model]>>,
  ): Promise<StoredTerms>;
  /**
   * Terms to look for in the column of an index, and whether rows with them have to be looked at.
   *
   * @param row - the field that names the scope, unless the current scope does
   * @returns null for a search that the index does not serve
   * @example
   * ```ts
   * const found = await prisma.$encryption.search('Patient', 'nameTerms', { contains: 'ada' });
   * ```
   */
  search<Model extends keyof Models>(
    model: Model,
    column: keyof Models[Model] | (string & {}),
    search: IndexSearch,
    row?: Readonly<Partial<Models[Model]>>,
  ): Promise<SearchTerms | null>;
  /**
   * Copies of rows that raw SQL or TypedSQL gave, decrypted. Columns are known by their name in the database or in the schema. A row of a model
   * with `@scope` has to hold the field that names its scope.
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
  const { cipher, transform } = parts;
  return {
    encrypt: async (model, field, value, row = {}) => {
      const node = encryptedNode(parts, model, field);
      if (isStoredNull(node, value)) return null;
      const view = await keysFor(parts, model, [node.spec], 'encrypt', row);
      const binding = bindingOf(node, identityOfGiven(modelOf(parts, model), row));
      const values = node.list ? (value as readonly unknown[]) : [value];
      const batch = values.map((item) => ({ spec: node.spec, value: toCipher(node, item), binding }));
      const cells = cipher.encrypt(view, batch);
      return node.list ? cells : cells[0];
    },
    decrypt: async (model, field, stored, row = {}) => {
      const { spec } = encryptedNode(parts, model, field);
      const surroundings = transform.surroundings();
      await reading(parts, model, [spec.field], surroundings, [row]);
      const { scope } = modelOf(parts, model);
      const around = surroundings.of(model) || undefined;
      const bound = rowFields(modelOf(parts, model)).map((name) => {
        const current = name === scope?.field && around !== undefined;
        return [name, row[name] ?? (current ? columnValue(modelOf(parts, model), name, scope, around) : undefined)];
      });
      const unit = { ...Object.fromEntries(bound), [field]: stored };
      const [opened] = (await transform.decryptRows(modelOf(parts, model), [unit], surroundings)) as [Dictionary];
      return opened[field];
    },
    index: async (model, column, value, row = {}) => {
      const { spec } = indexOf(parts, model, column);
      const values = spec.sources.length > 1 ? (value as readonly unknown[]) : [value];
      const prepared = spec.sources.map(({ field }, at) => {
        const source = encryptedNode(parts, model, field);
        return isStoredNull(source, values[at]) ? null : toCipher(source, values[at]);
      });
      const { indexRoot } = await keysFor(parts, model, spec.sources, 'encrypt', row);
      return storedTerms(indexRoot, [{ index: spec, values: prepared }])[0] ?? null;
    },
    search: async (model, column, search, row = {}) => {
      const index = indexOf(parts, model, column);
      const view = await keysFor(parts, model, index.spec.sources, 'search', row);
      const found = searchedRoots(view, index).map((root) => searchTerms(root, index.spec, search));
      return joined(found, index);
    },
    decryptRows: async (model, rows, aliases = {}) => {
      const columns = columnsOf(parts, model, aliases, rows as readonly Dictionary[]);
      const surroundings = transform.surroundings();
      await reading(
        parts,
        model,
        [...new Set(columns.map(({ field }) => field))],
        surroundings,
        rows as readonly Dictionary[],
      );
      // Each column by itself: a row of a join may hold one field of several rows.
      const opened = (await transform.decryptRows(
        modelOf(parts, model),
        columns.map(({ unit }) => unit),
        surroundings,
      )) as readonly Dictionary[];
      const copies = rows.map((row) => ({ ...row }));
      for (const [at, { row, key, field }] of columns.entries()) {
        (copies[row] as Dictionary)[key] = opened[at]?.[field];
      }
      return copies;
    },
  };
}

/** Fields of a row that its cells depend on: those that they are bound to, and the one that names their scope. */
function rowFields({ bound, scope }: CompiledModel): string[] {
  return [...bound.keys(), ...(scope === null || bound.has(scope.field) ? [] : [scope.field])];
}

/** The keys for what goes into a row, or is looked for, once the policy has allowed it. */
async function keysFor(
  parts: HelperParts,
  name: string,
  specs: readonly { readonly field: string }[],
  operation: 'encrypt' | 'search',
  row: Readonly<Dictionary>,
): Promise<KeyView> {
  const { keys, transform } = parts;
  const model = modelOf(parts, name);
  const named = model.scope === null ? undefined : namedByFilter(model, model.scope.field, model.scope, row);
  const scope = new ScopeFrame(model, 'row', named, transform.surroundings()).id();
  await transform.allowed([{ scope, model: name, fields: specs.map(({ field }) => field), operation }]);
  const scopes = new Map([[scope, operation === 'encrypt']]);
  return (keys.peekMany(scopes) ?? (await keys.forQuery(scopes))).get(scope) as KeyView;
}

/** Asks the policy for reading. The scope is told to it where it is one. */
async function reading(
  parts: HelperParts,
  name: string,
  fields: readonly string[],
  surroundings: QueryScope,
  rows: readonly Readonly<Dictionary>[],
): Promise<void> {
  if (fields.length === 0) return;
  const model = modelOf(parts, name);
  const around = surroundings.of(name) ?? '';
  const [row] = rows;
  const own = model.scope !== null && row !== undefined && rows.length === 1 ? row[model.scope.field] : undefined;
  const scope = model.scope === null ? around : around || (own === undefined ? null : String(own));
  await parts.transform.allowed([{ scope, model: name, fields, operation: 'decrypt' }]);
}

/** Terms of all index roots as one search, where there can be one: any of them. */
function joined(found: readonly (SearchTerms | null)[], { spec }: IndexNode): SearchTerms | null {
  const [first = null] = found;
  if (first === null || found.length === 1) return first;
  if (first.match === 'any') return { ...first, terms: found.flatMap((each) => each?.terms ?? []) };
  throw new FieldsealError('ERR_INDEX_ROTATION', 'rows have all terms of one index root or all of the other', {
    model: spec.model,
    field: spec.column,
    hint: 'Until the index is rotated this search has no single list of terms: ask the client, without raw SQL.',
  });
}

/** The index of a column, or of the relation to a table of terms. */
function indexOf(parts: HelperParts, model: string, column: string): IndexNode {
  const node = modelOf(parts, model).fields.get(column);
  const index = node?.kind === 'relation' ? node.terms : node;
  if (index?.kind !== 'index' || index.spec.model !== model)
    throw unknown(model, column, 'the field is no index column');
  return index;
}

/** A column of a row that may hold cells, with the fields that they are bound to beside it. */
interface CellColumn {
  /** Place of the row. */
  readonly row: number;
  readonly key: string;
  readonly field: string;
  readonly unit: Dictionary;
}

function columnsOf(
  parts: HelperParts,
  model: string,
  aliases: Readonly<Record<string, string>>,
  rows: readonly Dictionary[],
): CellColumn[] {
  const compiled = modelOf(parts, model);
  const { fields } = compiled;
  const kept = rowFields(compiled);
  const names = columnNames(parts, model, aliases);
  return rows.flatMap((row, place) => {
    const named = Object.entries(row).flatMap(([key, value]) => {
      const field = names.get(key);
      return field === undefined ? [] : [{ key, field, value }];
    });
    const binding = Object.fromEntries(
      named.filter(({ field }) => kept.includes(field)).map(({ field, value }) => [field, value]),
    );
    return named.flatMap(({ key, field, value }): CellColumn[] => {
      const node = fields.get(field);
      if (node?.kind !== 'encrypted') return [];
      return [{ row: place, key, field, unit: { ...binding, [field]: storedIn(node, value) } }];
    });
  });
}

/** Field of each name that a column may have in a row. */
function columnNames(
  { map }: HelperParts,
  model: string,
  aliases: Readonly<Record<string, string>>,
): Map<string, string> {
  const { encrypted = {}, bound = {}, scope = null } = map.models[model] ?? {};
  const known = Object.entries<{ readonly dbName: string }>({
    ...encrypted,
    ...bound,
    ...(scope === null ? {} : { [scope.field]: scope }),
  });
  return new Map([
    ...known.map(([field]) => [field, field] as const),
    ...known.map(([field, { dbName }]) => [dbName, field] as const),
    ...Object.entries(aliases),
  ]);
}

/** The cell of a Json column may come as the text of its JSON. */
function storedIn({ spec }: EncryptedNode, value: unknown): unknown {
  const quoted = spec.column === 'Json' && typeof value === 'string' && /^"fs1:[^"]*"$/.test(value);
  return quoted ? value.slice(1, -1) : value;
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
