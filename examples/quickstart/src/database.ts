import type { SchemaMap } from '@fieldseal/prisma';
import type { PrismaClient } from './generated/sqlite/client.ts';

/** A database with its plain client. The two kinds differ in nothing that the rest of the example sees. */
export interface Database {
  readonly provider: 'sqlite' | 'postgresql';
  /** Path or host and schema, without any password. */
  readonly label: string;
  /** A client without encryption: it sees what the database holds. */
  readonly client: PrismaClient;
  /** What the fieldseal generator made of the schema. */
  readonly schema: SchemaMap;
  /** Name of a table, quoted and qualified. */
  table(name: string): string;
  /** Whether a table exists. */
  hasTable(name: string): Promise<boolean>;
  /** Runs several statements, all or none. */
  script(sql: string): Promise<void>;
  /** Everything that is stored, for a search: the bytes of files, or of every row as text. */
  contents(): Promise<readonly Part[]>;
  close(): Promise<void>;
}

/** One file or table of a database. */
export interface Part {
  readonly name: string;
  readonly bytes: Buffer;
}

/** The database that is encrypted, and one with the same tables that is not, to compare with. */
export interface Databases {
  readonly clinic: Database;
  readonly twin: Database;
}
