import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { PrismaLibSql } from '@prisma/adapter-libsql';
import { PrismaPg } from '@prisma/adapter-pg';
import { PACKAGE } from '../folders.ts';

/** Databases that are measured. */
export const DATABASES = ['sqlite', 'postgresql'] as const;

/** One of {@link DATABASES}. */
export type Database = (typeof DATABASES)[number];

/** Schemas that clients are generated from: the same two models, annotated for nobody, for us, and for prisma-field-encryption. */
export type SchemaName = 'plain' | 'fieldseal' | 'pfe';

/** A row of either model, as all clients show it. */
export interface Person {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
}

/** What a new row is made of. */
export type NewPerson = Omit<Person, 'id'>;

/** What the benchmarks use of a model. The clients are generated when they are needed, so that their own types are not there to be used. */
export interface Delegate {
  create(args: { data: NewPerson }): Promise<Person>;
  createMany(args: { data: readonly NewPerson[] }): Promise<{ count: number }>;
  findUnique(args: { where: { id: number } }): Promise<Person | null>;
  findFirst(args: { where: Partial<Person> }): Promise<Person | null>;
  findMany(args?: object): Promise<Person[]>;
  update(args: { where: { id: number }; data: Partial<NewPerson> }): Promise<Person>;
  deleteMany(args?: object): Promise<{ count: number }>;
  count(): Promise<number>;
}

/** What the benchmarks use of a client. */
export interface Client {
  readonly person: Delegate;
  readonly entry: Delegate;
  $extends(extension: unknown): Client;
  $executeRawUnsafe(sql: string): Promise<number>;
  $queryRawUnsafe<Row>(sql: string): Promise<Row[]>;
  $disconnect(): Promise<void>;
}

/** Opens a generated client on a database: a path for SQLite, a connection string for PostgreSQL. */
export async function openClient(database: Database, schema: SchemaName, place: string): Promise<Client> {
  const adapter =
    database === 'sqlite' ? new PrismaLibSql({ url: `file:${place}` }) : new PrismaPg({ connectionString: place });
  return openGenerated<Client>(`${database}-${schema}`, adapter);
}

/** Opens the client that was generated into a folder of this name. */
export async function openGenerated<Generated>(name: string, adapter: object): Promise<Generated> {
  const module = pathToFileURL(join(PACKAGE, `generated/dist/${name}/client.js`)).href;
  const { PrismaClient } = (await import(module)) as { PrismaClient: new (options: object) => Generated };
  return new PrismaClient({ adapter });
}

/** Path of the schema that a client was generated from. */
export function schemaPath(database: Database, schema: SchemaName): string {
  return join(PACKAGE, `prisma/${database}/${schema}/schema.prisma`);
}
