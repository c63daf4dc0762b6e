/** Terms of all kinds of index beside written values, in lists of PostgreSQL and in tables of their own. */
import { APPLICATION_SCOPE, searchTerms, storedTerms } from '@fieldseal/core';
import { startPostgres } from '@fieldseal/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkConstraints } from '../src/guard/check-constraints.ts';
import { encryption, guardAdapter } from '../src/index.ts';
import { compileSchema } from '../src/schema/compiled-schema.ts';
import { readSchemaMap } from '../src/schema/read-schema.ts';
import { type Opener, openPostgres, openSqlite } from './differential/comparison.ts';
import { type RuntimeClient, runtimeClient } from './differential/runtime-client.ts';
import { freshKeyring, typedError } from './harness.ts';

type Row = Record<string, unknown>;
type Delegate = Record<string, (args: object) => Promise<Row>>;
interface Client extends RuntimeClient {
  readonly person: Delegate;
  readonly pet: Delegate;
  readonly nameGram: Delegate;
  readonly petGram: Delegate;
  readonly $encryption: { index(...args: unknown[]): Promise<unknown>; search(...args: unknown[]): Promise<unknown> };
}

const table = (name: string, owner: string): string => `model ${name} {
  id      Int    @id @default(autoincrement())
  term    String
  owner   ${owner} @relation(fields: [ownerId], references: [id], onDelete: Cascade)
  ownerId Int
  @@index([term])
}\n`;

/** The schema with lists, or with tables of terms. */
const schemaText = (provider: 'sqlite' | 'postgresql', lists: boolean): string =>
  `datasource db {
  provider = "${provider}"
}
model Person {
  id        Int     @id @default(autoincrement())
  name      String? /// @encrypted
  born      String? /// @encrypted(type: DateTime)
  age       String? /// @encrypted(type: Int)
  /// @blindIndex(of: name, partitions: 4, normalize: [trim])
  namePart  String?
  /// @blindIndex(of: name, kind: ngram, n: 3, normalize: [lowercase])
  nameGrams ${lists ? 'String[]' : 'NameGram[]'}
  /// @blindIndex(of: name, kind: suffix, min: 4, max: 4)
  nameEnd   String?
  /// @blindIndex(of: age, kind: range, from: 0, to: 120, step: 5)
  ageRange  String?
  /// @blindIndex(of: [name, born], normalize: [lowercase, year])
  both      String? @unique
  /// @blindIndex(of: name, normalize: [last4, "slug@3"])
  nameSlug  String?
  pets      Pet[]
}
model Pet {
  id      Int    @id @default(autoincrement())
  name    String /// @encrypted
  /// @blindIndex(of: name, kind: prefix, min: 1, max: 3)
  grams   ${lists ? 'String[]' : 'PetGram[]'}
  owner   Person? @relation(fields: [ownerId], references: [id], onDelete: SetNull)
  ownerId Int?
}
${lists ? '' : table('NameGram', 'Person') + table('PetGram', 'Pet')}`.replace(
    '[last4, "slug@3"]',
    '["slug@3", last4]',
  );

const KEY = { sqlite: 'INTEGER PRIMARY KEY AUTOINCREMENT', postgresql: 'SERIAL PRIMARY KEY' } as const;

function ddl(provider: 'sqlite' | 'postgresql', lists: boolean): string[] {
  const many = lists ? (name: string) => `, "${name}" TEXT[]` : () => '';
  const terms = (name: string, owner: string) =>
    `CREATE TABLE "${name}" ("id" ${KEY[provider]}, "term" TEXT NOT NULL, "ownerId" INTEGER NOT NULL REFERENCES "${owner}"("id") ON DELETE CASCADE)`;
  return [
    `CREATE TABLE "Person" ("id" ${KEY[provider]}, "name" TEXT, "born" TEXT, "age" TEXT, "namePart" TEXT${many('nameGrams')}, "nameEnd" TEXT, "ageRange" TEXT, "both" TEXT UNIQUE, "nameSlug" TEXT)`,
    `CREATE TABLE "Pet" ("id" ${KEY[provider]}, "name" TEXT NOT NULL${many('grams')}, "ownerId" INTEGER REFERENCES "Person"("id") ON DELETE SET NULL)`,
    ...(lists ? [] : [terms('NameGram', 'Person'), terms('PetGram', 'Pet')]),
  ];
}

const slug = { version: 3, normalize: (text: string) => text.replace(/\W/g, '') };
const ada = { name: 'Ada Lovelace', born: new Date('1815-12-10'), age: 36 };

let server: Awaited<ReturnType<typeof startPostgres>> | undefined;
afterAll(() => server?.stop());

const TARGETS = [
  { title: 'tables of terms on SQLite', provider: 'sqlite', lists: false },
  { title: 'lists of PostgreSQL', provider: 'postgresql', lists: true },
] as const;

describe.each(TARGETS)('with $title', ({ provider, lists }) => {
  const text = schemaText(provider, lists);
  const map = readSchemaMap(text);
  const models = compileSchema(map, () => [], { slug });
  let plain: Client;
  let guarded: Client;
  let db: Client;
  let keyring: Awaited<ReturnType<typeof freshKeyring>>;
  let dispose: () => Promise<void>;

  beforeAll(async () => {
    if (provider === 'postgresql') server ??= await startPostgres();
    const opener: Opener = server !== undefined && provider === 'postgresql' ? openPostgres(server) : openSqlite;
    const opened = await opener();
    dispose = opened.dispose;
    plain = (await runtimeClient(provider, text, { adapter: opened.adapter })) as Client;
    for (const statement of ddl(provider, lists)) await plain.$executeRawUnsafe(statement);
    keyring = await freshKeyring();
    // Below the client the guard looks on, and constraints of the database.
    const constraints = checkConstraints(map, provider).split('\n');
    for (const line of constraints) if (line !== '' && !line.startsWith('--')) await plain.$executeRawUnsafe(line);
    guarded = (await runtimeClient(provider, text, {
      adapter: guardAdapter(opened.adapter, map),
    })) as Client;
    db = encryption({ keyring, normalizers: { slug } })(guarded as never) as unknown as Client;
  });
  beforeEach(async () => {
    await plain.person['deleteMany']?.({});
    await plain.pet['deleteMany']?.({});
  });
  afterAll(async () => {
    await guarded.$disconnect();
    await plain.$disconnect();
    await dispose();
    keyring.close();
  });

  const call = (model: 'person' | 'pet' | 'nameGram' | 'petGram', operation: string, args: object) =>
    (db[model][operation] as (args: object) => Promise<Row>)(args);

  /** What an index stores for values, by the core itself. */
  async function terms(model: string, column: string, ...values: unknown[]): Promise<unknown> {
    const node = models.get(model)?.fields.get(column);
    const index = node?.kind === 'relation' ? node.terms : node;
    if (index?.kind !== 'index') return expect.unreachable(`${column} is no index`);
    const { indexRoot } = await keyring.resolve(APPLICATION_SCOPE);
    return storedTerms(indexRoot, [{ index: index.spec, values }])[0];
  }

  /** The terms that the database holds in a list, or in a table of terms, in order. */
  async function held(model: 'person' | 'pet', column: string, id: unknown): Promise<unknown> {
    const include = lists ? {} : { include: { [column]: { select: { term: true }, orderBy: { id: 'asc' } } } };
    const row = await (plain[model]['findUniqueOrThrow'] as (args: object) => Promise<Row>)({
      where: { id },
      ...include,
    });
    return lists ? row[column] : (row[column] as { term: string }[]).map(({ term }) => term);
  }
  const stored = (id: unknown) =>
    (plain.person['findUniqueOrThrow'] as (args: object) => Promise<Row>)({ where: { id } });

  it('a new row has them all', async () => {
    const created = await call('person', 'create', { data: ada });
    expect(created).toMatchObject(ada);
    const row = await stored(created['id']);
    expect(row).toMatchObject({
      nameEnd: await terms('Person', 'nameEnd', ada.name),
      ageRange: await terms('Person', 'ageRange', 36),
      both: await terms('Person', 'both', 'ADA LOVELACE', new Date('1815-01-01')),
      nameSlug: await terms('Person', 'nameSlug', 'lace'),
    });
    expect(await held('person', 'nameGrams', created['id'])).toEqual(await terms('Person', 'nameGrams', ada.name));
    const part = models.get('Person')?.fields.get('namePart');
    const { indexRoot } = await keyring.resolve(APPLICATION_SCOPE);
    const all = part?.kind === 'index' ? searchTerms(indexRoot, part.spec, { equals: ` ${ada.name} ` })?.terms : [];
    expect(all).toHaveLength(4);
    expect(all).toContain(row['namePart']);
  });

  it('a row without values has none', async () => {
    const { id } = await call('person', 'create', { data: {} });
    const empty = { namePart: null, nameEnd: null, ageRange: null, both: null, nameSlug: null };
    expect(await stored(id)).toMatchObject(empty);
    expect((await held('person', 'nameGrams', id)) ?? []).toEqual([]);
    const other = await call('person', 'create', { data: { name: null, born: ada.born, age: null } });
    expect(await stored(other['id'])).toMatchObject(empty);
    expect(await held('person', 'nameGrams', other['id'])).toEqual([]);
  });

  it('a short text has those that it is long enough for', async () => {
    const { id } = await call('person', 'create', { data: { name: 'Al' } });
    expect(await stored(id)).toMatchObject({ nameEnd: null, nameSlug: await terms('Person', 'nameSlug', 'Al') });
    expect(await held('person', 'nameGrams', id)).toEqual([]);
  });

  it('a changed value has its own, and no older ones', async () => {
    const { id } = await call('person', 'create', { data: ada });
    await call('person', 'update', {
      where: { id },
      data: { name: { set: 'Grace Hopper' }, born: new Date('1906-12-09') },
    });
    expect(await held('person', 'nameGrams', id)).toEqual(await terms('Person', 'nameGrams', 'Grace Hopper'));
    expect(await stored(id)).toMatchObject({
      nameEnd: await terms('Person', 'nameEnd', 'Grace Hopper'),
      ageRange: await terms('Person', 'ageRange', 36),
      both: await terms('Person', 'both', 'grace hopper', new Date('1906-05-05')),
    });
  });

  it('NULL takes them away, and a field that is not written keeps its own', async () => {
    const { id } = await call('person', 'create', { data: ada });
    await call('person', 'update', { where: { id }, data: { age: undefined } });
    expect(await stored(id)).toMatchObject({ ageRange: await terms('Person', 'ageRange', 36) });
    await call('person', 'update', { where: { id }, data: { name: null } });
    expect(await stored(id)).toMatchObject({ name: null, namePart: null, nameEnd: null, both: null, nameSlug: null });
    expect(await held('person', 'nameGrams', id)).toEqual([]);
    expect(await stored(id)).toMatchObject({ ageRange: await terms('Person', 'ageRange', 36) });
    await call('person', 'update', { where: { id }, data: { age: { set: null } } });
    expect(await stored(id)).toMatchObject({ ageRange: null });
  });

  it('an index over several fields needs all of them', async () => {
    const { id } = await call('person', 'create', { data: ada });
    const before = await stored(id);
    for (const data of [{ name: 'x' }, { born: ada.born }, { name: 'x', born: undefined }, { name: { set: 'x' } }]) {
      const refused = call('person', 'update', { where: { id }, data });
      await expect(refused).rejects.toThrow(typedError('ERR_UNSUPPORTED_OPERATION'));
      await expect(refused).rejects.toThrow(/write name, born together/);
      await expect(call('person', 'updateMany', { data })).rejects.toThrow(typedError('ERR_UNSUPPORTED_OPERATION'));
    }
    await expect(call('person', 'upsert', { where: { id }, create: ada, update: { name: 'x' } })).rejects.toThrow(
      typedError('ERR_UNSUPPORTED_OPERATION'),
    );
    expect(await stored(id)).toEqual(before);
  });

  it('and is unique over them, as the normalisers see it', async () => {
    await call('person', 'create', { data: ada });
    const twin = { name: 'ADA LOVELACE', born: new Date('1815-01-01') };
    await expect(call('person', 'create', { data: twin })).rejects.toMatchObject({ code: 'P2002' });
    await call('person', 'create', { data: { ...twin, born: new Date('1816-01-01') } });
    await call('person', 'create', { data: { name: ada.name } });
    await call('person', 'create', { data: { name: ada.name, born: null } }); // a NULL equals nothing
  });

  it('nested writes to any depth have them', async () => {
    const { id } = await call('person', 'create', {
      data: { ...ada, pets: { create: [{ name: 'Rex' }, { name: 'Io' }] } },
    });
    const pets = await (plain.pet['findMany'] as (args: object) => Promise<unknown>)({ orderBy: { id: 'asc' } });
    const [rex, io] = (pets as Row[]).map((pet) => pet['id']);
    expect(await held('pet', 'grams', rex)).toEqual(await terms('Pet', 'grams', 'Rex'));
    expect(await held('pet', 'grams', io)).toHaveLength(2);
    await call('person', 'update', {
      where: { id },
      data: {
        pets: {
          update: { where: { id: rex }, data: { name: 'Max' } },
          upsert: { where: { id: io }, create: { name: 'no' }, update: { name: 'Europa' } },
          connectOrCreate: { where: { id: -1 }, create: { name: 'Ganymede' } },
        },
      },
    });
    expect(await held('pet', 'grams', rex)).toEqual(await terms('Pet', 'grams', 'Max'));
    expect(await held('pet', 'grams', io)).toEqual(await terms('Pet', 'grams', 'Europa'));
    const read = await call('person', 'findUniqueOrThrow', {
      where: { id },
      include: { pets: { orderBy: { id: 'asc' } } },
    });
    expect((read['pets'] as Row[]).map(({ name }) => name)).toEqual(['Max', 'Europa', 'Ganymede']);
    const third = (read['pets'] as Row[])[2]?.['id'];
    expect(await held('pet', 'grams', third)).toEqual(await terms('Pet', 'grams', 'Ganymede'));
  });

  it('are not written by hand', async () => {
    const { id } = await call('person', 'create', { data: ada });
    const written = lists ? ['1.00'] : { create: { term: '1.00' } };
    for (const data of [
      { nameGrams: written },
      { name: 'x', nameGrams: written },
      { both: '1.00' },
      { ageRange: null },
    ]) {
      await expect(call('person', 'create', { data })).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
      await expect(call('person', 'update', { where: { id }, data })).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
    }
    if (lists) return;
    const term = { term: '1.00', ownerId: id };
    await expect(call('nameGram', 'create', { data: term })).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
    await expect(call('nameGram', 'createMany', { data: [term] })).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
    await expect(call('nameGram', 'updateMany', { data: { term: 'x' } })).rejects.toThrow(
      typedError('ERR_INDEX_WRITTEN'),
    );
    for (const data of [{ ownerId: 7 }, { owner: { connect: { id } } }, { id: 7 }])
      await expect(call('nameGram', 'updateMany', { data })).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
    await expect(call('nameGram', 'deleteMany', {})).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
    await expect(call('nameGram', 'delete', { where: { id: 1 } })).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
    const through = { owner: { update: { nameGrams: written } } };
    await expect(call('nameGram', 'updateMany', { data: through })).rejects.toThrow(typedError('ERR_INDEX_WRITTEN'));
  });

  it('are all that the guard and the database let into their columns', async () => {
    const { id } = await call('person', 'create', { data: ada });
    const { indexRoot } = await keyring.resolve(APPLICATION_SCOPE);
    const term = `${indexRoot.version}.${'0'.repeat(32)}`;
    const update = (client: Client, column: string, value: unknown) =>
      (client.person['updateMany'] as (args: object) => Promise<unknown>)({ data: { [column]: value } });
    const many = (client: Client, value: string) =>
      lists
        ? update(client, 'nameGrams', [term, value])
        : (client.nameGram['create'] as (args: object) => Promise<unknown>)({ data: { term: value, ownerId: id } });
    for (const column of ['namePart', 'nameEnd', 'ageRange', 'both', 'nameSlug']) {
      await expect(update(guarded, column, 'plain')).rejects.toThrow(/ERR_PLAINTEXT/);
      await expect(update(plain, column, 'plain')).rejects.toThrow();
      await update(guarded, column, term);
    }
    await expect(many(guarded, 'plain')).rejects.toThrow(/ERR_PLAINTEXT/);
    await expect(many(plain, 'plain')).rejects.toThrow();
    await expect(many(plain, '1.00')).rejects.toThrow(); // too short
    await many(guarded, term);
  });

  it('are given to raw SQL by the helpers', async () => {
    const { id } = await call('person', 'create', { data: ada });
    expect(await db.$encryption.index('Person', 'nameGrams', ada.name)).toEqual(await held('person', 'nameGrams', id));
    expect(await db.$encryption.index('Person', 'both', [ada.name, ada.born])).toBe((await stored(id))['both']);
    expect(await db.$encryption.index('Person', 'both', [ada.name, null])).toBeNull();
    expect(await db.$encryption.index('Person', 'ageRange', null)).toBeNull();
    expect(await db.$encryption.search('Person', 'ageRange', { range: { gte: 20, lt: 40 } })).toMatchObject({
      exact: true,
    });
    expect(await db.$encryption.search('Person', 'nameGrams', { contains: 'lo' })).toBeNull();
    await expect(db.$encryption.index('Person', 'pets', 'x')).rejects.toThrow(typedError('ERR_SCHEMA_STALE'));
    await expect(db.$encryption.search('Person', 'name', { equals: 'x' })).rejects.toThrow(
      typedError('ERR_SCHEMA_STALE'),
    );
  });

  if (lists) {
    it('statements on several rows write lists', async () => {
      await call('person', 'createMany', { data: [ada, { name: 'Grace', born: null }] });
      const ids = await (plain.person['findMany'] as (args: object) => Promise<unknown>)({ orderBy: { id: 'asc' } });
      const [first, second] = (ids as Row[]).map(({ id }) => id);
      expect(await held('person', 'nameGrams', first)).toEqual(await terms('Person', 'nameGrams', ada.name));
      expect(await held('person', 'nameGrams', second)).toEqual(await terms('Person', 'nameGrams', 'Grace'));
      await call('person', 'updateMany', { data: { name: null } });
      expect(await held('person', 'nameGrams', first)).toEqual([]);
    });
  } else {
    it('statements on several rows are refused, since they write no tables of terms', async () => {
      const { id } = await call('person', 'create', { data: { ...ada, pets: { create: { name: 'Rex' } } } });
      const refused = typedError('ERR_UNSUPPORTED_OPERATION');
      await expect(call('person', 'createMany', { data: [ada] })).rejects.toThrow(refused);
      await expect(call('person', 'createMany', { data: [{ age: 1 }, ada] })).rejects.toThrow(refused);
      await expect(call('person', 'updateMany', { data: { name: null } })).rejects.toThrow(refused);
      await expect(call('person', 'updateManyAndReturn', { data: { name: 'x', born: ada.born } })).rejects.toThrow(
        refused,
      );
      await expect(call('person', 'createManyAndReturn', { data: [ada] })).rejects.toThrow(refused);
      for (const pets of [
        { createMany: { data: [{ name: 'x' }] } },
        { updateMany: { where: {}, data: { name: 'x' } } },
      ])
        await expect(call('person', 'update', { where: { id }, data: { pets } })).rejects.toThrow(refused);
      await call('person', 'updateMany', { data: { age: 40 } });
      await call('person', 'createMany', { data: [{ age: 41 }] });
      expect(await stored(id)).toMatchObject({ ageRange: await terms('Person', 'ageRange', 40) });
      expect(await held('person', 'nameGrams', id)).toEqual(await terms('Person', 'nameGrams', ada.name));
    });

    it('a table of terms empties with its row, and shows values decrypted through the relation', async () => {
      const { id } = await call('person', 'create', { data: ada });
      const through = { where: { id }, include: { nameGrams: { include: { owner: true }, take: 1 } } };
      const read = await call('person', 'findUniqueOrThrow', through);
      expect(read).toMatchObject({ nameGrams: [{ owner: { name: ada.name } }] });
      await call('person', 'delete', { where: { id } });
      expect(await call('nameGram', 'count', {})).toBe(0);
    });
  }
});

it('an update whose row is not there writes no terms', async () => {
  const { adapter, dispose } = await openSqlite();
  const plain = (await runtimeClient('sqlite', schemaText('sqlite', false), { adapter })) as Client;
  for (const statement of ddl('sqlite', false)) await plain.$executeRawUnsafe(statement);
  const keyring = await freshKeyring();
  const db = encryption({ keyring, normalizers: { slug } })(plain as never) as unknown as Client;
  await expect(db.pet['update']?.({ where: { id: 5 }, data: { name: 'x' } })).rejects.toMatchObject({ code: 'P2025' });
  expect(await db.petGram['count']?.({})).toBe(0);
  keyring.close();
  await plain.$disconnect();
  await dispose();
});
