import { existsSync } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import type { Database, Databases } from './database.ts';
import { PrismaClient } from './generated/sqlite/client.ts';
import { schema } from './generated/sqlite-map/fieldseal-schema.ts';
import { Problem } from './problem.ts';
import { shownPath } from './screen.ts';

const FILES = { clinic: 'clinic.db', twin: 'plain.db' } as const;
/** An SQLite database is a file and what stands beside it while it is in use. */
const SUFFIXES = ['', '-wal', '-shm', '-journal'];

/** Opens both databases as files in a folder. */
export async function openSqlite(folder: string): Promise<Databases> {
  await mkdir(folder, { recursive: true });
  return { clinic: await open(join(folder, FILES.clinic)), twin: await open(join(folder, FILES.twin)) };
}

/** Deletes the files of both databases. */
export async function deleteSqlite(folder: string): Promise<void> {
  const paths = Object.values(FILES).flatMap((file) => SUFFIXES.map((suffix) => join(folder, file + suffix)));
  for (const path of paths) await rm(path, { force: true });
}

/** Asks for a lock for writing at once, so that a file that is read-only or none of SQLite is noticed before anything is done. */
async function prepare(adapter: PrismaLibSql): Promise<void> {
  const connection = await adapter.connect();
  await connection
    .executeScript('PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; COMMIT')
    .finally(() => connection.dispose());
}

async function open(path: string): Promise<Database> {
  const adapter = new PrismaLibSql({ url: `file:${path}` });
  const script = async (sql: string): Promise<void> => {
    const connection = await adapter.connect();
    // Closing rolls a failed script back.
    await connection.executeScript(`BEGIN IMMEDIATE;\n${sql}\nCOMMIT;`).finally(() => connection.dispose());
  };
  await prepare(adapter).catch((error: unknown) => {
    const reason = /SQLITE_[A-Z]+/.exec(String(error))?.[0] ?? 'no file can be opened there';
    throw new Problem(
      'readOnly',
      `${shownPath(path)} cannot be opened for writing (${reason})`,
      'Check path, permissions and free space; --data names another folder.',
    );
  });
  const client = new PrismaClient({ adapter });
  return {
    provider: 'sqlite',
    label: shownPath(path),
    client,
    schema,
    table: (name) => `"${name}"`,
    hasTable: async (name) => {
      const found = await client.$queryRaw<
        unknown[]
      >`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ${name}`;
      return found.length > 0;
    },
    script,
    contents: async () => {
      const names = SUFFIXES.map((suffix) => path + suffix).filter((file) => existsSync(file));
      return Promise.all(names.map(async (file) => ({ name: basename(file), bytes: await readFile(file) })));
    },
    close: () => client.$disconnect(),
  };
}
