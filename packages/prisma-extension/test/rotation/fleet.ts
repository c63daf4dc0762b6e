/**
 * A table with indexes of every kind that a column holds, and processes that know the keyring as it was when they last read it.
 *
 * @module
 */
import {
  createKeyring,
  generateRawKey,
  type Keyring,
  type KeySource,
  keyringMemory,
  openKeyring,
  rawKey,
} from '@fieldseal/core';
import { JobEngine } from '@fieldseal/core/jobs';
import { encryption } from '../../src/index.ts';
import { countIndexTerms, modelTable, prismaDatabase, prismaRows, rowsToFill, rowsWithout } from '../../src/jobs.ts';
import type { Opener } from '../differential/comparison.ts';
import { type RuntimeClient, runtimeClient } from '../differential/runtime-client.ts';
import type { Target } from '../harness.ts';
import type { Model } from '../search/fixture.ts';

/** A client of the schema. */
export type Client = RuntimeClient & {
  readonly account: Model;
  $queryRawUnsafe(sql: string): Promise<Record<string, unknown>[]>;
};

type Database = Target['database'];

/** schema.prisma. */
export function schemaOf(database: Database, scoped = false): string {
  const list = database === 'postgresql';
  const text = database === 'mysql' ? ' @db.Text' : '';
  const gram =
    'model Gram {\n  id String @id @default(uuid())\n  term String\n  accountId String\n  account Account @relation(fields: [accountId], references: [id], onDelete: Cascade)\n}';
  return `datasource db {
  provider = "${database}"
}

model Account {
  id String @id
  ${scoped ? '/// @scope\n  ' : ''}tenant String
  /// @encrypted
  email String?${text}
  /// @blindIndex(of: email, normalize: [lowercase])
  emailIndex String? @unique
  /// @blindIndex(next: emailIndex)
  emailNext String? @unique
  /// @encrypted
  phone String?${text}
  /// @blindIndex(of: phone)
  phoneIndex String?
  /// @blindIndex(next: phoneIndex)
  phoneNext String?
  /// @encrypted
  name String?${text}
  /// @blindIndex(of: name)
  nameIndex String?
  /// @blindIndex(of: name, kind: ngram, n: 3)
  nameGrams ${list ? 'String[]' : 'Gram[]'}
  /// @encrypted(type: Int)
  age String?${text}
  /// @blindIndex(of: age, kind: range, from: 0, to: 100, step: 10)
  ageRange String?
  /// @encrypted
  city String?${text}
  /// @blindIndex(of: city, partitions: 4)
  cityTerm String?
  /// @blindIndex(of: [name, age])
  nameAge String?

  @@unique([tenant, phoneIndex])
  @@unique([tenant, phoneNext])
}

${list ? '' : gram}
`;
}

const COLUMNS = [
  ...['tenant', 'email', 'emailIndex', 'emailNext', 'phone', 'phoneIndex', 'phoneNext', 'name', 'nameIndex'],
  ...['age', 'ageRange', 'city', 'cityTerm', 'nameAge'],
];

/** Those that hold cells. */
const CELLS: readonly string[] = ['email', 'phone', 'name', 'age', 'city'];

function ddlOf(database: Database): string[] {
  const q = (name: string): string => (database === 'mysql' ? `\`${name}\`` : `"${name}"`);
  const short = database === 'mysql' ? 'VARCHAR(191) COLLATE utf8mb4_nopad_bin' : 'TEXT';
  const columns = COLUMNS.map((name) => `${q(name)} ${CELLS.includes(name) ? 'TEXT' : short}`);
  if (database === 'postgresql') columns.push('"nameGrams" TEXT[]');
  const unique = (...names: string[]): string =>
    `CREATE UNIQUE INDEX ${q(`Account_${names.join('_')}_key`)} ON ${q('Account')} (${names.map(q).join(', ')})`;
  return [
    `CREATE TABLE ${q('Account')} (${q('id')} ${short} NOT NULL PRIMARY KEY, ${columns.join(', ')})`,
    unique('emailIndex'),
    unique('emailNext'),
    unique('tenant', 'phoneIndex'),
    unique('tenant', 'phoneNext'),
    `CREATE TABLE ${q('Gram')} (${q('id')} ${short} NOT NULL PRIMARY KEY, ${q('term')} ${short} NOT NULL, ${q('accountId')} ${short} NOT NULL, FOREIGN KEY (${q('accountId')}) REFERENCES ${q('Account')} (${q('id')}) ON DELETE CASCADE)`,
  ];
}

/** A process: what it knows of the keyring is what it last read. */
export interface Process {
  readonly db: Client;
  /** Reads the keyring again. */
  learn(): Promise<void>;
}

/** A database and a keyring that several processes use. */
export interface Fleet {
  /** A client without the extension. */
  readonly bare: Client;
  /** The keyring of the operator. */
  readonly keyring: Keyring;
  process(): Promise<Process>;
  /** Runs a job that fills the indexes; returns how many rows are left to fill. */
  fill(): Promise<number>;
  /** Encrypts the plaintext of fields. */
  backfill(fields: readonly string[]): Promise<void>;
  /** Rows without a term of a root, as the steps of a rotation count them. */
  lacking(keyId: string, alone: boolean): () => Promise<number>;
  /** Versions of terms by column, as `column: versions`. */
  versions(): Promise<Record<string, string>>;
  close(): Promise<void>;
}

/**
 * Opens an empty database with a keyring of one index root.
 *
 * @param scope - the scope that is rotated, of a schema whose rows name theirs
 */
export async function openFleet(
  database: Database,
  opener: Opener,
  schema = schemaOf(database),
  scope?: string,
): Promise<Fleet> {
  const { adapter, dispose } = await opener();
  const client = async () => (await runtimeClient(database, schema, { adapter })) as Client;
  const bare = await client();
  for (const statement of ddlOf(database)) await bare.$executeRawUnsafe(statement);
  const [storage, openers] = [keyringMemory(), [rawKey(generateRawKey())]];
  const { keyring, recovery } = await createKeyring({ storage, openers });
  recovery.wipe();
  const opened: Keyring[] = [keyring];
  const read = async (): Promise<Keyring> => {
    const own = await openKeyring({ storage, openers });
    opened.push(own);
    await own.resolve('');
    return own;
  };
  const table = modelTable({ schema, model: 'Account' });
  const sql = prismaDatabase(bare as never, table.dialect);
  const confined = scope === undefined ? {} : { scope };
  const rootOf = async (keyId: string) => {
    const { indexRoots } = await keyring.resolve(scope ?? '');
    return indexRoots.find((root) => root.keyId === keyId) ?? indexRoots[0];
  };
  return {
    bare,
    keyring,
    process: async () => {
      let known = await read();
      const keys: KeySource = {
        peek: (scope, keyIds) => known.peek(scope, keyIds),
        resolve: (scope, keyIds) => known.resolve(scope, keyIds),
        resolveMany: (wanted) => known.resolveMany(wanted),
        addScope: (id) => known.addScope(id),
      };
      const db = encryption({ keyring: keys })((await client()) as never) as unknown as Client;
      return {
        db,
        learn: async () => {
          known = await read();
        },
      };
    },
    fill: async () => {
      const jobs = new JobEngine({
        source: prismaRows(bare as never, 'Account', { schema, ...confined }),
        keys: keyring,
      });
      await jobs.work(await jobs.start({ kind: 'reindex' }));
      return rowsToFill(await keyring.resolve(scope ?? ''), await countIndexTerms(sql, table, scope));
    },
    backfill: async (fields) => {
      const jobs = new JobEngine({ source: prismaRows(bare as never, 'Account', { schema, fields }), keys: keyring });
      await jobs.work(await jobs.start({ kind: 'backfill' }));
    },
    lacking: (keyId, alone) => async () => {
      const root = await rootOf(keyId);
      if (root === undefined) throw new Error('no such root');
      return rowsWithout(root, await countIndexTerms(sql, table, scope), alone);
    },
    versions: async () => {
      const lines = (await countIndexTerms(sql, table, scope)).flatMap(({ first, second }) => [
        ...first,
        ...(second ?? []),
      ]);
      const found: Record<string, string> = {};
      for (const { column, version } of lines) {
        const name = column.replace('Account.', '');
        const known = found[name]?.split(' ') ?? [];
        found[name] = [...new Set([...known, String(version ?? '-')])].sort().join(' ');
      }
      return found;
    },
    close: async () => {
      await bare.$disconnect();
      await dispose();
      for (const each of opened) each.close();
    },
  };
}
