/**
 * @fieldseal/tpm: a way to open a keyring that only this machine's TPM 2.0 has. The TPM client by itself is `@fieldseal/tpm/client`.
 *
 * @module
 */
export type { PcrValues } from './client/commands/pcr.ts';
export { TpmDevice } from './client/device.ts';
export type { DeviceAddress } from './client/open-transport.ts';
export type { TpmIdentity } from './sealer/identity.ts';
export { addTpmSlot, resealTpmSlot, type TpmSlotInfo, tpmSlots } from './sealer/keyring-slots.ts';
export type { Lockout } from './sealer/lockout.ts';
export type { PcrState } from './sealer/pcr-condition.ts';
export {
  formatSignatures,
  type PolicySignature,
  parseSignatures,
  type SignatureSource,
  signPcrValues,
} from './sealer/policy-signature.ts';
export { TPM_SLOT_TYPE } from './sealer/slot-params.ts';
export { readPcrs, type TpmStatus, tpmStatus } from './sealer/status.ts';
export { type PolicySigner, type TpmSlot, type TpmSlotOptions, tpmSlot } from './sealer/tpm-slot.ts';
