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
  /** A plain and an indexed field that are unique together, by name of the constraint. */
  readonly compound: { readonly name: string; readonly fields: readonly [Field, Field] } | null;
}

/** Names that Prisma gives a meaning elsewhere in a query. */
const TRICKY = ['label', 'data', 'set', 'where', 'is', 'some', 'select', 'update', 'equals', 'create'] as const;

const normalizers = fc.constantFrom<readonly string[]>([], ['lowercase'], ['trim', 'lowercase']);

const cell = (type: Scalar, unique: boolean): fc.Arbitrary<Cell> => {
  const columns: readonly Cell['column'][] = type === 'Json' ? ['String', 'Json'] : ['String', 'String', 'Bytes'];
  const indexable = type !== 'Json' && type !== 'Boolean';
  const kinds = type === 'String' ? normalizers : fc.constant<readonly string[]>([]);
  const lists = fc.array(kinds, { minLength: unique ? 1 : 0, maxLength: 2 });
  return fc.record({
    column: fc.constantFrom(...columns),
    pad: fc.constantFrom(null, null, 32),
    bind: fc.constantFrom(false, false, false, true),
    indexes: fc.tuple(indexable ? lists : fc.constant([]), fc.integer({ min: 0, max: 1 })).map(([all, at]) => {
      const only = all.map((normalize, index) => ({
        name: '',
        normalize,
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
      cell(type, false).map((stored) =>
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
    })
    .map(({ plain, required, secrets, key: unique, compound }) => {
      const group: Field = { name: 'group', type: 'Int', list: false, required: true, cell: null };
      const exact = { name: 'codeIndex0', normalize: [], unique: false };
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
        ],
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
