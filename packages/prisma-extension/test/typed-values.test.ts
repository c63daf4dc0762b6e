import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, namespaceOf, stopServers, TARGETS, typedError, useDatabase } from './harness.ts';

afterAll(stopServers);

/** Values of the model Typed: more than its columns hold, so that the types of a client that is not retyped are left aside. */
type Values = Record<string, unknown>;

const FULL: Values = {
  int: -42,
  bigInt: 9_007_199_254_740_993n,
  float: -0.125,
  decimal: '12345678901234567890.0987654321',
  boolean: false,
  born: new Date('1815-12-10T00:00:00.001Z'),
  seen: new Date('2026-02-28T23:59:59.999Z'),
  json: { where: { text: 'x' }, 'a.b': [null, 1.5, 'ł'] },
  bytes: Uint8Array.of(0, 255, 1),
  text: 'zażółć',
  role: 'USER',
};

describe.each(TARGETS)('typed values on $database with prisma-$generator', (target) => {
  const database = useDatabase(target);
  let db: Client;
  beforeAll(() => {
    db = database.current.db;
  });
  const create = (data: Values) => db.typed.create({ data: data as never }) as unknown as Promise<Values>;
  const rawRow = async () => (await database.current.raw('SELECT * FROM "Typed"'))[0] as Values;

  it('come back as they were written, and are stored as cells', async () => {
    const created = await create(FULL);
    expect(created).toMatchObject({ ...FULL, decimal: expect.anything() });
    expect(String(created['decimal'])).toBe(FULL['decimal']);
    expect((created['decimal'] as { plus(n: number): object }).plus(1).toString()).toMatch(/^12345678901234567891/);
    const raw = await rawRow();
    for (const field of ['int', 'bigInt', 'float', 'decimal', 'born', 'json', 'bytes', 'role'])
      expect(raw[field]).toMatch(/^fs1:/);
    for (const field of ['boolean', 'seen', 'text']) expect((raw[field] as Uint8Array)[0]).toBe(0x11);
    expect(await db.typed.findMany({ where: { id: created['id'] as string } })).toEqual([created]);
  });

  it('are updated plain, with set, and to NULL with their terms', async () => {
    const { id } = (await create(FULL)) as { id: string };
    const update = (data: Values) =>
      db.typed.update({ where: { id }, data: data as never }) as unknown as Promise<Values>;
    expect(
      await update({ int: { set: 7 }, born: '2000-01-02T03:04:05+02:00', json: [1], boolean: true }),
    ).toMatchObject({
      int: 7,
      born: new Date('2000-01-02T01:04:05Z'),
      json: [1],
      boolean: true,
    });
    expect(await db.typed.count({ where: { int: 7 as never } })).toBe(1);
    expect(await update({ int: null, born: { set: null }, json: null, role: null })).toMatchObject({
      int: null,
      intIndex: null,
      born: null,
      bornIndex: null,
      json: null,
      role: null,
    });
    expect(await rawRow()).toMatchObject({ int: null, intIndex: null, born: null, bornIndex: null, json: null });
  });

  it('are found by their index', async () => {
    await create({ ...FULL, int: 1 });
    await create({ ...FULL, int: 2, born: new Date(0), decimal: '1.50' });
    const ints = async (where: Values) => (await db.typed.findMany({ where: where as never })).map(({ int }) => int);
    expect(await ints({ int: 2 })).toEqual([2]);
    expect(await ints({ int: { in: [1, 3] } })).toEqual([1]);
    expect(await ints({ int: { not: 1 } })).toEqual([2]);
    expect(await ints({ born: new Date(0) })).toEqual([2]);
    expect(await ints({ born: { equals: '1970-01-01T01:00:00+01:00' } })).toEqual([2]);
    expect(await ints({ decimal: '1.5' })).toEqual([2]);
    expect(await ints({ decimal: new (await namespaceOf(target)).Decimal('1.500') })).toEqual([2]);
    expect(await ints({ NOT: { born: { in: [new Date(0)] } } })).toEqual([1]);
  });

  it('keep the null of JSON apart from NULL', async () => {
    const { DbNull, JsonNull } = await namespaceOf(target);
    expect(await create({ json: JsonNull })).toMatchObject({ json: null });
    expect((await rawRow())['json']).toMatch(/^fs1:/);
    await db.typed.deleteMany();
    await create({ json: DbNull });
    expect((await rawRow())['json']).toBeNull();
  });

  it.each([
    ['int', 1.5],
    ['int', '1'],
    ['int', 2 ** 31],
    ['bigInt', 2n ** 63n],
    ['float', Number.NaN],
    ['decimal', 'twelve'],
    ['boolean', 'true'],
    ['born', '2026-01-01'],
    ['born', '2026-01-01T00:00:00.0001Z'],
    ['born', new Date(Number.NaN)],
    ['seen', 0],
    ['json', 1n],
    ['bytes', 'AA=='],
    ['text', 'y\ud800'],
    ['text', Uint8Array.of(1)],
    ['role', 'user'],
    ['role', 'constructor'],
  ])('%s refuses %s before any SQL', async (field, value) => {
    await db.typed.count();
    database.current.statements.length = 0;
    await expect(create({ [field]: value })).rejects.toMatchObject({ code: 'ERR_VALUE', model: 'Typed', field });
    expect(database.current.statements).toEqual([]);
  });

  it.each([
    [{ int: '1' }, 'ERR_VALUE'],
    [{ int: { gt: 1 } }, 'ERR_UNSUPPORTED_FILTER'],
    [{ born: { lt: new Date() } }, 'ERR_UNSUPPORTED_FILTER'],
    [{ int: new Date() }, 'ERR_UNSUPPORTED_FILTER'],
    [{ json: { equals: { a: 1 } } }, 'ERR_UNSUPPORTED_FILTER'],
    [{ json: { path: ['a'], equals: 1 } }, 'ERR_UNSUPPORTED_FILTER'],
    [{ role: 'USER' }, 'ERR_UNSUPPORTED_FILTER'],
    [{ boolean: true }, 'ERR_UNSUPPORTED_FILTER'],
  ])('the filter %j is refused', async (where, code) => {
    await expect((async () => db.typed.findMany({ where: where as never }))()).rejects.toEqual(typedError(code));
  });

  it('a cell of another type, or of a name that the enum lost, is refused', async () => {
    const { id } = (await create(FULL)) as { id: string };
    const { role } = await rawRow();
    const stored = await database.current.db.$encryption.encrypt('Typed', 'text', 'x' as never);
    expect(stored).toBeInstanceOf(Uint8Array);
    await database.current.plain.typed.update({ where: { id }, data: { int: role as never } });
    await expect(db.typed.findMany()).rejects.toEqual(typedError('ERR_DECRYPT')); // another field's key
  });
});

describe('property: any value of a type', () => {
  const database = useDatabase({ database: 'sqlite', generator: 'client' });
  it('comes back', async () => {
    const values = fc.record({
      int: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
      bigInt: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      float: fc.double({ noNaN: true, noDefaultInfinity: true }),
      boolean: fc.boolean(),
      born: fc.date({ noInvalidDate: true }),
      json: fc.jsonValue(),
      bytes: fc.uint8Array(),
      text: fc.string({ unit: 'grapheme' }),
      role: fc.constantFrom('ADMIN', 'USER'),
    });
    await fc.assert(
      fc.asyncProperty(values, async (data) => {
        const { db } = database.current;
        const { id } = await db.typed.create({ data: data as never });
        const read = (await db.typed.findUnique({ where: { id } })) as unknown as Values;
        for (const [field, value] of Object.entries(data)) {
          // JSON has no -0, and its null is the database's when it is written bare.
          expect(read[field]).toEqual(field === 'json' ? JSON.parse(JSON.stringify(value)) : value);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('a value that does not fit its column', () => {
  const database = useDatabase({ database: 'mysql', generator: 'client' });
  it('is refused before MySQL could cut it', async () => {
    const { db, statements } = database.current;
    const text = 'x'.repeat(49_000); // 65,535 characters hold 49,098 bytes of text
    await db.org.create({ data: { name: 'o', users: { create: { name: 'n', email: 'e', note: text } } } });
    expect((await db.user.findFirst())?.note).toBe(text);
    statements.length = 0;
    const data = [{ name: 'n', email: 'f', note: `${text}${'x'.repeat(200)}` }];
    await expect(db.user.createMany({ data, skipDuplicates: true } as never)).rejects.toMatchObject({
      code: 'ERR_VALUE',
      field: 'note',
    });
    expect(statements).toEqual([]);
  });
});
