import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { BACKUP_GATE_OPTIONS, requireBackup } from './backup-gate.ts';
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
    ...BACKUP_GATE_OPTIONS,
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
