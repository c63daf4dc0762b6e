/**
 * Random data of creates and updates, with nested writes.
 *
 * @module
 */
import fc from 'fast-check';
import { type Arguments, id, modelOf, unique, value, where, written } from './filters.ts';
import type { Field, Relation, Shape } from './shape.ts';

/** Fields that must be there, and some of the others. */
function columns(shape: Shape): fc.Arbitrary<Arguments> {
  const must = shape.fields.filter(({ required }) => required);
  return fc.record(Object.fromEntries([['id', id], ...shape.fields.map((field) => [field.name, written(field)])]), {
    requiredKeys: ['id', ...must.map(({ name }) => name)] as never[],
  });
}

/** A row with the ids of the rows that it points to, as createMany takes it. */
export function flatRow(shape: Shape, without?: string): fc.Arbitrary<Arguments> {
  const keys = shape.relations.filter(({ key, name }) => key !== null && name !== without);
  const pointers = fc.record(
    Object.fromEntries(keys.map(({ key, required }) => [key, required ? id : fc.option(id)])),
    {
      requiredKeys: keys.flatMap(({ key, required }) => (required ? [key as string] : [])) as never[],
    },
  );
  return fc.tuple(columns(shape), pointers).map(([row, more]) => ({ ...row, ...(more as object) }));
}

/** A row with nested writes; `without` is the relation that it is written through. */
export function row(shapes: readonly Shape[], shape: Shape, depth = 1, without?: string): fc.Arbitrary<Arguments> {
  if (depth < 0) return columns(shape);
  const relations = shape.relations.filter(({ name }) => name !== without);
  const nested = Object.fromEntries(
    relations.map((relation) => [relation.name, fc.oneof(...nestedCreates(shapes, relation, depth))]),
  );
  const must = relations.filter(({ required }) => required).map(({ name }) => name);
  const all = fc.record(nested, { requiredKeys: must as never[] });
  const some = fc
    .tuple(all, fc.nat(2))
    .map(([given, few]) =>
      Object.fromEntries(Object.entries(given).filter(([name], at) => must.includes(name) || at === few)),
    );
  return fc.tuple(columns(shape), some).map(([own, relation]) => ({ ...own, ...relation }));
}

/** Changes of a row, or of many when there are no relations in them. */
export function changes(
  shapes: readonly Shape[],
  shape: Shape,
  depth: number,
  without?: string,
): fc.Arbitrary<Arguments> {
  const scalars = fc.record(Object.fromEntries(shape.fields.map((field) => [field.name, change(field)])), {
    requiredKeys: [],
  });
  const few = fc
    .tuple(scalars, fc.nat(3))
    .map(([all, at]) => Object.fromEntries(Object.entries(all).slice(at, at + 2)));
  if (depth <= 0) return few;
  const relations = shape.relations.filter(({ name }) => name !== without);
  if (relations.length === 0) return few;
  const nested = fc.oneof(
    ...relations.map((relation) =>
      fc.oneof(...nestedUpdates(shapes, relation, depth)).map((writes): Arguments => ({ [relation.name]: writes })),
    ),
  );
  return fc.oneof(
    few,
    fc.tuple(few, nested).map(([own, more]) => ({ ...own, ...more })),
  );
}

function change(field: Field): fc.Arbitrary<unknown> {
  if (field.type === 'Json' && !field.list) return written(field); // an object with set in it is JSON
  const set = written(field).map((next) => ({ set: next }));
  if (field.list)
    return fc.oneof(
      written(field),
      set,
      value(field)
        .filter((item) => item?.constructor?.name !== 'JsonNull')
        .map((push) => ({ push })),
    );
  if (field.type === 'Int')
    return fc.oneof(
      { arbitrary: fc.oneof(written(field), set), weight: 4 },
      { arbitrary: fc.constant({ increment: 1 }), weight: 1 },
    );
  return fc.oneof(written(field), set);
}

const oneOrMany = (item: fc.Arbitrary<unknown>) => fc.oneof(item, fc.array(item, { minLength: 1, maxLength: 2 }));

/** Nested writes that create, connect, or both. */
function nestedCreates(
  shapes: readonly Shape[],
  { to, list, back, key }: Relation,
  depth: number,
): fc.Arbitrary<Arguments>[] {
  const target = modelOf(shapes, to);
  const create = row(
    shapes,
    target,
    needsParents(target, back) ? Math.max(0, depth - 1) : depth > 1 ? depth - 1 : -1,
    back,
  );
  const at = unique(shapes, target);
  const items = list ? oneOrMany : (item: fc.Arbitrary<unknown>) => item;
  return [
    fc.record({ create: items(create) }),
    fc.record({ connect: items(at) }),
    fc.record({ connectOrCreate: items(fc.record({ where: at, create })) }),
    ...(list && key === null && back !== 'fellows' && back !== 'peers'
      ? [fc.record({ createMany: fc.record({ data: fc.array(flatRow(target, back), { maxLength: 2 }) }) })]
      : []),
  ];
}

/** Whether a row of the model cannot be made without naming other rows. */
function needsParents(shape: Shape, without: string): boolean {
  return shape.relations.some(({ required, name }) => required && name !== without);
}

function nestedUpdates(shapes: readonly Shape[], relation: Relation, depth: number): fc.Arbitrary<Arguments>[] {
  const { to, list, back, required, key } = relation;
  const target = modelOf(shapes, to);
  const at = unique(shapes, target);
  const filter = where(shapes, target, 1);
  const data = changes(shapes, target, depth - 1, back);
  const flat = changes(shapes, target, 0, back);
  const create = row(shapes, target, needsParents(target, back) ? 0 : -1, back);
  const creates = nestedCreates(shapes, relation, depth - 1);
  if (list) {
    return [
      ...creates,
      fc.record({ disconnect: oneOrMany(at) }),
      fc.record({ set: fc.array(at, { maxLength: 2 }) }),
      fc.record({ delete: oneOrMany(at) }),
      fc.record({ deleteMany: oneOrMany(filter) }),
      fc.record({ update: oneOrMany(fc.record({ where: at, data })) }),
      fc.record({ updateMany: oneOrMany(fc.record({ where: filter, data: flat })) }),
      fc.record({ upsert: oneOrMany(fc.record({ where: at, create, update: data })) }),
    ].filter(
      (_, index) => !(index === creates.length || index === creates.length + 1) || !targetRequires(target, back),
    );
  }
  return [
    ...creates,
    ...(required || (key === null && targetRequires(target, back))
      ? []
      : [
          fc.record({ disconnect: fc.oneof(fc.constant(true), filter) }),
          fc.record({ delete: fc.oneof(fc.constant(true), filter) }),
        ]),
    fc.record({ update: fc.record({ where: filter, data }) }),
    fc.record({ update: data }),
    fc.record({ upsert: fc.record({ create, update: data }) }),
    fc.record({ upsert: fc.record({ where: filter, create, update: data }) }),
  ];
}

const targetRequires = (target: Shape, back: string) =>
  target.relations.some(({ name, required }) => name === back && required);
