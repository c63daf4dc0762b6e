import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type LegacyReaders, legacyRows, type RowSource } from '@fieldseal/core/jobs';
import { prismaFieldEncryption } from '@fieldseal/migrate';
import { readSchemaMap } from '@fieldseal/prisma/internal';
import { CliError } from '../cli-error.ts';
import type { CommandInput } from '../command.ts';
import type { JobProject } from '../jobs/job-project.ts';

type Readers = LegacyReaders[string];

/** Rows whose fields are read by the readers that the options name; the rows themselves where none is for them. */
export async function foreignRows(source: RowSource, project: JobProject, input: CommandInput): Promise<RowSource> {
  const readers = await readersOf(project, input);
  const own = source.fields.flatMap(({ form, migrating }): [string, Readers][] => {
    const { field } = form.spec;
    const given = readers(source.model, field);
    return given === null || !migrating ? [] : [[field, given]];
  });
  const accept = 'accept-unrecognized' in input.options;
  return legacyRows(source, Object.fromEntries(own), { unrecognized: accept ? 'accept' : 'refuse' });
}

type Lookup = (model: string, field: string) => Readers | null;

async function readersOf(project: JobProject, { options, env }: CommandInput): Promise<Lookup> {
  const { from, readers } = options;
  if ((from === undefined) === (readers === undefined))
    throw new CliError('ERR_USAGE', 'migrate needs either --from or --readers', 'See `fieldseal migrate --help`.');
  if (readers !== undefined) return moduleReaders(project, readers);
  const listed = [env['PRISMA_FIELD_ENCRYPTION_KEY'], ...(env['PRISMA_FIELD_DECRYPTION_KEYS'] ?? '').split(',')];
  const keys = listed.flatMap((key) => (key === undefined || key.trim() === '' ? [] : [key]));
  if (keys.length === 0)
    throw new CliError(
      'ERR_USAGE',
      'PRISMA_FIELD_ENCRYPTION_KEY is not set',
      'Load the environment of the application.',
    );
  const nested = 'unwrap-nested' in options ? 'unwrap' : 'refuse';
  const reader = prismaFieldEncryption({ keys, nested });
  return () => reader;
}

/** Readers of a module of the user. Names that the schema does not have are refused: a field would stay behind unseen. */
async function moduleReaders(project: JobProject, path: string): Promise<Lookup> {
  const loaded = (await import(pathToFileURL(resolve(path)).href).catch((cause: unknown) => {
    throw new CliError('ERR_FILE_IO', `${path} cannot be loaded`, 'Check the path and the module.', cause);
  })) as { readonly default?: unknown };
  const given = loaded.default;
  if (typeof given !== 'object' || given === null)
    throw new CliError('ERR_USAGE', `${path} has no default export`, 'It is an object: { Model: { field: reader } }.');
  const models = given as Readonly<Record<string, Readonly<Record<string, Readers>>>>;
  const map = readSchemaMap(project.schema.text).models;
  for (const [model, fields] of Object.entries(models))
    for (const field of Object.keys(fields)) {
      if (Object.hasOwn(map, model) && map[model]?.encrypted[field]?.mode === 'migrating') continue;
      throw new CliError(
        'ERR_USAGE',
        `${model}.${field} has a reader and is not being migrated`,
        'Annotate it with @encrypted(mode: migrating).',
      );
    }
  return (model, field) => (Object.hasOwn(models, model) ? (models[model]?.[field] ?? null) : null);
}
