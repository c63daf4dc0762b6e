/**
 * How many cells each key of a scope has in the database. A census that is wrong costs data: what cannot be counted is an error, never zero.
 *
 * @module
 */
import type { Census, CensusEntry, KeysetRecord } from '@fieldseal/core';
import { type EncryptedFieldMap, readSchemaMap } from '@fieldseal/prisma/internal';
import { CliError } from '../cli-error.ts';
import type { CommandInput, CommandOption } from '../command.ts';
import { providerOf } from '../doctor/adapter.ts';
import { Database } from '../doctor/database.ts';
import { DatabaseProblem } from '../doctor/database-problem.ts';
import { connectionSchema, namedModels } from '../doctor/named-models.ts';
import { Progress } from '../doctor/progress.ts';
import { type CountedKey, countKeys, headOf } from '../doctor/row-counts.ts';
import { readSchemaFile } from '../schema-file.ts';

/** Options of commands that take a census. */
export const CENSUS_OPTIONS: Readonly<Record<string, CommandOption>> = {
  schema: {
    value: 'path',
    help: 'schema file or folder; prisma/schema.prisma, schema.prisma or prisma/schema by default',
  },
  'url-env': { value: 'variable', help: 'environment variable with the URL of the database; DATABASE_URL by default' },
};

/** Longest time that one column may take where the database can stop it: an hour. */
const STATEMENT_MS = 3_600_000;

/** A census, and how many columns were looked at. */
export interface TakenCensus extends Census {
  readonly fields: number;
}

/** Cells of all keys together. */
export function cellsOf({ entries }: Census): number {
  return entries.reduce((sum, { cells }) => sum + cells, 0);
}

/**
 * Counts the cells of the DEKs of a keyset in every encrypted column of the schema, in transactions that cannot write.
 *
 * @throws ERR_DATABASE when any column cannot be counted, ERR_FILE_IO and ERR_SCHEMA for the schema
 */
export async function takeCensus({ options, env, io }: CommandInput, { data }: KeysetRecord): Promise<TakenCensus> {
  const variable = options['url-env'] ?? 'DATABASE_URL';
  const url = env[variable];
  if (!url)
    throw new CliError(
      'ERR_DATABASE',
      'there is no database to count in',
      `Set ${variable} to its URL, or name another variable by --url-env.`,
    );
  const schema = await readSchemaFile(options['schema']);
  const map = readSchemaMap(schema.text);
  const provider = providerOf(schema);
  const progress = new Progress(io);
  const counted = new Date().toISOString();
  try {
    const database = await Database.open(provider, url, process.cwd(), STATEMENT_MS);
    try {
      const entries: CensusEntry[] = [];
      let fields = 0;
      for (const model of namedModels(schema, map, connectionSchema(provider, url))) {
        for (const [field, encrypted] of Object.entries(model.map.encrypted)) {
          const name = `${model.name}.${field}`;
          progress.step(`counting ${name}`);
          const rows = await database.rows(countKeys(database.dialect, model.map, encrypted, data.versions));
          entries.push(...entriesOf(name, encrypted, data.versions, rows));
          fields++;
        }
      }
      return { counted, entries, fields };
    } finally {
      await database.close();
    }
  } catch (error) {
    if (!(error instanceof DatabaseProblem)) throw error;
    throw new CliError(
      'ERR_DATABASE',
      `the cells were not counted: ${error.message}`,
      'Every encrypted column of the schema has to be there and to be readable; `fieldseal doctor` says what is wrong.',
    );
  } finally {
    progress.end();
  }
}

function entriesOf(
  field: string,
  { column }: EncryptedFieldMap,
  keys: readonly CountedKey[],
  rows: readonly (readonly unknown[])[],
): CensusEntry[] {
  const keyIds = new Map(keys.map((key) => [headOf(column, key), key.keyId]));
  return rows.map(([head, cells]) => ({ field, keyId: keyIds.get(String(head)) as string, cells: Number(cells) }));
}
