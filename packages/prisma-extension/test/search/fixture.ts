/**
 * A schema with an index of every kind, its tables on each database, and clients over them.
 *
 * @module
 */
import type { Keyring } from '@fieldseal/core';
import { type EncryptionOptions, encryption } from '../../src/index.ts';
import { type Opener, openSqlite } from '../differential/comparison.ts';
import { type RuntimeClient, runtimeClient } from '../differential/runtime-client.ts';
import { freshKeyring, type Target } from '../harness.ts';

export type Args = Readonly<Record<string, unknown>>;
export type Row = Record<string, unknown>;

/** The operations of a model without their types. */
export type Model = Readonly<
  Record<
    'create' | 'update' | 'upsert' | 'delete' | 'findUnique' | 'findFirst' | 'findFirstOrThrow' | 'aggregate',
    (args?: Args) => Promise<Row>
  > &
    Record<'findMany' | 'groupBy' | 'updateManyAndReturn', (args?: Args) => Promise<Row[]>> &
    Record<'updateMany' | 'deleteMany' | 'createMany', (args?: Args) => Promise<{ count: number }>> & {
      count(args?: Args): Promise<number>;
    }
>;

/** A client of the schema. */
export type Client = RuntimeClient & {
  readonly person: Model;
  readonly team: Model;
  $extends(extension: object): Client;
  $queryRawUnsafe(sql: string): Promise<Row[]>;
};

type Database = Target['database'];

const TABLES = ['nameGrams', 'namePrefixes', 'nameSuffixes'] as const;

/** schema.prisma of the annotated side. Terms of one value are a list on PostgreSQL, and a table elsewhere. */
export function schemaOf(database: Database): string {
  const text = database === 'mysql' ? ' @db.Text' : '';
  const list = database === 'postgresql';
  const terms = (name: string) => (list ? 'String[]' : `${name}Term[]`);
  const tables = TABLES.map(
    (name) =>
      `model ${name}Term {\n id Int @id @default(autoincrement())\n term String\n rowId String\n row Person @relation(fields: [rowId], references: [id], onDelete: Cascade)\n}`,
  );
  return `datasource db {
  provider = "${database}"
}

model Team {
  id String @id
  people Person[]
}

model Person {
  id String @id
  group Int
  /// @encrypted
  name String?${text}
  /// @blindIndex(of: name, kind: ngram, n: 3, normalize: [lowercase])
  nameGrams ${terms('nameGrams')}
  /// @blindIndex(of: name, kind: prefix, min: 2, max: 4)
  namePrefixes ${terms('namePrefixes')}
  /// @blindIndex(of: name, kind: suffix, min: 2, max: 4)
  nameSuffixes ${terms('nameSuffixes')}
  /// @encrypted(type: Int)
  age String?${text}
  /// @blindIndex(of: age, kind: range, from: 0, to: 100, step: 10)
  ageRange String?
  /// @encrypted
  city String?${text}
  /// @blindIndex(of: city, partitions: 4)
  cityTerm String?
  /// @encrypted
  code String?${text}
  /// @blindIndex(of: code, bits: 8)
  codeTerm String?
  /// @encrypted
  last String?${text}
  /// @encrypted(type: DateTime)
  born String?${text}
  /// @blindIndex(of: [last, born])
  lastBorn String? @unique
  teamId String?
  team Team? @relation(fields: [teamId], references: [id])

  @@unique([group, lastBorn])
}

${list ? '' : tables.join('\n\n')}
`;
}

/** Statements that make the tables, and the database's indexes over terms where `indexed`. */
export function ddlOf(database: Database, indexed = true): string[] {
  const q = (name: string) => (database === 'mysql' ? `\`${name}\`` : `"${name}"`);
  const text = database === 'mysql' ? 'VARCHAR(191) COLLATE utf8mb4_nopad_bin' : 'TEXT';
  const cell = 'TEXT';
  const serial = {
    sqlite: 'INTEGER PRIMARY KEY',
    postgresql: 'SERIAL PRIMARY KEY',
    mysql: 'INTEGER AUTO_INCREMENT PRIMARY KEY',
  };
  const list = database === 'postgresql';
  const columns = [
    `${q('id')} ${text} NOT NULL PRIMARY KEY`,
    `${q('group')} INTEGER NOT NULL`,
    ...['name', 'age', 'city', 'code', 'last', 'born'].map((name) => `${q(name)} ${cell}`),
    ...['ageRange', 'cityTerm', 'codeTerm', 'lastBorn', 'teamId'].map((name) => `${q(name)} ${text}`),
    ...(list ? TABLES.map((name) => `${q(name)} TEXT[]`) : []),
  ];
  const index = (table: string, column: string, how = '') =>
    `CREATE INDEX ${q(`${table}_${column}_idx`)} ON ${q(table)} ${how}(${q(column)})`;
  return [
    `CREATE TABLE ${q('Team')} (${q('id')} ${text} NOT NULL PRIMARY KEY)`,
    `CREATE TABLE ${q('Person')} (${columns.join(', ')})`,
    `CREATE UNIQUE INDEX ${q('Person_lastBorn_key')} ON ${q('Person')} (${q('lastBorn')})`,
    `CREATE UNIQUE INDEX ${q('Person_group_lastBorn_key')} ON ${q('Person')} (${q('group')}, ${q('lastBorn')})`,
    ...(list ? [] : TABLES).flatMap((name) => [
      `CREATE TABLE ${q(`${name}Term`)} (${q('id')} ${serial[database]}, ${q('term')} ${text} NOT NULL, ${q('rowId')} ${text} NOT NULL, FOREIGN KEY (${q('rowId')}) REFERENCES ${q('Person')} (${q('id')}) ON DELETE CASCADE)`,
      `CREATE INDEX ${q(`${name}Term_rowId_idx`)} ON ${q(`${name}Term`)} (${q('rowId')})`,
      ...(indexed ? [index(`${name}Term`, 'term')] : []),
    ]),
    ...(indexed ? ['ageRange', 'cityTerm', 'codeTerm'].map((name) => index('Person', name)) : []),
    ...(indexed && list ? TABLES.map((name) => index('Person', name, 'USING GIN ')) : []),
  ];
}

/** An empty database with its clients. */
export interface Opened {
  /** A client without the extension, over the annotated tables. */
  readonly bare: Client;
  readonly db: Client;
  readonly keyring: Keyring;
  /** Statements that were sent. */
  readonly statements: { readonly query: string; readonly params: string }[];
  /** Another encrypted client over the same database. */
  extend(options: EncryptionOptions, before?: object, adapter?: (adapter: object) => object): Promise<Client>;
  close(): Promise<void>;
}

/** Opens an empty database of the annotated schema. */
export async function open(database: Database, opener: Opener = openSqlite): Promise<Opened> {
  const { adapter, dispose } = await opener();
  const schema = schemaOf(database);
  const statements: Opened['statements'] = [];
  const client = async (through: object) => {
    const made = (await runtimeClient(database, schema, {
      adapter: through,
      log: [{ emit: 'event', level: 'query' }],
    })) as Client & { $on(event: string, listener: (event: { query: string; params: string }) => void): void };
    made.$on('query', ({ query, params }) => statements.push({ query, params }));
    return made as Client;
  };
  const bare = await client(adapter);
  for (const statement of ddlOf(database)) await bare.$executeRawUnsafe(statement);
  const keyring = await freshKeyring();
  const extend: Opened['extend'] = async (options, before = {}, wrap = (same) => same) => {
    const made = (await client(wrap(adapter))).$extends(before);
    return encryption({ keyring, ...options })(made as never) as unknown as Client;
  };
  return {
    bare,
    db: await extend({}),
    keyring,
    statements,
    extend,
    close: async () => {
      await bare.$disconnect();
      await dispose();
      keyring.close();
    },
  };
}
