/**
 * What the higher levels of a verification need: a sample of live rows, and a scratch database to restore into.
 *
 * @module
 */
import { type RestoreBackupOptions, restoreBackup, type VerifyBackupOptions } from '@fieldseal/backup';
import { FieldsealError, type Keyring } from '@fieldseal/core';
import { openSample, type SampleResult } from '@fieldseal/core/jobs';
import { sqlRowPort } from '@fieldseal/prisma/jobs';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, CommandOption } from '../../command.ts';
import { JobProject } from '../../jobs/job-project.ts';
import { ROW_OPTIONS } from './request.ts';

/** Options of {@link proofOf}. */
export const PROOF_OPTIONS: Readonly<Record<string, CommandOption>> = {
  ...ROW_OPTIONS,
  rows: { help: 'level 2: open a sample of the rows of the database with the keyring of the backup' },
  sample: { value: 'rows', help: 'level 2: so many rows of each model, at most; 200 by default' },
  'scratch-url-env': {
    value: 'variable',
    help: 'level 3: environment variable with the URL of an empty database with the tables of the schema; it is filled',
  },
};

const SAMPLE = 200;

/** What a level needs besides the backup. */
export function proofOf(
  command: Command,
  input: CommandInput,
  level: number,
  restore: Pick<RestoreBackupOptions, 'target' | 'name' | 'keys' | 'identities' | 'openers'>,
): Pick<VerifyBackupOptions, 'openSample' | 'restoreScratch'> {
  const { options } = input;
  const sample = Number(options['sample'] ?? SAMPLE);
  if (!Number.isSafeInteger(sample) || sample < 1) throw usage(command, '--sample needs a number of rows');
  const variable = options['scratch-url-env'];
  if (level === 3 && variable === undefined) throw usage(command, 'level 3 needs --scratch-url-env');
  return {
    ...('rows' in options && {
      openSample: (keyring: Keyring) => JobProject.use(input, (project) => sampleOf(project, keyring, sample)),
    }),
    ...(variable !== undefined && { restoreScratch: () => restoreInto(input, variable, restore) }),
  };
}

async function sampleOf(project: JobProject, keyring: Keyring, rows: number): Promise<SampleResult> {
  let [opened, failed] = [0, 0];
  for (const model of project.models) {
    const found = await openSample(project.source(model), keyring, rows);
    opened += found.opened;
    failed += found.failed;
  }
  return { opened, failed };
}

/** Restores all rows of the backup into a database that has none, and counts them there. */
async function restoreInto(
  input: CommandInput,
  variable: string,
  restore: Pick<RestoreBackupOptions, 'target' | 'name' | 'keys' | 'identities' | 'openers'>,
): Promise<void> {
  const { options, env } = input;
  const live = env[options['url-env'] ?? 'DATABASE_URL'];
  if (live !== undefined && live === env[variable])
    throw new CliError('ERR_USAGE', 'the scratch database is that of the application', 'Give an empty one.');
  await JobProject.use({ ...input, options: { ...options, 'url-env': variable } }, async ({ database, schema }) => {
    const rows = sqlRowPort({ database, schema: schema.text, models: 'all' });
    for (const model of rows.models)
      for await (const _ of rows.read(model))
        throw new CliError(
          'ERR_USAGE',
          `the scratch database has rows of ${model}`,
          'Level 3 fills an empty one: make it anew.',
        );
    const { manifest } = await restoreBackup({ ...restore, rows, apply: true });
    for (const model of rows.models) {
      let found = 0;
      for await (const _ of rows.read(model)) found += 1;
      const meant = manifest.entries
        .filter(({ name }) => name.startsWith(`rows/${model}/`))
        .reduce((sum, { count }) => sum + count, 0);
      if (found !== meant)
        throw new FieldsealError('ERR_BACKUP_DAMAGED', `${found} of ${meant} rows came into the scratch database`, {
          model,
          hint: 'Look at its triggers and constraints.',
        });
    }
  });
}
