import type { PrismaClient } from '../generated/mysql-client/client.ts';

/** Only for MySQL, which alone has it without a preview feature. */
export async function relevance(db: PrismaClient) {
  const search = 'x';
  await db.user.findMany({ orderBy: { _relevance: { fields: ['name'], search, sort: 'asc' } } });
  // @ts-expect-error ciphertext has no relevance
  await db.user.findMany({ orderBy: { _relevance: { fields: ['name', 'email'], search, sort: 'asc' } } });
  // @ts-expect-error ciphertext has no relevance
  await db.user.findMany({ orderBy: { _relevance: { fields: 'note', search, sort: 'asc' } } });
}
