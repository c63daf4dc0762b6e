/**
 * Random values and filters of a random schema. Few values, so that filters hit, constraints clash and rows are found again.
 *
 * @module
 */
import { DbNull, Decimal, JsonNull } from '@prisma/client/runtime/client';
import fc from 'fast-check';
import type { Field, Scalar, Shape } from './shape.ts';

/** Arguments of Prisma as plain data. */
export type Arguments = Record<string, unknown>;

/** Ids of rows. */
export const ids = ['r1', 'r2', 'r3', 'r4', 'r5'] as const;
export const id: fc.Arbitrary<string> = fc.constantFrom(...ids);

const VALUES: Readonly<Record<Scalar, readonly unknown[]>> = {
  String: ['', 'a', 'A', 'a ', "o'x", 'zażółć', 'e\u0301', '\u00e9', 'fs1:AAAA', '%', 'null'],
  Int: [0, -1, 7, 2147483647],
  BigInt: [0n, 1n, -9007199254740991n],
  Float: [0, -0, 0.1, -2.5, 1e21],
  Decimal: [new Decimal('0'), new Decimal('1.5'), new Decimal('-12.25')],
  Boolean: [true, false],
  DateTime: [new Date(0), new Date('2024-02-29T12:34:56.789Z'), new Date('1969-12-31T23:59:59.001Z')],
  Json: [{}, [1, 'a', null], { where: { s0: 'a' }, 'a.b': [{ set: 1 }] }, 'text', 1.5, true, JsonNull],
  Bytes: [Uint8Array.of(), Uint8Array.of(0, 255), Uint8Array.of(0x11, 1, 2)],
};

/** Values that every index of the field takes for itself: others would be found by normalised spellings too. */
export function valuesOf({ type, cell }: Field): readonly unknown[] {
  // LIKE of SQLite folds the case of ASCII, so that texts that are searched in parts have small letters only.
  const folds = cell?.indexes.some(({ normalize, serves }) => normalize.length > 0 || serves.length > 0) === true;
  if (type !== 'String' || !folds) return VALUES[type];
  return (VALUES.String as string[]).filter((text) => text === text.trim().toLowerCase());
}

export const value = (field: Field): fc.Arbitrary<unknown> => fc.constantFrom(...valuesOf(field));

/** Parts of the texts, with wildcards. */
const NEEDLES: readonly string[] = [
  '',
  'a',
  'ul',
  'nul',
  "'x",
  'aż',
  'ółć',
  'l',
  'nu%',
  '_ul',
  'n%l',
  '%',
  '_',
  'xx',
  '\u0301',
];

/** A value, a list, or NULL where the field takes it. */
export function written(field: Field): fc.Arbitrary<unknown> {
  // A JSON null inside a list has no meaning to Prisma.
  if (field.list)
    return fc.array(
      value(field).filter((item) => item !== JsonNull),
      { maxLength: 3 },
    );
  const none = field.type === 'Json' ? DbNull : null;
  return field.required ? value(field) : fc.option(value(field), { nil: none as null, freq: 4 });
}

/** A filter of a scalar field that a plain client takes; one in a few is one that ciphertext cannot serve. */
export function fieldFilter(field: Field): fc.Arbitrary<unknown> {
  const { type, list, required } = field;
  if (list) return listFilter(field);
  if (type === 'Json') {
    const equal = value(field).map((equals): unknown => ({ equals }));
    return required ? equal : fc.oneof(fc.constantFrom<unknown>({ equals: DbNull }, { not: DbNull }), equal);
  }
  const one = required ? value(field) : fc.option(value(field), { freq: 5 });
  const many = fc.array(value(field), { maxLength: 3 });
  const equality: Record<string, fc.Arbitrary<unknown>> = { equals: one, not: one };
  const operators = fc.record(type === 'Boolean' ? equality : { ...equality, in: many, notIn: many }, {
    requiredKeys: [],
  });
  const served = fc.oneof(
    one,
    operators,
    operators.map((not) => ({ not })),
  );
  if (type === 'Boolean' || type === 'Bytes') return served;
  const ranges = fc.tuple(fc.constantFrom('lt', 'lte', 'gt', 'gte'), value(field));
  const parts = fc.oneof(value(field), fc.constantFrom(...NEEDLES));
  const texts = fc.tuple(fc.constantFrom('contains', 'startsWith', 'endsWith'), parts);
  const other = (type === 'String' ? fc.oneof(ranges, texts) : ranges).map(([name, operand]) => ({ [name]: operand }));
  const searched = [...new Set(field.cell?.indexes.flatMap(({ serves }) => serves))];
  if (searched.length === 0)
    return fc.oneof(
      { arbitrary: served, weight: 12 },
      { arbitrary: other, weight: 1 },
      { arbitrary: other.map((not) => ({ not })), weight: 1 },
    );
  const search = fc.record(
    Object.fromEntries(searched.map((name) => [name, type === 'String' ? parts : value(field)])),
    {
      requiredKeys: [],
    },
  );
  const few = fc.tuple(search, operators, fc.nat(3)).map(([all, equal, at]): unknown => ({
    ...Object.fromEntries(Object.entries(all).slice(0, 2)),
    ...(at === 0 ? equal : {}),
  }));
  return fc.oneof(
    { arbitrary: served, weight: 4 },
    { arbitrary: few, weight: 8 },
    { arbitrary: few.map((not) => ({ not })), weight: 2 },
    { arbitrary: other, weight: 1 },
  );
}

function listFilter(field: Field): fc.Arbitrary<unknown> {
  const items = fc.array(
    value(field).filter((item) => item !== JsonNull),
    { maxLength: 2 },
  );
  return fc.oneof(
    { arbitrary: fc.boolean().map((isEmpty) => ({ isEmpty })), weight: 4 },
    { arbitrary: fc.constant({ equals: [] }), weight: 1 },
    { arbitrary: value(field).map((has) => ({ has })), weight: 1 },
    { arbitrary: items.map((hasEvery) => ({ hasEvery })), weight: 1 },
    { arbitrary: items.map((equals) => ({ equals })), weight: 1 },
  );
}

/** Whether equality on a field can be asked of the annotated side. */
const served = ({ list, cell }: Field) => cell === null || list || cell.indexes.length > 0;

/** A filter of a model, to a depth. */
export function where(shapes: readonly Shape[], shape: Shape, depth = 2): fc.Arbitrary<Arguments> {
  const fields = shape.fields.filter(served);
  const others = shape.fields.filter((field) => !served(field) && !field.required);
  const nulls = others.map(({ name, type }) =>
    fc
      .constantFrom<unknown>(type === 'Json' ? { equals: DbNull } : null, { not: type === 'Json' ? DbNull : null })
      .map((filter) => ({ [name]: filter })),
  );
  const unserved = shape.fields
    .filter((field) => !served(field))
    .map((field) => fieldFilter(field).map((filter) => ({ [field.name]: filter })));
  const scalars = fields.map((field) => fieldFilter(field).map((filter): Arguments => ({ [field.name]: filter })));
  const pairs =
    shape.pair === null
      ? []
      : [fc.tuple(...shape.pair.fields.map(value)).map((values) => pairFilter(shape, values as unknown[]))];
  const leaf = fc.oneof(
    ...pairs.map((arbitrary) => ({ arbitrary, weight: 4 })),
    { arbitrary: fc.constantFrom(...ids).map((at): Arguments => ({ id: at })), weight: 2 },
    ...scalars.map((arbitrary) => ({ arbitrary, weight: 6 })),
    ...nulls.map((arbitrary) => ({ arbitrary: arbitrary as fc.Arbitrary<Arguments>, weight: 2 })),
    ...unserved.map((arbitrary) => ({ arbitrary: arbitrary as fc.Arbitrary<Arguments>, weight: 1 })),
    ...(depth === 0
      ? []
      : shape.relations.map((relation) => ({ arbitrary: relationFilter(shapes, relation, depth), weight: 2 }))),
  );
  const both = fc.tuple(leaf, leaf).map(([a, b]) => ({ ...a, ...b }));
  if (depth === 0) return fc.oneof(leaf, both, fc.constant({}));
  const inner = where(shapes, shape, depth - 1);
  return fc.oneof(
    { arbitrary: leaf, weight: 4 },
    { arbitrary: both, weight: 4 },
    { arbitrary: fc.constant({}), weight: 1 },
    { arbitrary: fc.record({ AND: fc.oneof(inner, fc.array(inner, { maxLength: 2 })) }), weight: 1 },
    { arbitrary: fc.record({ OR: fc.array(inner, { maxLength: 3 }) }), weight: 2 },
    { arbitrary: fc.record({ NOT: fc.oneof(inner, fc.array(inner, { maxLength: 2 })) }), weight: 2 },
    { arbitrary: fc.tuple(leaf, inner).map(([a, NOT]) => ({ ...a, NOT })), weight: 1 },
  );
}

function pairFilter({ pair }: Shape, values: readonly unknown[]): Arguments {
  return Object.fromEntries((pair?.fields ?? []).map(({ name }, at) => [name, values[at]]));
}

function relationFilter(
  shapes: readonly Shape[],
  { name, to, list, required }: Shape['relations'][number],
  depth: number,
): fc.Arbitrary<Arguments> {
  const inner = where(shapes, modelOf(shapes, to), depth - 1);
  if (list)
    return fc
      .tuple(fc.constantFrom('some', 'every', 'none'), inner)
      .map(([quantifier, filter]) => ({ [name]: { [quantifier]: filter } }));
  const one = required ? inner : fc.option(inner, { freq: 5 });
  return fc.oneof(
    one.map((filter) => ({ [name]: filter })),
    fc.tuple(fc.constantFrom('is', 'isNot'), one).map(([word, filter]) => ({ [name]: { [word]: filter } })),
  );
}

/** A filter that names a unique row: by id, by a unique field, or by the compound constraint. */
export function unique(shapes: readonly Shape[], shape: Shape): fc.Arbitrary<Arguments> {
  const keys = shape.fields.filter(({ cell }) => cell?.indexes.some((index) => index.unique));
  const { compound } = shape;
  const byKey = keys.map((field) => ({
    arbitrary: value(field).map((at): Arguments => ({ [field.name]: at })),
    weight: 4,
  }));
  const byCompound =
    compound === null
      ? []
      : [
          {
            arbitrary: fc.tuple(...compound.fields.map(value)).map(
              ([a, b]): Arguments => ({
                [compound.name]: { [compound.fields[0].name]: a, [compound.fields[1].name]: b },
              }),
            ),
            weight: 4,
          },
        ];
  const byId = id.map((at): Arguments => ({ id: at }));
  const names = fc.oneof({ arbitrary: byId, weight: 4 }, ...byKey, ...byCompound);
  // A unique field takes a value there, and no operators.
  const others = where(shapes, shape, 0).map((filter) =>
    Object.fromEntries(Object.entries(filter).filter(([name]) => !keys.some((field) => field.name === name))),
  );
  const narrowed = fc.tuple(others, names).map(([filter, name]) => ({ ...filter, ...name }));
  return fc.oneof({ arbitrary: names, weight: 6 }, { arbitrary: narrowed, weight: 1 });
}

export function modelOf(shapes: readonly Shape[], name: string): Shape {
  const shape = shapes.find((candidate) => candidate.name === name);
  if (shape === undefined) throw new Error(`no model ${name}`);
  return shape;
}
