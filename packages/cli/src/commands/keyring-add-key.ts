import type { Command } from '../command.ts';
import { KEYRING_OPTIONS } from './backup/request.ts';
import { addNewKey, SAVE_KEY_OPTION } from './new-key.ts';
import { changeOpeners, recoveryOpener } from './tpm/request.ts';

/** `fieldseal keyring add-key` */
export const keyringAddKey: Command = {
  name: 'keyring add-key',
  summary: 'add a new raw key that opens the keyring',
  details: [
    'Makes a key and adds it as a slot. FIELDSEAL_RECOVERY_KEY has to open the keyring, and is enough where FIELDSEAL_KEY is lost. With --save-key the\n' +
      'key is appended to that file as FIELDSEAL_KEY, otherwise it is shown once.',
    'To replace a key: add the new one, give it to every process, and remove the slot of the old one.',
  ],
  positionals: [],
  options: { ...KEYRING_OPTIONS, ...SAVE_KEY_OPTION },
  audit: 'command',
  run: (input) => addNewKey(input, changeOpeners(input.env), recoveryOpener(input.env)),
};
