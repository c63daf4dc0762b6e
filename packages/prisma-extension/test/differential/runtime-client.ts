import { createRequire } from 'node:module';
import { dmmfToRuntimeDataModel, type GetPrismaClientConfig, getPrismaClient } from '@prisma/client/runtime/client';
import internals from '@prisma/internals';
import type { Target } from '../harness.ts';

/** A client whose models are known at run time only. */
export interface RuntimeClient {
  $transaction(work: unknown): Promise<unknown>;
  $executeRawUnsafe(sql: string): Promise<number>;
  $queryRawUnsafe(sql: string): Promise<Record<string, unknown>[]>;
  $disconnect(): Promise<void>;
}

/** One call on a model. */
export type Delegate = Readonly<Record<string, (args: object) => Promise<unknown>>>;

/** Delegate of a model or of a client within a transaction. */
export function delegateOf(client: object, model: string): Delegate {
  return (client as Record<string, Delegate>)[model.charAt(0).toLowerCase() + model.slice(1)] as Delegate;
}

const require = createRequire(import.meta.url);
const { prismaVersion } = (require('../generated/sqlite-js/index.js') as { Prisma: { prismaVersion: Versions } })
  .Prisma;

interface Versions {
  readonly client: string;
  readonly engine: string;
}

/** Compiled once per database: a client costs milliseconds then. */
const compilers = new Map<string, object>();

/** Not in the libraries that the project's types name. */
const { WebAssembly } = globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } };

function compilerOf(database: Target['database']): object {
  const known = compilers.get(database);
  if (known !== undefined) return known;
  const { wasm } = require(`@prisma/client/runtime/query_compiler_fast_bg.${database}.wasm-base64.js`) as {
    wasm: string;
  };
  const made = new WebAssembly.Module(Buffer.from(wasm, 'base64'));
  compilers.set(database, made);
  return made;
}

/** A client for a schema, without `prisma generate`. */
export async function runtimeClient(
  database: Target['database'],
  schema: string,
  options: object,
): Promise<RuntimeClient> {
  const { datamodel } = await internals.getDMMF({ datamodel: schema });
  const config: GetPrismaClientConfig = {
    previewFeatures: [],
    clientVersion: prismaVersion.client,
    engineVersion: prismaVersion.engine,
    activeProvider: database,
    inlineSchema: schema,
    runtimeDataModel: dmmfToRuntimeDataModel(datamodel as never),
    compilerWasm: {
      getRuntime: async () => require(`@prisma/client/runtime/query_compiler_fast_bg.${database}.js`),
      getQueryCompilerWasmModule: async () => compilerOf(database),
      importName: './query_compiler_fast_bg.js',
    },
    // No node at all: queries are compiled with their values in them. The generated clients of other tests have the real one.
    parameterizationSchema: { strings: [], graph: Buffer.of(0, 0, 0).toString('base64url') },
  };
  const Client = getPrismaClient(config) as unknown as new (options: object) => RuntimeClient;
  return new Client(options);
}
