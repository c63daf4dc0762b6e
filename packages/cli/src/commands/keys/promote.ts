import { backupGate, folderTarget } from '@fieldseal/backup';
import type { Keyring } from '@fieldseal/core';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { IDENTITY_OPTIONS, identitiesOf, VERIFY_OPTIONS, verifiersOf } from '../backup/request.ts';
import { SCOPE_OPTION, STORE_OPTIONS, scopeName, scopeOf, withKeyring } from './request.ts';

/** `fieldseal keys promote` */
export const keysPromote: Command = {
  name: 'keys promote',
  summary: 'make a key version the primary, which encrypts',
  details: [
    'The second half of a rotation. Older versions go on decrypting. Where instances beat, `fieldseal fleet promote` waits until all have the key.',
    'With --require-backup, or FIELDSEAL_REQUIRE_BACKUP in the environment, the newest backup in that folder has to hold the key. --no-backup promotes all the\n' +
      'same. Keys of a key store are seen in a backup only with --identity.',
  ],
  positionals: ['key id'],
  options: {
    ...STORE_OPTIONS,
    ...SCOPE_OPTION,
    'require-backup': { value: 'folder', help: 'promote only what the newest backup in this folder holds' },
    'no-backup': { help: 'promote whatever FIELDSEAL_REQUIRE_BACKUP says' },
    ...IDENTITY_OPTIONS,
    ...VERIFY_OPTIONS,
  },
  audit: 'keyring',
  run: promote,
};

async function promote(input: CommandInput): Promise<Report> {
  const scope = scopeOf(input);
  const [keyId = ''] = input.positionals;
  await withKeyring(keysPromote, input, async (keyring) => {
    await requireBackup(input, keyring, keyId);
    await keyring.promote(keyId, scope);
  });
  return {
    lines: [
      ...table([
        ['scope', scopeName(scope)],
        ['promoted', keyId],
      ]),
      'Instances write under it within about a minute.',
    ],
    json: { scope, promoted: keyId },
  };
}

/** Throws ERR_BACKUP_GATE when a backup is asked for and does not hold the key. */
async function requireBackup(input: CommandInput, keyring: Keyring, keyId: string): Promise<void> {
  const { options, env } = input;
  const folder = options['require-backup'] ?? ('no-backup' in options ? undefined : env['FIELDSEAL_REQUIRE_BACKUP']);
  if (!folder) return;
  const { id, generation } = await keyring.describe();
  const inKeyring = options['key-store'] === undefined && options['key-store-url-env'] === undefined;
  const identities = await identitiesOf(input);
  const gate = backupGate({ target: folderTarget(folder), keys: await verifiersOf(input), identities });
  await gate({ keyId, keyringId: id, generation, inKeyring });
}
