/**
 * The behaviours that the extension promises, by number: the interface, failures and migration, 33 to 48. Each is shown on one database; the other files of this folder hold them on all.
 */
import { TEXT_PREFIX } from '@fieldseal/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { encryption, guardAdapter } from '../src/index.ts';
import { compileSchema } from '../src/schema/compiled-schema.ts';
import { readSchemaMap } from '../src/schema/read-schema.ts';
import { type Args, ada, bob, db, type Models, names, plain, refused, stored, test } from './behaviours/fixture.ts';
import { PrismaClient } from './generated/sqlite-client/client.ts';
import { schema as sqliteMap } from './generated/sqlite-map/fieldseal-schema.ts';
import { freshKeyring, typedError } from './harness.ts';

describe('the interface', () => {
  it('33 fluent calls give plaintext', async () => {
    await db.user.create({ data: { ...ada, posts: { create: { title: 't', body: 'b' } } } });
    expect(await db.user.findUnique({ where: { email: 'ada@x' } })['posts']?.({ where: { body: 'b' } })).toMatchObject([
      { body: 'b' },
    ]);
    expect(await db.post.findFirst()['author']?.()['posts']?.()).toMatchObject([{ body: 'b' }]);
    expect(await db.post.findFirst()['author']?.()).toMatchObject(ada);
  });

  it('34 transactions see their own writes, and leave nothing when they roll back', async () => {
    const failing = db.$transaction(async (tx: Models) => {
      await tx.user.create({ data: ada });
      expect(await tx.user.findUnique({ where: { email: 'ada@x' } })).toMatchObject(ada);
      throw new Error('back');
    });
    await expect(failing).rejects.toThrow('back');
    await expect(db.$transaction([db.user.create({ data: ada }), db.user.create({ data: ada })])).rejects.toMatchObject(
      { code: 'P2002' },
    );
    await expect(
      db.$transaction([db.user.create({ data: ada }), db.user.findMany({ where: { note: 'x' } })]),
    ).rejects.toEqual(typedError('ERR_UNSUPPORTED_FILTER'));
    expect(await db.user.count()).toBe(0);
  });

  it('35 createManyAndReturn and updateManyAndReturn give plaintext, with select and omit', async () => {
    expect(await db.user.createManyAndReturn({ data: [ada], select: { email: true } })).toEqual([{ email: 'ada@x' }]);
    const [row] = await db.user.updateManyAndReturn({
      where: { email: 'ada@x' },
      data: { note: 'n' },
      omit: { email: true },
    });
    expect(row).toMatchObject({ note: 'n' });
    expect(row).not.toHaveProperty('email');
  });

  it('36 extensions before it see plaintext, those after it ciphertext; computed fields have plaintext', async () => {
    const seen: Record<string, unknown> = {};
    const spy = (name: string) => ({
      query: {
        user: {
          async create({
            args,
            query,
          }: {
            args: { data: { note?: unknown } };
            query: (args: unknown) => Promise<unknown>;
          }) {
            seen[name] = args.data.note;
            return query(args);
          },
        },
      },
    });
    const computed = {
      result: {
        user: { loud: { needs: { note: true }, compute: ({ note }: { note: string }) => note.toUpperCase() } },
      },
    };
    const client = test.plain
      .$extends(computed as never)
      .$extends(spy('before') as never)
      .$extends(encryption({ keyring: test.keyring }))
      .$extends(spy('after') as never) as unknown as Models;
    const row = await client.user.create({ data: ada });
    expect(seen).toEqual({ before: 'first', after: expect.stringMatching(/^fs1:/) });
    expect(row['loud']).toBe('FIRST');
    expect(await client.user.findMany({ select: { loud: true } })).toMatchObject([{ loud: 'FIRST' }]);
  });

  it('37 raw SQL can encrypt, search and decrypt by functions', async () => {
    await db.user.create({ data: ada });
    const { $encryption } = test.db;
    const term = await $encryption.index('User', 'emailIndex', 'ADA@x');
    const rows = await test.raw(`SELECT "id", "email", "note" AS "remark" FROM "User" WHERE "emailIndex" = '${term}'`);
    expect(await $encryption.decryptRows('User', rows, { remark: 'note' })).toEqual([
      { id: 'ada', email: 'ada@x', remark: 'first' },
    ]);
    const cell = await $encryption.encrypt('User', 'note', 'by hand');
    await test.raw(`UPDATE "User" SET "note" = '${cell}'`);
    expect(await db.user.findFirst()).toMatchObject({ note: 'by hand' });
  });

  it('38 a map of another schema is a clear error', () => {
    const { User: _, ...models } = sqliteMap.models;
    expect(() => test.extend({ keyring: test.keyring, schema: { ...sqliteMap, models } })).toThrow(
      typedError('ERR_SCHEMA_STALE'),
    );
  });

  it('39 a result of $extends that is discarded is noticed by the guard', async () => {
    const { adapter } = (test.plain as unknown as { _engineConfig: { adapter: object } })._engineConfig;
    const base = new PrismaClient({ adapter: guardAdapter(adapter, sqliteMap) as never });
    base.$extends(encryption({ keyring: test.keyring })); // the mistake
    const client = base as unknown as Models;
    const error = await client.user.create({ data: ada }).catch((reason: unknown) => reason);
    expect(`${error}`).toMatch(/ERR_PLAINTEXT|plaintext/i);
    expect(await client.user.count()).toBe(0);
    await base.$disconnect();
  });
});

describe('failures', () => {
  const put = (note: string) => test.raw(`UPDATE "User" SET "note" = '${note}'`);
  beforeEach(() => db.user.create({ data: ada }));

  it.each([
    ['plaintext', () => 'plaintext', 'ERR_CELL_FORMAT'],
    ['a damaged prefix', (cell: string) => `Fs1:${cell.slice(4)}`, 'ERR_CELL_FORMAT'],
    ['another version', (cell: string) => cell.replace('fs1:', 'fs2:'), 'ERR_CELL_FORMAT'],
    ['a cell cut short', (cell: string) => cell.slice(0, 30), 'ERR_CELL_FORMAT'],
    ['a changed cell', (cell: string) => `${cell.slice(0, -2)}${cell.endsWith('AA') ? 'BA' : 'AA'}`, undefined],
  ])('40 %s throws', async (_, change, code) => {
    await put(change(String((await stored('ada'))['note'])));
    await expect(db.user.findFirst()).rejects.toMatchObject(code === undefined ? { name: 'FieldsealError' } : { code });
    expect(await db.user.findFirst({ select: { email: true } })).toEqual({ email: 'ada@x' });
  });

  it('41 a cell of another column, model or bound row does not open', async () => {
    await put(String((await stored('ada'))['ssn']));
    await expect(db.user.findFirst()).rejects.toEqual(typedError('ERR_DECRYPT'));
    await put(String(await test.db.$encryption.encrypt('Book', 'secret', 'x')));
    await expect(db.user.findFirst()).rejects.toEqual(typedError('ERR_DECRYPT'));
    for (const id of ['a', 'b']) await db.sealed.create({ data: { id, label: id, group: 1, secret: id } });
    await test.raw(`UPDATE "sealed_rows" SET "the_secret" = (SELECT "the_secret" FROM "sealed_rows" WHERE "id" = 'a')`);
    await expect(db.sealed.findUnique({ where: { id: 'b' } })).rejects.toEqual(typedError('ERR_DECRYPT'));
  });

  it('42 a cell under an unknown key throws and is not encrypted again', async () => {
    const stranger = test.extend({ keyring: await freshKeyring() }) as unknown as Models;
    const before = await stored('ada');
    await expect(stranger.user.findFirst()).rejects.toEqual(typedError('ERR_KEY_UNKNOWN'));
    expect(await stored('ada')).toEqual(before);
  });

  it('43 text that looks like a cell is text', async () => {
    const { note } = await stored('ada');
    await db.user.update({ where: { id: 'ada' }, data: { note, ssn: note } });
    expect(await db.user.findFirst({ where: { ssn: note } })).toMatchObject({ note });
    expect((await stored('ada'))['note']).not.toBe(note);
  });

  it('44 errors hold neither values nor cells', async () => {
    const errors = await Promise.all(
      [
        () => db.user.create({ data: { ...bob, note: 'SECRET\ud800' } }),
        () => db.user.findMany({ where: { ssn: { contains: 'SECRET' } } }),
        () => put('SECRET').then(() => db.user.findMany()),
      ].map((call) => call().catch((error: Error) => error)),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(Error);
      expect(`${error} ${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('SECRET\ud800');
      expect((error as Error).message).not.toContain('SECRET');
    }
  });

  it('45 a query without a key is an error, and one that needs none is not', async () => {
    const without = test.extend({ keyring: async () => Promise.reject(new Error('no key here')) }) as unknown as Models;
    await expect(without.user.findMany()).rejects.toThrow('no key here');
    expect(await without.user.findMany({ select: { name: true } })).toEqual([{ name: 'Ada' }]);
    expect(() => test.extend({ keyring: ' , ' as never })).toThrow(typedError('ERR_OPTIONS'));
  });

  it.each([
    ['a typing mistake', '/// @encypted'],
    ['an unknown argument', '/// @encrypted(strict: true)'],
    ['an unknown mode', '/// @encrypted(mode: lax)'],
    ['a tag in prose', '/// this is NOT @encrypted'],
    ['two slashes', '// @encrypted'],
    ['an index of nothing', '/// @blindIndex(of: gone)'],
    ['a normaliser that is not known', '/// @blindIndex(of: t, normalize: [upper])'],
  ])('46 %s in an annotation is an error', (_, comment) => {
    expect(() =>
      readSchemaMap(`model A {\n id Int @id\n /// @encrypted\n t String?\n ${comment}\n s String?\n}`),
    ).toThrow(typedError('ERR_SCHEMA'));
  });

  it('46 prose without a tag is none', () => {
    expect(
      readSchemaMap('model A {\n id Int @id\n /// This field is encrypted by hand.\n s String?\n}').models['A']
        ?.encrypted,
    ).toEqual({});
  });

  it('47 relations to itself, both ways and by name, ids of any type, and models without encrypted fields are understood', () => {
    const models = compileSchema(
      readSchemaMap(`model A {
  id      BigInt @id
  /// @encrypted
  s       String?
  bossId  BigInt?
  boss    A?  @relation("tree", fields: [bossId], references: [id])
  staff   A[] @relation("tree")
  bs      B[]
}
model B {
  x   Int
  y   Int
  aId BigInt
  a   A @relation(fields: [aId], references: [id])
  @@id([x, y], name: "xy")
}
model C {
  id Int @id
}`),
    );
    expect([...models].map(([name, { reaches, paths }]) => [name, reaches, paths.map(([field]) => field)])).toEqual([
      ['A', true, ['boss', 'staff', 'bs']],
      ['B', true, ['a']],
      ['C', false, []],
    ]);
    expect([...(models.get('B')?.compounds ?? [])]).toEqual([['xy', ['x', 'y']]]);
  });
});

describe('48 from plaintext to cells while the application runs (no job does it yet: the loop is the application’s)', () => {
  const rows = (from: number) =>
    Array.from({ length: 5 }, (_, at) => ({ email: `p${from + at}@x`, note: `n${from + at}`, age: String(from + at) }));
  const pending = async () =>
    (await plain.moving.findMany({ orderBy: { id: 'asc' } })).filter(
      ({ email }) => !String(email).startsWith(TEXT_PREFIX),
    );
  /** Writes each row that is still plaintext, unless it has changed since it was read. */
  const run = async (limit = Number.POSITIVE_INFINITY, meanwhile: () => Promise<unknown> = async () => {}) => {
    const todo = (await pending()).slice(0, limit);
    await meanwhile();
    let changed = 0;
    for (const { id, email, note, age } of todo) {
      const { count } = await db.moving.updateMany({
        where: { id, email },
        data: { email, note, age: age === null ? null : Number(age) },
      });
      changed += count;
    }
    return changed;
  };

  beforeEach(async () => {
    await plain.moving.createMany({ data: rows(1) });
  });

  it('is resumed where it stopped, and has nothing to do the second time', async () => {
    expect(await run(2)).toBe(2);
    expect(await pending()).toHaveLength(3);
    expect((await db.moving.findMany({ orderBy: { id: 'asc' } })).map(({ email, age }) => [email, age])).toEqual(
      rows(1).map(({ email, age }) => [email, Number(age)]),
    );
    expect(await run()).toBe(3);
    const cells = await plain.moving.findMany({ orderBy: { id: 'asc' } });
    expect(await run()).toBe(0);
    expect(await plain.moving.findMany({ orderBy: { id: 'asc' } })).toEqual(cells);
  });

  it('loses no update that comes between reading and writing', async () => {
    await run(5, () => db.moving.update({ where: { email: 'p2@x' }, data: { email: 'new@x' } }));
    expect((await db.moving.findMany({ orderBy: { id: 'asc' } })).map(({ email }) => email)).toEqual([
      'p1@x',
      'new@x',
      'p3@x',
      'p4@x',
      'p5@x',
    ]);
  });

  it.each(['p1@x', 'p4@x'])('finds, updates and deletes %s before, while and after', async (email) => {
    for (const limit of [0, 2, 5]) {
      await run(limit);
      expect(await db.moving.findUnique({ where: { email } })).toMatchObject({ email });
      expect(await names48({ NOT: { email } })).toHaveLength(4);
      expect(await db.moving.update({ where: { email }, data: { note: `${limit}` } })).toMatchObject({
        note: `${limit}`,
      });
    }
    expect(await db.moving.deleteMany({ where: { email: { in: [email] } } })).toEqual({ count: 1 });
  });

  it('a second try for a plaintext row sends no other field in the clear', async () => {
    const old = await test.db.$encryption.encrypt('Moving', 'old', 'kept');
    const term = await test.db.$encryption.index('Moving', 'oldIndex', 'kept');
    await plain.moving.updateMany({ where: { email: 'p1@x' }, data: { old, oldIndex: term } });
    test.statements.length = 0;
    expect(await db.moving.findUnique({ where: { email: 'p1@x', old: 'kept' } })).toMatchObject({
      email: 'p1@x',
      old: 'kept',
    });
    expect(await db.moving.findUnique({ where: { email: 'p1@x', old: 'CANARY' } })).toBeNull();
    await expect(db.moving.delete({ where: { email: 'p1@x', old: 'CANARY' } })).rejects.toMatchObject({
      code: 'P2025',
    });
    expect(JSON.stringify(test.statements)).not.toMatch(/CANARY|"kept/);
  });

  it('several models, in a loop that runs while nothing else does', async () => {
    await plain.user.createMany({ data: [ada, bob] });
    await plain.post.create({ data: { title: 't', body: 'clear', authorId: 'ada' } });
    await expect(db.user.findMany()).rejects.toEqual(typedError('ERR_CELL_FORMAT'));
    for (let pass = 0; pass < 2; pass++) {
      for (const { id, email, ssn, note } of await plain.user.findMany())
        if (!String(email).startsWith(TEXT_PREFIX))
          await db.user.updateMany({ where: { id }, data: { email, ssn, note } });
      for (const { id, body } of await plain.post.findMany())
        if (!String(body).startsWith(TEXT_PREFIX)) await db.post.updateMany({ where: { id }, data: { body } });
    }
    expect(await db.user.findMany({ orderBy: { id: 'asc' }, include: { posts: true } })).toMatchObject([
      { ...ada, posts: [{ body: 'clear' }] },
      bob,
    ]);
    expect(await names({ ssn: ada.ssn })).toEqual(['Ada']);
  });

  it('a read-only field gives its cells to be written back as plaintext, and takes no value', async () => {
    await refused(() => db.moving.updateMany({ data: { old: 'x' } }), 'ERR_UNSUPPORTED_OPERATION');
    const old = await test.db.$encryption.encrypt('Moving', 'old', 'kept');
    await plain.moving.updateMany({ data: { old } });
    for (const row of await db.moving.findMany()) expect(row['old']).toBe('kept');
  });

  const names48 = async (where: Args) => (await db.moving.findMany({ where })).map(({ email }) => email);
});
