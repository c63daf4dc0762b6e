import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SqlDatabase, SqlDialect } from '@fieldseal/core/jobs';
import { startMariadb, startPostgres } from '@fieldseal/testkit';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaMariaDb } from '@prisma/adapter-mariadb';
import { PrismaPg } from '@prisma/adapter-pg';
import { adapterDatabase, modelTable, SqlRowSource } from '../../src/jobs.ts';

/** Databases that jobs are tested on. */
export const DIALECTS: readonly SqlDialect[] = ['sqlite', 'postgresql', 'mysql'];

/** An empty database with the tables of {@link schemaOf}. */
export interface JobDatabase {
  readonly url: string;
  readonly database: SqlDatabase;
  /** Runs SQL with names in double quotes. */
  run(sql: string, ...args: readonly (string | null)[]): Promise<number>;
  /** Rows of SQL with names in double quotes. */
  rows(sql: string, ...args: readonly (string | null)[]): Promise<readonly (readonly (string | null)[])[]>;
  source(model: 'Patient' | 'Visit', options?: SourceOptions): SqlRowSource;
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface SourceOptions {
  readonly schema?: string;
  readonly fields?: readonly string[];
  readonly before?: string;
  readonly database?: SqlDatabase;
}

let postgres: ReturnType<typeof startPostgres> | undefined;
let mariadb: ReturnType<typeof startMariadb> | undefined;

export async function stopServers(): Promise<void> {
  await Promise.all([postgres, mariadb].map(async (service) => (await service)?.stop()));
  postgres = undefined;
  mariadb = undefined;
}

/** What a test may say otherwise about the schema. */
export interface SchemaVariant {
  /** Annotation of Patient.phone. */
  readonly phone?: string;
  /** Mode of the fields of Visit, with the comma before it. */
  readonly mode?: string;
}

/** The schema of a clinic: ids of one column and of two, fields of every kind of column. */
export function schemaOf(
  dialect: SqlDialect,
  { phone = '@encrypted', mode = ', mode: migrating' }: SchemaVariant = {},
): string {
  const mysql = dialect === 'mysql';
  const text = mysql ? ' @db.LongText' : '';
  const short = mysql ? ' @db.VarChar(191)' : '';
  return `
datasource db {
  provider = "${dialect}"
}
model Patient {
  id         String   @id @default(uuid()) ${dialect === 'postgresql' ? '@db.Uuid' : short}
  name       String ${text}
  /// @encrypted
  email      String?${text}
  /// @blindIndex(of: email, normalize: [lowercase])
  emailIndex String?${short} @map("email_index")
  /// ${phone}
  phone      String?${text} @map("the_phone")
  /// @encrypted(pad: 32)
  photo      Bytes?
  /// @encrypted
  profile    Json?
  ${dialect === 'postgresql' ? '/// @encrypted\n  tags String[]\n /// @encrypted\n  scans Bytes[]' : ''}
  updatedAt  DateTime @updatedAt
  @@map("patients of 'today'")
}
model Visit {
  clinic    String ${short}
  number    BigInt
  remark    String? ${text}
  /// @encrypted(type: String${mode})
  note      String?${text}
  /// @blindIndex(of: note)
  noteIndex String?${short} @unique
  /// @encrypted(type: Int${mode})
  age       String?${text}
  /// @encrypted(type: Json${mode})
  extra     Json?
  /// @encrypted(type: Bytes${mode})
  scan      Bytes?
  @@id([clinic, number])
}
`;
}

const TYPES = {
  sqlite: { id: 'TEXT', text: 'TEXT', term: 'TEXT', bytes: 'BLOB', json: 'JSONB', time: 'DATETIME', lists: '' },
  postgresql: {
    id: 'UUID',
    text: 'TEXT',
    term: 'TEXT',
    bytes: 'BYTEA',
    json: 'JSONB',
    time: 'TIMESTAMP(6)',
    lists: ', "tags" TEXT[], "scans" BYTEA[]',
  },
  mysql: {
    id: 'VARCHAR(191)',
    text: 'LONGTEXT',
    term: 'VARCHAR(191)',
    bytes: 'LONGBLOB',
    json: 'JSON',
    time: 'DATETIME(6) NOT NULL',
    lists: '',
  },
} as const;

function tables(dialect: SqlDialect): readonly string[] {
  const { id, text, term, bytes, json, time, lists } = TYPES[dialect];
  const part = dialect === 'postgresql' ? text : id;
  return [
    `CREATE TABLE "patients of 'today'" ("id" ${id} NOT NULL PRIMARY KEY, "name" ${text}, "email" ${text}, "email_index" ${term}, "the_phone" ${text}, "photo" ${bytes}, "profile" ${json}, "updatedAt" ${time}${lists})`,
    `CREATE TABLE "Visit" ("clinic" ${part} NOT NULL, "number" BIGINT NOT NULL, "remark" ${text}, "note" ${text}, "noteIndex" ${term} UNIQUE, "age" ${text}, "extra" ${json}, "scan" ${bytes}, PRIMARY KEY ("clinic", "number"))`,
  ];
}

export async function openJobDatabase(dialect: SqlDialect): Promise<JobDatabase> {
  const { url, factory, dispose } = await OPEN[dialect]();
  const adapter = await factory.connect();
  const database = adapterDatabase(adapter, dialect);
  const spelled = (sql: string): string => {
    if (dialect === 'mysql') return sql.replaceAll('"', '`').replaceAll(/X'([0-9a-f]*)'/g, "UNHEX('$1')");
    let number = 0;
    return dialect === 'postgresql'
      ? sql
          .replaceAll(/\?(::\w+)?/g, (_, cast: string | undefined) => `$${++number}${cast ?? '::text'}`)
          .replaceAll(/X'([0-9a-f]*)'/g, "decode('$1', 'hex')")
      : sql;
  };
  const run = (sql: string, ...args: readonly (string | null)[]) => database.execute(spelled(sql), args);
  for (const table of tables(dialect)) await run(table);
  return {
    url,
    database,
    run,
    rows: (sql, ...args) => database.query(spelled(sql), args),
    source: (model, { schema = schemaOf(dialect), fields, before, database: own = database } = {}) =>
      new SqlRowSource(own, modelTable({ schema, model, fields, before })),
    clear: async () => {
      const made = ['fieldseal_job', 'fieldseal_job_chunk', 'fieldseal_job_quarantine'];
      for (const table of ["patients of 'today'", 'Visit']) await run(`DELETE FROM "${table}"`);
      // They are there once a job was started. Making them anew for every test takes longer than the test.
      for (const table of made) await run(`DELETE FROM ${table}`).catch(() => undefined);
    },
    close: async () => {
      await adapter.dispose();
      await dispose();
    },
  };
}

interface Opened {
  readonly url: string;
  readonly factory: PrismaLibSql | PrismaPg | PrismaMariaDb;
  readonly dispose: () => Promise<void>;
}

const OPEN: Record<SqlDialect, () => Promise<Opened>> = {
  sqlite: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fieldseal-jobs-'));
    const url = `file:${join(folder, 'test.db')}`;
    return {
      url,
      factory: new PrismaLibSql({ url }),
      dispose: async () => rmSync(folder, { recursive: true, force: true }),
    };
  },
  postgresql: async () => {
    postgres ??= startPostgres();
    const url = await (await postgres).createDatabase();
    return { url, factory: new PrismaPg({ connectionString: url }), dispose: async () => {} };
  },
  mysql: async () => {
    mariadb ??= startMariadb();
    const url = await (await mariadb).createDatabase();
    return { url, factory: new PrismaMariaDb(url), dispose: async () => {} };
  },
};
