import { openKeyring } from '@fieldseal/core';
import { resealTpmSlot, tpmSlot } from '@fieldseal/tpm';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import {
  changeOpeners,
  chosenSlot,
  conditionsOf,
  DEVICE_OPTIONS,
  KEYRING_OPTIONS,
  keyringOf,
  recoveryOpener,
  SIGNATURE_OPTIONS,
  slotOptions,
} from './request.ts';

/** `fieldseal tpm reseal` */
export const tpmReseal: Command = {
  name: 'tpm reseal',
  summary: 'seal a TPM slot anew, as after an update or for another TPM',
  details: [
    'Makes a slot that asks for the same as the old one, with the present PCR values and the present TPM, opens it, stores it, and only then\n' +
      'removes the old one. A crash leaves the old slot, or both. FIELDSEAL_RECOVERY_KEY has to open the keyring.',
  ],
  positionals: [],
  options: {
    ...DEVICE_OPTIONS,
    ...KEYRING_OPTIONS,
    ...SIGNATURE_OPTIONS,
    slot: { value: 'id', help: 'the slot, where the keyring has several TPM slots' },
  },
  audit: 'command',
  run: reseal,
};

async function reseal(input: CommandInput): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const proof = recoveryOpener(input.env);
  const old = await chosenSlot(tpmReseal, input, storage);
  const { pin, ...options } = await slotOptions(input);
  if (old.pin && pin === undefined) throw usage(tpmReseal, 'the slot asks for a PIN: set FIELDSEAL_TPM_PIN');
  const slot = tpmSlot({ ...options, ...old.policy, ...(old.pin && pin !== undefined ? { pin } : {}) });
  const keyring = await openKeyring({ storage, openers: changeOpeners(input.env) });
  try {
    const id = await resealTpmSlot(keyring, old.id, slot, proof);
    return {
      lines: table([
        ['keyring', path],
        ['slot', `${id}, in the place of ${old.id}`],
        ['opens on', conditionsOf(old)],
      ]),
      json: { keyring: path, slot: id, replaced: old.id },
    };
  } finally {
    keyring.close();
  }
}
