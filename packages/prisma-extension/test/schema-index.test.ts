/** The rules of index annotations, and what the schema map says of an index of each kind. */
import { readFileSync } from 'node:fs';
import internals from '@prisma/internals';
import { describe, expect, it } from 'vitest';
import { buildSchemaMap } from '../src/schema/build-map.ts';
import { checkNormalizerOption } from '../src/schema/check-normalizers.ts';
import { compileSchema } from '../src/schema/compiled-schema.ts';
import { type Dmmf, parseDmmf } from '../src/schema/from-dmmf.ts';
import { parseInlineSchema } from '../src/schema/inline-schema.ts';

/** A model with encrypted fields of several types, and the index under test. */
function schema(index: string, { provider = 'postgresql', more = '' } = {}): string {
  return `datasource db {\n  provider = "${provider}"\n}
model User {
  id   Int     @id @default(autoincrement())
  name String  @db.Text /// @encrypted
  city String? @db.Text /// @encrypted
  age  String  @db.Text /// @encrypted(type: Int)
  born String? @db.Text /// @encrypted(type: DateTime)
  sum  String? @db.Text /// @encrypted(type: Decimal)
  flag String? @db.Text /// @encrypted(type: Boolean)
  role String? @db.Text /// @encrypted(type: Role)
  org  String
  ${index}
}
enum Role {
  ADMIN
  USER
}
${more}`;
}

const mapOf = (text: string) => buildSchemaMap(parseInlineSchema(text));
const indexOf = (annotation: string, column = 'ix String?', options = {}) =>
  mapOf(schema(`/// @blindIndex(${annotation})\n  ${column}`, options)).models['User']?.indexes['ix'];

const TERMS = `model Term {
  id     Int    @id @default(autoincrement())
  term   String
  user   User   @relation(fields: [userId], references: [id], onDelete: Cascade)
  userId Int
  @@index([term])
}`;

describe('an index annotation', () => {
  it.each<[string, string, object]>([
    ['of: name', 'ix String?', { of: ['name'], kind: 'equality', bits: 128, partitions: 1, list: false, child: null }],
    ['of: name, kind: equality, bits: 8', 'ix String?', { bits: 8 }],
    ['of: name, partitions: 8', 'ix String?', { partitions: 8 }],
    ['of: [name, born], normalize: [lowercase, year]', 'ix String? @unique', { of: ['name', 'born'], unique: true }],
    ['of: [name]', 'ix String?', { of: ['name'] }],
    ['of: [flag, name]', 'ix String?', { of: ['flag', 'name'] }],
    ['of: name, kind: prefix, min: 2, max: 10', 'ix String[]', { kind: 'prefix', min: 2, max: 10, list: true }],
    ['of: name, kind: suffix, min: 4, max: 4', 'ix String?', { kind: 'suffix', min: 4, max: 4, list: false }],
    ['of: name, kind: ngram', 'ix String[]', { kind: 'ngram', n: 3, list: true }],
    ['of: name, kind: ngram, n: 2, bits: 32', 'ix String[]', { n: 2, bits: 32 }],
    ['of: age, kind: range, from: 0, to: 120, step: 5', 'ix String?', { range: { from: '0', to: '120', step: '5' } }],
    [
      'of: sum, kind: range, from: -0.5, to: 1.5, step: 0.25',
      'ix String?',
      { range: { from: '-0.5', to: '1.5', step: '0.25' } },
    ],
    [
      'of: born, kind: range, from: "1960-01-01", to: "2030-01-01", step: month',
      'ix String?',
      { range: { from: '1960-01-01', to: '2030-01-01', step: 'month' } },
    ],
    [
      'of: sum, kind: range, from: 0, to: "90071992547409931", step: "90071992547409"',
      'ix String?',
      { range: { from: '0', to: '90071992547409931', step: '90071992547409' } },
    ],
    [
      'of: name, normalize: [nfkc, diacritics, "slug@2", "trim@1"]',
      'ix String?',
      { normalize: ['nfkc', 'diacritics', 'slug@2', 'trim'] },
    ],
    ['of: name, normalize: [phone]', 'ix String?', { normalize: ['phone'] }],
    ['of: born, normalize: [year]', 'ix String?', { normalize: ['year'] }],
    ['of: flag, allowLeakage: "the flag is public"', 'ix String?', { allowLeakage: 'the flag is public' }],
    ['of: role, allowLeakage: "two roles, known to all"', 'ix String?', { allowLeakage: 'two roles, known to all' }],
  ])('%s on %s is read', (annotation, column, expected) => {
    const map = indexOf(annotation, column);
    expect(map).toMatchObject(expected);
    expect(compileSchema(mapOf(schema(`/// @blindIndex(${annotation})\n  ${column}`))).get('User')).toBeDefined();
  });

  it.each<[string, string, RegExp]>([
    ['of: name, kind: sound', 'ix String?', /no kind of index sound; known are equality/],
    ['of: name, kind: constructor', 'ix String?', /no kind of index/],
    ['of: []', 'ix String?', /names no field/],
    ['of: [name, name]', 'ix String?', /a field twice/],
    ['of: [name, nobody]', 'ix String?', /names no encrypted field/],
    ['of: [name, org]', 'ix String?', /names no encrypted field/],
    ['of: [flag, role]', 'ix String?', /frequency/],
    ['of: flag', 'ix String?', /allowLeakage/],
    ['of: role', 'ix String?', /allowLeakage/],
    ['of: flag, allowLeakage: " "', 'ix String?', /in words/],
    ['of: role, kind: prefix, min: 1, max: 2, allowLeakage: "x"', 'ix String[]', /by equality only/],
    ['of: name, bits: 7', 'ix String?', /bits is a number from 8 to 256; below 96/],
    ['of: name, bits: 257', 'ix String?', /bits/],
    ['of: name, bits: 96.5', 'ix String?', /wrong form/],
    ['of: name, bits: -96', 'ix String?', /wrong form/],
    ['of: name, partitions: 1', 'ix String?', /from 2 to 256/],
    ['of: name, partitions: 257', 'ix String?', /from 2 to 256/],
    ['of: name, n: 3', 'ix String?', /kind equality has no argument n/],
    ['of: name, kind: ngram, min: 3', 'ix String[]', /kind ngram has no argument min/],
    ['of: name, kind: ngram, n: 9', 'ix String[]', /from 2 to 8/],
    ['of: name, kind: ngram, partitions: 2', 'ix String[]', /kind ngram has no argument partitions/],
    ['of: [name, city], kind: ngram', 'ix String[]', /over several fields/],
    ['of: age, kind: ngram', 'ix String[]', /type String, not Int/],
    ['of: name, kind: ngram', 'ix String?', /many terms here: the index column is String\[\]/],
    ['of: name, kind: prefix, min: 2, max: 3', 'ix String?', /many terms/],
    ['of: name, kind: prefix, min: 2', 'ix String[]', /needs the argument max/],
    ['of: name, kind: prefix, min: 3, max: 2', 'ix String[]', /min not above max/],
    ['of: name, kind: prefix, min: 3, max: 3', 'ix String[]', /one term here/],
    ['of: name', 'ix String[]', /one term here/],
    ['of: name', 'ix String', /optional/],
    ['of: age, kind: range', 'ix String?', /needs the argument from/],
    ['of: age, kind: range, from: 0, to: 120', 'ix String?', /needs the argument step/],
    ['of: age, kind: range, from: 0, to: 120, step: 0.5', 'ix String?', /whole numbers/],
    ['of: age, kind: range, from: 120, to: 0, step: 5', 'ix String?', /ends where it begins/],
    ['of: age, kind: range, from: 0, to: 5000, step: 1', 'ix String?', /more than 1024 buckets/],
    ['of: age, kind: range, from: 0, to: 12345678901234567, step: 1', 'ix String?', /in quotes/],
    ['of: name, kind: range, from: 0, to: 5, step: 1', 'ix String?', /have no ranges/],
    ['of: born, kind: range, from: 0, to: 5, step: day', 'ix String?', /from and to are dates/],
    ['of: born, kind: range, from: "2000-01-02", to: "2001-01-01", step: year', 'ix String?', /begins with a month/],
    ['of: age, kind: range, from: 0, to: 9, step: 1, normalize: [trim]', 'ix String?', /no argument normalize/],
    ['of: name, bits: 64', 'ix String? @unique', /less than 96 bits cannot be unique/],
    ['of: name, partitions: 2', 'ix String? @unique', /partitions cannot be unique/],
    ['of: age, kind: range, from: 0, to: 9, step: 1', 'ix String? @unique', /kind range cannot be unique/],
    ['of: name, kind: suffix, min: 4, max: 4', 'ix String? @unique', /kind suffix cannot be unique/],
    ['of: name, bits: 64', 'ix String?\n  @@unique([org, ix])', /cannot be unique/],
    ['of: name, partitions: 2', 'ix String?\n  @@unique([org, ix])', /cannot be unique/],
    ['of: name, normalize: [upper]', 'ix String?', /no normaliser upper.*"upper@1"/],
    ['of: name, normalize: ["trim@2"]', 'ix String?', /no version 2/],
    ['of: name, normalize: ["slug@x"]', 'ix String?', /slug@x is no name of a normaliser/],
    ['of: name, normalize: [lowercase, diacritics]', 'ix String?', /diacritics stands before/],
    ['of: name, normalize: [trim, trim]', 'ix String?', /twice/],
    ['of: age, normalize: [year]', 'ix String?', /DateTime or String/],
    ['of: name, kind: ngram, bits: 256', 'ix String[] @db.VarChar(40)', /too short for index terms/],
    ['of: name, kind: ngram', 'ix String[] @default([])', /@default/],
  ])('%s on %s is refused', (annotation, column, message) => {
    expect(() => indexOf(annotation, column)).toThrow(message);
    expect(() => indexOf(annotation, column)).toThrow(expect.objectContaining({ code: 'ERR_SCHEMA', model: 'User' }));
  });

  it('that shares its name with another over the same fields is refused', () => {
    const two = (first: string, second: string) =>
      schema(
        `/// @blindIndex(${first}, name: "x")\n  one String?\n  /// @blindIndex(${second}, name: "x")\n  two String?`,
      );
    expect(() => mapOf(two('of: name', 'of: name, partitions: 2'))).toThrow(/have the name "x"/);
    expect(() => mapOf(two('of: [name, city]', 'of: [name, city]'))).toThrow(/name, city have the name "x"/);
    expect(mapOf(two('of: [name, city]', 'of: [city, name]'))).toBeDefined();
    expect(mapOf(two('of: name', 'of: [name, city]'))).toBeDefined();
  });

  it('does not make a unique field whose other index is over several fields', () => {
    const text = schema('/// @blindIndex(of: [name, city])\n  ix String? @unique').replace(
      'name String  @db',
      'name String @unique @db',
    );
    expect(() => mapOf(text)).toThrow(/enforces nothing/);
  });
});

describe('a table of terms', () => {
  const ngram = 'of: name, kind: ngram';
  const build = (table: string, column = 'ix Term[]', annotation = ngram, provider = 'sqlite') =>
    indexOf(annotation, column, { provider, more: table });

  it('holds terms in its one text field', () => {
    expect(build(TERMS)).toMatchObject({ kind: 'ngram', list: false, child: { model: 'Term', field: 'term' } });
    const uuids = TERMS.replace('Int    @id @default(autoincrement())', 'String @id @default(uuid())');
    expect(build(uuids, 'ix Term[]', 'of: name, kind: prefix, min: 1, max: 5', 'mysql')).toMatchObject({
      child: { field: 'term' },
    });
    const keyed = TERMS.replace('  id     Int    @id @default(autoincrement())\n', '').replace(
      '@@index([term])',
      '@@id([userId, term])',
    );
    expect(build(keyed)).toMatchObject({ child: { field: 'term' } });
  });

  it('is known from its side too', () => {
    const text = schema(`/// @blindIndex(${ngram})\n  ix Term[]`, {
      provider: 'sqlite',
      more: TERMS.replace('term   String', 'term   String @map("t")'),
    });
    const map = mapOf(text);
    expect(map.models['Term']?.terms).toEqual({ term: { dbName: 't', index: { model: 'User', field: 'ix' } } });
    const compiled = compileSchema(map);
    expect(compiled.get('Term')?.fields.get('term')).toMatchObject({ kind: 'index', child: 'term' });
    expect(compiled.get('User')?.fields.get('ix')).toMatchObject({
      kind: 'relation',
      terms: { kind: 'index', child: 'term' },
    });
  });

  it.each<[string, string, RegExp, string?, string?]>([
    ['for one term', TERMS, /one term here/, 'ix Term[]', 'of: name'],
    ['without onDelete', TERMS.replace(', onDelete: Cascade', ''), /onDelete: Cascade/],
    ['that restricts', TERMS.replace('Cascade', 'Restrict'), /onDelete: Cascade/],
    ['with another field', TERMS.replace('userId Int', 'userId Int\n  note String?'), /nothing else/],
    ['without a field', TERMS.replace('  term   String\n', '').replace('@@index([term])', ''), /nothing else/],
    ['of numbers', TERMS.replace('term   String', 'term   Int'), /it is a String/],
    ['of optional terms', TERMS.replace('term   String', 'term   String?'), /neither optional nor unique/],
    ['of unique terms', TERMS.replace('term   String', 'term   String @unique'), /neither optional nor unique/],
    ['with a default term', TERMS.replace('term   String', 'term   String @default("")'), /without a default/],
    [
      'with an id that has no default',
      TERMS.replace('Int    @id @default(autoincrement())', 'Int    @id'),
      /needs a default/,
    ],
    ['whose field is encrypted', TERMS.replace('term   String', 'term   String /// @encrypted'), /nothing else/],
    ['in a short column', TERMS.replace('term   String', 'term   String @db.VarChar(20)'), /too short/],
    [
      'that is the model itself',
      '',
      /model of its own/,
      'ix User[] @relation("x")\n  up User? @relation("x", fields: [upId], references: [id])\n  upId Int?',
    ],
    [
      'of two relations',
      TERMS.replace(
        'userId Int',
        'userId Int\n  other User @relation("b", fields: [otherId], references: [id])\n  otherId Int',
      ).replace('@relation(fields: [userId]', '@relation("a", fields: [userId]'),
      /two relations/,
      'ix Term[] @relation("a")\n  iy Term[] @relation("b")',
    ],
    ['behind a single row', TERMS.replace('userId Int', 'userId Int @unique'), /is a list/, 'ix Term?'],
  ])('%s is refused', (_, table, message, column, annotation) => {
    expect(() => build(table, column, annotation)).toThrow(message);
  });

  it('is read alike from the schema and from Prisma', async () => {
    const text = schema(`/// @blindIndex(${ngram})\n  ix Term[]`, { more: TERMS });
    const { datamodel } = await internals.getDMMF({ datamodel: text });
    expect(buildSchemaMap(parseDmmf({ datamodel } as unknown as Dmmf, 'postgresql'))).toEqual(mapOf(text));
  });
});

describe('the normalisers of the application', () => {
  const map = mapOf(schema('/// @blindIndex(of: name, normalize: [trim, "slug@2"])\n  ix String?'));
  const slug = { version: 2, normalize: (text: string) => text };
  const codeOf = (normalizers: object) => {
    try {
      checkNormalizerOption(map, normalizers as never);
      return null;
    } catch (error) {
      return error;
    }
  };

  it('have to be those that indexes name', () => {
    expect(codeOf({ slug })).toBeNull();
    expect(codeOf({ slug, other: { version: 1, normalize: String } })).toBeNull();
    expect(codeOf({})).toMatchObject({ code: 'ERR_OPTIONS', model: 'User', field: 'ix' });
    expect(codeOf({ slug: { ...slug, version: 1 } })).toMatchObject({
      code: 'ERR_SCHEMA_STALE',
      model: 'User',
      field: 'ix',
    });
    expect(codeOf({ slug: { ...slug, version: 3 } })).toMatchObject({ code: 'ERR_SCHEMA_STALE' });
  });

  it.each<[string, object]>([
    ['one that is built in', { slug, trim: slug }],
    ['a version of no number', { slug: { ...slug, version: '2' } }],
    ['no version', { slug: { normalize: String } }],
    ['version 0', { slug: { ...slug, version: 0 } }],
    ['no function', { slug: { version: 2 } }],
  ])('are refused: %s', (_, normalizers) => {
    expect(codeOf(normalizers)).toMatchObject({ code: 'ERR_OPTIONS' });
  });
});

describe('docs/search.md', () => {
  const page = readFileSync(new URL('../../../docs/search.md', import.meta.url), 'utf8');
  const blocks = [...page.matchAll(/```prisma\n(.*?)```/gs)].map(([, text = '']) => text);
  const provider = (name: string) => `datasource db {\n  provider = "${name}"\n}\n`;

  it('has schemas that are accepted', () => {
    const [lists = '', tables = '', fields = ''] = blocks;
    expect(blocks).toHaveLength(4);
    const listed = mapOf(provider('postgresql') + lists).models['Patient']?.indexes['nameGrams'];
    expect(listed).toMatchObject({ kind: 'ngram', list: true });
    for (const database of ['sqlite', 'postgresql'])
      expect(mapOf(provider(database) + tables).models['PatientGram']?.terms).toHaveProperty('term');
    const named = `model A {\n  id Int @id\n  phone String /// @encrypted\n  title String /// @encrypted\n${fields}\n}`;
    expect(mapOf(named).models['A']?.indexes['titleIndex']?.normalize).toEqual(['trim', 'slug']);
  });

  it('has annotations that are accepted', () => {
    const fields = ['name', 'email', 'lastName', 'card'].map((field) => `  ${field} String /// @encrypted`);
    const typed = ['  age String /// @encrypted(type: Int)', '  birthDate String /// @encrypted(type: DateTime)'];
    const annotations = [...page.matchAll(/^\|.*`(\/\/\/ @blindIndex.*)` \|$/gm)].map(([, text = '']) => text);
    expect(annotations.length).toBeGreaterThan(5);
    for (const annotation of annotations) {
      const many = /ngram|max: 10/.test(annotation) ? 'String[]' : 'String?';
      const model = ['model A {', '  id Int @id', ...fields, ...typed, annotation, `  ix ${many}`, '}'].join('\n');
      expect(mapOf(provider('postgresql') + model).models['A']?.indexes).toHaveProperty('ix');
    }
  });
});

describe('a second column', () => {
  const pair = (next: string, { first = 'of: name', ix = 'ix String?', more = '' } = {}) =>
    mapOf(schema(`/// @blindIndex(${first})\n  ${ix}\n  /// @blindIndex(next: ${next}\n  ${more}`)).models['User'];

  it('is the index again, by normalisers of its own', () => {
    const map = pair('ix, normalize: [digits])\n  nx String?', { first: 'of: name, normalize: [trim]' });
    expect(map?.indexes).toMatchObject({
      ix: { of: ['name'], name: 'ix', normalize: ['trim'], next: 'nx', nextOf: null },
      nx: { of: ['name'], name: 'ix', normalize: ['digits'], next: null, nextOf: 'ix' },
    });
    expect(pair('ix)\n  nx String?')?.indexes['nx']).toMatchObject({ normalize: [], unique: false });
  });

  it('is searched while the index root is even, and so are the constraints that hold it', () => {
    const map = mapOf(
      schema(
        '/// @blindIndex(of: name)\n  ix String? @unique\n  /// @blindIndex(next: ix)\n  nx String? @unique\n  @@unique([org, ix])\n  @@unique([org, nx])',
      ),
    );
    const searched = [false, true].map((even) => {
      const user = compileSchema(map, () => [], {}, {}, even).get('User');
      const [index] = user?.encrypted[0]?.[1].indexes ?? [];
      return [index?.spec.column, index?.other?.column, index?.single, [...(user?.renamed ?? [])]];
    });
    expect(searched).toEqual([
      ['ix', 'nx', false, [['org_nx', 'org_ix']]],
      ['nx', 'ix', false, [['org_ix', 'org_nx']]],
    ]);
  });

  it.each<[string, string, { readonly first?: string; readonly ix?: string; readonly more?: string }, RegExp]>([
    ['of no index', 'name)\n  nx String?', {}, /names no index/],
    [
      'of an index that is another column',
      'ix)\n  nx String?\n  /// @blindIndex(next: nx)\n  ny String?',
      {},
      /names no index|has another column|no index of this model/,
    ],
    [
      'second to a second one',
      'ix)\n  nx String?\n  /// @blindIndex(next: ix)\n  ny String?',
      {},
      /another column with next/,
    ],
    ['with arguments of its own', 'ix, bits: 64)\n  nx String?', {}, /beside next/],
    ['that is required', 'ix)\n  nx String', {}, /optional/],
    ['that is a list', 'ix)\n  nx String[]', {}, /one value has one term/],
    [
      'of an index of many terms',
      'ix)\n  nx String[]',
      { first: 'of: name, kind: ngram', ix: 'ix String[]' },
      /many terms/,
    ],
    ['that is unique alone', 'ix)\n  nx String? @unique', {}, /one of them is @unique/],
    ['that is not unique', 'ix)\n  nx String?', { ix: 'ix String? @unique' }, /one of them is @unique/],
    ['left out of a constraint', 'ix)\n  nx String?', { more: '@@unique([org, ix])' }, /repeat every @@unique/],
    ['in a constraint alone', 'ix)\n  nx String?', { more: '@@unique([org, nx])' }, /repeat every @@unique/],
    [
      'in a constraint of another order',
      'ix)\n  nx String?',
      { more: '@@unique([org, ix])\n  @@unique([nx, org])' },
      /repeat every @@unique/,
    ],
    [
      'with normalisers that a range has not',
      'ix, normalize: [trim])\n  nx String?',
      { first: 'of: age, kind: range, from: 0, to: 9, step: 1' },
      /normalize/,
    ],
  ])('is refused %s', (_, next, around, reason) => {
    expect(() => pair(next, around)).toThrow(reason);
  });
});
