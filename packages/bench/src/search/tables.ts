import { createKeyring, generateRawKey, keyringMemory, rawKey } from '@fieldseal/core';
import { encryption } from '@fieldseal/prisma';
import { PrismaPg } from '@prisma/adapter-pg';
import { openGenerated } from '../queries/client.ts';
import { encryptedPatient, fillTables, plainPatient, type StoredPatient, type StoringHelpers } from './fill.ts';
import { SEARCH_KINDS, type SearchKind } from './kinds.ts';
import type { NewPatient } from './patients.ts';

/** Clients that are compared. */
export const SEARCHERS = ['plain', 'fieldseal'] as const;

/** One of {@link SEARCHERS}. */
export type SearcherName = (typeof SEARCHERS)[number];

/** What the searches use of a model. */
interface SearchDelegate {
  findMany(args: { where: object; orderBy?: object }): Promise<readonly (NewPatient & { readonly id: number })[]>;
}

/** What the searches use of a client, whose models are found by name. */
interface SearchClient {
  $extends(extension: unknown): SearchClient;
  readonly $encryption: StoringHelpers;
  $executeRawUnsafe(sql: string, ...values: readonly string[]): Promise<number>;
  $queryRawUnsafe<Row>(sql: string): Promise<Row[]>;
  $disconnect(): Promise<void>;
}

/** A client over tables of its own, one for each kind. */
export interface Searcher {
  readonly name: SearcherName;
  /** Whether the plain tables have trigram indexes. */
  readonly trigrams: boolean;
  model(kind: SearchKind): SearchDelegate;
  /** Lets all tables grow to so many rows. */
  grow(rows: number): Promise<void>;
  /** Size of a table with its indexes, in bytes. */
  size(kind: SearchKind): Promise<number>;
  close(): Promise<void>;
}

/** @param url - an empty database */
export async function openSearcher(name: SearcherName, url: string): Promise<Searcher> {
  const folder = name === 'plain' ? 'postgresql-search-plain' : 'postgresql-search';
  const base = await openGenerated<SearchClient>(folder, new PrismaPg({ connectionString: url }));
  const trigrams = name === 'plain' && (await hasTrigrams(base));
  for (const kind of SEARCH_KINDS) await createTable(base, kind, name);
  const { client, stored, close } = name === 'plain' ? plainly(base) : await encrypted(base);
  const model = ({ delegate }: SearchKind): SearchDelegate =>
    (client as unknown as Readonly<Record<string, SearchDelegate>>)[delegate] as SearchDelegate;
  let rows = 0;
  return {
    name,
    trigrams,
    model,
    grow: async (target) => {
      // An index that is built over all rows is a fraction of the work of one that grows with them.
      for (const { table } of SEARCH_KINDS) await base.$executeRawUnsafe(`DROP INDEX IF EXISTS "${table}_search"`);
      await fillTables((sql, ...values) => base.$executeRawUnsafe(sql, ...values), rows, target, stored);
      for (const kind of SEARCH_KINDS) await createIndex(base, kind, name, trigrams);
      rows = target;
      // Otherwise the planner guesses, and new terms wait in the pending list of a GIN index.
      for (const { table } of SEARCH_KINDS) await base.$executeRawUnsafe(`VACUUM ANALYZE "${table}"`);
    },
    size: async ({ table }) => {
      const [row] = await base.$queryRawUnsafe<{ size: number | bigint }>(
        `SELECT pg_total_relation_size('"${table}"') AS size`,
      );
      return Number(row?.size);
    },
    close: async () => {
      await base.$disconnect();
      close();
    },
  };
}

/** A client, and how rows are made for its tables. */
interface Opened {
  readonly client: SearchClient;
  readonly stored: StoredPatient;
  close(): void;
}

function plainly(client: SearchClient): Opened {
  return { client, stored: plainPatient, close: () => {} };
}

async function encrypted(base: SearchClient): Promise<Opened> {
  const { keyring, recovery } = await createKeyring({ storage: keyringMemory(), openers: [rawKey(generateRawKey())] });
  recovery.wipe();
  const client = base.$extends(encryption({ keyring }));
  return { client, stored: encryptedPatient(client.$encryption), close: () => keyring.close() };
}

/** The extension comes with most servers, and not with all. */
async function hasTrigrams(base: SearchClient): Promise<boolean> {
  return base.$executeRawUnsafe('CREATE EXTENSION pg_trgm').then(
    () => true,
    () => false,
  );
}

async function createTable(base: SearchClient, { table, terms }: SearchKind, name: SearcherName): Promise<void> {
  const columns =
    name === 'plain' ? '"name" TEXT, "born" TIMESTAMP(3)' : `"name" TEXT, "born" TEXT, "${terms.column}" ${terms.type}`;
  await base.$executeRawUnsafe(`CREATE TABLE "${table}" ("id" SERIAL PRIMARY KEY, ${columns})`);
}

async function createIndex(
  base: SearchClient,
  { table, terms, plain }: SearchKind,
  name: SearcherName,
  trigrams: boolean,
): Promise<void> {
  if (name === 'plain' && plain.trigram && !trigrams) return;
  const { index } = name === 'plain' ? plain : terms;
  await base.$executeRawUnsafe(`CREATE INDEX "${table}_search" ON "${table}" USING ${index}`);
}
