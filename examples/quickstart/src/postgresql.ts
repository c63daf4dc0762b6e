import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import type { Database, Databases } from './database.ts';
import { PrismaClient as PostgresClient } from './generated/postgresql/client.ts';
import { schema } from './generated/postgresql-map/fieldseal-schema.ts';
import type { PrismaClient } from './generated/sqlite/client.ts';

const SCHEMAS = { clinic: 'fieldseal_quickstart', twin: 'fieldseal_quickstart_plain' } as const;
const CONNECT_MS = 5000;

/** Opens both databases as schemas of one PostgreSQL database. */
export async function openPostgresql(url: string): Promise<Databases> {
  return { clinic: await open(url, SCHEMAS.clinic), twin: await open(url, SCHEMAS.twin) };
}

/** Drops both schemas. Their names are this example's own. */
export async function dropPostgresql(url: string): Promise<void> {
  for (const name of Object.values(SCHEMAS)) await query(url, `DROP SCHEMA IF EXISTS "${name}" CASCADE`);
}

async function open(url: string, name: string): Promise<Database> {
  await query(url, `CREATE SCHEMA IF NOT EXISTS "${name}"`);
  const adapter = new PrismaPg({ connectionString: url, connectionTimeoutMillis: CONNECT_MS }, { schema: name });
  // The two schema files differ in provider and output only, so that one client type serves both.
  const client = new PostgresClient({ adapter }) as unknown as PrismaClient;
  const { host, pathname } = new URL(url);
  return {
    provider: 'postgresql',
    label: `${host}${pathname} schema ${name}`,
    client,
    schema,
    table: (table) => `"${name}"."${table}"`,
    hasTable: async (table) => {
      const found = await client.$queryRaw<unknown[]>`
        SELECT 1 FROM information_schema.tables WHERE table_schema = ${name} AND table_name = ${table}`;
      return found.length > 0;
    },
    // Several statements in one query are one transaction.
    script: async (sql) => void (await query(url, `SET search_path TO "${name}";\n${sql}`)),
    contents: async () => {
      const tables = await client.$queryRaw<{ table_name: string }[]>`
        SELECT table_name FROM information_schema.tables WHERE table_schema = ${name} ORDER BY table_name`;
      return Promise.all(
        tables.map(async ({ table_name: table }) => {
          const rows = await client.$queryRawUnsafe<{ row: string }[]>(
            `SELECT t::text AS row FROM "${name}"."${table}" t`,
          );
          return { name: table, bytes: Buffer.from(rows.map(({ row }) => row).join('\n')) };
        }),
      );
    },
    close: () => client.$disconnect(),
  };
}

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_MS });
  await client.connect();
  await client.query(sql).finally(() => client.end());
}
