import type { EncryptedClient } from '../../src/index.ts';
import type { $Enums, Prisma, PrismaClient } from '../generated/postgresql-client/client.ts';
import { a, type Db, same } from './client.ts';

interface Typed {
  id: string;
  int: number | null;
  intIndex: string | null;
  bigInt: bigint | null;
  float: number | null;
  decimal: Prisma.Decimal | null;
  decimalIndex: string | null;
  boolean: boolean | null;
  born: Date | null;
  bornIndex: string | null;
  seen: Date | null;
  json: Prisma.JsonValue | null;
  bytes: Uint8Array<ArrayBuffer> | null;
  text: string | null;
  role: $Enums.Role | null;
}

/** Flattens what Prisma writes as intersections and mapped types. */
type Plain<T> = { [Key in keyof T]: T[Key] };

export async function results(db: Db) {
  const [row] = await db.typed.findMany();
  same(a<Plain<NonNullable<typeof row>>>(), a<Plain<Typed>>());
  same((await db.typed.findFirstOrThrow()).born, a<Date | null>());
  same((await db.typed.findUnique({ where: { id: 'x' } }))?.int, a<number | null | undefined>());
  same((await db.typed.create({ data: {} })).bigInt, a<bigint | null>());
  same((await db.typed.update({ where: { id: 'x' }, data: {} })).decimal, a<Prisma.Decimal | null>());
  same((await db.typed.delete({ where: { id: 'x' } })).role, a<$Enums.Role | null>());
  same((await db.typed.upsert({ where: { id: 'x' }, create: {}, update: {} })).seen, a<Date | null>());
  // @ts-expect-error a date is no text
  (await db.typed.findFirstOrThrow()).born?.startsWith('2');
  // @ts-expect-error a number is no text
  const text: string | null = (await db.typed.findFirstOrThrow()).int;
  return text;
}

export async function selections(db: Db) {
  const selected = await db.typed.findFirstOrThrow({ select: { born: true, role: true } });
  same(selected, a<{ born: Date | null; role: $Enums.Role | null }>());
  const omitted = await db.typed.findFirstOrThrow({ omit: { born: true } });
  same(omitted.int, a<number | null>());
  // @ts-expect-error it was left out
  omitted.born;
  const user = await db.user.findFirstOrThrow({ include: { posts: { select: { body: true } } } });
  same(user.email, a<string>());
  same(user.ssn, a<string | null>());
  same(user.photo, a<Uint8Array<ArrayBuffer> | null>());
  same(user.profile, a<Prisma.JsonValue | null>());
  same(user.posts, a<{ body: string | null }[]>());
  const moving = await db.moving.findMany({ select: { email: true, age: true, photo: true, old: true } });
  same(moving, a<{ email: string; age: number | null; photo: Uint8Array<ArrayBuffer> | null; old: string | null }[]>());
  await db.user.findMany({ select: { emailIndex: true }, orderBy: { name: 'asc' } });
  await db.$transaction(async (tx) => same((await tx.typed.findFirstOrThrow()).born, a<Date | null>()));
}

export async function helpers({ $encryption }: EncryptedClient<PrismaClient>) {
  await $encryption.encrypt('Typed', 'born', new Date());
  await $encryption.encrypt('Typed', 'role', 'ADMIN');
  // @ts-expect-error the field is a date
  await $encryption.encrypt('Typed', 'born', 'yesterday');
  // @ts-expect-error no name of the enum
  await $encryption.encrypt('Typed', 'role', 'GUEST');
  // @ts-expect-error no such field
  await $encryption.encrypt('Typed', 'nothing', 1);
  same(await $encryption.decrypt('Typed', 'int', 'fs1:'), a<number | null>());
  same(await $encryption.decrypt('Typed', 'seen', null), a<Date | null>());
}

export function typesOfRows() {
  same(a<Prisma.TypedGetPayload<{ select: { born: true } }>>(), a<{ born: Date | null }>());
}
