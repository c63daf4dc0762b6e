import { openKeyring } from '@fieldseal/core';
import type { Command, CommandInput, Report } from '../command.ts';
import { table } from '../table.ts';
import { KEYRING_OPTIONS, keyringOf } from './backup/request.ts';
import { changeOpeners } from './tpm/request.ts';

/** `fieldseal keyring remove-slot` */
export const keyringRemoveSlot: Command = {
  name: 'keyring remove-slot',
  summary: 'remove a way to open the keyring',
  details: [
    'FIELDSEAL_KEY, FIELDSEAL_PASSPHRASE or FIELDSEAL_RECOVERY_KEY has to open the keyring. A recovery key and one more way to open it have to be left;\n' +
      '`fieldseal keyring show` lists the slots. Older copies of the keyring, as in backups, still open by it.',
  ],
  positionals: ['slot id'],
  options: KEYRING_OPTIONS,
  audit: 'command',
  run: remove,
};

async function remove(input: CommandInput): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const [slot = ''] = input.positionals;
  const keyring = await openKeyring({ storage, openers: changeOpeners(input.env) });
  await keyring.removeSlot(slot).finally(() => keyring.close());
  return {
    lines: table([
      ['keyring', path],
      ['removed', slot],
    ]),
    json: { keyring: path, removed: slot },
  };
}
