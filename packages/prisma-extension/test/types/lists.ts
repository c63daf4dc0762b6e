import { a, type Db, same } from './client.ts';

const bytes = new Uint8Array();

export async function lists(db: Db) {
  const row = await db.lists.findFirstOrThrow();
  same(row.tags, a<string[]>());
  same(row.scores, a<number[]>());
  same(row.blobs, a<Uint8Array<ArrayBuffer>[]>());
  await db.lists.create({ data: { tags: ['x'], scores: [1, 2], blobs: { set: [bytes] }, notes: [{ a: 1 }] } });
  await db.lists.create({ data: { scores: { set: [1] } } });
  await db.lists.update({ where: { id: 1 }, data: { scores: { push: 1 }, tags: { push: ['x', 'y'] } } });
  await db.lists.updateMany({ data: { scores: { push: [1, 2] }, blobs: [bytes] } });
  await db.lists.updateMany({ data: { scores: { set: [] } } });
  await db.lists.findMany({ where: { tags: { isEmpty: true }, scores: { isEmpty: false } } });
  // @ts-expect-error a text is no number
  await db.lists.create({ data: { scores: ['1'] } });
  // @ts-expect-error a number is no list
  await db.lists.create({ data: { scores: 1 } });
  // @ts-expect-error nothing is pushed to a row that is not there
  await db.lists.create({ data: { scores: { push: 1 } } });
  // @ts-expect-error a text is no number
  await db.lists.update({ where: { id: 1 }, data: { scores: { push: '1' } } });
  // @ts-expect-error a list is not NULL
  await db.lists.update({ where: { id: 1 }, data: { scores: null } });
  // @ts-expect-error elements cannot be searched
  await db.lists.findMany({ where: { tags: { has: 'x' } } });
  // @ts-expect-error elements cannot be searched
  await db.lists.findMany({ where: { scores: { hasSome: [1] } } });
  // @ts-expect-error elements cannot be searched
  await db.lists.findMany({ where: { tags: { equals: ['x'] } } });
  // @ts-expect-error the order of ciphertext says nothing
  await db.lists.findMany({ orderBy: { tags: 'asc' } });
}

export async function ends(db: Db) {
  await db.lists.findMany({ where: { name: { endsWith: 'ce' } } });
  await db.lists.create({ data: { name: 'Grace' } });
  // @ts-expect-error no index finds beginnings
  await db.lists.findMany({ where: { name: { startsWith: 'Gr' } } });
  // @ts-expect-error terms are written by the extension
  await db.lists.create({ data: { name: 'x', ends: ['1.00'] } });
  // @ts-expect-error terms are written by the extension
  await db.lists.updateMany({ data: { ends: { push: '1.00' } } });
}
