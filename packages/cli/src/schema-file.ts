import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseInlineSchema } from '@fieldseal/prisma/internal';
import { CliError } from './cli-error.ts';

/** Where Prisma itself looks for a schema, best first. */
const DEFAULT_PATHS = ['prisma/schema.prisma', 'schema.prisma', 'prisma/schema'];

/** A Prisma schema as it lies on disk. */
export interface SchemaFile {
  /** File or folder that it was read from. */
  readonly path: string;
  /** Its text; the files of a folder are joined by line feeds, in the order of their names. */
  readonly text: string;
  /** Provider of its datasource: `sqlite`, `postgresql`, `mysql` … */
  readonly provider: string;
}

/**
 * Reads schema.prisma, or all .prisma files of a folder and the folders in it.
 *
 * @param path - file or folder; by default the first that exists of prisma/schema.prisma, schema.prisma and prisma/schema
 * @throws ERR_FILE_IO when there is none, it cannot be read, or no datasource stands in it; ERR_SCHEMA for a line that cannot be read
 */
export async function readSchemaFile(path?: string): Promise<SchemaFile> {
  const found = path ?? (await firstThere());
  const files = await schemaPaths(found);
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(unreadable(file))));
  const text = texts.join('\n');
  const { provider } = parseInlineSchema(text);
  if (provider === '')
    throw new CliError(
      'ERR_FILE_IO',
      `${found} has no datasource with a provider`,
      'Where the schema is in several files, name their folder.',
    );
  return { path: found, text, provider };
}

/**
 * The files of a schema, by the same rules as {@link readSchemaFile}.
 *
 * @throws ERR_FILE_IO when there is none
 */
export async function schemaPaths(path?: string): Promise<readonly string[]> {
  const found = path ?? (await firstThere());
  const files = await filesOf(found);
  if (files.length > 0) return files;
  throw new CliError('ERR_FILE_IO', `there is no .prisma file in ${found}`, 'Name the folder that holds the schema.');
}

async function firstThere(): Promise<string> {
  for (const candidate of DEFAULT_PATHS) {
    const there = await stat(candidate).then(
      () => true,
      () => false,
    );
    if (there) return candidate;
  }
  throw new CliError('ERR_FILE_IO', `none of ${DEFAULT_PATHS.join(', ')} exists`, 'Name the schema with --schema.');
}

async function filesOf(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(unreadable(path));
  if (!found.isDirectory()) return [path];
  const names = await readdir(path, { recursive: true }).catch(unreadable(path));
  return names
    .filter((name) => name.endsWith('.prisma'))
    .sort()
    .map((name) => join(path, name));
}

/** Ends a reading of a file that fails. */
export function unreadable(path: string): (cause: unknown) => never {
  return (cause) => {
    throw new CliError('ERR_FILE_IO', `${path} cannot be read`, 'Check the path and its permissions.', cause);
  };
}
