import { Prisma } from '../generated/postgresql-client/client.ts';
import type { Db } from './client.ts';

const bytes = new Uint8Array();

export async function creates(db: Db) {
  await db.typed.create({ data: { int: 1, bigInt: 1n, float: 0.5, decimal: '1.5', boolean: true, role: 'ADMIN' } });
  await db.typed.create({ data: { born: new Date(), seen: '2026-01-01T00:00:00Z', bytes, text: 'x' } });
  await db.typed.create({ data: { bigInt: 1, decimal: new Prisma.Decimal(1), json: { any: ['thing'] } } });
  await db.typed.create({ data: { int: null, born: null, json: null, decimal: null, role: null } });
  await db.typed.create({ data: { json: Prisma.JsonNull } });
  await db.typed.createMany({ data: [{ born: new Date() }, { int: 1 }] });
  await db.user.create({ data: { name: 'n', email: 'e', photo: bytes, profile: { a: 1 } } });
  // @ts-expect-error a text is no number
  await db.typed.create({ data: { int: '1' } });
  // @ts-expect-error a number is no date
  await db.typed.create({ data: { born: 0 } });
  // @ts-expect-error a text is no number
  await db.typed.create({ data: { bigInt: '1' } });
  // @ts-expect-error a number is no Boolean
  await db.typed.create({ data: { boolean: 1 } });
  // @ts-expect-error no name of the enum
  await db.typed.create({ data: { role: 'user' } });
  // @ts-expect-error a text is no bytes
  await db.typed.create({ data: { bytes: 'AA==' } });
  // @ts-expect-error bytes are no text
  await db.typed.create({ data: { text: bytes } });
  // @ts-expect-error what the column holds is bytes, the value is a date
  await db.typed.create({ data: { seen: bytes } });
  // @ts-expect-error a text is no number, in the second row
  await db.typed.createMany({ data: [{ int: 1 }, { int: '1' }] });
  // @ts-expect-error a required field
  await db.user.create({ data: { name: 'n' } });
  // @ts-expect-error a required field is not null
  await db.user.create({ data: { name: 'n', email: null } });
}

export async function updates(db: Db) {
  const where = { id: 'x' };
  await db.typed.update({
    where,
    data: { int: 2, born: { set: new Date() }, decimal: { set: 1 }, bigInt: { set: 2 } },
  });
  await db.typed.update({ where, data: { int: { set: null }, role: { set: 'USER' }, json: { set: 'is a value' } } });
  await db.typed.updateMany({ data: { seen: null, boolean: { set: false }, text: { set: 'x' } } });
  await db.typed.upsert({ where, create: { int: 1 }, update: { int: { set: 1 }, born: '2026-01-01T00:00:00Z' } });
  await db.user.update({ where, data: { email: { set: 'x' }, ssn: null, note: { set: null } } });
  // @ts-expect-error a text is no number
  await db.typed.update({ where, data: { int: { set: '1' } } });
  // @ts-expect-error ciphertext cannot be incremented
  await db.typed.update({ where, data: { int: { increment: 1 } } });
  // @ts-expect-error a number is no date
  await db.typed.updateMany({ data: { born: 5 } });
  // @ts-expect-error a text is no number
  await db.typed.upsert({ where, create: { int: '1' }, update: {} });
  // @ts-expect-error a text is no number
  await db.typed.upsert({ where, create: {}, update: { int: '1' } });
  // @ts-expect-error a required field is not null
  await db.user.update({ where, data: { email: null } });
}

export async function indexColumns(db: Db) {
  const where = { id: 'x' };
  // @ts-expect-error an index column is never written by hand
  await db.user.create({ data: { name: 'n', email: 'e', emailIndex: 'term' } });
  // @ts-expect-error an index column is never written by hand
  await db.user.createMany({ data: { name: 'n', email: 'e', ssnIndex: 'term' } });
  // @ts-expect-error an index column is never written by hand
  await db.user.update({ where, data: { emailIndex: 'term' } });
  // @ts-expect-error not even to NULL
  await db.user.update({ where, data: { emailIndex: null } });
  // @ts-expect-error an index column is never written by hand
  await db.user.updateMany({ data: { ssnDigits: { set: 'term' } } });
  // @ts-expect-error an index column is never written by hand
  await db.user.upsert({ where, create: { name: 'n', email: 'e' }, update: { emailIndex: 'term' } });
  // @ts-expect-error an index column is never written by hand
  await db.user.update({ where, data: { posts: { create: { title: 't', bodyIndex: 'term' } } } });
  await db.user.create({ data: { name: 'n', email: 'e', emailIndex: undefined } });
}

export async function modes(db: Db) {
  await db.moving.create({ data: { email: 'e', age: 3 } });
  // @ts-expect-error a text is no number, while the field is being migrated too
  await db.moving.create({ data: { email: 'e', age: '3' } });
  // @ts-expect-error the field is read-only
  await db.moving.create({ data: { email: 'e', old: 'x' } });
  // @ts-expect-error the field is read-only
  await db.moving.update({ where: { id: 1 }, data: { old: null } });
}

export async function nested(db: Db) {
  const where = { id: 'x' };
  const user = { name: 'n', email: 'e' };
  await db.user.create({
    data: {
      ...user,
      posts: {
        create: [
          { title: 't', body: 'b' },
          { title: 'u', body: null },
        ],
      },
    },
  });
  await db.user.create({ data: { ...user, posts: { createMany: { data: [{ title: 't', body: 'b' }] } } } });
  await db.org.update({ where, data: { users: { update: { where, data: { ssn: { set: '1' } } } } } });
  await db.org.update({ where, data: { users: { upsert: { where, create: user, update: { email: 'x' } } } } });
  await db.org.update({ where, data: { users: { updateMany: { where: { email: 'e' }, data: { note: 'x' } } } } });
  await db.post.create({ data: { title: 't', author: { connectOrCreate: { where: { email: 'e' }, create: user } } } });
  // @ts-expect-error a number is no text
  await db.user.create({ data: { ...user, posts: { create: { title: 't', body: 1 } } } });
  // @ts-expect-error a number is no text
  await db.user.create({ data: { ...user, posts: { createMany: { data: [{ title: 't', body: 1 }] } } } });
  // @ts-expect-error a number is no text
  await db.org.update({ where, data: { users: { update: { where, data: { ssn: { set: 1 } } } } } });
  // @ts-expect-error an index column is never written by hand
  await db.org.update({ where, data: { users: { update: { where, data: { ssnIndex: 'term' } } } } });
  // @ts-expect-error an index column is never written by hand
  await db.org.create({ data: { name: 'o', users: { create: { ...user, emailIndex: 'term' } } } });
  // @ts-expect-error an index column is never written by hand
  await db.org.update({ where, data: { users: { updateMany: { where: {}, data: { emailIndex: 'term' } } } } });
}

export async function unchecked(db: Db) {
  await db.comment.create({ data: { postId: 1, text: 'x' } });
  // @ts-expect-error a number is no text
  await db.comment.create({ data: { postId: 1, text: 2 } });
  await db.post.create({ data: { title: 't', authorId: 'a', comments: { create: { text: 'x' } } } });
  // @ts-expect-error an index column is never written by hand
  await db.post.create({ data: { title: 't', authorId: 'a', bodyIndex: 'term' } });
  // @ts-expect-error an index column is never written by hand
  await db.post.update({ where: { id: 1 }, data: { authorId: 'a', bodyIndex: 'term' } });
}
