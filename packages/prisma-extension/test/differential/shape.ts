/**
 * Random schemas as data: what both sides of a comparison are made from, the annotated one and the plain one.
 *
 * @module
 */
import fc from 'fast-check';
import type { Target } from '../harness.ts';

/** Types of scalar fields, as the plain side declares them. */
export type Scalar = 'String' | 'Int' | 'BigInt' | 'Float' | 'Decimal' | 'Boolean' | 'DateTime' | 'Json' | 'Bytes';

/** A blind index of an encrypted field. */
export interface Index {
  readonly name: string;
  readonly normalize: readonly string[];
  readonly unique: boolean;
  /** Further arguments of the annotation. */
  readonly args: string;
  /** Whether one term finds the rows of one value and no others. */
  readonly exact: boolean;
  /** Comparisons that it serves besides equality. */
  readonly serves: readonly string[];
  /** Where the terms are: in a column, in a list, or in a table of their own. */
  readonly storage: 'column' | 'list' | 'table';
}

/** How the annotated side stores a field. */
export interface Cell {
  readonly column: 'String' | 'Bytes' | 'Json';
  readonly pad: number | null;
  readonly bind: boolean;
  readonly indexes: readonly Index[];
}

/** A scalar field; without a cell it is the same on both sides. */
export interface Field {
  readonly name: string;
  readonly type: Scalar;
  readonly list: boolean;
  readonly required: boolean;
  readonly cell: Cell | null;
}

/** A relation field, seen from one of its ends. */
export interface Relation {
  readonly name: string;
  readonly to: string;
  readonly list: boolean;
  /** Field of the other end. */
  readonly back: string;
  /** Own column that holds the id of the other row, or null at the other end and for many to many. */
  readonly key: string | null;
  readonly required: boolean;
  readonly unique: boolean;
  readonly label: string;
}

/** One model of a random schema. All have an `id` that the test chooses. */
export interface Shape {
  readonly name: string;
  readonly fields: readonly Field[];
  readonly relations: readonly Relation[];
  /** Two encrypted fields without indexes of their own and the index over both, or null. */
  readonly pair: { readonly index: string; readonly fields: readonly [Field, Field] } | null;
  /** A plain and an indexed field that are unique together, by name of the constraint. */
  readonly compound: { readonly name: string; readonly fields: readonly [Field, Field] } | null;
}

/** Names that Prisma gives a meaning elsewhere in a query. */
const TRICKY = ['label', 'data', 'set', 'where', 'is', 'some', 'select', 'update', 'equals', 'create'] as const;

const normalizers = fc.constantFrom<readonly string[]>([], ['lowercase'], ['trim', 'lowercase']);

/** An index as the annotation names it. */
type Kind = Omit<Index, 'name' | 'unique'>;

const equality = (normalize: readonly string[], args = ''): Kind => ({
  normalize,
  args,
  exact: args === '',
  serves: [],
  storage: 'column',
});

/** Buckets of each type, few of them, with values in both open ends. */
const RANGES: Readonly<Partial<Record<Scalar, string>>> = {
  Int: 'from: -1, to: 8, step: 4',
  BigInt: 'from: -1, to: 2, step: 1',
  Float: 'from: 0, to: 1, step: "0.5"',
  Decimal: 'from: -20, to: 1, step: "12.25"',
  DateTime: 'from: "1969-01-01", to: "2024-03-01", step: month',
};

/** Kinds that a field may have besides equality by whole terms. */
function kindsOf(type: Scalar, lists: boolean): fc.Arbitrary<Kind> {
  const inexact = [equality([], 'bits: 8'), equality([], 'partitions: 3'), equality([], 'bits: 9, partitions: 2')];
  const range = RANGES[type];
  const ranges: Kind[] =
    range === undefined
      ? []
      : [
          {
            ...equality([], `kind: range, ${range}, allowLeakage: "test"`),
            serves: ['gt', 'gte', 'lt', 'lte'],
          },
        ];
  if (type !== 'String') return fc.constantFrom(...inexact, ...ranges, ...ranges, ...ranges);
  const texts: readonly (readonly [args: string, serves: readonly string[], many: boolean])[] = [
    ['kind: prefix, min: 1, max: 3', ['startsWith'], true],
    ['kind: prefix, min: 2, max: 2', ['startsWith'], false],
    ['kind: suffix, min: 1, max: 2, bits: 8', ['endsWith'], true],
    ['kind: ngram, n: 2', ['contains', 'startsWith', 'endsWith'], true],
    ['kind: ngram, n: 2, bits: 8', ['contains', 'startsWith', 'endsWith'], true],
  ];
  const parts = fc.tuple(fc.constantFrom(...texts), normalizers, fc.boolean());
  return fc.oneof(
    fc.constantFrom(...inexact),
    parts.map(
      ([[args, serves, many], normalize, list]): Kind => ({
        ...equality(normalize, args),
        serves,
        storage: !many ? 'column' : lists && list ? 'list' : 'table',
      }),
    ),
    parts.map(
      ([[args, serves, many], normalize]): Kind => ({
        ...equality(normalize, args),
        serves,
        storage: !many ? 'column' : lists ? 'list' : 'table',
      }),
    ),
  );
}

const cell = (type: Scalar, unique: boolean, tables = false): fc.Arbitrary<Cell> => {
  const columns: readonly Cell['column'][] = type === 'Json' ? ['String', 'Json'] : ['String', 'String', 'Bytes'];
  const indexable = type !== 'Json' && type !== 'Boolean';
  const whole = (type === 'String' ? normalizers : fc.constant<readonly string[]>([])).map((list) => equality(list));
  const kinds = unique
    ? whole
    : fc.oneof({ arbitrary: whole, weight: 1 }, { arbitrary: kindsOf(type, tables), weight: 2 });
  const lists = fc.array(kinds, { minLength: unique ? 1 : 0, maxLength: 2 });
  return fc.record({
    column: fc.constantFrom(...columns),
    pad: fc.constantFrom(null, null, 32),
    bind: fc.constantFrom(false, false, false, true),
    indexes: fc.tuple(indexable ? lists : fc.constant([]), fc.integer({ min: 0, max: 1 })).map(([all, at]) => {
      const only = all.map((kind, index) => ({
        ...kind,
        name: '',
        unique: unique && index === at % all.length,
      }));
      // A unique index decides what a unique filter means: beside a normalising one an exact one would differ from it.
      return unique ? only.filter((index) => index.unique) : only;
    }),
  });
};

const TYPES: readonly Scalar[] = [
  'String',
  'String',
  'String',
  'Int',
  'BigInt',
  'Float',
  'Decimal',
  'Boolean',
  'DateTime',
  'Json',
  'Bytes',
];

/** Types that every database compares in a unique constraint as the index does. */
const UNIQUE: readonly Scalar[] = ['String', 'String', 'Int', 'BigInt', 'DateTime'];

const named = (field: Omit<Field, 'name'>, name: string): Field => ({
  ...field,
  name,
  cell: field.cell && {
    ...field.cell,
    indexes: field.cell.indexes.map((index, at) => ({ ...index, name: `${name}Index${at}` })),
  },
});

const secret = (lists: boolean): fc.Arbitrary<Omit<Field, 'name'>> =>
  fc
    .tuple(fc.constantFrom(...TYPES), fc.boolean(), fc.boolean())
    .chain(([type, required, list]) =>
      cell(type, false, lists).map((stored) =>
        lists && list && type !== 'Boolean'
          ? { type, list: true, required: true, cell: { ...stored, indexes: [] } }
          : { type, list: false, required, cell: stored },
      ),
    );

const key = fc
  .constantFrom(...UNIQUE)
  .chain((type) =>
    fc
      .tuple(fc.boolean(), cell(type, true))
      .map(([required, stored]) => ({ type, list: false, required, cell: stored })),
  );

interface Own {
  readonly fields: readonly Field[];
  readonly pair: Shape['pair'];
  readonly compound: Shape['compound'];
}

const own = (lists: boolean): fc.Arbitrary<Own> =>
  fc
    .record({
      plain: fc.uniqueArray(fc.constantFrom(...TRICKY), { minLength: 1, maxLength: 2 }),
      required: fc.boolean(),
      secrets: fc.array(secret(lists), { minLength: 2, maxLength: 4 }),
      key: fc.option(key, { freq: 3 }),
      compound: fc.boolean(),
      pair: fc.option(fc.tuple(fc.boolean(), fc.boolean())),
    })
    .map(({ plain, required, secrets, key: unique, compound, pair }) => {
      const bare: Cell = { column: 'String', pad: null, bind: false, indexes: [] };
      const two = (pair ?? []).map(
        (needed, at): Field => ({
          name: ['first', 'second'][at] as string,
          type: at === 0 ? 'String' : 'Int',
          list: false,
          required: needed,
          cell: bare,
        }),
      ) as [Field, Field];
      const group: Field = { name: 'group', type: 'Int', list: false, required: true, cell: null };
      const exact = { ...equality([]), name: 'codeIndex0', unique: false };
      const code: Field = {
        name: 'code',
        type: 'String',
        list: false,
        required: true,
        cell: { column: 'String', pad: null, bind: false, indexes: [exact] },
      };
      return {
        fields: [
          group,
          ...plain.map((name): Field => ({ name, type: 'String', list: false, required, cell: null })),
          ...secrets.map((field, at) => named(field, `s${at}`)),
          ...(unique === null ? [] : [named(unique, 'key')]),
          ...(compound ? [code] : []),
          ...two,
        ],
        pair: pair === null ? null : { index: 'bothIndex', fields: two },
        compound: compound ? { name: 'groupCode', fields: [group, code] as const } : null,
      };
    });

/** A relation between two models, from the end that holds the key. */
interface Link {
  readonly kind: 'parent' | 'one' | 'many';
  readonly from: string;
  readonly to: string;
  readonly required: boolean;
}

function ends({ kind, from, to, required }: Link): [string, Relation][] {
  const label = `${kind}${from}${to}`;
  const shared = { label, unique: kind === 'one' };
  if (kind === 'many') {
    return [
      [from, { ...shared, name: 'peers', to, list: true, back: 'fellows', key: null, required: false }],
      [to, { ...shared, name: 'fellows', to: from, list: true, back: 'peers', key: null, required: false }],
    ];
  }
  const [name, back] = kind === 'one' ? ['sole', 'only'] : from === to ? ['boss', 'staff'] : ['parent', 'children'];
  return [
    [from, { ...shared, name, to, list: false, back, key: `${name}Id`, required }],
    [to, { ...shared, name: back, to: from, list: kind === 'parent', back: name, key: null, required: false }],
  ];
}

/** A schema of two or three models, related 1-n, n-n, 1-1 and to themselves. */
export function schemaOf(database: Target['database']): fc.Arbitrary<readonly Shape[]> {
  const lists = database === 'postgresql';
  return fc
    .record({
      own: fc.array(own(lists), { minLength: 2, maxLength: 3 }),
      required: fc.boolean(),
      self: fc.boolean(),
      many: fc.boolean(),
      one: fc.boolean(),
    })
    .map(({ own: models, required, self, many, one }) => {
      const names = ['Alpha', 'Beta', 'Gamma'].slice(0, models.length);
      const last = names.at(-1) as string;
      const links: Link[] = [
        { kind: 'parent', from: 'Beta', to: 'Alpha', required },
        ...(self ? [{ kind: 'parent', from: 'Alpha', to: 'Alpha', required: false } as const] : []),
        ...(many || (last === 'Gamma' && !one)
          ? [{ kind: 'many', from: 'Alpha', to: last, required: false } as const]
          : []),
        ...(one ? [{ kind: 'one', from: last, to: 'Alpha', required: false } as const] : []),
      ];
      return names.map((name, at) => ({
        name,
        ...(models[at] as Own),
        relations: links.flatMap(ends).flatMap(([of, relation]) => (of === name ? [relation] : [])),
      }));
    });
}
