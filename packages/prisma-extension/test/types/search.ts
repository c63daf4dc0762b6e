import type { Prisma } from '../generated/postgresql-client/client.ts';
import { a, type Db, same } from './client.ts';

const date = new Date();
const term = '1.00';

export async function partsOfTexts(db: Db) {
  await db.searched.findMany({ where: { name: { contains: 'ada', mode: 'insensitive' } } });
  await db.searched.findMany({ where: { name: { startsWith: 'ada', not: { endsWith: 'x' } } } });
  await db.searched.findMany({ where: { name: { equals: 'ada' }, NOT: { name: { in: ['ada'] } } } });
  await db.searched.findMany({ where: { code: { startsWith: 'ab', equals: 'abc' } } });
  await db.searched.findFirst({ where: { nameGrams: { some: { searched: { name: { contains: 'ada' } } } } } });
  // @ts-expect-error no index finds ends
  await db.searched.findMany({ where: { code: { endsWith: 'ab' } } });
  // @ts-expect-error no index finds parts
  await db.searched.findMany({ where: { code: { contains: 'ab' } } });
  // @ts-expect-error no index finds parts, in a negation neither
  await db.searched.findMany({ where: { code: { not: { contains: 'ab' } } } });
  // @ts-expect-error no index folds case
  await db.searched.findMany({ where: { code: { startsWith: 'ab', mode: 'insensitive' } } });
  // @ts-expect-error a number is no text
  await db.searched.findMany({ where: { name: { contains: 5 } } });
  // @ts-expect-error texts have no order here
  await db.searched.findMany({ where: { name: { gt: 'ada' } } });
  // @ts-expect-error an index of partitions finds equal values only
  await db.searched.findMany({ where: { city: { startsWith: 'x' } } });
  await db.searched.findMany({ where: { city: { in: ['x', 'y'] } } });
  // @ts-expect-error full-text search is not served
  await db.searched.findMany({ where: { name: { search: 'ada' } } });
}

export async function ranges(db: Db) {
  await db.searched.findMany({ where: { age: { gte: 18, lt: 65 } }, orderBy: { age: 'asc' }, take: 10 });
  await db.searched.findMany({
    where: { age: { not: { gt: 18 } } },
    orderBy: [{ age: { sort: 'desc', nulls: 'last' } }],
  });
  await db.searched.findMany({ where: { age: 18, OR: [{ age: { in: [1, 2] } }, { age: null }] } });
  // @ts-expect-error a text is no number
  await db.searched.findMany({ where: { age: { gt: '18' } } });
  // @ts-expect-error NULL has no place in an order
  await db.searched.findMany({ where: { age: { gt: null } } });
  // @ts-expect-error a number has no parts
  await db.searched.findMany({ where: { age: { contains: 1 } } });
  // @ts-expect-error no index is ordered
  await db.searched.findMany({ orderBy: { name: 'asc' } });
  // @ts-expect-error no index is ordered
  await db.searched.findMany({ orderBy: { city: 'asc' } });
  // @ts-expect-error buckets are no groups
  await db.searched.groupBy({ by: ['age'] });
  // @ts-expect-error groups have no order by a field that is encrypted
  await db.searched.groupBy({ by: ['owner'], orderBy: { age: 'asc' } });
  // @ts-expect-error the largest ciphertext says nothing
  await db.searched.aggregate({ _max: { age: true } });
}

export async function distinct(db: Db) {
  // @ts-expect-error one value has several terms
  await db.searched.findMany({ distinct: ['city'] });
  // @ts-expect-error one value has several terms
  await db.searched.groupBy({ by: ['city'] });
  // @ts-expect-error a bucket has several values
  await db.searched.findMany({ distinct: ['age'] });
  // @ts-expect-error a beginning is not the whole
  await db.searched.findMany({ distinct: ['code'] });
  await db.searched.findMany({ distinct: ['owner'] });
}

export async function severalFields(db: Db) {
  await db.searched.findMany({ where: { street: 'x', born: date } });
  await db.searched.findMany({ where: { street: { equals: 'x' }, born: { equals: date } } });
  await db.searched.findMany({ where: { street: null, born: { not: null } } });
  await db.searched.findUnique({ where: { street: 'x', born: date } });
  await db.searched.findUnique({ where: { owner_both: { owner: 'o', street: 'x', born: date } } });
  await db.searched.findUnique({ where: { owner_both: { owner: 'o', both: term } } });
  // @ts-expect-error an index over several fields finds one value of each
  await db.searched.findMany({ where: { street: { in: ['x'] }, born: date } });
  // @ts-expect-error an index over several fields finds no other values
  await db.searched.findMany({ where: { street: { not: 'x' }, born: date } });
  // @ts-expect-error an index over several fields finds whole values
  await db.searched.findMany({ where: { street: { startsWith: 'x' }, born: date } });
  // @ts-expect-error an index over several fields has no order
  await db.searched.findMany({ where: { street: 'x', born: { gt: date } } });
  // @ts-expect-error the filter of another field may hold more than the index serves
  await db.searched.findMany({ where: { street: a<Prisma.StringFilter>() } });
  // @ts-expect-error a part of the constraint is missing
  await db.searched.findUnique({ where: { owner_both: { owner: 'o', street: 'x' } } });
  // @ts-expect-error the fields and their index
  await db.searched.findUnique({ where: { owner_both: { owner: 'o', street: 'x', born: date, both: term } } });
  // @ts-expect-error no unique index is over this field
  await db.searched.findUnique({ where: { code: 'x' } });
}

export async function terms(db: Db) {
  const created = await db.searched.create({
    data: { name: 'Ada', age: 36, city: null },
    include: { nameGrams: true },
  });
  same(created.age, a<number | null>());
  same(created.nameGrams[0]?.term, a<string | undefined>());
  await db.searched.update({ where: { id: 1 }, data: { name: { set: 'Grace' }, street: 'x', born: date } });
  // @ts-expect-error terms are written by the extension
  await db.searched.create({ data: { name: 'x', nameGrams: { create: { term } } } });
  // @ts-expect-error terms are written by the extension
  await db.searched.update({ where: { id: 1 }, data: { nameGrams: { deleteMany: {} } } });
  // @ts-expect-error terms are written by the extension
  await db.searched.update({ where: { id: 1 }, data: { ageRange: term } });
  // @ts-expect-error terms are written by the extension
  await db.searched.updateMany({ data: { cityPart: null } });
  // @ts-expect-error terms are written by the extension, from their own side too
  await db.searchedGram.create({ data: { term, searchedId: 1 } });
  // @ts-expect-error terms are written by the extension, from their own side too
  await db.searchedGram.updateMany({ data: { term } });
}
