/**
 * TPM slots of a keyring: which there are, and changing them without ever leaving the keyring without a way in.
 *
 * @module
 */
import { createPublicKey } from 'node:crypto';
import { FieldsealError, type Keyring, type KeyringStorage, type Slot, type SlotOpener } from '@fieldseal/core';
import type { PolicyStep } from './policy-step.ts';
import { decodeSlot, TPM_SLOT_TYPE } from './slot-params.ts';
import type { TpmSlot, TpmSlotOptions } from './tpm-slot.ts';

/** What a TPM slot asks for. */
export interface TpmSlotInfo {
  readonly id: string;
  /** ISO 8601 in UTC. */
  readonly created: string;
  /** Name of the storage root key that it is sealed under, in hexadecimal. */
  readonly srkName: string;
  readonly vendor: string;
  readonly firmware: string;
  /** PCRs that it is bound to; empty without such a condition. */
  readonly pcrs: readonly number[];
  readonly signed: boolean;
  readonly pin: boolean;
  readonly counter: { readonly index: number; readonly ceiling: bigint } | null;
  /** Options by which a new slot asks for the same; for a PIN, `pin` has to be given besides. */
  readonly policy: Pick<TpmSlotOptions, 'pcrs' | 'signer' | 'counter'>;
}

/**
 * The TPM slots of a keyring. They are read without opening it, and so not authenticated.
 *
 * @throws ERR_KEYRING_MISSING, ERR_KEYRING_DAMAGED, ERR_TPM_BLOB_INVALID
 */
export async function tpmSlots(storage: KeyringStorage): Promise<TpmSlotInfo[]> {
  const text = await storage.read();
  if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `there is no keyring at ${storage.label}`);
  let json: { slots?: unknown } | null;
  try {
    json = JSON.parse(text);
  } catch {
    throw new FieldsealError('ERR_KEYRING_DAMAGED', 'the keyring is damaged: it is not JSON');
  }
  const slots = Array.isArray(json?.slots) ? (json.slots as (Partial<Slot> | null)[]) : [];
  return slots.filter((slot) => slot?.type === TPM_SLOT_TYPE).map((slot) => infoOf(slot as Slot));
}

/**
 * Adds a TPM slot, once the recovery key has been shown to work, and raises its counter if it has one.
 *
 * @param proof - the recovery key
 * @returns id of the slot
 * @throws ERR_KEYRING_SLOT without a working recovery key; what the TPM refuses
 */
export async function addTpmSlot(keyring: Keyring, slot: TpmSlot, proof: SlotOpener): Promise<string> {
  const id = await keyring.addSlot(slot, proof);
  await slot.commit();
  return id;
}

/**
 * Seals anew, as after an update that changed PCRs, and removes the old slot only when the new one is stored and has been opened. Crashes leave the
 * old one, or both; the counter is raised between, so that an old copy of the keyring does not open any more.
 *
 * @param slotId - the slot that is replaced
 * @returns id of the new slot
 * @throws as {@link addTpmSlot}
 */
export async function resealTpmSlot(
  keyring: Keyring,
  slotId: string,
  slot: TpmSlot,
  proof: SlotOpener,
): Promise<string> {
  const { slots } = await keyring.describe([]);
  if (!slots.some(({ id, type }) => id === slotId && type === TPM_SLOT_TYPE))
    throw new FieldsealError('ERR_KEYRING_SLOT', 'the keyring has no such TPM slot');
  const id = await addTpmSlot(keyring, slot, proof);
  await keyring.removeSlot(slotId);
  return id;
}

function infoOf({ id, created, params }: Slot): TpmSlotInfo {
  if (typeof params !== 'object' || params === null)
    throw new FieldsealError('ERR_KEYRING_DAMAGED', 'the keyring is damaged: slot.params');
  const { srkName, steps, vendor, firmware } = decodeSlot(params);
  const find = <Kind extends PolicyStep['kind']>(kind: Kind) =>
    steps.find((step): step is Extract<PolicyStep, { kind: Kind }> => step.kind === kind);
  const [pcr, signed, counter] = [find('pcr'), find('signed'), find('counter')];
  const pcrs = [...(pcr?.values.keys() ?? [])];
  return {
    id: String(id),
    created: String(created),
    srkName: srkName.toString('hex'),
    vendor,
    firmware,
    pcrs,
    signed: signed !== undefined,
    pin: find('pin') !== undefined,
    counter: counter === undefined ? null : { index: counter.index, ceiling: counter.ceiling },
    policy: {
      ...(pcr === undefined ? {} : { pcrs }),
      ...(signed === undefined ? {} : { signer: { publicKey: pemOf(signed.key), ref: signed.ref } }),
      ...(counter === undefined ? {} : { counter: { index: counter.index } }),
    },
  };
}

function pemOf(spki: Buffer): string {
  return createPublicKey({ key: spki, format: 'der', type: 'spki' }).export({ format: 'pem', type: 'spki' }).toString();
}
