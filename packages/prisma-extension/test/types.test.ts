import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { encryption } from '../src/index.ts';
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
});
