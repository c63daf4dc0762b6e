import { makeTypedQueryFactory } from '@prisma/client/runtime/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encryption } from '../src/index.ts';
import { freshKeyring, stopServers, TARGETS, type TestDatabase, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

/** A client that has $encryption in its type. */
const extended = (test: TestDatabase) => test.plain.$extends(encryption({ keyring: test.keyring }));

describe.each(TARGETS)('$encryption on $database with prisma-$generator', (target) => {
  const database = useDatabase(target);
  let test: TestDatabase;
  let db: ReturnType<typeof extended>;
  const q = (sql: string) => (target.database === 'mysql' ? sql.replaceAll('"', '`') : sql);
  beforeAll(() => {
    test = database.current;
    db = extended(test);
  });

  it('encrypts for raw SQL, and queries read what it wrote', async () => {
    const { id } = await db.user.create({ data: { name: 'n', email: 'old@x' } });
    const cell = await db.$encryption.encrypt('User', 'email', 'raw@x');
    const term = await db.$encryption.index('User', 'emailIndex', ' RAW@x');
    expect(cell).toMatch(/^fs1:/);
    const at = target.database === 'postgresql' ? ['$1', '$2', '$3'] : ['?', '?', '?'];
    await db.$executeRawUnsafe(
      q(`UPDATE "User" SET "email" = ${at[0]}, "emailIndex" = ${at[1]} WHERE "id" = ${at[2]}`),
      cell,
      term,
      id,
    );
    expect((await db.user.findUnique({ where: { email: 'raw@x' } }))?.email).toBe('raw@x');
    expect(await db.$encryption.decrypt('User', 'email', cell)).toBe('raw@x');
    expect(await db.$encryption.encrypt('User', 'ssn', null)).toBeNull();
    expect(await db.$encryption.index('User', 'ssnIndex', null)).toBeNull();
    expect(await db.$encryption.decrypt('User', 'ssn', null)).toBeNull();
  });

  it('decrypts the rows of raw SQL, by the names of fields and columns and by aliases', async () => {
    const profile = { a: [1] };
    await db.user.create({
      data: { name: 'n', email: 'a@x', ssn: '1', note: null, photo: Uint8Array.of(9), profile },
    });
    const rows = await db.$queryRawUnsafe<Record<string, unknown>[]>(
      q('SELECT "name", "email" AS "contact", "ssn", "note", "photo", "profile", 1 AS "one" FROM "User"'),
    );
    expect(rows[0]?.['contact']).toMatch(/^fs1:/);
    const opened = await db.$encryption.decryptRows('User', rows, { contact: 'email' });
    expect(opened).toEqual([
      { name: 'n', contact: 'a@x', ssn: '1', note: null, photo: Uint8Array.of(9), profile, one: rows[0]?.['one'] },
    ]);
    expect(rows[0]?.['contact']).toMatch(/^fs1:/); // copies
    expect(await db.$encryption.decryptRows('User', [])).toEqual([]);
  });

  it('keeps the columns of a join apart, whatever they are called', async () => {
    await db.user.create({ data: { id: 'a', name: 'n', email: 'one@x', ssn: '1' } });
    await db.user.create({ data: { id: 'b', name: 'n', email: 'two@x', ssn: '2' } });
    const join = (columns: string) =>
      db.$queryRawUnsafe<object[]>(q(`SELECT ${columns} FROM "User" a JOIN "User" b ON a."id" = 'a' AND b."id" = 'b'`));
    const both = await join('a."email" AS "mine", b."email" AS "theirs"');
    expect(await db.$encryption.decryptRows('User', both, { mine: 'email', theirs: 'email' })).toEqual([
      { mine: 'one@x', theirs: 'two@x' },
    ]);
    const named = await join('a."email", b."email" AS "theirs"');
    expect(await db.$encryption.decryptRows('User', named, { theirs: 'email' })).toEqual([
      { email: 'one@x', theirs: 'two@x' },
    ]);
    const crossed = await join('a."email" AS "ssn", a."ssn" AS "email"');
    await expect(db.$encryption.decryptRows('User', crossed)).rejects.toEqual(typedError('ERR_DECRYPT'));
  });

  it('decrypts one value beside others that are no cells', async () => {
    const cell = await db.$encryption.encrypt('User', 'email', 'x');
    const row = { email: 'x', ssn: 'plaintext', note: 'plaintext' };
    expect(await db.$encryption.decrypt('User', 'email', cell, row)).toBe('x');
  });

  it('takes the quotes of JSON from cells alone', async () => {
    const cell = await db.$encryption.encrypt('User', 'profile', { a: 1 });
    expect(await db.$encryption.decryptRows('User', [{ profile: JSON.stringify(cell) }])).toEqual([
      { profile: { a: 1 } },
    ]);
    for (const profile of ['"quoted" text', '"fs1:', '"', '"plain"'])
      await expect(db.$encryption.decryptRows('User', [{ profile }])).rejects.toEqual(typedError('ERR_CELL_FORMAT'));
  });

  it('decrypts bound cells whose row holds what they are bound to', async () => {
    await db.sealed.create({ data: { id: 's', label: 'l', group: 1, secret: 'x' } });
    const rows = await db.$queryRawUnsafe<object[]>(q('SELECT "id" AS "key", "the_secret" FROM "sealed_rows"'));
    expect(await db.$encryption.decryptRows('Sealed', rows, { key: 'id' })).toEqual([{ key: 's', the_secret: 'x' }]);
    await expect(db.$encryption.decryptRows('Sealed', rows)).rejects.toEqual(typedError('ERR_BINDING'));
    const cell = await db.$encryption.encrypt('Sealed', 'secret', 'y', { id: 's' });
    expect(await db.$encryption.decrypt('Sealed', 'secret', cell, { id: 's' })).toBe('y');
    await expect(db.$encryption.decrypt('Sealed', 'secret', cell, { id: 't' })).rejects.toEqual(
      typedError('ERR_DECRYPT'),
    );
    await expect(db.$encryption.encrypt('Sealed', 'secret', 'y')).rejects.toEqual(typedError('ERR_BINDING'));
    await test.plain.sealed.deleteMany();
  });

  it('decrypts the rows of TypedSQL', async () => {
    await db.user.create({ data: { name: 'n', email: 'typed@x' } });
    const query = makeTypedQueryFactory(q('SELECT "email" FROM "User"')) as () => never;
    const rows: object[] = await db.$queryRawTyped(query());
    expect(await db.$encryption.decryptRows('User', rows)).toEqual([{ email: 'typed@x' }]);
  });

  it.each([
    ['an unknown model', () => db.$encryption.encrypt('Nobody' as never, 'email' as never, 'x' as never)],
    ['an unknown field', () => db.$encryption.encrypt('User', 'nothing' as never, 'x' as never)],
    ['a plain field', () => db.$encryption.encrypt('User', 'name', 'x')],
    ['a member of every object', () => db.$encryption.decrypt('User', 'constructor' as never, 'x')],
    ['a plain field to index', () => db.$encryption.index('User', 'email', 'x')],
    ['rows of an unknown model', () => db.$encryption.decryptRows('Nobody' as never, [{}])],
  ])('refuses %s', async (_, call) => {
    await expect(call()).rejects.toEqual(typedError('ERR_SCHEMA_STALE'));
  });

  it('refuses plaintext, values of another type and cells of another keyring', async () => {
    await expect(db.$encryption.decryptRows('User', [{ email: 'plain' }])).rejects.toEqual(
      typedError('ERR_CELL_FORMAT'),
    );
    await expect(db.$encryption.encrypt('User', 'email', 5 as never)).rejects.toEqual(typedError('ERR_VALUE'));
    await expect(db.$encryption.index('User', 'emailIndex', 5)).rejects.toEqual(typedError('ERR_VALUE'));
    const stranger = test.extend({ keyring: await freshKeyring() });
    const cell = await db.$encryption.encrypt('User', 'email', 'x');
    await expect(stranger.$encryption.decrypt('User', 'email', cell)).rejects.toEqual(typedError('ERR_KEY_UNKNOWN'));
  });

  it('has the types of the model', async () => {
    // @ts-expect-error another type than the field's
    await expect(db.$encryption.encrypt('User', 'email', 5)).rejects.toThrow();
    // @ts-expect-error no such field
    await expect(db.$encryption.encrypt('User', 'mail', 'x')).rejects.toThrow();
    // @ts-expect-error no such model
    await expect(db.$encryption.decryptRows('Users', [])).rejects.toThrow();
    const email: string = await db.$encryption.decrypt(
      'User',
      'email',
      await db.$encryption.encrypt('User', 'email', 'x'),
    );
    expect(email).toBe('x');
  });
});
