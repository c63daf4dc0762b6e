import { type TpmSlotInfo, type TpmStatus, tpmSlots, tpmStatus } from '@fieldseal/tpm';
import type { Command, CommandInput, Report } from '../../command.ts';
import { table } from '../../table.ts';
import { conditionsOf, DEVICE_OPTIONS, deviceOf, KEYRING_OPTIONS, keyringOf, SOFTWARE_WARNING } from './request.ts';

/** `fieldseal tpm status` */
export const tpmStatusCommand: Command = {
  name: 'tpm status',
  summary: 'show the TPM of this machine, and the TPM slots of the keyring',
  details: ['Changes nothing, tries no PIN, and needs no key: the slots are shown as the file tells them.'],
  positionals: [],
  options: { ...DEVICE_OPTIONS, ...KEYRING_OPTIONS },
  audit: 'none',
  run: async (input) => {
    const ownerAuth = input.env['FIELDSEAL_TPM_OWNER_AUTH'] ?? '';
    const status = await tpmStatus(deviceOf(input), { ownerAuth });
    return report(input, status);
  },
};

async function report(input: CommandInput, status: TpmStatus): Promise<Report> {
  const { path, storage } = keyringOf(input);
  const slots = (await storage.read()) === null ? null : await tpmSlots(storage);
  const { lockout, pcrs } = status;
  const measured = pcrs.filter(({ state }) => state === 'measured').map(({ pcr }) => pcr);
  const lines = [
    ...table([
      ['tpm', status.device],
      ['vendor', status.vendor],
      ['firmware', status.firmware],
      ['storage root key', status.srkName ?? 'unknown: the owner hierarchy asks for its authorisation'],
      ['kept at 0x81000001', persistence(status)],
      ['failed tries', `${lockout.counter} of ${lockout.max}, one is forgotten every ${lockout.intervalS} s`],
      ['locked', lockout.inLockout ? 'yes: no PIN is taken' : 'no'],
      ['measured PCRs', measured.length === 0 ? 'none' : measured.join(', ')],
      ['keyring', slots === null ? `none at ${path}` : path],
    ]),
    ...(slots === null || slots.length === 0 ? [] : ['', ...slotTable(slots, status)]),
  ];
  const json = { ...status, keyring: slots === null ? null : { path, slots: slots.map(jsonOf) } };
  return { lines, json, ...(status.software ? { warnings: [SOFTWARE_WARNING] } : {}) };
}

function persistence({ srkName, persistentSrkName }: TpmStatus): string {
  if (persistentSrkName === null) return 'nothing';
  return persistentSrkName === srkName ? 'the same key' : 'another key';
}

function slotTable(slots: readonly TpmSlotInfo[], { srkName, persistentSrkName }: TpmStatus): string[] {
  const here = [srkName, persistentSrkName];
  return table([
    ['slot', 'created', 'opens on', 'sealed by'],
    ...slots.map((slot) => [
      slot.id,
      slot.created.slice(0, 16).replace('T', ' '),
      here.includes(slot.srkName) ? conditionsOf(slot) : 'another TPM, or this one before it was cleared',
      slot.vendor,
    ]),
  ]);
}

function jsonOf({ policy: _, counter, ...slot }: TpmSlotInfo): object {
  return { ...slot, counter: counter === null ? null : { index: counter.index, ceiling: String(counter.ceiling) } };
}
