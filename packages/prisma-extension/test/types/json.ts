import type { Db } from './client.ts';

/** Only for prisma-client: with prisma-client-js the types of Prisma's own Json columns let all of this pass on an extended client. */
export async function json(db: Db) {
  // @ts-expect-error a function is no JSON
  await db.typed.create({ data: { json: () => 1 } });
  // @ts-expect-error a function is no JSON
  await db.user.create({ data: { name: 'n', email: 'e', profile: () => 1 } });
  // @ts-expect-error there is no index
  await db.user.findMany({ where: { profile: { equals: { a: 1 } } } });
}
