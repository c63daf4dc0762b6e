import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { CONSTRAINT_PROVIDERS, checkConstraints } from '../src/guard/check-constraints.ts';
import { schemaMapFor } from '../src/schema/from-client.ts';
import type { SchemaMap } from '../src/schema/schema-map.ts';
import { MAP } from './guard-cases.ts';
import { type Client, openDatabase, stopServers, type TestDatabase, typedError } from './harness.ts';

afterAll(stopServers);

/** The model that only PostgreSQL has. */
type Delegate = Record<'create' | 'findMany' | 'updateMany' | 'deleteMany', (args: object) => Promise<unknown>>;

const statementsOf = (sql: string) => sql.split('\n').filter((line) => line !== '' && !line.startsWith('--'));
const isLate = (statement: string) => statement.includes('VALIDATE');

describe.each(CONSTRAINT_PROVIDERS)('constraints on %s', (provider) => {
  let test: TestDatabase;
  let map: SchemaMap;
  const run = async (statements: readonly string[]) => {
    for (const statement of statements) await test.plain.$executeRawUnsafe(statement);
  };

  beforeAll(async () => {
    test = await openDatabase({ database: provider, generator: 'client' });
    map = schemaMapFor(test.plain, undefined);
    await run(statementsOf(checkConstraints(map, provider)));
  });
  afterEach(() => test.clear());
  afterAll(() => test.close());

  it('accept cells, terms and NULL from every kind of query', async () => {
    const { db } = test;
    const data = { name: 'n', email: 'a@x', ssn: '1', note: 'n', photo: Uint8Array.of(1), profile: { a: 1 } };
    const { id } = await db.user.create({ data: { ...data, posts: { create: { title: 't', body: 'b' } } } });
    await db.user.createMany({ data: [{ name: 'm', email: '' }] });
    await db.user.update({ where: { id }, data: { ssn: null, photo: null, note: 'o' } });
    await db.user.upsert({ where: { email: 'a@x' }, create: data, update: { profile: { b: 1 } } });
    const read = await db.user.findUniqueOrThrow({ where: { id } });
    expect(read).toMatchObject({ email: 'a@x', ssn: null, photo: null, note: 'o', profile: { b: 1 } });
    await db.typed.create({ data: { int: 5, born: new Date(0), boolean: false, json: { a: 1 } } as never });
    await db.typed.deleteMany();
    const { id: row } = await db.sealed.create({ data: { label: 'l', group: 1, secret: 's' } });
    await db.sealed.delete({ where: { id: row } });
  });

  const queries: Record<string, (client: Client) => Promise<unknown>> = {
    'text in a create': (c) => c.user.create({ data: { name: 'n', email: 'plain' } }),
    'long text in a create': (c) => c.user.create({ data: { name: 'n', email: 'plain'.repeat(30) } }),
    'the prefix alone': (c) => c.user.create({ data: { name: 'n', email: 'fs1:' } }),
    'the empty text': (c) => c.user.create({ data: { name: 'n', email: '' } }),
    'the prefix in capitals': (c) => c.user.create({ data: { name: 'n', email: 'FS1:'.repeat(30) } }),
    'text in an update': (c) => c.user.updateMany({ data: { note: 'plain' } }),
    bytes: (c) => c.user.updateMany({ data: { photo: new Uint8Array(60).fill(0x41) } }),
    'short bytes': (c) => c.user.updateMany({ data: { photo: Uint8Array.of(0x11) } }),
    'an object': (c) => c.user.updateMany({ data: { profile: { plain: 1 } } }),
    'a JSON text': (c) => c.user.updateMany({ data: { profile: 'plain' } }),
    'an index column': (c) => c.user.updateMany({ data: { ssnIndex: 'plain' } as never }),
    'digits in an index column': (c) =>
      c.user.updateMany({ data: { ssnDigits: '0780511200780511200780511200' } as never }),
    'a mapped column': (c) => c.sealed.create({ data: { label: 'l', group: 1, secret: 'plain' } }),
  };

  it.each(Object.keys(queries))('refuse %s', async (name) => {
    await test.db.user.create({ data: { name: 'n', email: 'e', ssn: '1', note: 'n' } });
    const before = JSON.stringify([await test.plain.user.findMany(), await test.plain.sealed.count()]);
    await expect(queries[name]?.(test.plain)).rejects.toThrow(/fieldseal_|constraint/i);
    expect(JSON.stringify([await test.plain.user.findMany(), await test.plain.sealed.count()])).toBe(before);
  });

  it('leave other columns and fields that are being migrated alone', async () => {
    await test.plain.org.create({ data: { name: 'plain', data: 'plain' } });
    await test.plain.moving.create({ data: { email: 'plain', note: 'plain' } });
    await test.plain.moving.deleteMany();
    expect(checkConstraints(map, provider)).toMatch(/^-- .Moving.\..email. is left out: its field is being migrated/m);
  });

  it('go away again, and come back once rows are right', async () => {
    await run(statementsOf(checkConstraints(map, provider, true)));
    const { id } = await test.plain.user.create({ data: { name: 'n', email: 'plain' } });
    const statements = statementsOf(checkConstraints(map, provider));
    if (provider === 'postgresql') {
      await run(statements.filter((statement) => !isLate(statement))); // rows that are there do not matter yet
      await expect(run(statements.filter(isLate))).rejects.toThrow(/violated/);
      await test.plain.user.delete({ where: { id } });
      await run(statements.filter(isLate));
    } else {
      await test.plain.user.delete({ where: { id } });
      await run(statements);
    }
    await expect(test.plain.user.create({ data: { name: 'n', email: 'plain' } })).rejects.toThrow();
  });

  if (provider === 'postgresql')
    it('look into lists of text and JSON', async () => {
      const lists = (test.db as unknown as { lists: Delegate }).lists;
      const plain = (test.plain as unknown as { lists: Delegate }).lists;
      await lists.create({
        data: { tags: ['a', 'b'], scores: [], notes: [{ a: 1 }], blobs: [Uint8Array.of(1)] },
      });
      const [row] = (await plain.findMany({})) as { tags: string[] }[];
      for (const data of [
        { tags: ['plain'] },
        { tags: [...(row?.tags ?? []), 'plain'] },
        { tags: [''] },
        { notes: [{ plain: 1 }] },
      ])
        await expect(plain.updateMany({ data })).rejects.toThrow(/fieldseal_/);
      await plain.updateMany({ data: { tags: [] } });
      await plain.deleteMany({});
      expect(checkConstraints(map, provider)).toContain('"Lists"."blobs" is left out');
    });
});

describe('the SQL of constraints', () => {
  it('has stable, short and different names', () => {
    const names = (provider: string) => checkConstraints(MAP, provider).match(/fieldseal_\w+/g) ?? [];
    for (const name of names('mysql')) expect(names('postgresql')).toContain(name);
    expect(names('postgresql')).toContain('fieldseal_email_2c844ab0');
    for (const name of names('sqlite')) expect(name.length).toBeLessThan(60);
    expect(new Set(names('mysql')).size).toBe(names('mysql').length);
  });

  it('names the schema of a table', () => {
    expect(checkConstraints(MAP, 'postgresql')).toContain(
      'ALTER TABLE "vault"."secret_rows" ADD CONSTRAINT "fieldseal_the_text_',
    );
  });

  it.each(['sqlserver', 'mongodb', 'toString', ''])('is not made for %s', (provider) => {
    expect(() => checkConstraints(MAP, provider)).toThrow(typedError('ERR_OPTIONS'));
  });
});
