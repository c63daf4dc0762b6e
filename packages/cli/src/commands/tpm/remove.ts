import { openKeyring } from '@fieldseal/core';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { changeOpeners, chosenSlot, KEYRING_OPTIONS, keyringOf } from './request.ts';

/** `fieldseal tpm remove` */
export const tpmRemove: Command = {
  name: 'tpm remove',
  summary: 'remove a TPM slot from the keyring',
  details: [
    'FIELDSEAL_KEY, FIELDSEAL_PASSPHRASE or FIELDSEAL_RECOVERY_KEY has to open the keyring, and another way to open it has to be left. The\n' +
      'TPM is not asked: this works when it is gone. A counter in it stays.',
  ],
  positionals: [],
  options: { ...KEYRING_OPTIONS, slot: { value: 'id', help: 'the slot, where the keyring has several TPM slots' } },
  audit: 'command',
  run: remove,
};

async function remove(input: CommandInput): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const slot = await chosenSlot(tpmRemove, input, storage);
  const keyring = await openKeyring({ storage, openers: changeOpeners(input.env) });
  try {
    await keyring.removeSlot(slot.id);
  } finally {
    keyring.close();
  }
  return {
    lines: table([
      ['keyring', path],
      ['removed', slot.id],
    ]),
    json: { keyring: path, removed: slot.id },
  };
}
