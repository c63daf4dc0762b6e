import {
  createKeyring,
  generateRawKey,
  type Keyring,
  type KeyStore,
  keyringMemory,
  loadKeysets,
  memoryKeyStore,
  type OpenKeyringOptions,
  openKeyring,
  rawKey,
} from '@fieldseal/core';
import { type EncryptionHelpers, type EncryptionOptions, encryption } from '../src/index.ts';
import { openSqlite } from './differential/comparison.ts';
import { runtimeClient } from './differential/runtime-client.ts';

/** Models whose rows belong to tenants: by a plain column, by the key of a relation, by a number, by their own id, with cells bound to their row, and one that has none. */
export const SCOPED_SCHEMA = `datasource db {
  provider = "sqlite"
}

model Tenant {
  id    String @id @default(uuid())
  slug  String @unique
  users User[]
}

model User {
  id         Int     @id
  /// @scope
  tenantId   String
  tenant     Tenant  @relation(fields: [tenantId], references: [id])
  name       String  @default("")
  /// @encrypted
  email      String?
  /// @blindIndex(of: email)
  emailIndex String?
  /// @encrypted
  notes      String?
  groupId    Int?
  group      Group?  @relation(fields: [groupId], references: [id])
  posts      Post[]

  @@unique([tenantId, emailIndex], name: "tenantEmail")
}

model Group {
  id    Int    @id
  users User[]
}

model Post {
  id        Int     @id
  /// @scope
  tenant    String
  authorId  Int?
  author    User?   @relation(fields: [authorId], references: [id])
  /// @encrypted
  body      String?
  /// @blindIndex(of: body)
  bodyIndex String? @unique
  /// @blindIndex(of: body, kind: prefix, min: 2, max: 2, bits: 16)
  bodyStart String?
  /// @encrypted(type: Int)
  score     String?
  /// @blindIndex(of: score, kind: range, from: 0, to: 100, step: 10)
  scoreRange String?
}

model Ledger {
  id     Int     @id
  /// @scope
  book   Int
  /// @encrypted
  amount String?
}

model Account {
  /// @scope
  id     String  @id @default(uuid())
  /// @encrypted
  apiKey String?
}

model Memo {
  id     Int    @id
  /// @scope
  tenant String
  topic  String @default("")
  /// @encrypted(bind: [id])
  text   String?
}

model Setting {
  id         Int     @id
  /// @encrypted
  value      String?
  /// @blindIndex(of: value)
  valueIndex String?
}
`;

const DDL = [
  'CREATE TABLE "Tenant" (id TEXT PRIMARY KEY, slug TEXT NOT NULL UNIQUE)',
  'CREATE TABLE "Group" (id INTEGER PRIMARY KEY)',
  `CREATE TABLE "User" (id INTEGER PRIMARY KEY, "tenantId" TEXT NOT NULL REFERENCES "Tenant" (id) ON UPDATE CASCADE, name TEXT NOT NULL DEFAULT '',
    email TEXT, "emailIndex" TEXT, notes TEXT, "groupId" INTEGER REFERENCES "Group" (id), UNIQUE ("tenantId", "emailIndex"))`,
  `CREATE TABLE "Post" (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, "authorId" INTEGER REFERENCES "User" (id), body TEXT,
    "bodyIndex" TEXT UNIQUE, "bodyStart" TEXT, score TEXT, "scoreRange" TEXT)`,
  'CREATE TABLE "Ledger" (id INTEGER PRIMARY KEY, book INTEGER NOT NULL, amount TEXT)',
  'CREATE TABLE "Account" (id TEXT PRIMARY KEY, "apiKey" TEXT)',
  `CREATE TABLE "Memo" (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, topic TEXT NOT NULL DEFAULT '', text TEXT)`,
  'CREATE TABLE "Setting" (id INTEGER PRIMARY KEY, value TEXT, "valueIndex" TEXT)',
];

/** Operations that the tests call. */
export type Operation =
  | 'findMany'
  | 'findFirst'
  | 'findUnique'
  | 'create'
  | 'createMany'
  | 'update'
  | 'updateMany'
  | 'upsert'
  | 'delete'
  | 'deleteMany'
  | 'count'
  | 'groupBy';

type Delegate = Readonly<Record<Operation, (args: object) => Promise<unknown>>>;

/** An extended client over {@link SCOPED_SCHEMA}. */
export type ScopedClient = Readonly<
  Record<'tenant' | 'user' | 'group' | 'post' | 'ledger' | 'account' | 'memo' | 'setting', Delegate>
> & {
  readonly $encryption: EncryptionHelpers<Record<string, Record<string, unknown>>>;
  $transaction<Result>(work: (tx: ScopedClient) => Promise<Result>): Promise<Result>;
  $transaction(calls: readonly Promise<unknown>[]): Promise<readonly unknown[]>;
};

/** A database of tenants, with the statements that were sent. */
export interface ScopedDatabase {
  readonly db: ScopedClient;
  /** A client without the extension. */
  readonly plain: ScopedClient;
  readonly keyring: Keyring;
  readonly keyStore: CountingStore;
  readonly statements: string[];
  /** The same keyring, as another process opens it. */
  reopen(options?: Pick<OpenKeyringOptions, 'cache'>): Promise<Keyring>;
  extend(options?: EncryptionOptions): ScopedClient;
  sql(statement: string): Promise<unknown>;
  close(): Promise<void>;
}

/** A key store that counts. */
export interface CountingStore extends KeyStore {
  /** Round trips. */
  loads: number;
  saves: number;
  readonly scopesOf: Set<string>;
}

function countingStore(store: KeyStore): CountingStore {
  const counting: CountingStore = {
    loads: 0,
    saves: 0,
    scopesOf: new Set(),
    load: (scope) => {
      counting.loads++;
      return store.load(scope);
    },
    loadMany: (scopes) => {
      counting.loads++;
      return loadKeysets(store, scopes);
    },
    save: (record, expected) => {
      counting.saves++;
      counting.scopesOf.add(record.scope);
      return store.save(record, expected);
    },
  };
  return counting;
}

/** Opens one, on SQLite. */
export async function openScoped(
  options: EncryptionOptions = {},
  store: KeyStore = memoryKeyStore(),
): Promise<ScopedDatabase> {
  const { adapter, dispose } = await openSqlite();
  const log = [{ emit: 'event', level: 'query' }];
  const base = await runtimeClient('sqlite', SCOPED_SCHEMA, { adapter, log });
  const statements: string[] = [];
  (base as unknown as { $on(event: 'query', listen: (event: { query: string }) => void): void }).$on(
    'query',
    ({ query }) => statements.push(query),
  );
  for (const statement of DDL) await base.$executeRawUnsafe(statement);
  const keyStore = countingStore(store);
  const from = { storage: keyringMemory(), openers: [rawKey(generateRawKey())], keyStore };
  const { keyring } = await createKeyring(from);
  const extend = (given: EncryptionOptions = {}) =>
    encryption({ keyring, ...given })(base as never) as unknown as ScopedClient;
  return {
    db: extend(options),
    plain: base as unknown as ScopedClient,
    keyring,
    keyStore,
    reopen: (options = {}) => openKeyring({ ...from, ...options }),
    statements,
    extend,
    sql: (statement) => base.$executeRawUnsafe(statement),
    close: async () => {
      await base.$disconnect();
      await dispose();
      keyring.close();
    },
  };
}

/** Empties all tables and gives each of the tenants `a` and `b` a user with the same address, and further users if they are given. */
export async function fillTenants({ db, sql, statements }: ScopedDatabase, ...more: readonly object[]): Promise<void> {
  for (const table of ['Post', 'User', 'Group', 'Tenant', 'Ledger', 'Account', 'Memo', 'Setting'])
    await sql(`DELETE FROM "${table}"`);
  await sql(`INSERT INTO "Tenant" VALUES ('a', 'alpha'), ('b', 'beta')`);
  await db.user.createMany({
    data: [
      { id: 1, tenantId: 'a', email: 'ada@x', notes: 'of a' },
      { id: 2, tenantId: 'b', email: 'ada@x', notes: 'of b' },
      ...more,
    ],
  });
  statements.length = 0;
}
