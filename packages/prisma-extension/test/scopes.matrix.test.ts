import type { ErrorCode } from '@fieldseal/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { withScope } from '../src/index.ts';
import { typedError } from './harness.ts';
import { fillTenants, type Operation, openScoped, type ScopedClient, type ScopedDatabase } from './scoped-database.ts';

let test: ScopedDatabase;
let db: ScopedClient;

beforeAll(async () => {
  test = await openScoped();
  db = test.db;
});
afterAll(() => test.close());
beforeEach(() => fillTenants(test));

type Model = 'tenant' | 'user' | 'post' | 'ledger' | 'account' | 'setting';
type Verdict = 'served' | ErrorCode;

const MISSING = 'ERR_SCOPE_MISSING';
const CONFLICT = 'ERR_SCOPE_CONFLICT';
const MISMATCH = 'ERR_SCOPE_MISMATCH';
const SERVED = 'served';

/** A call with its verdict outside of all scopes, and in the scope a. */
const MATRIX: readonly (readonly [model: Model, operation: Operation, args: object, outside: Verdict, inA: Verdict])[] =
  [
    // creates
    ['user', 'create', { data: { id: 3, email: 'x' } }, MISSING, SERVED],
    ['user', 'create', { data: { id: 3, tenantId: 'a', email: 'x' } }, SERVED, SERVED],
    ['user', 'create', { data: { id: 3, tenantId: 'b', email: 'x' } }, SERVED, CONFLICT],
    ['user', 'create', { data: { id: 3, tenantId: 'b' } }, SERVED, CONFLICT],
    ['user', 'create', { data: { id: 3, tenantId: '', email: 'x' } }, MISSING, MISSING],
    ['user', 'create', { data: { id: 3, tenant: { connect: { id: 'a' } }, email: 'x' } }, SERVED, SERVED],
    ['user', 'create', { data: { id: 3, tenant: { connect: { id: 'b' } }, email: 'x' } }, SERVED, CONFLICT],
    ['user', 'create', { data: { id: 3, tenant: { connect: { slug: 'alpha' } }, email: 'x' } }, MISSING, MISSING],
    ['user', 'create', { data: { id: 3, tenant: { create: { slug: 's' } }, email: 'x' } }, SERVED, CONFLICT],
    ['user', 'create', { data: { id: 3, tenant: { create: { id: 'c', slug: 's' } }, email: 'x' } }, SERVED, CONFLICT],
    [
      'user',
      'create',
      {
        data: {
          id: 3,
          tenant: { connectOrCreate: { where: { id: 'a' }, create: { id: 'a', slug: 's' } } },
          email: 'x',
        },
      },
      SERVED,
      SERVED,
    ],
    [
      'user',
      'create',
      {
        data: {
          id: 3,
          tenant: { connectOrCreate: { where: { id: 'a' }, create: { id: 'b', slug: 's' } } },
          email: 'x',
        },
      },
      CONFLICT,
      CONFLICT,
    ],
    ['user', 'create', { data: { id: 3, email: 'x', group: { create: { id: 1 } } } }, MISSING, SERVED],
    [
      'user',
      'createMany',
      {
        data: [
          { id: 3, tenantId: 'a', email: 'x' },
          { id: 4, tenantId: 'b', email: 'x' },
        ],
      },
      SERVED,
      CONFLICT,
    ],
    [
      'user',
      'createMany',
      {
        data: [
          { id: 3, tenantId: 'a', email: 'x' },
          { id: 4, email: 'y' },
        ],
      },
      MISSING,
      SERVED,
    ],
    [
      'user',
      'createMany',
      {
        data: [
          { id: 3, email: 'x' },
          { id: 4, email: 'y' },
        ],
      },
      MISSING,
      SERVED,
    ],
    ['account', 'create', { data: { apiKey: 'x' } }, SERVED, SERVED],
    ['account', 'create', { data: { id: 'z', apiKey: 'x' } }, SERVED, CONFLICT],
    ['ledger', 'create', { data: { id: 1, book: 5, amount: 'x' } }, SERVED, CONFLICT],
    ['ledger', 'create', { data: { id: 1, amount: 'x' } }, MISSING, CONFLICT],
    ['setting', 'create', { data: { id: 1, value: 'x' } }, SERVED, SERVED],
    // nested creates
    ['tenant', 'create', { data: { id: 'c', slug: 's', users: { create: { id: 3, email: 'x' } } } }, SERVED, CONFLICT],
    ['tenant', 'create', { data: { slug: 's', users: { create: [{ id: 3, email: 'x' }] } } }, SERVED, CONFLICT],
    ['tenant', 'update', { where: { id: 'a' }, data: { users: { create: { id: 3, email: 'x' } } } }, SERVED, SERVED],
    ['tenant', 'update', { where: { id: 'b' }, data: { users: { create: { id: 3, email: 'x' } } } }, SERVED, CONFLICT],
    [
      'tenant',
      'update',
      { where: { slug: 'alpha' }, data: { users: { create: { id: 3, email: 'x' } } } },
      MISSING,
      SERVED,
    ],
    [
      'tenant',
      'update',
      { where: { id: 'a' }, data: { users: { createMany: { data: [{ id: 3, email: 'x' }] } } } },
      SERVED,
      SERVED,
    ],
    [
      'user',
      'create',
      { data: { id: 3, tenantId: 'a', email: 'x', posts: { create: [{ id: 1, tenant: 'b', body: 'x' }] } } },
      SERVED,
      CONFLICT,
    ],
    [
      'user',
      'create',
      { data: { id: 3, tenantId: 'a', email: 'x', posts: { create: [{ id: 1, body: 'x' }] } } },
      MISSING,
      SERVED,
    ],
    // updates
    ['user', 'update', { where: { id: 1 }, data: { email: 'x' } }, MISSING, SERVED],
    ['user', 'update', { where: { id: 1 }, data: { email: null } }, SERVED, SERVED],
    ['user', 'update', { where: { id: 1 }, data: { name: 'x' }, select: { name: true } }, SERVED, SERVED],
    ['user', 'update', { where: { id: 1, tenantId: 'a' }, data: { email: 'x' } }, SERVED, SERVED],
    ['user', 'update', { where: { id: 2, tenantId: 'b' }, data: { email: 'x' } }, SERVED, CONFLICT],
    [
      'user',
      'update',
      { where: { tenantEmail: { tenantId: 'a', email: 'ada@x' } }, data: { email: 'x' } },
      SERVED,
      SERVED,
    ],
    [
      'user',
      'update',
      { where: { tenantEmail: { tenantId: 'b', email: 'ada@x' } }, data: { email: 'x' } },
      SERVED,
      CONFLICT,
    ],
    ['user', 'update', { where: { id: 1, AND: [{ tenantId: 'a' }] }, data: { email: 'x' } }, SERVED, SERVED],
    ['user', 'update', { where: { id: 1, OR: [{ tenantId: 'a' }] }, data: { email: 'x' } }, MISSING, SERVED],
    ['user', 'update', { where: { id: 1, tenantId: { in: ['a'] } }, data: { email: 'x' } }, MISSING, SERVED],
    ['user', 'update', { where: { id: 1 }, data: { tenantId: 'b' } }, MISSING, CONFLICT],
    ['user', 'update', { where: { id: 1, tenantId: 'a' }, data: { tenantId: { set: 'b' } } }, CONFLICT, CONFLICT],
    ['user', 'update', { where: { id: 1, tenantId: 'a' }, data: { tenantId: 'a', email: 'x' } }, SERVED, SERVED],
    [
      'user',
      'update',
      { where: { id: 1, tenantId: 'a' }, data: { tenant: { connect: { id: 'b' } } } },
      CONFLICT,
      CONFLICT,
    ],
    [
      'user',
      'update',
      { where: { id: 1, tenantId: 'a' }, data: { tenant: { connect: { slug: 'beta' } } } },
      CONFLICT,
      CONFLICT,
    ],
    [
      'user',
      'update',
      { where: { id: 1, tenantId: 'a' }, data: { tenant: { create: { slug: 'gamma' } } } },
      CONFLICT,
      CONFLICT,
    ],
    ['ledger', 'updateMany', { data: { book: { increment: 1 } } }, CONFLICT, CONFLICT],
    ['tenant', 'update', { where: { id: 'a' }, data: { id: 'c' } }, CONFLICT, CONFLICT],
    ['tenant', 'update', { where: { id: 'a' }, data: { slug: 'c' } }, SERVED, SERVED],
    ['tenant', 'update', { where: { id: 'a' }, data: { users: { connect: { id: 2 } } } }, CONFLICT, CONFLICT],
    ['tenant', 'update', { where: { id: 'a' }, data: { users: { set: [{ id: 2 }] } } }, CONFLICT, CONFLICT],
    [
      'tenant',
      'update',
      { where: { id: 'a' }, data: { users: { connect: { id: 1, tenantId: 'a' } } } },
      SERVED,
      SERVED,
    ],
    [
      'tenant',
      'update',
      { where: { id: 'a' }, data: { users: { connect: { id: 2, tenantId: 'b' } } } },
      CONFLICT,
      CONFLICT,
    ],
    [
      'tenant',
      'update',
      { where: { id: 'a' }, data: { users: { connectOrCreate: { where: { id: 2 }, create: { id: 2, email: 'x' } } } } },
      CONFLICT,
      CONFLICT,
    ],
    [
      'tenant',
      'update',
      { where: { id: 'a' }, data: { users: { update: { where: { id: 1 }, data: { email: 'x' } } } } },
      SERVED,
      SERVED,
    ],
    [
      'tenant',
      'update',
      { where: { slug: 'alpha' }, data: { users: { update: { where: { id: 1 }, data: { email: 'x' } } } } },
      MISSING,
      SERVED,
    ],
    [
      'tenant',
      'update',
      { where: { id: 'b' }, data: { users: { updateMany: { where: {}, data: { notes: 'x' } } } } },
      SERVED,
      CONFLICT,
    ],
    ['user', 'updateMany', { data: { notes: 'x' } }, MISSING, SERVED],
    ['user', 'updateMany', { where: { tenantId: 'b' }, data: { notes: 'x' } }, SERVED, CONFLICT],
    ['user', 'updateMany', { where: { NOT: { tenantId: 'b' } }, data: { notes: 'x' } }, MISSING, SERVED],
    [
      'user',
      'upsert',
      { where: { id: 1 }, create: { id: 1, tenantId: 'a', email: 'x' }, update: { email: 'y' } },
      MISSING,
      SERVED,
    ],
    [
      'user',
      'upsert',
      { where: { id: 1, tenantId: 'a' }, create: { id: 1, tenantId: 'a', email: 'x' }, update: { email: 'y' } },
      SERVED,
      SERVED,
    ],
    [
      'user',
      'upsert',
      { where: { id: 9 }, create: { id: 9, tenantId: 'b', email: 'x' }, update: {} },
      SERVED,
      CONFLICT,
    ],
    // filters
    ['user', 'findMany', { where: { email: 'ada@x' } }, MISSING, SERVED],
    ['user', 'findMany', { where: { email: 'ada@x', tenantId: 'a' } }, SERVED, SERVED],
    ['user', 'findMany', { where: { email: 'ada@x', tenantId: 'b' } }, SERVED, CONFLICT],
    ['user', 'findMany', { where: { email: 'ada@x', tenantId: { equals: 'a' } } }, SERVED, SERVED],
    ['user', 'findMany', { where: { email: 'ada@x', tenantId: { in: ['a', 'b'] } } }, MISSING, SERVED],
    ['user', 'findMany', { where: { email: 'ada@x', tenantId: { not: 'b' } } }, MISSING, SERVED],
    ['user', 'findMany', { where: { AND: [{ email: 'ada@x' }, { tenantId: 'a' }] } }, SERVED, SERVED],
    ['user', 'findMany', { where: { tenantId: 'a', OR: [{ email: 'ada@x' }, { notes: null }] } }, SERVED, SERVED],
    ['user', 'findMany', { where: { OR: [{ email: 'ada@x' }, { tenantId: 'a' }] } }, MISSING, SERVED],
    ['user', 'findMany', { where: { tenantId: 'a', NOT: { email: 'ada@x' } } }, SERVED, SERVED],
    ['user', 'findMany', { where: { NOT: { email: 'ada@x', tenantId: 'a' } } }, SERVED, MISMATCH],
    ['user', 'findMany', { where: { tenant: { id: 'a' }, email: 'ada@x' } }, MISSING, SERVED],
    ['user', 'findMany', { where: { email: null } }, SERVED, SERVED],
    ['user', 'findMany', { where: { posts: { some: { body: 'x' } } } }, MISSING, SERVED],
    ['user', 'findMany', { where: { tenantId: 'a', posts: { some: { body: 'x' } } } }, MISSING, SERVED],
    ['user', 'findMany', { where: { tenantId: 'a', posts: { some: { body: 'x', tenant: 'a' } } } }, SERVED, SERVED],
    ['tenant', 'findMany', { where: { users: { some: { email: 'ada@x' } } } }, MISSING, SERVED],
    ['tenant', 'findMany', { include: { users: { where: { email: 'ada@x' } } } }, MISSING, SERVED],
    ['user', 'findUnique', { where: { tenantEmail: { tenantId: 'a', email: 'ada@x' } } }, SERVED, SERVED],
    ['user', 'findUnique', { where: { tenantEmail: { tenantId: 'b', email: 'ada@x' } } }, SERVED, CONFLICT],
    ['post', 'findUnique', { where: { body: 'x' } }, MISSING, SERVED],
    ['user', 'count', { where: { email: 'ada@x' } }, MISSING, SERVED],
    ['user', 'deleteMany', { where: { email: 'ada@x' } }, MISSING, SERVED],
    ['user', 'findMany', { distinct: ['email'] }, MISSING, SERVED],
    ['user', 'findMany', { distinct: ['email', 'tenantId'] }, SERVED, MISMATCH],
    ['user', 'groupBy', { by: ['email'], _count: true }, MISSING, SERVED],
    ['user', 'groupBy', { by: ['email'], where: { tenantId: 'a' }, _count: true }, SERVED, SERVED],
    ['user', 'groupBy', { by: ['email', 'tenantId'], _count: true }, SERVED, MISMATCH],
    ['setting', 'findMany', { where: { value: 'x' } }, SERVED, SERVED],
    // reads
    ['user', 'findMany', {}, SERVED, MISMATCH],
    ['user', 'findMany', { where: { tenantId: 'a' } }, SERVED, SERVED],
    ['user', 'findMany', { select: { id: true } }, SERVED, SERVED],
    ['user', 'findFirst', { where: { id: 2 }, select: { email: true } }, SERVED, MISMATCH],
    ['tenant', 'findMany', { include: { users: true } }, SERVED, MISMATCH],
  ];

describe('verdicts', () => {
  it.each(MATRIX.map(([model, operation, args, outside, inA]) => ({ model, operation, args, outside, inA })))(
    '$model.$operation $args',
    async ({ model, operation, args, outside, inA }) => {
      await judged(() => db[model][operation](structuredClone(args)), outside);
      if (outside === SERVED && !/^(find|count|groupBy)/.test(operation)) return; // it has changed rows
      await judged(() => withScope('a', () => db[model][operation](structuredClone(args))), inA);
    },
  );

  it.each(MATRIX.filter(([, operation]) => !/^(find|count|groupBy)/.test(operation)))(
    'in the scope a: %s.%s %j',
    async (model, operation, args, _, inA) => {
      await judged(() => withScope('a', () => db[model][operation](structuredClone(args))), inA);
    },
  );
});

/** Whether a call has its verdict; what is refused before the query sends no SQL, and what another scope has stays as it was. */
async function judged(call: () => Promise<unknown>, verdict: Verdict): Promise<void> {
  test.statements.length = 0;
  const others = await test.plain.user.findUnique({ where: { id: 2 } });
  test.statements.length = 0;
  if (verdict === SERVED) await call();
  else await expect(call()).rejects.toEqual(typedError(verdict));
  if (verdict === MISSING || verdict === CONFLICT) expect(test.statements).toEqual([]);
  if (verdict !== SERVED) expect(await test.plain.user.findUnique({ where: { id: 2 } })).toEqual(others);
}
