import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { Database } from './database.ts';

/**
 * Prisma's own table of applied migrations, kept as `prisma migrate deploy` keeps it. The example applies its migrations by itself only
 * because it must run where that command's engine cannot be downloaded; the command agrees with what it finds afterwards.
 */
const TABLE = '_prisma_migrations';

const CREATE_TABLE = {
  sqlite: `CREATE TABLE "${TABLE}" (
    "id"                    TEXT PRIMARY KEY NOT NULL,
    "checksum"              TEXT NOT NULL,
    "finished_at"           DATETIME,
    "migration_name"        TEXT NOT NULL,
    "logs"                  TEXT,
    "rolled_back_at"        DATETIME,
    "started_at"            DATETIME NOT NULL DEFAULT current_timestamp,
    "applied_steps_count"   INTEGER UNSIGNED NOT NULL DEFAULT 0
);`,
  postgresql: `CREATE TABLE ${TABLE} (
    id                      VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum                VARCHAR(64) NOT NULL,
    finished_at             TIMESTAMPTZ,
    migration_name          VARCHAR(255) NOT NULL,
    logs                    TEXT,
    rolled_back_at          TIMESTAMPTZ,
    started_at              TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count     INTEGER NOT NULL DEFAULT 0
);`,
} as const;

/** Applies the migrations that a database does not have yet, each with its record in one transaction, and returns their names. */
export async function migrate(database: Database): Promise<string[]> {
  const folder = new URL(`../prisma/${database.provider}/migrations/`, import.meta.url);
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const known = await database.hasTable(TABLE);
  const applied = known ? await appliedTo(database) : new Set<string>();
  const waiting = names.sort().filter((name) => !applied.has(name));
  for (const [at, name] of waiting.entries()) {
    const sql = await readFile(new URL(`${name}/migration.sql`, folder), 'utf8');
    const create = known || at > 0 ? '' : CREATE_TABLE[database.provider];
    await database.script([create, sql, record(database, name, sql)].join('\n'));
  }
  return waiting;
}

async function appliedTo(database: Database): Promise<Set<string>> {
  const rows = await database.client.$queryRawUnsafe<{ migration_name: string }[]>(
    `SELECT migration_name FROM ${database.table(TABLE)} WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL`,
  );
  return new Set(rows.map((row) => row.migration_name));
}

function record({ provider }: Database, name: string, sql: string): string {
  const checksum = createHash('sha256').update(sql).digest('hex');
  const now = new Date();
  // Prisma's engine writes times as milliseconds into SQLite.
  const time = provider === 'sqlite' ? String(now.getTime()) : `'${now.toISOString()}'`;
  return `INSERT INTO "${TABLE}" (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count)
VALUES ('${randomUUID()}', '${checksum}', ${time}, '${name}', NULL, NULL, ${time}, 1);`;
}
