import { isFieldsealError } from '@fieldseal/core';
import { PERMANENT, PROPERTY, properties } from '../client/commands/capability.ts';
import { type PcrValues, pcrRead } from '../client/commands/pcr.ts';
import { TpmDevice } from '../client/device.ts';
import type { DeviceAddress } from '../client/open-transport.ts';
import { checkedPcrs } from '../client/pcr-selection.ts';
import { readIdentity, type TpmIdentity } from './identity.ts';
import { type Lockout, readLockout } from './lockout.ts';
import { ALL_PCRS, type PcrState, pcrState } from './pcr-condition.ts';
import { explained } from './problems.ts';
import { newStorageRoot, persistentSrk } from './srk.ts';

/** What a TPM tells. None of it is secret, and none of it is authenticated. */
export interface TpmStatus extends TpmIdentity {
  readonly device: string;
  readonly lockout: Lockout;
  /** Whether the owner hierarchy has an authorisation value. */
  readonly ownerAuthSet: boolean;
  /** Name of the storage root key that a new slot would be sealed under, in hexadecimal; null when the owner's authorisation is missing. */
  readonly srkName: string | null;
  /** Name of the key at 0x81000001; null when there is none. */
  readonly persistentSrkName: string | null;
  /** By PCR number, SHA-256 bank. */
  readonly pcrs: readonly { readonly pcr: number; readonly state: PcrState; readonly value: string }[];
}

/**
 * Asks a TPM about itself. Nothing is changed in it.
 *
 * @throws ERR_TPM_NOT_FOUND, ERR_TPM_PERMISSION, ERR_TPM_BUSY, ERR_TPM_TIMEOUT, ERR_TPM_IO, ERR_TPM_REFUSED
 */
export async function tpmStatus(
  device: DeviceAddress | TpmDevice = 'auto',
  options: { readonly timeoutMs?: number; readonly ownerAuth?: string } = {},
): Promise<TpmStatus> {
  const { ownerAuth = '', ...rest } = options;
  const where = typeof device === 'string' ? new TpmDevice(device, rest) : device;
  return where.operation(async (tpm) => {
    try {
      const identity = await readIdentity(tpm);
      const lockout = await readLockout(tpm);
      const permanent = (await properties(tpm, PROPERTY.PERMANENT, 1)).get(PROPERTY.PERMANENT) ?? 0;
      const persistent = await persistentSrk(tpm);
      const root = await newStorageRoot(tpm, ownerAuth, undefined).catch((error: unknown) => {
        if (isFieldsealError(explained(error), 'ERR_TPM_OWNER_AUTH')) return null;
        throw error;
      });
      const values = await pcrRead(tpm, ALL_PCRS);
      return {
        device: where.label,
        ...identity,
        lockout,
        ownerAuthSet: (permanent & PERMANENT.OWNER_AUTH_SET) !== 0,
        srkName: root === null ? null : Buffer.from(root.key.name).toString('hex'),
        persistentSrkName: persistent === null ? null : Buffer.from(persistent.name).toString('hex'),
        pcrs: ALL_PCRS.map((pcr) => {
          const value = values.get(pcr);
          return { pcr, state: pcrState(value), value: value?.toString('hex') ?? '' };
        }),
      };
    } catch (error) {
      throw explained(error);
    }
  });
}

/**
 * Present values of PCRs of the SHA-256 bank.
 *
 * @throws as {@link tpmStatus}, and ERR_OPTIONS for numbers that no PCR has
 */
export async function readPcrs(
  device: DeviceAddress | TpmDevice,
  pcrs: readonly number[],
  options: { readonly timeoutMs?: number } = {},
): Promise<PcrValues> {
  const asked = checkedPcrs(pcrs);
  const where = typeof device === 'string' ? new TpmDevice(device, options) : device;
  return where
    .operation((tpm) => pcrRead(tpm, asked))
    .catch((error: unknown) => {
      throw explained(error);
    });
}
