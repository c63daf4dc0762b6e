/**
 * The clients that the other generators of a schema have written, and where their types are.
 *
 * @module
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FieldsealError } from '@fieldseal/core';
import { rewriteClient } from './client-text.ts';
import type { LineEdit } from './line-edit.ts';

/** The part of a generator's configuration that is read. */
export interface GeneratorBlock {
  readonly name: string;
  readonly provider: { readonly value: string | null };
  readonly output: { readonly value: string | null } | null;
  readonly isCustomOutput?: boolean | undefined;
  readonly config: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Where a client keeps its version, and the types of each model. */
interface ClientLayout {
  readonly versionFile: string;
  fileOf(model: string): string;
}

/** By provider. */
const LAYOUTS: Readonly<Record<string, (client: GeneratorBlock, output: string) => ClientLayout>> = {
  'prisma-client': ({ config }, output) => {
    const extension = String(config['generatedFileExtension'] ?? 'ts');
    return {
      versionFile: join(output, 'internal', `prismaNamespace.${extension}`),
      fileOf: (model) => join(output, 'models', `${model}.${extension}`),
    };
  },
  'prisma-client-js': ({ isCustomOutput }, output) => {
    // Without an output of its own Prisma names the package that re-exports the client.
    const file = join(isCustomOutput === true ? output : join(output, '../../.prisma/client'), 'index.d.ts');
    return { versionFile: file, fileOf: () => file };
  },
};

const VERSION = /^\s*\* Prisma Client JS version: (\S+)$/m;
const SUPPORTED = /^7\.10\.\d+$/;

/**
 * The clients of a schema.
 *
 * @param own - name of our generator
 * @throws ERR_SCHEMA when one is generated after ours: Prisma runs generators in the order of the schema
 */
export function clientsOf(datamodel: string, own: string, others: readonly GeneratorBlock[]): GeneratorBlock[] {
  const order = [...datamodel.matchAll(/^[ \t]*generator[ \t]+(\w+)[ \t]*\{/gm)].map(([, name]) => name);
  const clients = others.filter(({ provider }) => Object.hasOwn(LAYOUTS, provider.value ?? ''));
  const late = clients.find(({ name }) => order.indexOf(name) < 0 || order.indexOf(name) > order.indexOf(own));
  if (late === undefined) return clients;
  throw new FieldsealError('ERR_SCHEMA', `the generator ${own} stands above the generator ${late.name}`, {
    hint: `Generators run in the order of the schema, and ${own} types what ${late.name} writes: move its block below, or set retype = "false".`,
  });
}

/**
 * Retypes clients: all of their files, or none.
 *
 * @throws ERR_SCHEMA for a client of another version of Prisma, for a file that is missing, and for a line that is not as expected
 */
export async function retypeClients(clients: readonly GeneratorBlock[], edits: readonly LineEdit[]): Promise<void> {
  const written = await Promise.all(clients.map((client) => retyped(client, edits)));
  for (const [file, text] of written.flat()) {
    // A file that is half written would be a client that is half typed.
    await writeFile(`${file}.fieldseal`, text);
    await rename(`${file}.fieldseal`, file);
  }
}

async function retyped(client: GeneratorBlock, edits: readonly LineEdit[]): Promise<[file: string, text: string][]> {
  const layout = LAYOUTS[client.provider.value ?? '']?.(client, client.output?.value ?? '');
  if (layout === undefined) return [];
  const version = VERSION.exec(await read(layout.versionFile, client))?.[1] ?? 'an unknown version';
  if (!SUPPORTED.test(version))
    throw new FieldsealError('ERR_SCHEMA', `the client of the generator ${client.name} is of Prisma ${version}`, {
      hint: 'This version of Fieldseal types clients of Prisma 7.10. With retype = "false" the generator leaves them alone.',
    });
  const files = new Map<string, LineEdit[]>();
  for (const edit of edits) {
    const file = layout.fileOf(edit.model);
    const own = files.get(file);
    if (own === undefined) files.set(file, [edit]);
    else own.push(edit);
  }
  return Promise.all([...files].map(async ([file, own]) => [file, rewriteClient(await read(file, client), own, file)]));
}

async function read(file: string, { name }: GeneratorBlock): Promise<string> {
  return readFile(file, 'utf8').catch((error: unknown) => {
    throw new FieldsealError('ERR_SCHEMA', `the client of the generator ${name} has no file ${file}`, {
      cause: error,
      hint: 'Run `prisma generate` for all generators of the schema.',
    });
  });
}
