/**
 * What queries do on an encrypted field, shape by shape. The documentation is made of this table, and a test holds each row against the
 * planner; queries themselves do not read it.
 *
 * @module
 */
import type { ErrorCode } from '@fieldseal/core';

/** `served`, or the code of the error that is thrown before any SQL. */
export type Verdict = 'served' | ErrorCode;

/** Kinds of an encrypted field that behave differently. */
export type FieldKind =
  | 'none'
  | 'exact'
  | 'folding'
  | 'migrating'
  | 'json'
  | 'list'
  | 'row'
  | 'bound'
  | 'readonly'
  | 'narrow'
  | 'prefix'
  | 'suffix'
  | 'ngram'
  | 'range';

/** What each kind is, as the head of a column. */
export const FIELD_KINDS: Readonly<Record<FieldKind, string>> = {
  none: 'no index',
  exact: 'exact index',
  folding: 'index with `lowercase`',
  migrating: '`mode: migrating`, exact index',
  json: 'Json',
  list: 'list',
  row: 'field',
  bound: '`bind: [id]`',
  readonly: '`mode: readonly`',
  narrow: '`bits` below 96, or `partitions`',
  prefix: '`prefix`',
  suffix: '`suffix`',
  ngram: '`ngram`',
  range: '`range`',
};

/** One shape of a query. */
export interface Behaviour {
  readonly operation: string;
  /** Arguments in JavaScript, for a model with the encrypted field `email`, a plain `name`, a unique `code`, and a relation to itself. */
  readonly shape: string;
  readonly verdicts: Readonly<Partial<Record<FieldKind, Verdict>>>;
}

/** Shapes that belong together. */
export interface BehaviourGroup {
  readonly title: string;
  readonly rows: readonly Behaviour[];
}

type Verdicts = Behaviour['verdicts'];

const SERVED = 'served';
const FILTER = 'ERR_UNSUPPORTED_FILTER';
const OPERATION = 'ERR_UNSUPPORTED_OPERATION';
const BINDING = 'ERR_BINDING';

const ALWAYS: Verdicts = { none: SERVED, exact: SERVED, folding: SERVED, migrating: SERVED };
const NEVER: Verdicts = { none: FILTER, exact: FILTER, folding: FILTER, migrating: FILTER };
const INDEXED: Verdicts = { ...ALWAYS, none: FILTER };
const FOLDING: Verdicts = { ...NEVER, folding: SERVED };
const EXACT: Verdicts = { ...NEVER, exact: SERVED };
const NOT_MIGRATING: Verdicts = { ...INDEXED, migrating: FILTER };
const WRITTEN: Verdicts = { row: SERVED, bound: SERVED, readonly: OPERATION };
const WITHOUT_ID: Verdicts = { row: SERVED, bound: BINDING, readonly: OPERATION };

/** Fields with an index of another kind than equality by whole terms. */
const KINDS: Verdicts = { narrow: SERVED, prefix: SERVED, suffix: SERVED, ngram: SERVED, range: SERVED };
const NO_KIND: Verdicts = { narrow: FILTER, prefix: FILTER, suffix: FILTER, ngram: FILTER, range: FILTER };

const rows = (operation: string, verdicts: Verdicts, ...shapes: string[]): Behaviour[] =>
  shapes.map((shape) => ({ operation, shape, verdicts }));
const filters = (verdicts: Verdicts, ...shapes: string[]): Behaviour[] =>
  rows('findMany', verdicts, ...shapes.map((shape) => `where: { email: ${shape} }`));

/** Every filter operator, every place that an encrypted field can stand in, and every write of one. */
export const BEHAVIOURS: readonly BehaviourGroup[] = [
  {
    title: 'Filters',
    rows: [
      ...filters(INDEXED, "'a'", "{ equals: 'a' }", "{ in: ['a', 'b'] }", "{ notIn: ['a', 'b'] }", "{ not: 'a' }"),
      ...filters(INDEXED, "{ not: { in: ['a'] } }", "{ equals: 'a', not: 'b' }", "{ in: ['a', null] }"),
      ...filters(INDEXED, "{ equals: 'a', mode: 'default' }"),
      ...filters(FOLDING, "{ equals: 'a', mode: 'insensitive' }"),
      ...filters(ALWAYS, 'null', '{ equals: null }', '{ not: null }', '{ in: [] }', '{ notIn: [] }'),
      ...filters(NEVER, "{ contains: 'a' }", "{ startsWith: 'a' }", "{ endsWith: 'a' }", "{ search: 'a' }"),
      ...filters(NEVER, "{ gt: 'a' }", "{ gte: 'a' }", "{ lt: 'a' }", "{ lte: 'a' }", '{ equals: fields.name }'),
    ],
  },
  {
    title: 'Places',
    rows: [
      ...rows(
        'findMany',
        INDEXED,
        "where: { AND: [{ email: 'a' }, { name: 'b' }] }",
        "where: { OR: [{ email: 'a' }, { name: 'b' }] }",
        "where: { NOT: { email: 'a' } }",
        "where: { parent: { is: { email: 'a' } } }",
        "where: { children: { some: { email: 'a' } } }",
        "include: { children: { where: { email: 'a' } } }",
        "select: { _count: { select: { children: { where: { email: 'a' } } } } }",
      ),
      ...rows('count', INDEXED, "where: { email: 'a' }"),
      ...rows('findUnique', INDEXED, "where: { email: 'a' }"),
      ...rows('update', INDEXED, "where: { email: 'a' }, data: { name: 'b' }"),
      ...rows('delete', INDEXED, "where: { email: 'a' }"),
      ...rows('updateMany', INDEXED, "where: { email: 'a' }, data: { name: 'b' }"),
      ...rows('deleteMany', INDEXED, "where: { email: 'a' }"),
      ...rows('upsert', NOT_MIGRATING, "where: { email: 'a' }, create: { name: 'b' }, update: { name: 'b' }"),
      ...rows('findUnique', NOT_MIGRATING, "where: { code_emailIndex: { code: 'c', email: 'a' } }"),
      ...rows('findMany', NOT_MIGRATING, "cursor: { email: 'a' }"),
      ...rows('update', NOT_MIGRATING, "where: { id: '1' }, data: { children: { connect: { email: 'a' } } }"),
      ...rows('findMany', EXACT, "distinct: ['email']"),
      ...rows('groupBy', EXACT, "by: ['email']"),
      ...rows('findMany', ALWAYS, 'select: { email: true }', 'omit: { email: true }', 'include: { children: true }'),
      ...rows('aggregate', ALWAYS, '_count: { email: true }'),
      ...rows(
        'findMany',
        NEVER,
        "orderBy: { email: 'asc' }",
        "orderBy: { email: { sort: 'asc', nulls: 'last' } }",
        "orderBy: { parent: { email: 'asc' } }",
        "orderBy: { _relevance: { fields: ['email'], search: 'a', sort: 'asc' } }",
        'where: { name: fields.email }',
      ),
      ...rows(
        'groupBy',
        NEVER,
        "by: ['name'], having: { email: 'a' }",
        "by: ['name'], orderBy: { _max: { email: 'asc' } }",
      ),
      ...rows('aggregate', NEVER, '_min: { email: true }', '_max: { email: true }'),
      ...rows('aggregate', NEVER, '_avg: { email: true }', '_sum: { email: true }'),
    ],
  },
  {
    title: 'Kinds of index',
    rows: [
      ...filters(KINDS, 'value', '{ not: value }', '{ in: [value] }', '{ notIn: [value] }'),
      ...filters({ ...NO_KIND, ngram: SERVED }, "{ contains: '9000' }", "{ not: { contains: '9000' } }"),
      ...filters({ ...NO_KIND, ngram: SERVED, prefix: SERVED }, "{ startsWith: '9000' }"),
      ...filters({ ...NO_KIND, ngram: SERVED, suffix: SERVED }, "{ endsWith: '9000' }"),
      ...filters({ ...NO_KIND, ngram: SERVED }, "{ startsWith: '9000', contains: '_000' }"),
      ...filters(NO_KIND, "{ contains: '9' }", "{ contains: '90\\\\0' }"),
      ...filters({ ...NO_KIND, range: SERVED }, '{ gt: 9000 }', '{ gte: 9000, lt: 9100 }', '{ not: { lte: 9000 } }'),
      ...rows('findMany', { ...NO_KIND, range: SERVED }, "orderBy: { email: 'asc' }, take: 10"),
      ...rows(
        'findMany',
        { ...NO_KIND, range: SERVED },
        "orderBy: [{ email: { sort: 'desc', nulls: 'last' } }, { id: 'asc' }], take: 10, skip: 20",
      ),
      ...rows(
        'findMany',
        NO_KIND,
        "orderBy: { email: 'asc' }",
        "orderBy: { email: 'asc' }, take: 1001",
        "orderBy: { email: 'asc' }, take: 10, cursor: { id: '1' }",
        "orderBy: [{ name: 'asc' }, { email: 'asc' }], take: 10",
        "distinct: ['email']",
        "cursor: { id: '1', email: value }",
      ),
      ...rows('groupBy', NO_KIND, "by: ['email']"),
    ],
  },
  {
    title: 'Writes',
    rows: [
      ...rows('create', WRITTEN, "data: { email: 'a' }", 'data: { email: null }'),
      ...rows('createMany', WRITTEN, "data: [{ email: 'a' }, { email: 'b' }]"),
      ...rows(
        'update',
        WRITTEN,
        "where: { id: '1' }, data: { email: 'a' }",
        "where: { id: '1' }, data: { email: { set: 'a' } }",
      ),
      ...rows('upsert', WRITTEN, "where: { id: '1' }, create: { email: 'a' }, update: { email: 'a' }"),
      ...rows('updateMany', WITHOUT_ID, "data: { email: 'a' }"),
      ...rows('update', WITHOUT_ID, "where: { code: 'c' }, data: { email: 'a' }"),
      ...rows('updateMany', { ...WRITTEN }, 'data: { email: null }'),
      ...rows('update', { row: SERVED, bound: BINDING, readonly: SERVED }, "where: { id: '1' }, data: { id: '2' }"),
      ...rows(
        'update',
        { row: OPERATION, bound: OPERATION, readonly: OPERATION },
        "where: { id: '1' }, data: { email: { increment: 1 } }",
      ),
      ...rows(
        'update',
        { row: 'ERR_INDEX_WRITTEN', bound: 'ERR_INDEX_WRITTEN', readonly: 'ERR_INDEX_WRITTEN' },
        "where: { id: '1' }, data: { emailIndex: 'a' }",
      ),
    ],
  },
  {
    title: 'Json and lists',
    rows: [
      ...filters({ json: SERVED }, 'Prisma.DbNull', '{ equals: Prisma.DbNull }', '{ not: Prisma.DbNull }'),
      ...filters({ list: SERVED }, '{ equals: null }'),
      ...filters({ json: FILTER, list: FILTER }, "{ equals: ['a'] }", "{ not: ['a'] }"),
      ...filters({ json: FILTER }, "{ path: ['a'], equals: 1 }", "{ path: ['a'], mode: 'insensitive' }"),
      ...filters(
        { json: FILTER },
        "{ string_contains: 'a' }",
        "{ string_starts_with: 'a' }",
        "{ string_ends_with: 'a' }",
      ),
      ...filters({ json: FILTER }, "{ array_contains: 'a' }", "{ array_starts_with: 'a' }", "{ array_ends_with: 'a' }"),
      ...filters({ list: SERVED }, '{ isEmpty: true }', '{ equals: [] }'),
      ...filters({ list: FILTER }, "{ has: 'a' }", "{ hasEvery: ['a'] }", "{ hasSome: ['a'] }"),
      ...rows('create', { json: SERVED, list: SERVED }, "data: { email: ['a', 'b'] }"),
      ...rows('update', { json: SERVED, list: SERVED }, "where: { id: '1' }, data: { email: { set: ['a'] } }"),
      ...rows('update', { list: SERVED }, "where: { id: '1' }, data: { email: { push: 'a' } }"),
    ],
  },
];
