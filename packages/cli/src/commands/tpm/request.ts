/**
 * What the commands about TPM slots have in common: where the TPM and the keyring are, and where secrets come from.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import {
  type Environment,
  environmentOpeners,
  FieldsealError,
  type KeyringStorage,
  keyringFile,
  keyringPath,
  recoveryKey,
  type SlotOpener,
} from '@fieldseal/core';
import { parseSignatures, type TpmSlotInfo, type TpmSlotOptions, tpmSlots } from '@fieldseal/tpm';
import { usage } from '../../arguments.ts';
import { CliError } from '../../cli-error.ts';
import type { Command, CommandInput, CommandOption } from '../../command.ts';

/** Options of every command that speaks to a TPM. */
export const DEVICE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  device: { value: 'device', help: 'auto, /dev/tpmrm0, swtpm:path=…; FIELDSEAL_TPM_DEVICE or auto by default' },
};

/** Options of every command that works on a keyring. */
export const KEYRING_OPTIONS: Readonly<Record<string, CommandOption>> = {
  keyring: { value: 'path', help: 'the keyring; FIELDSEAL_KEYRING or ./fieldseal.keyring.json by default' },
};

/** Options of the commands that open a slot under a signed policy. */
export const SIGNATURE_OPTIONS: Readonly<Record<string, CommandOption>> = {
  signatures: { value: 'file', help: 'signatures of PCR values, as `tpm sign-policy` writes them' },
};

/** Said where a slot is made in a TPM that is a program. */
export const SOFTWARE_WARNING =
  'this is a software TPM: whoever has its files has the keys. It is for tests, or for a host that keeps them apart from the guest';

/** Address of the TPM. */
export function deviceOf({ options, env }: CommandInput): string {
  return options['device'] ?? (env['FIELDSEAL_TPM_DEVICE'] || 'auto');
}

/** The keyring file and its path. */
export function keyringOf({ options, env }: CommandInput): { readonly path: string; readonly storage: KeyringStorage } {
  const path = options['keyring'] ?? keyringPath(env);
  return { path, storage: keyringFile(path) };
}

/** What opens a TPM slot: the device, the PIN of the environment, and the signatures of a file. */
export async function slotOptions(input: CommandInput): Promise<TpmSlotOptions> {
  const { options, env } = input;
  const [pin, ownerAuth, file] = [env['FIELDSEAL_TPM_PIN'], env['FIELDSEAL_TPM_OWNER_AUTH'], options['signatures']];
  return {
    device: deviceOf(input),
    ...(pin ? { pin: async () => pin } : {}),
    ...(ownerAuth ? { ownerAuth } : {}),
    ...(file === undefined ? {} : { signatures: parseSignatures(await readText(file)) }),
  };
}

/** The recovery key, which proves that the keyring does not depend on the TPM. Throws ERR_KEY_MISSING. */
export function recoveryOpener(env: Environment): SlotOpener {
  const text = env['FIELDSEAL_RECOVERY_KEY'];
  if (text) return recoveryKey(text);
  const hint = 'Set FIELDSEAL_RECOVERY_KEY to the key that `fieldseal init` showed.';
  throw new FieldsealError('ERR_KEY_MISSING', 'ways to open the keyring are added only with the recovery key at hand', {
    hint,
  });
}

/** What opens the keyring for a change: the key of the environment, else its recovery key. */
export function changeOpeners(env: Environment): SlotOpener[] {
  return env['FIELDSEAL_KEY'] || env['FIELDSEAL_PASSPHRASE'] ? environmentOpeners(env) : [recoveryOpener(env)];
}

/** The TPM slot that `--slot` names, or the only one. */
export async function chosenSlot(command: Command, input: CommandInput, storage: KeyringStorage): Promise<TpmSlotInfo> {
  const slots = await tpmSlots(storage);
  const wanted = input.options['slot'];
  const found = wanted === undefined ? slots : slots.filter(({ id }) => id === wanted);
  if (found.length > 1)
    throw usage(
      command,
      `the keyring has several TPM slots (${slots.map(({ id }) => id).join(', ')}); name one by --slot`,
    );
  const [slot] = found;
  if (slot === undefined) throw new FieldsealError('ERR_KEYRING_SLOT', 'the keyring has no such TPM slot');
  return slot;
}

/** What a slot asks for, in a few words. */
export function conditionsOf({ pcrs, signed, pin, counter }: TpmSlotInfo): string {
  const all = [
    ...(pcrs.length > 0 ? [`PCR ${pcrs.join(', ')}`] : []),
    ...(signed ? ['signed PCR values'] : []),
    ...(counter === null ? [] : [`counter 0x${counter.index.toString(16).padStart(8, '0')}`]),
    ...(pin ? ['PIN'] : []),
  ];
  return all.length === 0 ? 'this TPM' : `this TPM, ${all.join(', ')}`;
}

/** PCR numbers from a list such as `7,11`. */
export function pcrList(command: Command, text: string): number[] {
  if (!/^\d{1,2}(,\d{1,2})*$/.test(text)) throw usage(command, '--pcrs needs numbers, such as 7 or 7,11');
  return text.split(',').map(Number);
}

/** Text of a file. Throws ERR_FILE_IO. */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CliError(
      'ERR_FILE_IO',
      `${path} cannot be read (${error.code})`,
      'Check the path and the permissions of the file.',
      error,
    );
  });
}
