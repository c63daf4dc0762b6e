import { Prisma } from '../generated/postgresql-client/client.ts';
import { a, type Db } from './client.ts';

const date = new Date();

export async function indexed(db: Db) {
  await db.typed.findMany({ where: { int: 1, born: { in: [date] }, decimal: { equals: '1.5' } } });
  await db.typed.findMany({
    where: { int: { not: null }, born: null, decimal: { not: { equals: new Prisma.Decimal(1) } } },
  });
  await db.typed.count({ where: { OR: [{ int: { notIn: [1, 2] } }, { NOT: { born: '2026-01-01T00:00:00Z' } }] } });
  await db.user.findMany({ where: { email: { equals: 'x', mode: 'insensitive' }, ssn: { in: ['1'] } } });
  await db.user.findMany({ where: { emailIndex: 'a term' } });
  // @ts-expect-error a text is no number
  await db.typed.findMany({ where: { int: '1' } });
  // @ts-expect-error a text is no number
  await db.typed.findMany({ where: { int: { in: ['1'] } } });
  // @ts-expect-error no index serves a comparison
  await db.typed.findMany({ where: { int: { gt: 1 } } });
  // @ts-expect-error no index serves a comparison, beside equality neither
  await db.typed.findMany({ where: { int: { equals: 1, gt: 1 } } });
  // @ts-expect-error no index serves a comparison, of dates neither
  await db.typed.findMany({ where: { born: { gte: date } } });
  // @ts-expect-error no index serves a comparison; a Decimal has a method of this name
  await db.typed.findMany({ where: { decimal: { equals: 1, lt: 1 } } });
  // @ts-expect-error no index serves a part of a text
  await db.user.findMany({ where: { email: { contains: 'x' } } });
  // @ts-expect-error no index serves a part of a text, beside equality neither
  await db.user.findMany({ where: { email: { equals: 'x', startsWith: 'x' } } });
  // @ts-expect-error no index serves a part of a text, in a negation neither
  await db.user.findMany({ where: { email: { not: { endsWith: 'x' } } } });
  // @ts-expect-error none of its indexes folds case
  await db.user.findMany({ where: { ssn: { equals: '1', mode: 'insensitive' } } });
  // @ts-expect-error a required field is never NULL
  await db.user.findMany({ where: { email: null } });
  // @ts-expect-error a field is no value
  await db.user.findMany({ where: { email: { equals: db.user.fields.name } } });
  // @ts-expect-error the filter of another field may hold more than an index serves
  await db.user.findMany({ where: { email: a<Prisma.StringFilter>() } });
}

export async function notIndexed(db: Db) {
  await db.typed.findMany({ where: { float: null, seen: { not: null }, json: { equals: null }, role: null } });
  await db.user.findMany({ where: { note: { not: null }, photo: null, profile: { equals: Prisma.DbNull } } });
  await db.user.findMany({ where: { profile: { not: Prisma.DbNull }, settings: { equals: 1 } } });
  // @ts-expect-error there is no index
  await db.typed.findMany({ where: { float: 1 } });
  // @ts-expect-error there is no index
  await db.typed.findMany({ where: { role: 'ADMIN' } });
  // @ts-expect-error there is no index
  await db.typed.findMany({ where: { boolean: { equals: true } } });
  // @ts-expect-error there is no index
  await db.typed.findMany({ where: { json: { equals: { a: 1 } } } });
  // @ts-expect-error there is no index
  await db.user.findMany({ where: { note: 'x' } });
  // @ts-expect-error there is no index
  await db.user.findMany({ where: { note: { not: 'x' } } });
  // @ts-expect-error there is no index
  await db.user.findMany({ where: { note: { in: ['x'] } } });
  // @ts-expect-error there is no index
  await db.user.findMany({ where: { profile: { path: ['a'], equals: Prisma.DbNull } } });
  // @ts-expect-error there is no index, and a required field is never NULL
  await db.comment.findMany({ where: { text: 'x' } });
  // @ts-expect-error there is no index, and a required field is never NULL
  await db.comment.findMany({ where: { text: { not: 'x' } } });
}

export async function relations(db: Db) {
  const where = { id: 'x' };
  await db.post.findMany({ where: { author: { email: 'x' } } });
  await db.user.findMany({ where: { posts: { some: { body: { in: ['x'] } } } } });
  await db.user.findMany({
    include: { posts: { where: { body: 'x' } }, _count: { select: { posts: { where: { body: 'x' } } } } },
  });
  // @ts-expect-error no index serves a part of a text, through a relation neither
  await db.post.findMany({ where: { author: { is: { email: { contains: 'x' } } } } });
  // @ts-expect-error there is no index, through a relation neither
  await db.post.findMany({ where: { comments: { some: { text: 'x' } } } });
  // @ts-expect-error no index serves a part of a text, in an include neither
  await db.user.findMany({ include: { posts: { where: { body: { contains: 'x' } } } } });
  // @ts-expect-error no index serves a part of a text, in a nested write neither
  await db.org.update({ where, data: { users: { deleteMany: { email: { contains: 'x' } } } } });
  await db.org.update({ where, data: { users: { deleteMany: { email: { in: ['x'] } } } } });
}

export async function unique(db: Db) {
  await db.user.findUnique({ where: { email: 'x' } });
  await db.user.findUnique({ where: { orgId_emailIndex: { orgId: 'o', email: 'x' } } });
  await db.user.findUnique({ where: { orgId_emailIndex: { orgId: 'o', emailIndex: 'a term' } } });
  await db.user.findUnique({ where: { id: 'x', ssn: { not: '1' }, note: null } });
  await db.sealed.findUnique({ where: { secret: 'x' } });
  await db.sealed.update({ where: { secret: 'x' }, data: { parent: { connect: { secret: 'y' } } } });
  await db.book.findMany({ cursor: { secret: 'x' } });
  await db.moving.findUnique({ where: { email: 'x' } });
  // @ts-expect-error a unique row is named by a value
  await db.sealed.findUnique({ where: { secret: { in: ['x'] } } });
  // @ts-expect-error a unique row is not named by NULL
  await db.book.findUnique({ where: { secret: null } });
  // @ts-expect-error its indexes are not unique
  await db.user.findUnique({ where: { ssn: '1' } });
  // @ts-expect-error its index is not unique
  await db.typed.findUnique({ where: { int: 1 } });
  // @ts-expect-error a number is no text
  await db.user.findUnique({ where: { email: 1 } });
  // @ts-expect-error a part of the constraint is missing
  await db.user.findUnique({ where: { orgId_emailIndex: { orgId: 'o' } } });
  // @ts-expect-error the field and its index
  await db.user.findUnique({ where: { orgId_emailIndex: { orgId: 'o', email: 'x', emailIndex: 'x' } } });
  // @ts-expect-error a number is no text
  await db.user.findUnique({ where: { orgId_emailIndex: { orgId: 'o', email: 1 } } });
}

export async function migrating(db: Db) {
  await db.moving.findMany({ where: { email: 'x', note: null, old: 'x' } });
  await db.moving.findMany({ where: { age: { not: null } } });
  // @ts-expect-error there is no index
  await db.moving.findMany({ where: { age: 1 } });
  // @ts-expect-error there is no index
  await db.moving.findMany({ where: { note: 'x' } });
}
