import { defineIndex, type FieldSpec, type IndexSpec, type Normalizers } from '@fieldseal/core';
import type { LegacyField, LegacyFields } from '../legacy-field.ts';
import { COMBINATORS } from '../walk/grammar.ts';
import { schemaError } from './annotation.ts';
import type {
  BoundFieldMap,
  EncryptedFieldMap,
  FieldMode,
  IndexMap,
  ModelMap,
  SchemaMap,
  ScopeFieldMap,
} from './schema-map.ts';

/** An encrypted field with the indexes that are kept for it. */
export interface EncryptedNode {
  readonly kind: 'encrypted';
  readonly spec: FieldSpec;
  /** Indexes over this field alone; those over several are in {@link CompiledModel.compoundIndexes}. */
  readonly indexes: readonly IndexNode[];
  /** Whether the field is a list, whose elements are encrypted. */
  readonly list: boolean;
  /** Whether the column of ciphertext is `@unique`. */
  readonly unique: boolean;
  /** The names that a value may be, of an enum; null for any value of the type. */
  readonly names: ReadonlySet<string> | null;
  readonly mode: FieldMode;
  /** Whether values are written in plaintext, and terms NULL (`mode: leaving`). */
  readonly leaving: boolean;
  /** How values of another system in it are read, or null. */
  readonly legacy: LegacyField | null;
  /** The longest cell that the column takes, in characters of text or bytes, or null. */
  readonly limit: number | null;
  /** Fields of the row that its cells are bound to. */
  readonly bind: readonly (readonly [field: string, map: BoundFieldMap])[];
}

/** An index and the column of its terms. */
export interface IndexNode {
  readonly kind: 'index';
  /** `column` is the relation field where the terms have a table of their own. */
  readonly spec: IndexSpec;
  readonly unique: boolean;
  /** The field of the table of terms that holds them, where they have one; null for a column beside the field. */
  readonly child: string | null;
  /**
   * The same index in the column that is not searched now: it has the terms of the other index root while there are two, and NULL else. Null where
   * the index has one column.
   */
  readonly other: IndexSpec | null;
  /** Whether its terms name unique rows and it has one column, so that no two rows may have terms of different index roots. */
  readonly single: boolean;
}

/** A relation field. */
export interface RelationNode {
  readonly kind: 'relation';
  /** Whether it gives many rows. */
  readonly list: boolean;
  readonly model: CompiledModel;
  /** The index whose terms are in the table behind the relation, or null. */
  readonly terms: IndexNode | null;
  /** Of a relation that is stored in the field that names the scope: the field of the other row that it is a copy of; else null. */
  readonly scopeFrom: string | null;
  /** Of the other end of such a relation: the field of this row that names the scope of those behind; else null. */
  readonly scopeOf: string | null;
}

/** A model as queries need it. Fields that are neither encrypted, nor index columns, nor relations are not in it. */
export interface CompiledModel {
  readonly name: string;
  readonly fields: ReadonlyMap<string, EncryptedNode | IndexNode | RelationNode>;
  /** Type of every field, with `[]` behind that of a list. */
  readonly types: ReadonlyMap<string, string>;
  /** Plain fields that name a row by themselves. */
  readonly uniques: readonly string[];
  /** Fields that cells of this model are bound to. */
  readonly bound: ReadonlyMap<string, BoundFieldMap>;
  /** The field that names the scope of each row, or null. */
  readonly scope: ScopeFieldMap | null;
  /** Fields that scopes of other models' rows are copies of. */
  readonly scopeSources: ReadonlyMap<string, BoundFieldMap>;
  /** Fields that the client leaves out of results unless a query asks for them (its option `omit`). */
  readonly omitted: ReadonlySet<string>;
  /** Fields of each compound id and unique constraint. */
  readonly compounds: ReadonlyMap<string, readonly string[]>;
  /** Compound constraints that are asked for under another name: the one over the columns that are searched now. */
  readonly renamed: ReadonlyMap<string, string>;
  /** Indexes over several fields. */
  readonly compoundIndexes: readonly IndexNode[];
  /** The field that holds terms, of a table of terms, whose rows the extension alone writes; null for other models. */
  readonly termField: string | null;
  /** Whether an encrypted field lies in this model or in one that it can reach. If not, its queries are left alone. */
  readonly reaches: boolean;
  /** Encrypted fields, for results. */
  readonly encrypted: readonly (readonly [field: string, node: EncryptedNode])[];
  /** Relations that reach an encrypted field, for results. */
  readonly paths: readonly (readonly [field: string, model: CompiledModel])[];
}

type Draft = { -readonly [Member in keyof CompiledModel]: CompiledModel[Member] } & {
  compounds: Map<string, readonly string[]>;
  fields: Map<string, EncryptedNode | IndexNode | RelationNode>;
};

/**
 * Links the models of a schema map and finds out what each reaches.
 *
 * @param omitted - fields that the client omits by default, by model
 * @param normalizers - those of the application
 * @param legacy - fields with values of another system
 * @param even - whether the index root that names rows has an even version: then the second column of an index that has two is searched
 * @throws ERR_SCHEMA for a field called AND, OR or NOT, or as a member of Object.prototype, in a model that reaches an encrypted field
 */
export function compileSchema(
  map: SchemaMap,
  omitted: (model: string) => readonly string[] = () => [],
  normalizers: Normalizers = {},
  legacy: LegacyFields = {},
  even = false,
): ReadonlyMap<string, CompiledModel> {
  const models = new Map<string, Draft>();
  for (const name of Object.keys(map.models)) {
    models.set(name, {
      name,
      fields: new Map(),
      types: new Map(),
      uniques: [],
      bound: new Map(),
      scope: null,
      scopeSources: new Map(),
      omitted: new Set(omitted(name)),
      compounds: new Map(),
      renamed: new Map(),
      compoundIndexes: [],
      termField: Object.keys(map.models[name]?.terms ?? {})[0] ?? null,
      reaches: false,
      encrypted: [],
      paths: [],
    });
  }
  for (const [name, model] of Object.entries(map.models)) {
    const draft = models.get(name) as Draft;
    draft.types = new Map(Object.entries(model.fields));
    draft.uniques = model.uniques;
    draft.bound = new Map(Object.entries(model.bound));
    draft.scope = model.scope;
    draft.scopeSources = new Map(Object.entries(model.scopeSources));
    draft.compounds = new Map(Object.entries(model.compounds));
    draft.renamed = renamedConstraints(model, even);
    for (const [from, to] of draft.renamed) draft.compounds.set(from, model.compounds[to] as readonly string[]);
    const specs = new Map(
      Object.entries(model.encrypted).map(([field, { context, column, type, pad }]): [string, FieldSpec] => [
        field,
        { model: name, field, context, column, type, pad },
      ]),
    );
    const indexes = Object.entries(model.indexes).flatMap(([column, index]) =>
      index.nextOf === null ? [indexNode(name, column, index, specs, normalizers, even, model)] : [],
    );
    draft.compoundIndexes = indexes.filter(({ spec }) => spec.sources.length > 1);
    draft.encrypted = [...specs].map(([field, spec]) => {
      const encrypted = model.encrypted[field] as EncryptedFieldMap;
      const { list, unique, mode, limit } = encrypted;
      const own = indexes.filter(({ spec: { sources } }) => sources.length === 1 && sources[0] === spec);
      const names = encrypted.enum === null ? null : new Set(map.enums[encrypted.enum]);
      const bind = encrypted.bind.map((bound) => [bound, model.bound[bound] as BoundFieldMap] as const);
      return [
        field,
        {
          kind: 'encrypted',
          spec,
          indexes: own,
          list,
          unique,
          names,
          mode,
          leaving: encrypted.leaving === true,
          legacy: legacy[name]?.[field] ?? null,
          limit,
          bind,
        },
      ];
    });
    for (const [field, node] of draft.encrypted) draft.fields.set(field, node);
    for (const index of indexes) {
      if (index.child === null) draft.fields.set(index.spec.column, index);
      if (index.other !== null) draft.fields.set(index.other.column, index);
    }
    for (const [field, type] of draft.types) {
      const list = type.endsWith('[]');
      const target = models.get(list ? type.slice(0, -2) : type);
      const terms = indexes.find(({ spec, child }) => child !== null && spec.column === field) ?? null;
      if (target !== undefined) {
        const stored = model.scope?.relations.find((relation) => relation.field === field);
        const back = map.models[target.name]?.scope?.relations.find(
          (relation) => relation.model === name && relation.back === field,
        );
        const scopes = { scopeFrom: stored?.from ?? null, scopeOf: back?.from ?? null };
        draft.fields.set(field, { kind: 'relation', list, model: target, terms, ...scopes });
      }
      if (target !== undefined && terms?.child != null) models.get(target.name)?.fields.set(terms.child, terms);
    }
    draft.reaches = draft.encrypted.length > 0;
  }
  spread([...models.values()]);
  for (const draft of models.values()) {
    if (draft.reaches) refuseAmbiguousNames(draft);
    draft.paths = relations(draft).filter(([, model]) => model.reaches);
  }
  return models;
}

function indexNode(
  model: string,
  column: string,
  map: IndexMap,
  specs: ReadonlyMap<string, FieldSpec>,
  normalizers: Normalizers,
  even: boolean,
  { compounds, indexes }: ModelMap,
): IndexNode {
  const { next, child, unique } = map;
  const second = next === null ? null : specOf(model, next, indexes[next] as IndexMap, specs, normalizers);
  const first = specOf(model, column, map, specs, normalizers);
  const [spec, other] = second !== null && even ? [second, first] : [first, second];
  const names = unique || Object.values(compounds).some((fields) => fields.includes(column));
  return { kind: 'index', unique, child: child?.field ?? null, other, single: names && next === null, spec };
}

function specOf(
  model: string,
  column: string,
  map: IndexMap,
  specs: ReadonlyMap<string, FieldSpec>,
  normalizers: Normalizers,
): IndexSpec {
  const { of, kind, name, normalize, bits, partitions, min, max, n, range } = map;
  const [first, ...rest] = of.map((field) => specs.get(field) as FieldSpec);
  const sources = [first as FieldSpec, ...rest] as const;
  const parameters = { kind, name, normalize, normalizers, bits, partitions, min, max, n, range };
  return defineIndex({ model, column, sources, ...parameters });
}

/** Constraints over columns that are not searched now, with those over the columns beside them. */
function renamedConstraints({ indexes, compounds }: ModelMap, even: boolean): ReadonlyMap<string, string> {
  const searched = new Map(
    Object.entries(indexes).flatMap(([column, { next }]): [string, string][] =>
      next === null ? [] : even ? [[column, next]] : [[next, column]],
    ),
  );
  const written = (fields: readonly string[]): string => JSON.stringify(fields);
  const names = new Map(Object.entries(compounds).map(([name, fields]) => [written(fields), name]));
  return new Map(
    Object.entries(compounds).flatMap(([name, fields]): [string, string][] => {
      const to = names.get(written(fields.map((field) => searched.get(field) ?? field)));
      return to === undefined || to === name ? [] : [[name, to]];
    }),
  );
}

/** Whether any index of the schema has a second column, so that the columns that are searched depend on the index root. */
export function hasSecondColumns({ models }: SchemaMap): boolean {
  return Object.values(models).some(({ indexes }) => Object.values(indexes).some(({ next }) => next !== null));
}

/** In a filter the names of combinators are Prisma's, and every object has the members of Object.prototype. */
function refuseAmbiguousNames({ name, types }: Draft): void {
  const field = [...types.keys()].find((known) => COMBINATORS.includes(known) || known in Object.prototype);
  if (field !== undefined)
    throw schemaError(
      'a field of this name cannot be told from a combination of filters or a member of every object; rename it (with @map)',
      { model: name, field },
    );
}

/** Reachability: repeated until nothing changes. */
function spread(drafts: readonly Draft[]): void {
  for (let changed = true; changed; ) {
    const found = drafts.filter((draft) => !draft.reaches && relations(draft).some(([, model]) => model.reaches));
    for (const draft of found) draft.reaches = true;
    changed = found.length > 0;
  }
}

function relations(draft: Draft): [string, CompiledModel][] {
  return [...draft.fields].flatMap(([field, node]): [string, CompiledModel][] =>
    node.kind === 'relation' ? [[field, node.model]] : [],
  );
}
