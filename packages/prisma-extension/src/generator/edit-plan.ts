/**
 * Which lines of a generated client have to change. The list comes from the DMMF, which names every type that Prisma writes and its
 * fields; what a type means follows from its name behind that of its model.
 *
 * @module
 */
import { FieldsealError } from '@fieldseal/core';
import type { IndexMap, ModelMap, SchemaMap } from '../schema/schema-map.ts';
import {
  compoundLines,
  createLine,
  type FieldToType,
  filterLine,
  havingLine,
  indexLine,
  isOrdered,
  type LineEdit,
  makesGroups,
  NEVER,
  namesUniqueRow,
  readLine,
  readType,
  scopeLine,
  TERM_CREATE,
  TERM_UPDATE,
  tellsRowsApart,
  updateLine,
} from './line-edit.ts';

/** The part of the DMMF that is read besides that of the schema map. */
export interface TypeDmmf {
  readonly datamodel: {
    readonly models: readonly {
      readonly name: string;
      readonly fields: readonly { readonly name: string; readonly isRequired: boolean }[];
    }[];
  };
  readonly schema: {
    readonly inputObjectTypes: { readonly prisma?: readonly InputType[] | undefined };
    readonly outputObjectTypes: { readonly prisma: readonly OutputType[]; readonly model: readonly OutputType[] };
  };
}

interface InputType {
  readonly name: string;
  readonly meta?: { readonly grouping?: string | undefined } | undefined;
  readonly constraints: { readonly fields?: readonly string[] | undefined };
  readonly fields: readonly InputField[];
}

interface InputField {
  readonly name: string;
  readonly inputTypes: readonly { readonly type: string; readonly location: string }[];
}

interface OutputType {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly args: readonly InputField[] }[];
}

type Kind =
  | 'create'
  | 'update'
  | 'where'
  | 'unique'
  | 'having'
  | 'order'
  | 'groupOrder'
  | 'extreme'
  | 'relevance'
  | 'plain';

/** What an input type is, by its name without the model's. The first that fits counts. */
const KINDS: readonly (readonly [RegExp, Kind])[] = [
  [/^(Where|ScalarWhere)Input$/, 'where'],
  [/^WhereUniqueInput$/, 'unique'],
  [/^ScalarWhereWithAggregatesInput$/, 'having'],
  [/^OrderByWith(Relation|RelationAndSearchRelevance)Input$/, 'order'],
  [/^OrderByWithAggregationInput$/, 'groupOrder'],
  [/^(Avg|Max|Min|Sum)OrderByAggregateInput$/, 'extreme'],
  [/^CountOrderByAggregateInput$/, 'plain'],
  [/^OrderByRelevanceInput$/, 'relevance'],
  [/^(Unchecked)?Create(Many\w*|Without\w+)?Input$/, 'create'],
  [/^(Unchecked)?Update(Many|ManyMutation|ManyWithout\w+|Without\w+)?Input$/, 'update'],
];

/** What Prisma calls the types of columns that name scopes, where rows are written. */
const SCOPE_TYPES: Readonly<Record<string, string>> = { String: 'string', Int: 'number', BigInt: 'bigint | number' };

/** Aggregates whose types have a line for each field. */
const EXTREMES = ['Min', 'Max', 'Avg', 'Sum'] as const;

/**
 * Plans the retyping of a client.
 *
 * @throws ERR_SCHEMA for a type with an annotated field whose meaning is not known
 */
export function planEdits(map: SchemaMap, dmmf: TypeDmmf): LineEdit[] {
  return Object.entries(map.models).flatMap(([model, modelMap]) => {
    if (Object.keys(modelMap.encrypted).length + Object.keys(modelMap.terms).length === 0) return [];
    return new ModelPlan(model, modelMap, dmmf).edits();
  });
}

class ModelPlan {
  readonly #model: string;
  readonly #map: ModelMap;
  readonly #dmmf: TypeDmmf;
  readonly #fields: readonly FieldToType[];
  readonly #inputs: readonly InputType[];

  constructor(model: string, map: ModelMap, dmmf: TypeDmmf) {
    this.#model = model;
    this.#map = map;
    this.#dmmf = dmmf;
    const required = dmmf.datamodel.models
      .find(({ name }) => name === model)
      ?.fields.flatMap(({ name, isRequired }) => (isRequired ? [name] : []));
    this.#fields = Object.entries(map.encrypted).map(([name, field]) => ({
      model,
      name,
      map: field,
      indexes: Object.values(map.indexes).filter(({ of }) => of.length === 1 && of[0] === name),
      compounds: compoundIndexes(map).filter(({ of }) => of.includes(name)),
      optional: !field.list && required?.includes(name) !== true,
    }));
    this.#inputs = (dmmf.schema.inputObjectTypes.prisma ?? []).filter(({ meta }) => meta?.grouping === model);
  }

  edits(): LineEdit[] {
    return [
      ...this.#reads(),
      ...this.#extremes(),
      ...this.#inputs.flatMap((input) => this.#input(input)),
      ...this.#compounds(),
      ...this.#fieldLists(),
    ];
  }

  #reads(): LineEdit[] {
    return this.#fields.flatMap((field) => {
      const line = { ...readLine(field, 'asColumn'), becomes: readType(field) };
      return [
        // Beside the fields of the model stand those of the payload itself: `name`, `objects`, `scalars`.
        { ...this.#edit(`$${this.#model}Payload`, field.name, line), depth: 2 },
        this.#edit(`${this.#model}GroupByOutputType`, field.name, line),
      ];
    });
  }

  /** `_min` and its like: what is asked for, and what comes back. */
  #extremes(): LineEdit[] {
    return EXTREMES.flatMap((extreme) => {
      const output = this.#dmmf.schema.outputObjectTypes.prisma.find(
        ({ name }) => name === `${this.#model}${extreme}AggregateOutputType`,
      );
      const fields = this.#fields.filter(({ name }) => output?.fields.some((field) => field.name === name));
      return fields.flatMap((field) => [
        this.#edit(`${this.#model}${extreme}AggregateOutputType`, field.name, {
          ...readLine(field, 'nullable'),
          becomes: NEVER,
        }),
        this.#edit(`${this.#model}${extreme}AggregateInputType`, field.name, { expected: ['?: true'], becomes: NEVER }),
      ]);
    });
  }

  #input(input: InputType): LineEdit[] {
    const kind = this.#kindOf(input);
    if (kind === 'relevance') return this.#relevance(input);
    const has = (name: string) => input.fields.find((field) => field.name === name);
    const lines = this.#fields.flatMap((field) => {
      const given = has(field.name);
      // Parts of nested writes may be called as fields are: `set`, `data`, `where`.
      if (given === undefined || (isData(kind) && !isScalar(given, field.map.column))) return [];
      return this.#fieldLine(kind, input.name, field);
    });
    const indexes = Object.entries(this.#map.indexes).flatMap(([column, index]) => {
      const given = has(column);
      if (given === undefined || !isData(kind) || (index.child === null && !isScalar(given, 'String'))) return [];
      const relation = given.inputTypes[0]?.type ?? '';
      return [this.#edit(input.name, column, indexLine([this.#model, column], kind, index, relation))];
    });
    const terms = Object.keys(this.#map.terms).flatMap((column) => {
      const given = has(column);
      if (given === undefined || !isData(kind) || !isScalar(given, 'String')) return [];
      return [this.#edit(input.name, column, kind === 'create' ? TERM_CREATE : TERM_UPDATE)];
    });
    const scope = kind === 'create' ? this.#scope(input) : [];
    return [...lines, ...indexes, ...terms, ...scope, ...(kind === 'unique' ? this.#uniqueKeys(input) : [])];
  }

  /** What names the scope of a new row: where it is left out, the current one does. */
  #scope({ name, fields }: InputType): LineEdit[] {
    const { scope } = this.#map;
    if (scope === null) return [];
    const column = fields.find((field) => field.name === scope.field && isScalar(field, scope.type));
    const own =
      column === undefined ? [] : [this.#edit(name, scope.field, scopeLine(SCOPE_TYPES[scope.type] ?? 'string'))];
    const relations = scope.relations.flatMap(({ field, alone }) => {
      const type = fields.find((given) => given.name === field)?.inputTypes[0];
      if (!alone || type?.location !== 'inputObjectTypes') return [];
      return [this.#edit(name, field, scopeLine(type.type, 'Prisma.'))];
    });
    return [...own, ...relations];
  }

  #fieldLine(kind: Kind, block: string, field: FieldToType): LineEdit[] {
    const one = (line: Pick<LineEdit, 'expected' | 'becomes'>) => [this.#edit(block, field.name, line)];
    if (kind === 'create') return one(createLine(field));
    if (kind === 'update') return one(updateLine(field));
    if (kind === 'where') return one(filterLine(field, 'any'));
    if (kind === 'unique') return one(filterLine(field, 'unique'));
    if (kind === 'having') return one(havingLine(field));
    if (kind === 'order' || kind === 'groupOrder' || kind === 'extreme') {
      const expected = ['?: SortOrder', '?: SortOrderInput | SortOrder'];
      return one({ expected, becomes: kind === 'order' && isOrdered(field) ? null : NEVER });
    }
    return [];
  }

  #kindOf({ name, fields }: InputType): Kind {
    const rest = name.startsWith(this.#model) ? name.slice(this.#model.length) : name;
    const kind = KINDS.find(([pattern]) => pattern.test(rest))?.[1];
    if (kind !== undefined) return kind;
    const elements = fields.every((field) => field.name === 'set' || field.name === 'push');
    const unknown = fields.find((field) =>
      this.#fields.some((ours) => ours.name === field.name && isScalar(field, ours.map.column)),
    );
    if (unknown === undefined || elements) return 'plain';
    throw new FieldsealError('ERR_SCHEMA', `the type ${name} of Prisma's client is not known`, {
      model: this.#model,
      field: unknown.name,
      hint: 'This version of Fieldseal types clients of Prisma 7.10. With retype = "false" the generator leaves them alone.',
    });
  }

  /** The keys that name a unique row, with those fields beside that have a unique index. */
  #uniqueKeys({ name, constraints }: InputType): LineEdit[] {
    const own = this.#fields.filter(namesUniqueRow).map((field) => field.name);
    // Several fields together cannot be asked for here: one stands for all, and the extension refuses it alone.
    const first = compoundIndexes(this.#map).flatMap(({ unique, of }) => (unique ? of.slice(0, 1) : []));
    const more = [...new Set([...own, ...first])];
    if (more.length === 0) return [];
    const keys = constraints.fields ?? [];
    const text = (list: readonly string[]) => `, ${list.map((key) => JSON.stringify(key)).join(' | ')}>`;
    return [this.#edit(name, '}', { expected: [text(keys)], becomes: text([...keys, ...more]) })];
  }

  #compounds(): LineEdit[] {
    const unique = this.#inputs.find(({ name }) => name === `${this.#model}WhereUniqueInput`);
    return Object.entries(this.#map.compounds).flatMap(([name, columns]) => {
      const type = unique?.fields.find((field) => field.name === name)?.inputTypes[0]?.type;
      return type === undefined ? [] : compoundLines(this.#model, type, columns, this.#map);
    });
  }

  #relevance({ name, fields }: InputType): LineEdit[] {
    const type = fields.find((field) => field.name === 'fields')?.inputTypes[0]?.type ?? '';
    const refused = this.#fields.filter(({ map }) => map.column === 'String').map((field) => field.name);
    if (refused.length === 0) return [];
    return [this.#edit(name, 'fields', { expected: [`: ${type} | ${type}[]`], becomes: listed(type, refused, ': ') })];
  }

  /** `by` and `distinct`, of this model and of relations to it. */
  #fieldLists(): LineEdit[] {
    const type = `${this.#model}ScalarFieldEnum`;
    const without = (serves: (field: FieldToType) => boolean, mark: string) => {
      const refused = this.#fields.filter((field) => !serves(field)).map((field) => field.name);
      return refused.length === 0 ? null : listed(type, refused, mark);
    };
    const distinct = { expected: [`?: ${type} | ${type}[]`], becomes: without(tellsRowsApart, '?: ') };
    const relations = this.#dmmf.schema.outputObjectTypes.model.flatMap((owner) =>
      owner.fields.flatMap(({ name, args }) => {
        const inputs = args.find((arg) => arg.name === 'distinct')?.inputTypes ?? [];
        const ours = inputs.some((input) => input.type === type);
        return ours ? [{ model: owner.name, block: `${owner.name}$${name}Args`, key: 'distinct', ...distinct }] : [];
      }),
    );
    return [
      this.#edit(`${this.#model}GroupByArgs`, 'by', {
        expected: [`: ${type}[] | ${type}`],
        becomes: without(makesGroups, ': '),
      }),
      ...['FindFirst', 'FindFirstOrThrow', 'FindMany'].map((find) =>
        this.#edit(`${this.#model}${find}Args`, 'distinct', distinct),
      ),
      ...relations,
    ];
  }

  #edit(block: string, key: string, line: Pick<LineEdit, 'expected' | 'becomes'>): LineEdit {
    return { model: this.#model, block, key, ...line };
  }
}

/** Indexes over several fields, all of whose rows have terms. */
function compoundIndexes({ indexes, encrypted }: ModelMap): IndexMap[] {
  return Object.values(indexes).filter(
    ({ of }) => of.length > 1 && of.every((field) => encrypted[field]?.mode !== 'migrating'),
  );
}

/** One or several names of fields, without those that must not be there. */
function listed(type: string, without: readonly string[], mark: string): string {
  const text = `Exclude<Prisma.${type}, ${without.map((field) => JSON.stringify(field)).join(' | ')}>`;
  return `${mark}${text} | ${text}[]`;
}

function isData(kind: Kind): kind is 'create' | 'update' {
  return kind === 'create' || kind === 'update';
}

function isScalar({ inputTypes }: InputField, column: string): boolean {
  return inputTypes.some(({ type, location }) => location === 'scalar' && type === column);
}
