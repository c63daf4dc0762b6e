import { FieldsealError, type SlotParams } from '@fieldseal/core';
import { decodeKeyFile, encodeKeyFile, type KeyFile } from '../client/key-file.ts';
import { parsePublic } from '../client/public-area.ts';
import { decodeSteps, encodeSteps, type PolicyStep, policyDigest, sealedAttributes } from './policy-step.ts';

/** Type of slots that a TPM opens. */
export const TPM_SLOT_TYPE = 'tpm2';

/** What the parameters of a slot say. */
export interface SealedSlot {
  readonly key: KeyFile;
  /** Name of the storage root key that the slot is sealed under. */
  readonly srkName: Buffer;
  readonly steps: readonly PolicyStep[];
  /** Maker and firmware of the TPM, for people. */
  readonly vendor: string;
  readonly firmware: string;
}

const VERSION = 1;

/** Parameters of a slot. */
export function encodeSlot({ key, srkName, steps, vendor, firmware }: SealedSlot): SlotParams {
  const policy = encodeSteps(steps);
  return { v: VERSION, key: encodeKeyFile(key), srk: srkName.toString('hex'), policy, vendor, firmware };
}

/**
 * Reads the parameters of a slot, and checks that the sealed object has the very policy that they tell.
 *
 * @throws ERR_TPM_BLOB_INVALID
 */
export function decodeSlot(params: SlotParams): SealedSlot {
  const { v, key, srk, policy, vendor, firmware } = params;
  if (v !== VERSION || typeof key !== 'string' || typeof policy !== 'string') throw invalid('its version or form');
  if (typeof srk !== 'string' || !/^000b[0-9a-f]{64}$/.test(srk)) throw invalid('the Name of its storage root key');
  const [file, steps] = [decodeKeyFile(key), decodeSteps(policy)];
  const { attributes, policy: digest } = publicAreaOf(file);
  if (!digest.equals(policyDigest(steps)) || attributes !== sealedAttributes(steps))
    throw invalid('its policy is not that of its sealed key');
  if (file.emptyAuth !== !steps.some(({ kind }) => kind === 'pin')) throw invalid('whether it asks for a PIN');
  return { key: file, srkName: Buffer.from(srk, 'hex'), steps, vendor: text(vendor), firmware: text(firmware) };
}

function publicAreaOf(file: KeyFile): ReturnType<typeof parsePublic> {
  try {
    return parsePublic(file.publicArea);
  } catch {
    throw invalid('the public half of its sealed key');
  }
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function invalid(part: string): FieldsealError {
  return new FieldsealError('ERR_TPM_BLOB_INVALID', `a TPM slot of the keyring is damaged: ${part}`);
}
