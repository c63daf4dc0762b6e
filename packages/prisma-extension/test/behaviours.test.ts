/**
 * The behaviours that the extension promises, by number: round trips and storage, 1 to 17. Each is shown on one database; the other files of this folder hold them on all.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compileSchema } from '../src/schema/compiled-schema.ts';
import { readSchemaMap } from '../src/schema/read-schema.ts';
import { QueryScope } from '../src/scope-context.ts';
import { collectCells, type ResultCell } from '../src/walk/results.ts';
import {
  type Args,
  ada,
  bob,
  cy,
  db,
  type Models,
  names,
  type Row,
  refused,
  stored,
  target,
  test,
  trio,
} from './behaviours/fixture.ts';
import { schema as sqliteMap } from './generated/sqlite-map/fieldseal-schema.ts';
import { freshKeyring, namespaceOf, openDatabase, skipOf, type TestDatabase, typedError } from './harness.ts';

describe('round trips', () => {
  it('1 create gives plaintext and stores ciphertext', async () => {
    expect(await db.user.create({ data: ada })).toMatchObject(ada);
    const row = await stored('ada');
    for (const field of ['email', 'ssn', 'note']) expect(row[field]).toMatch(/^fs1:/);
    expect(JSON.stringify(row)).not.toMatch(/ada@x|078-05|first/);
  });

  it.each([
    ['plain', (value: string) => value],
    ['{ set }', (value: string) => ({ set: value })],
  ])('2 update, %s', async (_, write) => {
    await db.user.create({ data: ada });
    expect(await db.user.update({ where: { id: 'ada' }, data: { note: write('second') } })).toMatchObject({
      note: 'second',
    });
    expect((await stored('ada'))['note']).toMatch(/^fs1:/);
  });

  it('3 a nested create encrypts the fields of each model and no others', async () => {
    await db.org.create({
      data: {
        id: 'o',
        name: 'email',
        data: 'note',
        users: {
          create: { ...ada, posts: { create: { title: 'text', body: 'b', comments: { create: { text: 't' } } } } },
        },
      },
    });
    expect((await test.raw('SELECT * FROM "Org"'))[0]).toEqual({ id: 'o', name: 'email', data: 'note' });
    const [post] = await test.raw('SELECT * FROM "Post"');
    expect(post).toMatchObject({ title: 'text', body: expect.stringMatching(/^fs1:/) });
    expect((await test.raw('SELECT "text" FROM "Comment"'))[0]?.['text']).toMatch(/^fs1:/);
  });

  it('4 create with a select of relations gives nested plaintext', async () => {
    const data = { ...ada, posts: { create: { title: 'a', body: 'b' } } };
    expect(await db.user.create({ data, select: { posts: { select: { body: true } } } })).toEqual({
      posts: [{ body: 'b' }],
    });
  });

  it('5 a model without encrypted fields gives those below it', async () => {
    await db.org.create({ data: { name: 'o', users: { create: ada } } });
    expect(await db.org.findMany({ select: { users: { select: { email: true } } } })).toEqual([
      { users: [{ email: 'ada@x' }] },
    ]);
    expect(await db.org.findFirst({ include: { users: true } })).toMatchObject({ users: [ada] });
  });

  it('6 the arguments of the caller stay as they were, instances of classes too', async () => {
    class Person {
      name = 'Dto';
      email = 'dto@x';
      note = 'of a class';
    }
    const args = { data: { ...ada }, include: { posts: { where: { body: 'x' } } } };
    const copy = structuredClone(args);
    await db.user.create(args);
    expect(args).toEqual(copy);
    const person = new Person();
    expect(await db.user.create({ data: person as unknown as Row })).toMatchObject({ note: 'of a class' });
    expect(person).toEqual(new Person());
    expect(await names(Object.assign(new (class Where {})(), { email: 'dto@x' }) as unknown as Args)).toEqual(['Dto']);
  });

  it("7 '' is encrypted, indexed and read as ''", async () => {
    await db.user.create({ data: { ...ada, email: '', ssn: '' } });
    expect(await stored('ada')).toMatchObject({
      email: expect.stringMatching(/^fs1:/),
      emailIndex: expect.stringMatching(/^1\./),
      ssn: expect.stringMatching(/^fs1:/),
    });
    expect(await db.user.findUnique({ where: { email: '' } })).toMatchObject({ email: '', ssn: '' });
  });

  it('8 values of 5 MiB come back, and a million rows overflow no stack', { timeout: 120_000 }, async () => {
    const note = 'ł'.repeat(2.5 * 1024 * 1024);
    const photo = new Uint8Array(5 * 1024 * 1024).fill(7);
    await db.user.create({ data: { ...ada, note, photo }, select: { id: true } });
    const read = await db.user.findFirst({ select: { note: true, photo: true } });
    expect(read?.['note'] === note).toBe(true);
    expect(Buffer.compare(Buffer.from(read?.['photo'] as Uint8Array), photo)).toBe(0);
    const cells: ResultCell[] = [];
    const model = compileSchema(sqliteMap).get('Comment') ?? expect.unreachable();
    const rows = Array.from({ length: 1_000_000 }, (_, id) => ({ id, text: 'fs1:' }));
    const copy = collectCells(
      { cells, decimal: (await namespaceOf(target)).Decimal as never, surroundings: new QueryScope(undefined) },
      model,
      rows,
      undefined,
    ) as unknown[];
    expect([copy.length, cells.length]).toEqual([1_000_000, 1_000_000]);
  });

  it('9 null and undefined are left alone, several fields and versions of keys are read, lengths are those of the column', async () => {
    await db.user.create({ data: { ...ada, ssn: undefined, note: null } });
    expect(await stored('ada')).toMatchObject({ ssn: null, ssnIndex: null, note: null });
    const keyring = await freshKeyring();
    const rotating = test.extend({ keyring }) as unknown as Models;
    await rotating.user.create({ data: bob });
    await keyring.rotate();
    await rotating.user.create({ data: cy });
    expect(await rotating.user.findMany({ where: { id: { not: 'ada' } }, orderBy: { id: 'asc' } })).toMatchObject([
      bob,
      cy,
    ]);
    expect(() => readSchemaMap('model A {\n id Int @id\n /// @encrypted\n n Int\n}')).toThrow(typedError('ERR_SCHEMA'));
  });

  it('10 updateMany writes one cell to all rows, as documented, and every row opens', async () => {
    await trio();
    await db.user.updateMany({ data: { note: 'same' } });
    expect((await db.user.findMany()).map(({ note }) => note)).toEqual(['same', 'same', 'same']);
    const cells = (await test.raw('SELECT "note" FROM "User"')).map(({ note }) => note);
    expect(new Set(cells).size).toBe(1);
    expect(cells[0]).toMatch(/^fs1:/);
  });

  it('12 a default, an id, a unique column without an index and a foreign key cannot be annotated', () => {
    const field = (line: string) => `model A {\n id Int @id\n /// @encrypted\n ${line}\n}`;
    for (const line of ['s String @default("x")', 's String @default(dbgenerated("x"))', 's String @unique'])
      expect(() => readSchemaMap(field(line)), line).toThrow(typedError('ERR_SCHEMA'));
    expect(() => readSchemaMap('model A {\n /// @encrypted\n id String @id\n}')).toThrow(typedError('ERR_SCHEMA'));
    expect(() =>
      readSchemaMap(
        'model A {\n id String @id\n /// @encrypted\n bId String?\n b B? @relation(fields: [bId], references: [id])\n}\nmodel B {\n id String @id\n as A[]\n}',
      ),
    ).toThrow(typedError('ERR_SCHEMA'));
  });

  it('13 JSON is opaque in plain and in encrypted columns', async () => {
    const json = {
      email: 'x',
      note: { set: 'y', where: { equals: 1 }, connect: [null] },
      'a.b': 'é',
      list: [{ ssn: '1' }],
      AND: [],
    };
    await db.user.create({ data: { ...ada, settings: json, profile: json } });
    await db.plain.create({ data: { value: 'v', where: json } });
    expect(await db.user.findFirst()).toMatchObject({ settings: json, profile: json });
    expect(await db.user.count({ where: { settings: { equals: json } } })).toBe(1);
    expect(await db.plain.findFirst()).toMatchObject({ where: json });
  });

  it("14 the text 'asc' is a value like any other", async () => {
    await db.user.create({ data: { ...ada, note: 'asc', ssn: 'desc' } });
    expect(await db.user.findFirst({ where: { ssn: 'desc' } })).toMatchObject({ note: 'asc' });
  });

  it('15 dates, decimals, bytes, big integers and markers of Prisma pass or become what they are', async () => {
    const { DbNull, JsonNull, Decimal } = await namespaceOf(target);
    const typed = {
      id: 't',
      bigInt: 2n ** 62n,
      decimal: new Decimal('1.50'),
      born: new Date(0),
      bytes: Uint8Array.of(1, 0),
      json: JsonNull,
    };
    expect(await db.typed.create({ data: typed })).toMatchObject({ bigInt: 2n ** 62n, born: new Date(0), json: null });
    expect(await db.typed.count({ where: { json: { equals: DbNull } } })).toBe(0);
    expect(await db.typed.count({ where: { json: { not: DbNull } } })).toBe(1);
    expect(await db.typed.count({ where: { json: DbNull } })).toBe(0);
    await refused(() => db.typed.count({ where: { json: { equals: JsonNull } } }));
    await refused(() => db.user.create({ data: { ...ada, note: DbNull } }), 'ERR_VALUE');
    const skip = skipOf(target);
    await db.user.create({ data: { ...ada, note: skip } });
    expect(await db.user.findMany({ where: { email: skip, name: { equals: db.user.fields['name'] } } })).toHaveLength(
      1,
    );
  });

  it.each([
    ['a day that is not in the calendar', { born: '2026-02-30T00:00:00Z' }],
    ['the 24th hour', { born: '2026-02-03T24:00:00Z' }],
    ['bytes inside JSON', { json: { a: Uint8Array.of(1) } }],
    ['a hole in a list of JSON', { json: [undefined, 1] }],
  ])('15 %s, which a plain client refuses or writes in another way, is refused', async (_, data) => {
    await refused(() => db.typed.create({ data }), 'ERR_VALUE');
  });

  it('15 a marker of null inside JSON is refused', async () => {
    const { JsonNull } = await namespaceOf(target);
    await refused(() => db.typed.create({ data: { json: { a: JsonNull } } }), 'ERR_VALUE');
  });

  it('16 a lone surrogate is refused', () =>
    refused(() => db.user.create({ data: { ...ada, note: 'y\ud800' } }), 'ERR_VALUE'));

  it('17 a column that is too short is refused at start, a value that is too long before SQL', () => {
    const schema = (native: string) =>
      `datasource db {\n provider = "mysql"\n}\nmodel A {\n id Int @id\n /// @encrypted\n s String ${native}\n}`;
    expect(() => readSchemaMap(schema('@db.VarChar(64)'))).toThrow(typedError('ERR_SCHEMA'));
    expect(() => readSchemaMap(schema(''))).toThrow(typedError('ERR_SCHEMA'));
    expect(readSchemaMap(schema('@db.VarChar(200)')).models['A']?.encrypted['s']?.limit).toBe(200);
  });
});

describe('lists', () => {
  let postgres: TestDatabase;
  beforeAll(async () => {
    postgres = await openDatabase({ database: 'postgresql', generator: 'client' });
  });
  afterAll(() => postgres.close());

  it('11 elements are encrypted by create, set and push, the null of JSON too', async () => {
    const { lists } = postgres.db as unknown as Models;
    const { id } = await lists.create({ data: { tags: ['a'], notes: [null, 'x'] } });
    await lists.update({ where: { id }, data: { tags: { push: ['b', 'c'] }, notes: { push: { k: null } } } });
    expect(await lists.findFirst()).toMatchObject({ tags: ['a', 'b', 'c'], notes: [null, 'x', { k: null }] });
    await lists.update({ where: { id }, data: { scores: { set: [1] } } });
    const [row] = (await postgres.raw('SELECT * FROM "Lists"')) as [Record<string, unknown[]>];
    for (const cell of [...(row['tags'] ?? []), ...(row['notes'] ?? []), ...(row['scores'] ?? [])])
      expect(cell).toMatch(/^fs1:/);
  });
});
