import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createKeyring, generateRawKey, keyringMemory, rawKey } from '@fieldseal/core';
import { encryption } from '@fieldseal/prisma';
import { startPostgres } from '@fieldseal/testkit';
import internals from '@prisma/internals';
import { BenchError } from '../bench-error.ts';
import { importRival } from '../rivals.ts';
import { type Client, type Database, type NewPerson, openClient, type SchemaName, schemaPath } from './client.ts';
import { createTables } from './tables.ts';

/** Clients that are compared. `plain again` is plain a second time: its ratio to plain shows what the method cannot tell apart. */
export const VARIANTS = ['plain', 'plain again', 'empty extension', 'fieldseal', 'prisma-field-encryption'] as const;

/** One of {@link VARIANTS}. */
export type VariantName = (typeof VARIANTS)[number];

/** A client over a database of its own. */
export interface Variant {
  readonly name: VariantName;
  readonly client: Client;
  /** The same database without any extension. */
  readonly base: Client;
  readonly schema: SchemaName;
  close(): Promise<void>;
}

/** Opens variants, each over an empty database with tables. */
export interface VariantOpener {
  open(name: VariantName): Promise<Variant>;
  /** Removes what the databases left behind. */
  close(): Promise<void>;
}

const SCHEMAS: Readonly<Record<VariantName, SchemaName>> = {
  plain: 'plain',
  'plain again': 'plain',
  'empty extension': 'plain',
  fieldseal: 'fieldseal',
  'prisma-field-encryption': 'pfe',
};

/** @param postgresUrl - administrator of the server, where the database is PostgreSQL */
export async function variantOpener(database: Database, postgresUrl: string | null): Promise<VariantOpener> {
  const folder = mkdtempSync(join(tmpdir(), 'fieldseal-bench-'));
  const server =
    postgresUrl === null
      ? null
      : await startPostgres({ env: { TEST_POSTGRES_URL: postgresUrl, TEST_SERVICES: 'url' } });
  return {
    open: async (name) => {
      const schema = SCHEMAS[name];
      const place = server === null ? join(folder, `${name.replaceAll(' ', '-')}.db`) : await server.createDatabase();
      const base = await openClient(database, schema, place);
      await createTables(base, database, schema);
      const { client, close } = await extended(name, base, database);
      return {
        name,
        client,
        base,
        schema,
        close: async () => {
          await base.$disconnect();
          close();
        },
      };
    },
    close: async () => {
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Extended {
  readonly client: Client;
  readonly close: () => void;
}

const nothing = (): void => {};

async function extended(name: VariantName, base: Client, database: Database): Promise<Extended> {
  switch (name) {
    case 'plain':
    case 'plain again':
      return { client: base, close: nothing };
    case 'empty extension':
      return { client: base.$extends(emptyExtension), close: nothing };
    case 'fieldseal':
      return withFieldseal(base);
    case 'prisma-field-encryption':
      return withPeer(base, database);
  }
}

interface QueryParams {
  readonly args: unknown;
  readonly query: (args: unknown) => Promise<unknown>;
}

/** Does nothing with every query: what any extension costs. */
const emptyExtension = {
  query: { $allModels: { $allOperations: ({ args, query }: QueryParams) => query(args) } },
};

async function withFieldseal(base: Client): Promise<Extended> {
  const { keyring, recovery } = await createKeyring({
    storage: keyringMemory(),
    openers: [rawKey(generateRawKey())],
  });
  recovery.wipe();
  return { client: base.$extends(encryption({ keyring })), close: () => keyring.close() };
}

interface PeerLibrary {
  fieldEncryptionExtension(options: { encryptionKey: string; dmmf: unknown }): unknown;
}

interface KeyLibrary {
  generateKey(): string;
}

/** Prisma 7 keeps most of the DMMF from extensions; this one needs all of it. */
async function withPeer(base: Client, database: Database): Promise<Extended> {
  const { fieldEncryptionExtension } = await importRival<PeerLibrary>('prisma-field-encryption');
  const dmmf = await internals.getDMMF({ datamodel: readFileSync(schemaPath(database, 'pfe'), 'utf8') });
  const encryptionKey = (await importRival<KeyLibrary>('@47ng/cloak')).generateKey();
  return { client: base.$extends(fieldEncryptionExtension({ encryptionKey, dmmf })), close: nothing };
}

/**
 * Checks that a variant gives back what it was given, and that an encrypting one stores none of it.
 *
 * @throws BenchError when it does not
 */
export async function requireRoundTrip({ name, client, base, schema }: Variant, data: NewPerson): Promise<void> {
  const { id } = await client.entry.create({ data });
  const [read, stored] = [
    await client.entry.findUnique({ where: { id } }),
    await base.entry.findUnique({ where: { id } }),
  ];
  const keys = ['name', 'email', 'phone'] as const;
  if (keys.some((key) => read?.[key] !== data[key])) throw new BenchError(`${name} does not read what it wrote`);
  const found = await client.entry.findFirst({ where: { email: data.email } });
  if (found?.id !== id) throw new BenchError(`${name} does not find what it wrote`);
  if (schema !== 'plain' && keys.some((key) => stored?.[key] === data[key]))
    throw new BenchError(`${name} stores plaintext`);
  await client.entry.deleteMany();
}
