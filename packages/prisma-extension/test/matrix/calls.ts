/**
 * Calls on the models User, Org and Post of the test schemas, whose operands hold a canary. Misuse is meant, so that types are left aside.
 *
 * @module
 */

/** The operations of a model, whatever they are given. */
type Operations = Readonly<
  Record<
    | 'findMany'
    | 'findFirst'
    | 'findUnique'
    | 'count'
    | 'aggregate'
    | 'groupBy'
    | 'create'
    | 'createMany'
    | 'update'
    | 'updateMany'
    | 'upsert'
    | 'delete'
    | 'deleteMany',
    (args?: object) => Promise<unknown>
  >
> & { readonly fields: Readonly<Record<'name' | 'email' | 'note' | 'ssn', unknown>> };

/** A client that takes any arguments. */
export interface Loose {
  readonly user: Operations;
  readonly org: Operations;
  readonly post: Operations;
  $transaction(work: readonly Promise<unknown>[]): Promise<unknown>;
}

/** All rows, in an order that is the same everywhere. */
export const ROWS = {
  orderBy: { id: 'asc' },
  include: {
    users: {
      orderBy: { id: 'asc' },
      include: { posts: { orderBy: { title: 'asc' }, select: { title: true, body: true } } },
    },
  },
};

/** Two organisations with users, of whom one has the canary everywhere. */
export async function fill(client: Loose, canary: string): Promise<void> {
  const user = (id: string, more: object) => ({ id, name: id, email: `${id}@x`, ...more });
  await client.org.create({
    data: {
      id: 'o1',
      name: 'one',
      users: {
        create: [
          user('u1', {
            email: canary,
            ssn: canary,
            note: canary,
            posts: { create: [{ title: 'a', body: canary }, { title: 'b' }] },
          }),
          user('u2', { ssn: '2' }),
        ],
      },
    },
  });
  await client.org.create({
    data: { id: 'o2', name: 'two', users: { create: [user('u3', { ssn: canary, note: 'n' })] } },
  });
}

type Case = [name: string, call: (client: Loose) => Promise<unknown>];

/** Filters on the field, each alone. */
const filters = (value: string): [string, unknown][] => [
  ['a value', value],
  ['equals', { equals: value }],
  ['in', { in: [value, '2'] }],
  ['notIn', { notIn: [value] }],
  ['not', { not: value }],
  ['not equals', { not: { equals: value } }],
  ['not in', { not: { in: [value] } }],
  ['not not', { not: { not: value } }],
  ['equals and in', { equals: value, in: [value] }],
  ['null', null],
  ['not null', { not: null }],
  ['contains', { contains: value.slice(0, -1) }],
  ['startsWith', { startsWith: value }],
  ['endsWith', { endsWith: value }],
  ['lt', { lt: value }],
  ['gte', { gte: value }],
  ['not gt', { not: { gt: value } }],
  ['equals and lte', { equals: value, lte: value }],
  ['search', { search: value }],
];

const order = { orderBy: { id: 'asc' } };

/** Where a filter stands. */
const places: [string, (client: Loose, where: object) => Promise<unknown>][] = [
  [
    'findMany',
    (c, where) => c.user.findMany({ where, ...order, select: { id: true, email: true, ssn: true, note: true } }),
  ],
  ['count in OR', (c, where) => c.user.count({ where: { OR: [where, { name: 'u2' }] } })],
  ['deleteMany in NOT', (c, where) => c.post.deleteMany({ where: { author: { NOT: where } } })],
  [
    'updateMany',
    (c, where) => c.user.updateMany({ where: { AND: [where] }, data: { name: 'changed', note: 'changed' } }),
  ],
  ['some', (c, where) => c.org.findMany({ where: { users: { some: where } }, ...order, select: { id: true } })],
  ['none', (c, where) => c.org.findMany({ where: { users: { none: where } }, ...order, select: { id: true } })],
  ['include', (c, where) => c.org.findMany({ ...order, include: { users: { where, ...order } } })],
  [
    '_count',
    (c, where) => c.org.findMany({ ...order, select: { id: true, _count: { select: { users: { where } } } } }),
  ],
  [
    'nested updateMany',
    (c, where) =>
      c.org.update({
        where: { id: 'o1' },
        data: { users: { updateMany: { where, data: { name: 'changed', ssn: 'changed' } } } },
      }),
  ],
  ['groupBy', (c, where) => c.user.groupBy({ by: ['orgId'], where, orderBy: { orgId: 'asc' }, _count: true })],
];

/** Unique filters by the encrypted email, and writes of the canary. */
const others = (value: string): Case[] => {
  const email = { email: value };
  const user = { id: 'u9', name: 'u9', email: 'u9@x', ssn: value, note: value };
  const nested = (writing: object) => (c: Loose) => c.org.update({ where: { id: 'o1' }, data: { users: writing } });
  return [
    ['findUnique', (c) => c.user.findUnique({ where: email })],
    [
      'findUnique in a batch',
      (c) => Promise.all([value, 'u2@x', 'nobody'].map((name) => c.user.findUnique({ where: { email: name } }))),
    ],
    ['update', (c) => c.user.update({ where: email, data: { note: null, ssn: 'x' } })],
    ['upsert that updates', (c) => c.user.upsert({ where: email, create: user, update: { note: value } })],
    ['upsert that creates', (c) => c.user.upsert({ where: { email: 'u9@x' }, create: user, update: { note: value } })],
    ['delete with posts', (c) => c.user.delete({ where: email })],
    ['cursor', (c) => c.user.findMany({ cursor: email, ...order, take: 2 })],
    [
      'compound',
      (c) =>
        c.user.findUnique({ where: { orgId_emailIndex: { orgId: 'o1', email: value } } }).then(
          () => null,
          () => null,
        ),
    ],
    ['createMany', (c) => c.user.createMany({ data: [user, { ...user, id: 'u8', email: 'u8@x', ssn: null }] })],
    ['a duplicate', (c) => c.user.create({ data: { ...user, email: value } })],
    ['connect', (c) => c.org.update({ where: { id: 'o2' }, data: { users: { connect: email } } })],
    ['disconnect', nested({ disconnect: email })],
    ['disconnect of another', nested({ disconnect: { email: 'u3@x' } })],
    ['set', nested({ set: [email, { email: 'u3@x' }] })],
    ['nested delete', nested({ delete: { email: 'u2@x' } })],
    ['nested deleteMany {}', (c) => c.user.update({ where: { id: 'u1' }, data: { posts: { deleteMany: {} } } })],
    [
      'nested deleteMany by value',
      (c) => c.user.update({ where: { id: 'u1' }, data: { posts: { deleteMany: [{ body: value }] } } }),
    ],
    [
      'nested update',
      nested({
        update: {
          where: email,
          data: { note: 'n', posts: { updateMany: { where: { body: value }, data: { body: null } } } },
        },
      }),
    ],
    [
      'nested upsert',
      nested({
        upsert: [
          { where: email, create: user, update: { ssn: value } },
          { where: { email: 'u9@x' }, create: user, update: {} },
        ],
      }),
    ],
    [
      'connectOrCreate',
      nested({
        connectOrCreate: [
          { where: email, create: user },
          { where: { email: 'u9@x' }, create: user },
        ],
      }),
    ],
    ['nested createMany', nested({ createMany: { data: [user] } })],
    ['orderBy', (c) => c.user.findMany({ orderBy: [{ email: 'asc' }, { id: 'asc' }] })],
    ['orderBy through a relation', (c) => c.post.findMany({ orderBy: { author: { note: 'asc' } } })],
    ['distinct by an exact index', (c) => c.user.findMany({ distinct: ['ssn'], ...order, select: { ssn: true } })],
    ['distinct by a normalising index', (c) => c.user.findMany({ distinct: ['email'], ...order })],
    ['_min and _max', (c) => c.user.aggregate({ _min: { email: true }, _max: { note: true } })],
    ['_count of fields', (c) => c.user.aggregate({ _count: { email: true, note: true, ssn: true } })],
    ['having', (c) => c.user.groupBy({ by: ['name'], having: { note: value }, orderBy: { name: 'asc' } })],
    ['a reference to it', (c) => c.user.findMany({ where: { name: { equals: c.user.fields.note } } })],
    ['a reference in it', (c) => c.user.findMany({ where: { ssn: { equals: c.user.fields.name } } })],
    [
      'a batch that is refused',
      (c) =>
        c.$transaction([
          c.user.updateMany({ data: { name: value.slice(0, 3) } }),
          c.user.findMany({ where: { note: value } }),
        ]),
    ],
  ];
};

/** All calls, by name, with filters of these fields. */
export const CALLS = (canary: string, fields: readonly string[]): Case[] => [
  ...fields.flatMap((field) =>
    filters(canary).flatMap(([filter, operand]) => {
      const required = field === 'email' && (operand === null || filter === 'not null');
      const some = field === 'ssn' ? places : places.slice(0, 5);
      return required
        ? []
        : some.map(
            ([place, call]): Case => [
              `${filter} of ${field}: ${place}`,
              (client) => call(client, { [field]: operand }),
            ],
          );
    }),
  ),
  ...others(canary),
];
