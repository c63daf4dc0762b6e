import { formatRawKey, generateRawKey, openKeyring, rawKey, type SlotOpener } from '@fieldseal/core';
import type { CommandInput, CommandOption, Report } from '../command.ts';
import { appendVariable } from '../env-file.ts';
import { table } from '../table.ts';
import { keyringOf } from './backup/request.ts';

/** Where a new key goes. */
export const SAVE_KEY_OPTION: Readonly<Record<string, CommandOption>> = {
  // Not --env-file: Node 20 takes an option of that name for itself wherever it stands.
  'save-key': { value: 'env file', help: 'file that a generated key is appended to; made with mode 0600' },
};

/**
 * Adds a raw key to the keyring, and shows it or appends it to a file.
 *
 * @param openers - what opens the keyring
 * @param proof - the recovery key, or the shares that stand for it
 */
export async function addNewKey(
  input: CommandInput,
  openers: readonly SlotOpener[],
  proof: SlotOpener,
): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const secret = generateRawKey();
  const text = formatRawKey(secret);
  const envFile = input.options['save-key'];
  // The key is kept before anything depends on it.
  const appended = envFile === undefined ? undefined : await appendVariable(envFile, 'FIELDSEAL_KEY', text);
  try {
    const keyring = await openKeyring({ storage, openers });
    const slot = await keyring.addSlot(rawKey(secret), proof).finally(() => keyring.close());
    return {
      lines: [
        ...table([
          ['keyring', `${path}, slot ${slot}`],
          ['key', envFile === undefined ? text : `written to ${envFile} as FIELDSEAL_KEY`],
        ]),
        'Remove the slots of keys that are lost or were seen: `fieldseal keyring remove-slot`.',
      ],
      json: { slot, ...(envFile === undefined ? { value: text } : { envFile }) },
    };
  } catch (error) {
    await appended?.undo();
    throw error;
  } finally {
    secret.wipe();
  }
}
