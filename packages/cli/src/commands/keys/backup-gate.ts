import { backupGate, folderTarget } from '@fieldseal/backup';
import type { Keyring } from '@fieldseal/core';
import type { CommandInput, CommandOption } from '../../command.ts';
import { IDENTITY_OPTIONS, identitiesOf, VERIFY_OPTIONS, verifiersOf } from '../backup/request.ts';

/** Options of commands that promote a key. */
export const BACKUP_GATE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  'require-backup': { value: 'folder', help: 'promote only what the newest backup in this folder holds' },
  'no-backup': { help: 'promote whatever FIELDSEAL_REQUIRE_BACKUP says' },
  ...IDENTITY_OPTIONS,
  ...VERIFY_OPTIONS,
};

/** The folder whose newest backup has to hold a key before it is promoted, if one is asked for. */
export function requiredBackup({ options, env }: Pick<CommandInput, 'options' | 'env'>): string | undefined {
  const folder = options['require-backup'] ?? ('no-backup' in options ? undefined : env['FIELDSEAL_REQUIRE_BACKUP']);
  return folder || undefined;
}

/** Throws ERR_BACKUP_GATE when a backup is asked for and does not hold the key. */
export async function requireBackup(input: CommandInput, keyring: Keyring, keyId: string): Promise<void> {
  const folder = requiredBackup(input);
  if (folder === undefined) return;
  const { options } = input;
  const { id, generation } = await keyring.describe();
  const inKeyring = options['key-store'] === undefined && options['key-store-url-env'] === undefined;
  const identities = await identitiesOf(input);
  const gate = backupGate({ target: folderTarget(folder), keys: await verifiersOf(input), identities });
  await gate({ keyId, keyringId: id, generation, inKeyring });
}
