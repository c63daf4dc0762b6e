import { readFile } from 'node:fs/promises';
import {
  type BackupTarget,
  folderTarget,
  formatVerifyKey,
  listBackups,
  parseVerifyKey,
  type SigningKey,
  signingKey,
  type VerifyKey,
} from '@fieldseal/backup';
import {
  environmentOpeners,
  FieldsealError,
  isFieldsealError,
  type KeyringStorage,
  keyringFile,
  keyringPath,
  parseRawKey,
  recoveryKey,
  type SecretBytes,
  type SlotOpener,
} from '@fieldseal/core';
import type { RowPort } from '@fieldseal/core/jobs';
import { sqlRowPort, termTables } from '@fieldseal/prisma/jobs';
import { CliError } from '../../cli-error.ts';
import type { CommandInput, CommandOption } from '../../command.ts';
import { ROW_OPTIONS as JOB_ROW_OPTIONS, JobProject } from '../../jobs/job-project.ts';

/** Options of commands that look at a place of backups. */
export const PLACE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  to: { value: 'folder', help: 'where the backups are; FIELDSEAL_BACKUPS or ./fieldseal-backups by default' },
};

/** Options of commands that verify signatures. */
export const VERIFY_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'public-key': {
    value: 'files',
    help: 'minisign public keys of the backups, with commas between them; by default that of FIELDSEAL_BACKUP_KEY',
  },
};

/** Options of commands that open archives. */
export const IDENTITY_OPTIONS: Readonly<Record<string, CommandOption>> = {
  identity: { value: 'file', help: 'age identity of one of the recipients, as age-keygen writes it' },
};

/** Options of commands that read or write the keyring. */
export const KEYRING_OPTIONS: Readonly<Record<string, CommandOption>> = {
  keyring: { value: 'path', help: 'the keyring; FIELDSEAL_KEYRING or ./fieldseal.keyring.json by default' },
};

/** Options of commands that read or write rows. */
export const ROW_OPTIONS: Readonly<Record<string, CommandOption>> = {
  rows: { help: 'with the rows of the database' },
  ...JOB_ROW_OPTIONS,
};

/** Opens the database of the project for `work`: some models, or all whose rows can be named. */
export function withRows<T>(
  input: CommandInput,
  models: readonly string[] | 'all' | undefined,
  work: (rows: RowPort, schema: string) => Promise<T>,
): Promise<T> {
  return JobProject.use(input, ({ database, schema }) => {
    const rows = sqlRowPort({ database, schema: schema.text, ...(models !== undefined && { models }) });
    const [table] = termTables(schema.text, rows.models);
    const { scope, key, 'on-conflict': policy = 'fail' } = input.options;
    // A choice among rows, or between two states of one, would tear rows and their terms apart.
    if (table !== undefined && (scope !== undefined || key !== undefined || policy !== 'fail'))
      throw new CliError(
        'ERR_USAGE',
        `rows are found by terms in ${table}, which belong to no scope and no key`,
        'Restore whole models where nothing is in the way: without --scope, --key and --on-conflict.',
      );
    return work(rows, schema.text);
  });
}

/** Names with commas between them. */
export function namesOf(text: string | undefined): readonly string[] | undefined {
  return text
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** The place of the backups. */
export function placeOf({ options, env }: CommandInput): { readonly path: string; readonly target: BackupTarget } {
  const path = options['to'] ?? env['FIELDSEAL_BACKUPS'] ?? 'fieldseal-backups';
  return { path, target: folderTarget(path) };
}

/** The keyring file. */
export function keyringOf({ options, env }: CommandInput): { readonly path: string; readonly storage: KeyringStorage } {
  const path = options['keyring'] ?? keyringPath(env);
  return { path, storage: keyringFile(path) };
}

/** The key that signs. Throws ERR_KEY_MISSING's like for the command line. */
export function signerOf({ env }: CommandInput): SigningKey {
  const text = env['FIELDSEAL_BACKUP_KEY'];
  if (!text)
    throw new CliError(
      'ERR_USAGE',
      'there is no key to sign backups with',
      'Make one by `fieldseal backup key`, and give it as FIELDSEAL_BACKUP_KEY.',
    );
  const secret = backupKey(text);
  try {
    return signingKey(secret);
  } finally {
    secret.wipe();
  }
}

function backupKey(text: string): SecretBytes {
  try {
    return parseRawKey(text);
  } catch (error) {
    if (!isFieldsealError(error, 'ERR_KEY_INVALID')) throw error;
    throw new FieldsealError('ERR_KEY_INVALID', `FIELDSEAL_BACKUP_KEY: ${error.summary}`, { hint: error.hint });
  }
}

/** The keys that verify: of files, or of the key that signs. Throws ERR_USAGE where there is neither. */
export async function verifiersOf(input: CommandInput): Promise<readonly VerifyKey[]> {
  const paths = namesOf(input.options['public-key']);
  if (paths !== undefined) return Promise.all(paths.map(async (path) => parseVerifyKey(await fileText(path))));
  if (!input.env['FIELDSEAL_BACKUP_KEY'])
    throw new CliError(
      'ERR_USAGE',
      'there is no key to verify the signatures of backups with',
      'Give the public key that `fieldseal backup key` wrote by --public-key, or the key that signs as FIELDSEAL_BACKUP_KEY.',
    );
  return [parseVerifyKey(formatVerifyKey(signerOf(input).public))];
}

/** Identities of a file: its lines that are none are comments. */
export async function identitiesOf({ options }: CommandInput): Promise<readonly string[]> {
  const path = options['identity'];
  if (path === undefined) return [];
  const lines = (await fileText(path)).split('\n').map((line) => line.trim());
  const found = lines.filter((line) => line.startsWith('AGE-SECRET-KEY-'));
  if (found.length === 0)
    throw new CliError(
      'ERR_USAGE',
      `${path} holds no age identity`,
      'Give the file that `age-keygen -o` wrote; one that has a passphrase is opened by `age -d` first.',
    );
  return found;
}

/** What opens the keyring of a backup: the environment's keys, and the recovery key, which is what is left when a machine is lost. */
export function openersOf({ env }: CommandInput): readonly SlotOpener[] {
  const recovery = env['FIELDSEAL_RECOVERY_KEY'];
  const others = env['FIELDSEAL_KEY'] || env['FIELDSEAL_PASSPHRASE'] ? environmentOpeners(env) : [];
  if (!recovery && others.length === 0)
    throw new FieldsealError('ERR_KEY_MISSING', 'nothing opens the keyring of the backup', {
      hint: 'Set FIELDSEAL_KEY, FIELDSEAL_PASSPHRASE or FIELDSEAL_RECOVERY_KEY in the environment.',
    });
  if (!recovery) return others;
  return [...others, recoveryKey(recovery)];
}

/** The backup of this name, the newest for `latest`, or the newest that was begun by a time (ISO 8601). */
export async function backupNamed(target: BackupTarget, name: string): Promise<string> {
  const time = /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(name) ? Date.parse(name) : Number.NaN;
  const { backups, unfinished } = await listBackups(target);
  if (name !== 'latest' && Number.isNaN(time)) {
    if (backups.some((known) => known.name === name) || unfinished.includes(name)) return name;
    throw new CliError('ERR_USAGE', `there is no backup ${name} at ${target.label}`, 'See `fieldseal backup list`.');
  }
  const newest = backups.filter(({ created }) => Number.isNaN(time) || created <= time).at(-1);
  if (newest === undefined)
    throw new CliError(
      'ERR_USAGE',
      `there is no backup at ${target.label}${Number.isNaN(time) ? '' : ' from that time or before'}`,
      'See `fieldseal backup list`; make one by `fieldseal backup create`.',
    );
  return newest.name;
}

/** A text file that an option names. */
export async function fileText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new CliError('ERR_FILE_IO', `${path} cannot be read`, 'Check the path and its permissions.', cause);
  });
}
