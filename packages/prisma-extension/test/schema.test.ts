import internals from '@prisma/internals';
import { describe, expect, it } from 'vitest';
import { buildSchemaMap } from '../src/schema/build-map.ts';
import { compileSchema } from '../src/schema/compiled-schema.ts';
import { type Dmmf, parseDmmf } from '../src/schema/from-dmmf.ts';
import { parseInlineSchema } from '../src/schema/inline-schema.ts';

const datasource = (provider = 'postgresql') => `datasource db {\n  provider = "${provider}"\n}\n`;

async function dmmfModels(schema: string) {
  return parseDmmf((await internals.getDMMF({ datamodel: schema })) as unknown as Dmmf, 'postgresql').models;
}

const SCHEMAS: Readonly<Record<string, string>> = {
  plain: `model A {\n  id Int @id\n}`,
  comments: `
/// about the model
model A { // trailing
  id   Int    @id /// behind a field
  /// first line
  /// second line
  a    String @default("// no comment") // a comment
  // not documentation
  /// @encrypted
  b    String? /// and behind it
  url  String @default("http://x") @map("the_url")
}`,
  attributes: `
model A {
  id    String  @id @default(dbgenerated("gen_random_uuid()")) @db.Uuid
  a     String  @unique @db.VarChar(20)
  b     Decimal @db.Decimal(10, 2)
  c     DateTime @updatedAt
  d     Int[]   @default([1, 2])
  e     Unsupported("circle")?
  geo   Unsupported("geometry(Point, 4326)")?
  old   String? @ignore
  gone  Gone[]  @ignore
  role  Role    @default(ADMIN)
  x     String
  y     String

  @@unique([x, y])
  @@unique([y, a(sort: Desc)], name: "named")
  @@unique([x], map: "single")
  @@unique(map: "we[ird]", fields: [role, x])
  @@index([x, y])
  @@map("the_a")
}
model Gone {
  id  String @id
  a   A?     @relation(fields: [aId], references: [id])
  aId String? @db.Uuid
  @@ignore
}
enum Role {
  ADMIN /// the boss
  USER
}`,
  relations: `
model User {
  id      String @id
  posts   Post[]
  boss    User?  @relation("boss", fields: [bossId], references: [id], onDelete: SetNull, onUpdate: Cascade)
  bossId  String?
  staff   User[] @relation("boss")
  tags    Tag[]
}
model Post {
  a      Int
  b      Int
  user   User   @relation(fields: [userId], references: [id])
  userId String
  @@id([a, b])
}
model Tag {
  id    String @id
  name  String
  scope String
  users User[]
  @@unique(name: "key", fields: [name, scope])
}`,
  layout: `
generator client {
  provider = "prisma-client"
  output   = "x" // {
}
/* about it */
model   Wide{
  id    Int@id
  other Int?@unique/// tight
  long  Long[] /* block */

  /// one

  /// two
  x     Int
  /// three

  y     String @default("a\\"b // c")
}
/// detached

model Long {
  id   Int  @id /// one
  /// two
  a    Int /// three
  wide Wide @relation( fields: [a], references: [id] )
  /// on an attribute
  @@unique(fields: [id, a])
  /// at the end
}`,
};

describe('the reader of schema text agrees with Prisma', () => {
  it.each(Object.entries(SCHEMAS))('%s', async (_, models) => {
    const schema = datasource() + models;
    expect(parseInlineSchema(schema).models).toEqual(
      (await dmmfModels(schema)).map((model) => ({ ...model, fields: expect.any(Array) })),
    );
    const fields = (all: Awaited<ReturnType<typeof dmmfModels>>) =>
      all.flatMap((model) =>
        model.fields.filter(({ kind }) => kind !== 'unsupported').map((field) => [model.name, field]),
      );
    expect(fields(parseInlineSchema(schema).models)).toEqual(fields(await dmmfModels(schema)));
  });

  it.each([
    ['behind two slashes', 'model A {\n id Int @id\n // @encrypted\n a String\n}', /two slashes/],
    ['behind two slashes on the line', 'model A {\n id Int @id\n a String // @encrypted\n}', /two slashes/],
    ['behind four slashes', 'model A {\n id Int @id\n //// @encrypted\n a String\n}', /running text/],
    ['on an attribute of the model', 'model A {\n id Int @id\n /// @encrypted\n @@map("x")\n}', /belongs to no field/],
    ['at the end of a model', 'model A {\n id Int @id\n /// @encrypted\n}', /belongs to no field/],
    ['replaced by another comment', 'model A {\n /// @encrypted\n\n /// two\n id Int @id\n}', /belongs to no field/],
    ['on the value of an enum', 'enum R {\n A /// @encrypted\n}', /belongs to no field/],
    ['on an enum', '/// @encrypted\nenum R {\n A\n}', /belongs to no field/],
    ['in a composite type', 'type T {\n a String /// @encrypted\n}', /belongs to no field/],
    ['mistyped behind two slashes', 'model A {\n id Int @id\n // @encypted\n a String\n}', /two slashes/],
    ['behind two slashes and a word', 'model A {\n id Int @id\n // later: @encrypted\n a String\n}', /two slashes/],
    ['with a space', 'model A {\n id Int @id\n /// @ encrypted\n a String\n}', /running text/],
    ['with a full-width @', 'model A {\n id Int @id\n /// \uFF20encrypted\n a String\n}', /running text/],
    ['with a prefix', 'model A {\n id Int @id\n /// @fieldseal.encrypted\n a String\n}', /running text/],
    ['behind an opening brace', 'model A { /// @encrypted\n id Int @id\n}', /belongs to no field/],
    ['behind a closing brace', 'model A {\n id Int @id\n} /// @encrypted', /belongs to no field/],
    ['on an ignored field', 'model A {\n id Int @id\n /// @encrypted\n a String @ignore\n}', /does not have/],
    ['in an ignored model', 'model A {\n id Int\n /// @encrypted\n a String\n @@ignore\n}', /does not have/],
    ['on an unsupported type', 'model A {\n id Int @id\n /// @encrypted\n a Unsupported("x")\n}', /does not have/],
    ['detached from a model', '/// @encrypted\n\nmodel A {\n id Int @id\n}', /belongs to no field/],
  ])('refuses an annotation %s, which Prisma drops', (_, schema, message) => {
    expect(() => buildSchemaMap(parseInlineSchema(schema))).toThrow(message);
  });

  it('reads block comments of several lines as Prisma does', () => {
    const [model] = parseInlineSchema('model A {\n id Int @id\n /* why\n @encrypted\n */\n a String\n}').models;
    expect(model?.fields[1]?.documentation.split('\n').map((line) => line.trim())).toEqual(['why', '@encrypted', '']);
  });

  it('refuses lines that it cannot read', () => {
    expect(() => parseInlineSchema('model A {\n ???\n}')).toThrow(/cannot be read/);
    expect(() => parseInlineSchema('model A {\n a String !!\n}')).toThrow(/cannot be read/);
  });

  it('reads the views of a schema', () => {
    const [view] = parseInlineSchema('view V {\n  id Int @unique\n  /// @encrypted\n  a String\n}').models;
    expect(view).toMatchObject({ name: 'V', fields: [{ name: 'id' }, { name: 'a', documentation: '@encrypted' }] });
  });
});

const model = (fields: string, more = '') => `model User {\n  id String @id\n${fields}\n${more}\n}`;

describe('what the schema map holds', () => {
  it('names columns, indexes, relations and compounds', () => {
    const schema = model(
      `  /// @encrypted(pad: 16, name: "person.mail")\n  email String @unique @map("mail")\n  /// @blindIndex(of: email, normalize: [trim], bits: 100, name: "mail")\n  emailIndex String? @unique\n  org String\n  data Json? /// @encrypted`,
      '@@unique([org, emailIndex])\n@@map("users")',
    );
    const plainField = {
      column: 'String',
      type: 'String',
      limit: null,
      list: false,
      unique: false,
      enum: null,
      mode: 'strict',
      bind: [],
      pad: null,
    };
    expect(buildSchemaMap(parseInlineSchema(schema)).models['User']).toEqual({
      dbName: 'users',
      dbSchema: null,
      fields: { id: 'String', email: 'String', emailIndex: 'String', org: 'String', data: 'Json' },
      encrypted: {
        email: {
          ...plainField,
          dbName: 'mail',
          unique: true,
          pad: 16,
          context: { model: 'person', field: 'mail' },
        },
        data: {
          ...plainField,
          column: 'Json',
          type: 'Json',
          dbName: 'data',
          context: { model: 'User', field: 'data' },
        },
      },
      indexes: {
        emailIndex: {
          of: ['email'],
          kind: 'equality',
          dbName: 'emailIndex',
          list: false,
          child: null,
          name: 'mail',
          normalize: ['trim'],
          bits: 100,
          partitions: 1,
          min: 0,
          max: 0,
          n: 0,
          range: null,
          unique: true,
          next: null,
          nextOf: null,
          allowLeakage: null,
        },
      },
      terms: {},
      uniques: ['id', 'emailIndex'],
      bound: {},
      scope: null,
      scopeSources: {},
      compounds: { org_emailIndex: ['org', 'emailIndex'] },
    });
  });

  it('holds types, enums, lists, modes and bindings', () => {
    const schema = `${model(
      '  at Int\n  /// @encrypted(type: DateTime, mode: migrating)\n  born String\n  /// @encrypted(type: Role)\n  role Bytes\n  /// @encrypted(type: Int)\n  marks String[]\n  /// @encrypted(mode: readonly, bind: [at, id])\n  old String?',
    )}\nenum Role {\n  ADMIN\n  USER @map("u") // the rest\n}\nenum Other {\n  A\n}`;
    const map = buildSchemaMap(parseInlineSchema(schema));
    expect(map.enums).toEqual({ Role: ['ADMIN', 'USER'] });
    expect(map.models['User']).toMatchObject({
      encrypted: {
        born: { column: 'String', type: 'DateTime', mode: 'migrating' },
        role: { column: 'Bytes', type: 'String', enum: 'Role' },
        marks: { type: 'Int', list: true },
        old: { mode: 'readonly', bind: ['id', 'at'] },
      },
      bound: {
        id: { dbName: 'id', type: 'String', make: null, spelling: 'any' },
        at: { dbName: 'at', type: 'Int', make: null, spelling: 'any' },
      },
    });
  });

  it.each([
    ['String @id @default(uuid())', 'postgresql', { make: 'uuid(4)', spelling: 'any' }],
    ['String @id @default(uuid(7)) @db.Uuid', 'postgresql', { make: 'uuid(7)', spelling: 'uuid' }],
    ['String @id @default(cuid())', 'mysql', { make: 'cuid(1)', spelling: 'lower' }],
    ['String @id @default(cuid(2)) @db.Citext', 'postgresql', { make: 'cuid(2)', spelling: 'lower' }],
    ['String @id @default(nanoid(10))', 'sqlite', { make: 'nanoid(10)', spelling: 'any' }],
    ['String @id @default(ulid())', 'sqlite', { make: 'ulid()', spelling: 'any' }],
    ['BigInt @id', 'mysql', { type: 'BigInt', make: null, spelling: 'any' }],
  ])('knows how %s on %s is made and spelled', (id, provider, expected) => {
    const schema = `${datasource(provider)}model User {\n  id ${id}\n  /// @encrypted(bind: [id])\n  a String @db.Text\n}`;
    expect(buildSchemaMap(parseInlineSchema(schema)).models['User']?.bound).toEqual({
      id: { dbName: 'id', type: 'String', ...expected },
    });
  });

  it.each([
    ['an autoincrement id', 'Int @id @default(autoincrement())', /made by the database/],
    ['an id that the database makes', 'String @id @default(dbgenerated("gen_random_uuid()"))', /made by the database/],
    ['a time', 'DateTime @id', /type String, Int, BigInt/],
    ['padded text', 'String @id @db.Char(36)', /another text back/],
    ['capital letters where case is folded', 'String @id @default(nanoid()) @db.Citext', /capital letters/],
    ['an optional field', 'String? @unique', /may be NULL/],
  ])('refuses to bind a cell to %s', (_, id, message) => {
    const schema = `${datasource()}model User {\n  id ${id}\n  /// @encrypted(bind: [id])\n  a String\n}`;
    expect(() => buildSchemaMap(parseInlineSchema(schema))).toThrow(message);
  });

  it.each([
    ['an Int column', '  /// @encrypted\n  a Int', /needs a String, Bytes or Json column/],
    ['an enum', '  /// @encrypted\n  a Role\n}\nenum Role {\n  A', /needs a String/],
    ['a relation', '  /// @encrypted\n  a User?', /relation/],
    ['an id', '  /// @encrypted\n  a String @id', /@id/],
    ['a default', '  /// @encrypted\n  a String @default("x")', /@default/],
    ['a generated default', '  /// @encrypted\n  a String @default(uuid())', /@default/],
    ['a unique field without an index', '  /// @encrypted\n  a String @unique', /enforces nothing/],
    [
      'a unique field with an index that is not unique',
      '  /// @encrypted\n  a String @unique\n  /// @blindIndex(of: a)\n  b String?',
      /enforces nothing/,
    ],
    [
      'a foreign key',
      '  /// @encrypted\n  a String\n  r User @relation(fields: [a], references: [id])',
      /relation is built on/,
    ],
    [
      'the target of a relation',
      '  /// @encrypted\n  a String\n  b String\n  r User @relation(fields: [b], references: [a])',
      /relation is built on/,
    ],
    ['a compound unique', '  /// @encrypted\n  a String\n  b String\n  @@unique([a, b])', /a_b/],
    ['a compound id', '  /// @encrypted\n  a String\n  b String\n  @@id([a, b])', /a_b/],
    ['a short VarChar', '  /// @encrypted\n  a String @db.VarChar(60)', /too short/],
    ['a fixed width', '  /// @encrypted\n  a String @db.Char(200)', /cannot hold ciphertext/],
    ['a uuid column', '  /// @encrypted\n  a String @db.Uuid', /cannot hold ciphertext/],
    ['a short VarBinary', '  /// @encrypted\n  a Bytes @db.VarBinary(60)', /too short/],
    ['pad of 1', '  /// @encrypted(pad: 1)\n  a String', /pad/],
    ['pad too large', '  /// @encrypted(pad: 65537)\n  a String', /pad/],
    ['a name of one part', '  /// @encrypted(name: "x")\n  a String', /two parts/],
    ['a name of three parts', '  /// @encrypted(name: "x.y.z")\n  a String', /two parts/],
    ['an empty part', '  /// @encrypted(name: "x.")\n  a String', /two parts/],
    [
      'one name twice',
      '  /// @encrypted(name: "x.y")\n  a String\n  /// @encrypted(name: "x.y")\n  b String',
      /used by User.a/,
    ],
    [
      'a name that is another field',
      '  /// @encrypted\n  a String\n  /// @encrypted(name: "User.a")\n  b String',
      /used by User.a/,
    ],
    ['an unknown type', '  /// @encrypted(type: Text)\n  a String', /no type Text; known are String/],
    ['a type in a Json column', '  /// @encrypted(type: Int)\n  a Json', /needs a String or Bytes column/],
    ['an enum in a Json column', '  /// @encrypted(type: E)\n  a Json\n}\nenum E {\n  A', /needs a String or Bytes/],
    ['an unknown mode', '  /// @encrypted(mode: writing)\n  a String', /migrating, leaving or readonly/],
    ['the mode that is the default', '  /// @encrypted(mode: strict)\n  a String', /migrating, leaving or readonly/],
    ['a binding to nothing', '  /// @encrypted(bind: [])\n  a String', /names no field/],
    ['a binding to an unknown field', '  /// @encrypted(bind: [nope])\n  a String', /bind names nope/],
    ['a binding to itself', '  /// @encrypted(bind: [a])\n  a String', /annotated field/],
    [
      'a binding to a foreign key',
      '  /// @encrypted(bind: [b])\n  a String\n  b String\n  r User @relation(fields: [b], references: [id])',
      /a relation changes it/,
    ],
    ['a binding to a relation', '  /// @encrypted(bind: [r])\n  a String\n  r User?', /type String, Int, BigInt/],
    ['an index of a list', '  /// @encrypted\n  b String[]\n  /// @blindIndex(of: b)\n  a String?', /list/],
    [
      'an index of a Boolean',
      '  /// @encrypted(type: Boolean)\n  b String\n  /// @blindIndex(of: b)\n  a String?',
      /frequency/,
    ],
    [
      'an index of an enum',
      '  /// @encrypted(type: E)\n  b String\n  /// @blindIndex(of: b)\n  a String?\n}\nenum E {\n  A',
      /frequency/,
    ],
    ['two annotations', '  /// @encrypted\n  /// @blindIndex(of: b)\n  a String', /one annotation/],
    ['an index of nothing', '  /// @blindIndex\n  a String?', /needs the field/],
    ['an index of an unknown field', '  /// @blindIndex(of: b)\n  a String?', /names no encrypted field/],
    ['an index of a plain field', '  b String\n  /// @blindIndex(of: b)\n  a String?', /names no encrypted field/],
    ['an index of a prototype member', '  /// @blindIndex(of: constructor)\n  a String?', /names no encrypted field/],
    ['an index of Json', '  /// @encrypted\n  b Json\n  /// @blindIndex(of: b)\n  a String?', /Json/],
    ['an index in an Int column', '  /// @encrypted\n  b String\n  /// @blindIndex(of: b)\n  a Int?', /String/],
    [
      'a required index of an optional field',
      '  /// @encrypted\n  b String?\n  /// @blindIndex(of: b)\n  a String',
      /optional/,
    ],
    [
      'an unknown normaliser',
      '  /// @encrypted\n  b String\n  /// @blindIndex(of: b, normalize: [upper])\n  a String?',
      /no normaliser upper/,
    ],
    [
      'nfkc behind another',
      '  /// @encrypted\n  b String\n  /// @blindIndex(of: b, normalize: [trim, nfkc])\n  a String?',
      /nfkc stands first/,
    ],
    ['too many bits', '  /// @encrypted\n  b String\n  /// @blindIndex(of: b, bits: 257)\n  a String?', /bits/],
    [
      'an index column with a default',
      '  /// @encrypted\n  b String\n  /// @blindIndex(of: b)\n  a String? @default("")',
      /@default/,
    ],
    [
      'a short index column',
      '  /// @encrypted\n  b String\n  /// @blindIndex(of: b)\n  a String? @db.VarChar(32)',
      /too short/,
    ],
    [
      'a fixed-width index column',
      '  /// @encrypted\n  b String\n  /// @blindIndex(of: b)\n  a String? @db.Char(37)',
      /cannot hold index terms/,
    ],
  ])('refuses %s', (_, fields, message) => {
    expect(() => buildSchemaMap(parseInlineSchema(model(fields)))).toThrow(message);
  });

  it('refuses the short columns that MySQL makes of String', () => {
    const schema = (type: string) => `${datasource('mysql')}${model(`  /// @encrypted\n  a String${type}`)}`;
    expect(() => buildSchemaMap(parseInlineSchema(schema('')))).toThrow(/@db.Text/);
    expect(buildSchemaMap(parseInlineSchema(schema(' @db.Text'))).models['User']?.encrypted).toHaveProperty('a');
  });

  it('does not take the members of an object for fields', () => {
    const schema = model('  constructor String @unique\n  toString String @unique\n  valueOf String');
    expect(buildSchemaMap(parseInlineSchema(schema)).models['User']?.encrypted).toEqual({});
  });

  it.each(['AND', 'OR', 'NOT', 'constructor', 'toString'])(
    'refuses a field called %s where it reaches an encrypted one',
    (name) => {
      const plain = `model A {\n  id Int @id\n  ${name} String\n}`;
      compileSchema(buildSchemaMap(parseInlineSchema(plain)));
      const reaching = `${plain.slice(0, -1)}  b B[]\n}\nmodel B {\n  id Int @id\n  a A @relation(fields: [x], references: [id])\n  x Int\n  /// @encrypted\n  s String\n}`;
      expect(() => compileSchema(buildSchemaMap(parseInlineSchema(reaching)))).toThrow(new RegExp(`A.${name}`));
    },
  );

  it('refuses an annotation on a model', () => {
    expect(() => buildSchemaMap(parseInlineSchema(`/// @encrypted\n${model('')}`))).toThrow(/stands on the model/);
  });
});
