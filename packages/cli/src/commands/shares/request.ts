/**
 * What the commands about shares have in common. Shares come from files and standard input only.
 *
 * @module
 */
import { readFile, rename, writeFile } from 'node:fs/promises';
import {
  checkShareSet,
  formatShareSet,
  openText,
  parseShare,
  parseShareSet,
  type ShareSetFile,
  type SigningKey,
  signShareSet,
} from '@fieldseal/backup';
import type { SecretBytes } from '@fieldseal/core';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, CommandOption } from '../../command.ts';
import { fileText, IDENTITY_OPTIONS, identitiesOf, VERIFY_OPTIONS, verifiersOf } from '../backup/request.ts';

/** The option that names a set. */
export const SET_OPTIONS: Readonly<Record<string, CommandOption>> = {
  set: { value: 'file', help: 'the set: shares-….json, as split wrote it' },
  ...VERIFY_OPTIONS,
};

/** Options that open the files of holders. */
export const HOLDER_OPTIONS: Readonly<Record<string, CommandOption>> = {
  identity: { value: 'file', help: `${IDENTITY_OPTIONS['identity']?.help}, for shares in encrypted files` },
};

/** Path and content of the set that `--set` names. */
export async function setOf(
  command: Command,
  { options }: CommandInput,
): Promise<{ readonly path: string; readonly set: ShareSetFile }> {
  const path = options['set'];
  if (path === undefined) throw usage(command, '--set is missing');
  return { path, set: parseShareSet(await fileText(path)) };
}

/** Replaces the file of a set by its next state, signed, whole or not at all. */
export async function storeSet(path: string, set: ShareSetFile, signer: SigningKey): Promise<void> {
  await writeFile(`${path}.part`, formatShareSet(signShareSet(set, signer)));
  await rename(`${path}.part`, path);
}

/** Checks a set where a key is at hand; `unsigned` lets one pass that is from before sets were signed. */
export async function checkSet(input: CommandInput, set: ShareSetFile, unsigned = false): Promise<void> {
  if (unsigned && set.signature === undefined) return;
  if (input.options['public-key'] === undefined && !input.env['FIELDSEAL_BACKUP_KEY']) return;
  checkShareSet(set, await verifiersOf(input));
}

/** Writes a file that is not there yet. */
export async function writeNew(path: string, content: string | Uint8Array): Promise<void> {
  await writeFile(path, content, { flag: 'wx', mode: 0o600 }).catch((cause: unknown) => {
    throw new CliError('ERR_FILE_IO', `${path} cannot be written`, 'Choose a folder where nothing is yet.', cause);
  });
}

/** Shares of files with commas between them, or of standard input, one a line. The caller's to wipe. */
export async function sharesOf(input: CommandInput, option: string): Promise<readonly SecretBytes[]> {
  const paths = input.options[option]?.split(',');
  const texts =
    paths === undefined
      ? (await input.io.stdin()).split('\n').filter((line) => line.trim() !== '')
      : await textsOf(input, paths);
  const shares: SecretBytes[] = [];
  try {
    for (const text of texts) shares.push(parseShare(text));
    return shares;
  } catch (error) {
    for (const share of shares) share.wipe();
    throw error;
  }
}

async function textsOf(input: CommandInput, paths: readonly string[]): Promise<readonly string[]> {
  const identities = await identitiesOf(input);
  return Promise.all(
    paths.map(async (path) => {
      const content = await readFile(path).catch((cause: unknown) => {
        throw new CliError('ERR_FILE_IO', `${path} cannot be read`, 'Check the path and its permissions.', cause);
      });
      return content.toString('latin1', 0, 18) === 'age-encryption.org'
        ? openText(content, identities)
        : content.toString();
    }),
  );
}
