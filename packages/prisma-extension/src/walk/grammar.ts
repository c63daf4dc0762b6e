/**
 * The grammar of Prisma's arguments: for each operation which argument is what. The walker follows this table and nothing else, so that a
 * key inside a Json value, or a field called `where`, can never be taken for a part of the query.
 *
 * @module
 */

/** What an argument is. */
export type Rule =
  /** Passed on as it is. */
  | 'plain'
  /** Filter. */
  | 'where'
  /** Filter that must name a unique row. */
  | 'unique'
  /** Filter that names the row of a cursor. */
  | 'cursor'
  /** Filter that must name a unique row, of an operation that can be tried again when it finds no row. */
  | 'attempt'
  /** Filter of a nested write: names a unique row of a list relation, and is an ordinary filter of a to-one relation. */
  | 'target'
  /** Values of a new row, or a list of such. */
  | 'create'
  /** The same for rows that one statement writes, which writes no row of another table. */
  | 'createMany'
  /** Changes of the row that the `where` beside it names. */
  | 'update'
  /** The same for all rows that match, in one statement. */
  | 'updateMany'
  /** select or include. */
  | 'selection'
  | 'orderBy'
  /** Field names whose combinations rows are told apart by. */
  | 'distinct'
  | 'by'
  /** Fields over which a number is computed: _min, _max, _avg, _sum. */
  | 'aggregate'
  | 'having';

/** Arguments of an operation. */
export type Arguments = Readonly<Record<string, Rule>>;

/** One operation of a model. */
export interface Operation {
  readonly arguments: Arguments;
  /** Whether it gives rows back, whose fields are decrypted. */
  readonly rows: boolean;
  /** Whether it gives all rows that match, unless arguments choose among them. */
  readonly list: boolean;
  /** Whether it takes rows away. */
  readonly removes: boolean;
}

const SELECT: Arguments = { select: 'selection', include: 'selection', omit: 'plain', relationLoadStrategy: 'plain' };
const PAGE: Arguments = { where: 'where', orderBy: 'orderBy', cursor: 'cursor', take: 'plain', skip: 'plain' };
const NUMBERS: Arguments = {
  _count: 'plain',
  _min: 'aggregate',
  _max: 'aggregate',
  _avg: 'aggregate',
  _sum: 'aggregate',
};

/** Arguments of findMany, and of a list relation inside select and include. */
export const FIND: Arguments = { ...PAGE, ...SELECT, distinct: 'distinct' };

const rows = (args: Arguments): Operation => ({ arguments: args, rows: true, list: false, removes: false });
const none = (args: Arguments): Operation => ({ arguments: args, rows: false, list: false, removes: false });

/** Every operation of Prisma 7 on a model. One that is not here is refused. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  findUnique: rows({ where: 'attempt', ...SELECT }),
  findUniqueOrThrow: rows({ where: 'attempt', ...SELECT }),
  findFirst: rows(FIND),
  findFirstOrThrow: rows(FIND),
  findMany: { ...rows(FIND), list: true },
  create: rows({ data: 'create', ...SELECT }),
  createMany: none({ data: 'createMany', skipDuplicates: 'plain' }),
  createManyAndReturn: rows({ data: 'createMany', skipDuplicates: 'plain', ...SELECT }),
  update: rows({ where: 'attempt', data: 'update', ...SELECT }),
  updateMany: none({ where: 'where', data: 'updateMany', limit: 'plain' }),
  updateManyAndReturn: rows({ where: 'where', data: 'updateMany', limit: 'plain', ...SELECT }),
  upsert: rows({ where: 'unique', create: 'create', update: 'update', ...SELECT }),
  delete: { ...rows({ where: 'attempt', ...SELECT }), removes: true },
  deleteMany: { ...none({ where: 'where', limit: 'plain' }), removes: true },
  count: none({ ...PAGE, select: 'plain' }),
  aggregate: none({ ...PAGE, ...NUMBERS }),
  groupBy: none({
    where: 'where',
    orderBy: 'orderBy',
    take: 'plain',
    skip: 'plain',
    ...NUMBERS,
    by: 'by',
    having: 'having',
  }),
};

/** A write of a relation field: what it takes, or what the members of the object that it takes are. */
export type NestedWrite = Rule | Arguments;

/** Writes inside the value of a relation field. Each takes one item or a list. */
export const NESTED_WRITES: Readonly<Record<string, NestedWrite>> = {
  create: 'create',
  createMany: { data: 'createMany', skipDuplicates: 'plain' },
  connect: 'unique',
  connectOrCreate: { where: 'unique', create: 'create' },
  disconnect: 'target',
  set: 'unique',
  delete: 'target',
  deleteMany: 'where',
  update: { where: 'target', data: 'update' },
  updateMany: { where: 'where', data: 'updateMany', limit: 'plain' },
  upsert: { where: 'target', create: 'create', update: 'update' },
};

/** Operators of an update of a scalar field. */
export const SCALAR_UPDATES: readonly string[] = [
  'set',
  'push',
  'unset',
  'increment',
  'decrement',
  'multiply',
  'divide',
];

/** What stands in front of the filter of a list relation. */
export const LIST_QUANTIFIERS: readonly string[] = ['some', 'every', 'none'];

/** What may stand in front of the filter of a to-one relation. */
export const ONE_QUANTIFIERS: readonly string[] = ['is', 'isNot'];

/** Combinations of filters. */
export const COMBINATORS: readonly string[] = ['AND', 'OR', 'NOT'];

/** Comparisons of a scalar field with a value that some kind of blind index serves. `not` and `notIn` negate them. */
export const COMPARISONS = ['equals', 'in', 'contains', 'startsWith', 'endsWith', 'gt', 'gte', 'lt', 'lte'] as const;

/** One of {@link COMPARISONS}. */
export type ComparisonOperator = (typeof COMPARISONS)[number];

/** Operators of a list field that ciphertext serves: whether it is empty. */
export const LIST_OPERATORS: readonly string[] = ['isEmpty'];
