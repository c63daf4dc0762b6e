/**
 * @fieldseal/tpm/client: a TPM 2.0 client in TypeScript, without native code and without other programs. Secrets cross the bus only in
 * salted sessions with encrypted parameters, and replies are checked by their HMAC.
 *
 * @example
 * ```ts
 * import { createPrimary, createSealed, load, Session, sealedTemplate, SRK_TEMPLATE, TpmDevice, unseal } from '@fieldseal/tpm/client';
 *
 * const secret = await new TpmDevice('auto').operation(async (tpm) => {
 *   const srk = await createPrimary(tpm, SRK_TEMPLATE);               // compare srk.name with the one you know
 *   const session = await Session.start(tpm, 'hmac', srk);
 *   const sealed = await createSealed(tpm, srk, session.use({ encryptCommand: true }), { secret: key, authValue: new Uint8Array(), template: sealedTemplate(0x452, new Uint8Array()) });
 *   return unseal(tpm, await load(tpm, srk, sealed), session.use({ encryptReply: true }));
 * });
 * ```
 * @module
 */
export { type Authorization, type AuthorizedCommand, emptyPassword } from './client/authorization.ts';
export { Reader, sized, u8, u16, u32, u64 } from './client/bytes.ts';
export { getRandom, PERMANENT, PROPERTY, properties } from './client/commands/capability.ts';
export {
  COUNTER_ATTRIBUTES,
  NV_WRITTEN,
  type NvIndex,
  nvDefineCounter,
  nvIncrement,
  nvReadCounter,
  nvReadPublic,
  nvUndefine,
  OWNER_INDEXES,
} from './client/commands/nv.ts';
export {
  type CreatedObject,
  createPrimary,
  createSealed,
  evictControl,
  load,
  loadExternal,
  readPublic,
  unseal,
  verifySignature,
} from './client/commands/objects.ts';
export { type PcrValues, pcrExtend, pcrRead } from './client/commands/pcr.ts';
export {
  policyAuthorize,
  policyAuthValue,
  policyCounterAtMost,
  policyGetDigest,
  policyPcr,
} from './client/commands/policy.ts';
export {
  ALG,
  COMMANDS,
  type CommandName,
  HANDLE,
  MAX_SEALED,
  OBJECT,
  PCR_COUNT,
  SRK_HANDLE,
} from './client/constants.ts';
export { TpmDevice } from './client/device.ts';
export { DeviceTransport } from './client/device-transport.ts';
export { type Entropy, systemEntropy } from './client/entropy.ts';
export { decodeKeyFile, encodeKeyFile, type KeyFile } from './client/key-file.ts';
export { type DeviceAddress, openTransport } from './client/open-transport.ts';
export { checkedPcrs, pcrSelection } from './client/pcr-selection.ts';
export {
  afterAuthorize,
  afterAuthValue,
  afterCounterAtMost,
  afterPcr,
  approvalDigest,
  EMPTY_POLICY,
} from './client/policy-digest.ts';
export {
  nameOf,
  type PublicArea,
  parsePublic,
  SRK_TEMPLATE,
  sealedTemplate,
  verifierPublic,
} from './client/public-area.ts';
export { decodeResponseCode, isRc, RC, type ResponseCode, TpmRcError } from './client/response-code.ts';
export { namedByHandle, type SaltKey, Session, type SessionUse } from './client/session.ts';
export { connectTransport, SocketTransport } from './client/socket-transport.ts';
export { Tpm, type TpmCommand, type TpmObject, type TpmOptions, type TpmReply } from './client/tpm.ts';
export type { Transport } from './client/transport.ts';
