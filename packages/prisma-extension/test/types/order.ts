import type { Prisma } from '../generated/postgresql-client/client.ts';
import { a, type Db, same } from './client.ts';

export async function order(db: Db) {
  await db.user.findMany({ orderBy: { name: 'asc' } });
  await db.user.findMany({ orderBy: [{ emailIndex: 'asc' }, { posts: { _count: 'desc' } }] });
  // @ts-expect-error the order of ciphertext says nothing
  await db.user.findMany({ orderBy: { email: 'asc' } });
  // @ts-expect-error the order of ciphertext says nothing
  await db.user.findMany({ orderBy: [{ name: 'asc' }, { ssn: { sort: 'asc', nulls: 'last' } }] });
  // @ts-expect-error the order of ciphertext says nothing, through a relation neither
  await db.post.findMany({ orderBy: { author: { email: 'asc' } } });
  // @ts-expect-error the order of ciphertext says nothing, of included rows neither
  await db.user.findMany({ include: { posts: { orderBy: { body: 'asc' } } } });
  // @ts-expect-error the order of ciphertext says nothing, of groups neither
  await db.post.groupBy({ by: ['title'], orderBy: { _max: { body: 'asc' } } });
  await db.post.groupBy({ by: ['title'], orderBy: { _count: { body: 'asc' } } });
}

export async function aggregates(db: Db) {
  const counted = await db.user.aggregate({ _count: { email: true, ssn: true }, _max: { name: true } });
  same(counted._count.email, a<number>());
  same(counted._max.name, a<string | null>());
  // @ts-expect-error the smallest ciphertext says nothing
  await db.user.aggregate({ _min: { email: true } });
  // @ts-expect-error the largest ciphertext says nothing
  await db.typed.aggregate({ _max: { int: true } });
  // @ts-expect-error the largest ciphertext says nothing, of a group neither
  await db.post.groupBy({ by: ['title'], _max: { body: true } });
}

export async function groups(db: Db) {
  const [group] = await db.typed.groupBy({ by: ['int', 'born'] });
  same(group?.int, a<number | null | undefined>());
  same(group?.born, a<Date | null | undefined>());
  await db.user.groupBy({ by: 'ssn', _count: true });
  await db.user.findMany({ distinct: ['ssn', 'name'] });
  await db.post.findMany({ distinct: 'body' });
  await db.sealed.findMany({ distinct: ['secret'] });
  // @ts-expect-error cells open in their own row only, and a group has none
  await db.sealed.groupBy({ by: ['secret'] });
  // @ts-expect-error its index takes several values for one
  await db.user.groupBy({ by: ['email'] });
  // @ts-expect-error there is no index
  await db.typed.groupBy({ by: ['float'] });
  // @ts-expect-error its index takes several values for one
  await db.user.findMany({ distinct: ['email'] });
  // @ts-expect-error there is no index
  await db.user.findFirst({ distinct: 'note' });
  // @ts-expect-error there is no index, in included rows neither
  await db.post.findMany({ include: { comments: { distinct: ['text'] } } });
  // @ts-expect-error not every row has a term yet
  await db.moving.findMany({ distinct: ['email'] });
  // @ts-expect-error groups are not told apart by an encrypted field
  await db.post.groupBy({ by: ['body'], having: { body: 'x' } });
  // @ts-expect-error groups are not told apart by an encrypted field
  await db.post.groupBy({ by: ['title'], having: { body: { _max: { equals: 'x' } } } });
  await db.post.groupBy({ by: ['title'], having: { title: { contains: 'x' } } });
}

export function whatStays(db: Db): unknown[] {
  const names: Prisma.UserScalarFieldEnum[] = ['email', 'note'];
  return [names, db.user.fields.email, db.typed.fields.born];
}
