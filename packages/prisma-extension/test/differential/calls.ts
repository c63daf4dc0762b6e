/**
 * Random operations on the models of a random schema, as plain data that can be printed and run again.
 *
 * @module
 */
import fc from 'fast-check';
import type { Target } from '../harness.ts';
import { type Arguments, id, modelOf, unique, where } from './filters.ts';
import type { Shape } from './shape.ts';
import { changes, flatRow, row } from './writes.ts';

/** One operation of a model. */
export interface Call {
  readonly model: string;
  readonly operation: string;
  readonly args: Arguments;
}

/** Operations on their own, or in a transaction that may be rolled back. */
export type Step =
  | { readonly kind: 'call'; readonly calls: readonly [Call] }
  | { readonly kind: 'batch' | 'interactive' | 'rolledBack'; readonly calls: readonly Call[] };

const byId = { orderBy: { id: 'asc' } } as const;

/** select, include or omit, with arguments of relations in them, or nothing. */
function selection(shapes: readonly Shape[], shape: Shape, depth = 1): fc.Arbitrary<Arguments> {
  const scalars = fc.subarray(['id', ...shape.fields.map(({ name }) => name)], { minLength: 1 });
  const on = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, true]));
  const omit = fc.subarray(shape.fields.map(({ name }) => name)).map((names) => ({ omit: on(names) }));
  if (depth === 0 || shape.relations.length === 0)
    return fc.oneof(
      fc.constant({}),
      scalars.map((names) => ({ select: on(names) })),
      omit,
    );
  const relations = fc.record(
    Object.fromEntries(
      shape.relations.map(({ name, to, list }) => [name, relationArgs(shapes, modelOf(shapes, to), list, depth)]),
    ),
    { requiredKeys: [] },
  );
  const lists = shape.relations.filter(({ list }) => list);
  const counts = fc.record(
    Object.fromEntries(
      lists.map(({ name, to }) => [
        name,
        fc.oneof(fc.constant(true), fc.record({ where: where(shapes, modelOf(shapes, to), 1) })),
      ]),
    ),
    { requiredKeys: lists.slice(0, 1).map(({ name }) => name) as never[] },
  );
  const count =
    lists.length === 0
      ? fc.constant({})
      : fc.oneof(
          fc.constant({}),
          counts.map((select) => ({ _count: { select } })),
        );
  return fc.oneof(
    { arbitrary: fc.constant({}), weight: 3 },
    { arbitrary: omit, weight: 1 },
    {
      arbitrary: fc
        .tuple(scalars, relations, count)
        .map(([names, more, counted]) => ({ select: { ...on(names), ...more, ...counted } })),
      weight: 2,
    },
    {
      arbitrary: fc.tuple(relations, count).map(([more, counted]) => ({ include: { ...more, ...counted } })),
      weight: 2,
    },
  );
}

function relationArgs(shapes: readonly Shape[], shape: Shape, list: boolean, depth: number): fc.Arbitrary<unknown> {
  const inner = selection(shapes, shape, depth - 1);
  if (!list) return inner;
  const page = fc.record({ where: where(shapes, shape, 1), take: fc.constantFrom(1, 2, -1) }, { requiredKeys: [] });
  return fc.tuple(inner, page).map(([selected, args]) => ({ ...selected, ...args, ...byId }));
}

/** The engine panics at a filter of a list in a cursor, and does not recover (Prisma 7.10). */
function withoutLists({ fields }: Shape, at: Arguments): Arguments {
  const lists = fields.filter(({ list }) => list).map(({ name }) => name);
  return Object.fromEntries(Object.entries(at).filter(([name]) => !lists.includes(name)));
}

/** Arguments of findMany and its like, in an order that is the same everywhere. */
function find(shapes: readonly Shape[], shape: Shape, database: Target['database']): fc.Arbitrary<Arguments> {
  const plain = shape.fields.filter(({ cell, list }) => cell === null && !list);
  const scalars = shape.fields.filter(
    ({ type, list }) => type !== 'Json' && type !== 'Bytes' && type !== 'Float' && !list,
  );
  const wrong = shape.fields.filter(({ cell }) => cell !== null);
  const ranged = shape.fields.filter(({ cell }) => cell?.indexes.some(({ serves }) => serves.includes('gt')));
  const inBuckets = ranged.map(({ name, required }) =>
    fc
      .tuple(fc.constantFrom('asc', 'desc'), fc.constantFrom(null, 'first', 'last'))
      .map(([sort, nulls]): unknown => [
        { [name]: nulls === null || required || database === 'mysql' ? sort : { sort, nulls } },
        { id: 'desc' },
      ]),
  );
  const order = fc.oneof(
    ...inBuckets.map((arbitrary) => ({ arbitrary, weight: 6 })),
    { arbitrary: fc.constant<unknown>({ id: 'asc' }), weight: 8 },
    {
      arbitrary: fc
        .constantFrom(...plain.filter(({ type }) => type === 'Int'))
        .map(({ name }) => [{ [name]: 'desc' }, { id: 'desc' }]),
      weight: 3,
    },
    { arbitrary: fc.constantFrom(...wrong).map(({ name }) => [{ [name]: 'asc' }, { id: 'asc' }]), weight: 1 },
  );
  const extra = fc.record(
    {
      take: fc.constantFrom(0, 1, 2, -2),
      skip: fc.nat(2),
      cursor: unique(shapes, shape).map((at) => withoutLists(shape, at)),
      distinct: fc.subarray(
        scalars.map(({ name }) => name),
        { minLength: 1, maxLength: 2 },
      ),
    },
    { requiredKeys: [] },
  );
  // With distinct, Prisma itself looks for the row of the cursor and compares DateTime as text in two spellings: by id that goes well.
  const few = fc.tuple(extra, fc.nat(3), id).map(([all, at, row]) => {
    const some = Object.fromEntries(Object.entries(all).slice(at));
    return 'distinct' in some && 'cursor' in some ? { ...some, cursor: { id: row } } : some;
  });
  return fc
    .tuple(where(shapes, shape), order, few, selection(shapes, shape))
    .map(([filter, orderBy, more, selected]) => ({ where: filter, orderBy, ...more, ...selected }));
}

function group(shapes: readonly Shape[], shape: Shape): fc.Arbitrary<Arguments> {
  const scalars = shape.fields.filter(({ type, list }) => type !== 'Json' && !list);
  const some = fc.subarray(
    scalars.map(({ name }) => name),
    { minLength: 1, maxLength: 2 },
  );
  const numbers = fc.constantFrom<Arguments>(
    {},
    { _count: true },
    { _count: { _all: true } },
    { _min: { id: true } },
    { _max: { group: true }, _sum: { group: true } },
  );
  const having = fc.constantFrom<Arguments>({}, {}, { having: { group: { _count: { gt: 1 } } } });
  return fc.tuple(some, where(shapes, shape, 1), numbers, having, some).map(([by, filter, number, had, counted]) => ({
    by,
    where: filter,
    ...number,
    ...had,
    ...(number['_count'] === true ? { _count: Object.fromEntries(counted.map((name) => [name, true])) } : {}),
  }));
}

function numbers(shapes: readonly Shape[], shape: Shape): fc.Arbitrary<Arguments> {
  const names = fc
    .subarray(
      shape.fields.map(({ name }) => name),
      { minLength: 1 },
    )
    .map((all) => Object.fromEntries(all.map((name) => [name, true])));
  const comparable = shape.fields.filter(({ type, list }) => !['Json', 'Bytes', 'Boolean'].includes(type) && !list);
  const extremes = fc
    .constantFrom(...comparable)
    .map(({ name }) => ({ _min: { [name]: true }, _max: { [name]: true } }));
  return fc
    .tuple(where(shapes, shape), names, fc.oneof(fc.constant({}), extremes))
    .map(([filter, _count, more]) => ({ where: filter, _count, ...more }));
}

/** One operation on a model. */
function callOn(shapes: readonly Shape[], shape: Shape, database: Target['database']): fc.Arbitrary<Call> {
  const of = (weight: number, operation: string | readonly string[], args: fc.Arbitrary<Arguments>) => ({
    arbitrary: fc
      .tuple(fc.constantFrom(...[operation].flat()), args)
      .map(([name, given]): Call => ({ model: shape.name, operation: name, args: given })),
    weight,
  });
  const at = unique(shapes, shape);
  const filter = where(shapes, shape);
  const selected = selection(shapes, shape);
  const own = selection(shapes, shape, 0);
  const bulk = changes(shapes, shape, 0);
  const rows = fc.array(flatRow(shape), { minLength: 1, maxLength: 3 });
  const both = <A extends object, B extends object>(a: fc.Arbitrary<A>, b: fc.Arbitrary<B>) =>
    fc.tuple(a, b).map(([x, y]) => ({ ...x, ...y }) as Arguments);
  return fc.oneof(
    of(6, 'create', both(fc.record({ data: row(shapes, shape) }), selected)),
    of(6, 'createMany', fc.record({ data: rows })),
    of(4, 'update', both(fc.record({ where: at, data: changes(shapes, shape, 2) }), selected)),
    of(3, 'updateMany', fc.record({ where: filter, data: bulk })),
    of(
      3,
      'upsert',
      both(fc.record({ where: at, create: row(shapes, shape, 0), update: changes(shapes, shape, 1) }), selected),
    ),
    of(1, 'delete', both(fc.record({ where: at }), own)),
    of(1, 'deleteMany', fc.record({ where: filter })),
    of(5, ['findMany', 'findFirst'], find(shapes, shape, database)),
    of(1, 'findFirstOrThrow', find(shapes, shape, database)),
    of(3, ['findUnique', 'findUniqueOrThrow'], both(fc.record({ where: at }), selected)),
    of(2, 'count', fc.record({ where: filter })),
    of(2, 'aggregate', numbers(shapes, shape)),
    of(2, 'groupBy', group(shapes, shape)),
    ...(database === 'mysql'
      ? []
      : [
          of(2, 'createManyAndReturn', both(fc.record({ data: rows }), own)),
          of(2, 'updateManyAndReturn', both(fc.record({ where: filter, data: bulk }), own)),
        ]),
    of(1, 'updateMany', fc.record({ where: id.map((name) => ({ id: name })), data: bulk })),
  );
}

/** One step on any model of the schema. */
export function step(shapes: readonly Shape[], database: Target['database']): fc.Arbitrary<Step> {
  const call = fc.oneof(...shapes.map((shape) => callOn(shapes, shape, database)));
  const several = fc.tuple(
    fc.constantFrom('batch', 'interactive', 'rolledBack'),
    fc.array(call, { minLength: 2, maxLength: 3 }),
  );
  return fc.oneof(
    { arbitrary: call.map((only): Step => ({ kind: 'call', calls: [only] })), weight: 12 },
    { arbitrary: several.map(([kind, calls]): Step => ({ kind, calls })), weight: 1 },
  );
}
