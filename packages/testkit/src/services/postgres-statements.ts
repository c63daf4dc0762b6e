import { Client } from 'pg';
import type { DatabaseStatements } from './throwaway-databases.ts';

/** How databases are made and dropped on PostgreSQL. */
export const POSTGRES_STATEMENTS: DatabaseStatements = {
  create: (name) => `CREATE DATABASE ${name}`,
  drop: (name) => `DROP DATABASE ${name} WITH (FORCE)`,
  execute: executeOnPostgres,
};

/** Runs one statement of ours on a connection of its own. */
export async function executeOnPostgres(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
