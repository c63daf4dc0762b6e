import { openKeyring } from '@fieldseal/core';
import { addTpmSlot, type TpmSlotOptions, tpmSlot, tpmSlots, tpmStatus } from '@fieldseal/tpm';
import { usage } from '../../arguments.ts';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import {
  changeOpeners,
  conditionsOf,
  DEVICE_OPTIONS,
  deviceOf,
  KEYRING_OPTIONS,
  keyringOf,
  pcrList,
  readText,
  recoveryOpener,
  SIGNATURE_OPTIONS,
  SOFTWARE_WARNING,
  slotOptions,
} from './request.ts';

/** Said when a slot asks for a PIN. */
const PIN_WARNING =
  'a power cut behind a right PIN counts as a wrong one: use PINs only where somebody is at the machine, and keep the recovery key at hand';

/** `fieldseal tpm enroll` */
export const tpmEnroll: Command = {
  name: 'tpm enroll',
  summary: 'let the TPM of this machine open the keyring',
  details: [
    'Seals a new key to the TPM and adds it as a slot. FIELDSEAL_RECOVERY_KEY has to open the keyring first, so that it does not depend on\n' +
      'the TPM alone; the slot is opened again before it is stored.',
    'Without options the slot opens on this TPM whatever was booted. --pcrs binds it to the present values of PCRs; --signer to values that\n' +
      'the holder of a key signs, of which --signatures must have one for this boot; --pin asks for FIELDSEAL_TPM_PIN from then on; --counter\n' +
      'keeps older copies of the keyring from opening after a reseal.',
  ],
  positionals: [],
  options: {
    ...DEVICE_OPTIONS,
    ...KEYRING_OPTIONS,
    ...SIGNATURE_OPTIONS,
    pcrs: { value: 'numbers', help: 'PCRs that have to keep their values, such as 7' },
    signer: { value: 'file', help: 'PEM of the public key on P-256 that signs PCR values' },
    pin: { help: 'ask for the PIN in FIELDSEAL_TPM_PIN' },
    counter: { value: 'index', help: 'NV index of a counter, 0x01800000 to 0x01bfffff' },
    srk: { value: 'name', help: 'Name that the storage root key must have, as `tpm status` showed it before' },
  },
  audit: 'command',
  run: enroll,
};

async function enroll(input: CommandInput): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const proof = recoveryOpener(input.env);
  const options = await newSlotOptions(input);
  const { software } = await tpmStatus(deviceOf(input), { ownerAuth: options.ownerAuth ?? '' });
  const keyring = await openKeyring({ storage, openers: changeOpeners(input.env) });
  let id: string;
  try {
    id = await addTpmSlot(keyring, tpmSlot(options), proof);
  } finally {
    keyring.close();
  }
  const slot = (await tpmSlots(storage)).find((known) => known.id === id);
  const warnings = [...(software ? [SOFTWARE_WARNING] : []), ...(options.pin === undefined ? [] : [PIN_WARNING])];
  return {
    lines: table([
      ['keyring', path],
      ['slot', id],
      ['opens on', slot === undefined ? '' : conditionsOf(slot)],
      ['storage root key', slot?.srkName ?? ''],
    ]),
    json: { keyring: path, slot: id, srkName: slot?.srkName ?? null },
    warnings,
  };
}

async function newSlotOptions(input: CommandInput): Promise<TpmSlotOptions> {
  const { options, env } = input;
  const { pin, ...rest } = await slotOptions(input);
  const wantsPin = 'pin' in options;
  if (wantsPin && !env['FIELDSEAL_TPM_PIN'])
    throw usage(tpmEnroll, '--pin takes the PIN from FIELDSEAL_TPM_PIN, which is not set');
  const { pcrs, signer, counter, srk } = options;
  if (counter !== undefined && !/^0x[0-9a-f]{1,8}$/i.test(counter))
    throw usage(tpmEnroll, '--counter needs an index such as 0x01800042');
  return {
    ...rest,
    ...(wantsPin && pin !== undefined ? { pin } : {}),
    ...(pcrs === undefined ? {} : { pcrs: pcrList(tpmEnroll, pcrs) }),
    ...(signer === undefined ? {} : { signer: { publicKey: await readText(signer) } }),
    ...(counter === undefined ? {} : { counter: { index: Number(counter) } }),
    ...(srk === undefined ? {} : { srkName: srk }),
  };
}
