import { openKeyring } from '@fieldseal/core';
import { tpmSlot } from '@fieldseal/tpm';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { DEVICE_OPTIONS, deviceOf, KEYRING_OPTIONS, keyringOf, SIGNATURE_OPTIONS, slotOptions } from './request.ts';

/** `fieldseal tpm unseal-check` */
export const tpmUnsealCheck: Command = {
  name: 'tpm unseal-check',
  summary: 'open the keyring by the TPM alone, and close it again',
  details: [
    'For health checks and for the end of an update, before a reboot depends on it. No other key of the environment is used.',
  ],
  positionals: [],
  options: { ...DEVICE_OPTIONS, ...KEYRING_OPTIONS, ...SIGNATURE_OPTIONS },
  audit: 'none',
  run: check,
};

async function check(input: CommandInput): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const started = performance.now();
  const keyring = await openKeyring({ storage, openers: [tpmSlot(await slotOptions(input))] });
  const ms = Math.round(performance.now() - started);
  keyring.close();
  return {
    lines: table([
      ['keyring', path],
      ['tpm', deviceOf(input)],
      ['opened in', `${ms} ms`],
    ]),
    json: { keyring: path, device: deviceOf(input), opened: true, ms },
  };
}
