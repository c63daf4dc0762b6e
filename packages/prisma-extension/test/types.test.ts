import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { encryption } from '../src/index.ts';
import { Prisma } from './generated/sqlite-client/client.ts';
import { freshKeyring, openDatabase, type TestDatabase } from './harness.ts';

describe('the types of an extended client', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openDatabase({ database: 'sqlite', generator: 'client' });
  });
  afterAll(() => test.close());

  it('are those of the client', async () => {
    const keyring = await freshKeyring();
    const db = test.plain.$extends(encryption({ keyring }));
    const created = await db.user.create({
      data: { name: 'n', email: 'e' },
      select: { email: true, posts: { select: { body: true } } },
    });
    expectTypeOf(created).toEqualTypeOf<{ email: string; posts: { body: string | null }[] }>();
    expect(created).toEqual({ email: 'e', posts: [] });
    await db.$transaction(async (tx) => {
      expectTypeOf(await tx.user.findFirst({ select: { note: true } })).toEqualTypeOf<{ note: string | null } | null>();
    });
    // @ts-expect-error a field that does not exist is still an error
    await expect(db.user.findMany({ where: { nothing: 1 } })).rejects.toThrow();
    keyring.close();
  });

  // What compiles without a cast has to work as its types say; more programs that only compile are in the folder types.
  it('say what values are', async () => {
    const { db } = test;
    const born = new Date('1815-12-10T00:00:00Z');
    const { id } = await db.typed.create({
      data: { int: 1, bigInt: 2, float: 0.5, decimal: '1.5', boolean: true, born, seen: born.toISOString() },
    });
    const bytes = Uint8Array.of(1);
    await db.typed.update({
      where: { id },
      data: { json: { a: [1] }, bytes: { set: bytes }, text: { set: 'x' }, role: 'ADMIN', float: { set: null } },
    });
    const row = await db.typed.findUniqueOrThrow({ where: { id } });
    expectTypeOf(row.born).toEqualTypeOf<Date | null>();
    expectTypeOf(row.decimal).toEqualTypeOf<Prisma.Decimal | null>();
    expectTypeOf(row.role).toEqualTypeOf<'ADMIN' | 'USER' | null>();
    expect(row).toMatchObject({ int: 1, bigInt: 2n, float: null, boolean: true, born, seen: born, json: { a: [1] } });
    expect(row).toMatchObject({ bytes, text: 'x', role: 'ADMIN' });
    expect(row.decimal?.plus(1).toString()).toBe('2.5');
    const { JsonNull } = Prisma;
    expect(await db.typed.update({ where: { id }, data: { json: JsonNull } })).toMatchObject({ json: null });
    expect(await db.typed.count({ where: { json: { not: null }, float: null } })).toBe(1);
  });

  it('say what can be asked', async () => {
    const { db } = test;
    const org = await db.org.create({
      data: { name: 'o', users: { create: { name: 'n', email: 'Ada@x', ssn: '1' } } },
    });
    await db.sealed.create({ data: { id: 's', label: 'l', group: 1, secret: 'x' } });
    const orgId_emailIndex = { orgId: org.id, email: 'ada@x' };
    expect(await db.user.findUnique({ where: { orgId_emailIndex } })).toMatchObject({ email: 'Ada@x' });
    expect(await db.user.findUnique({ where: { email: 'ada@x', ssn: { not: null } } })).toMatchObject({ ssn: '1' });
    expect(await db.sealed.findUnique({ where: { secret: 'x' } })).toMatchObject({ id: 's' });
    expect(await db.user.count({ where: { email: { equals: 'ADA@X', mode: 'insensitive' } } })).toBe(1);
    expect(await db.user.count({ where: { ssn: { not: { in: ['1'] } }, note: null } })).toBe(0);
    expect(await db.user.findMany({ where: { ssn: '1' }, distinct: ['ssn'] })).toHaveLength(1);
    const [group] = await db.user.groupBy({ by: ['ssn'], where: { ssn: '1' }, _count: { email: true } });
    expectTypeOf(group?.ssn).toEqualTypeOf<string | null | undefined>();
    expect(group).toEqual({ ssn: '1', _count: { email: 1 } });
  });

  it('are those of the helpers for raw SQL', async () => {
    const { $encryption } = test.db;
    const born = new Date(0);
    const cell = await $encryption.encrypt('Typed', 'born', born);
    const opened = await $encryption.decrypt('Typed', 'born', cell);
    expectTypeOf(opened).toEqualTypeOf<Date | null>();
    expect(opened).toEqual(born);
    // @ts-expect-error the values of the field are dates
    await expect($encryption.encrypt('Typed', 'born', 'yesterday')).rejects.toThrow();
  });
});
