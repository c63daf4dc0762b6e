/**
 * What a response code means for whoever seals or unseals. The same code means other things after other commands, so both decide.
 *
 * @module
 */
import { type ErrorCode, FieldsealError } from '@fieldseal/core';
import type { CommandName } from '../client/constants.ts';
import { decodeResponseCode, RC, TpmRcError } from '../client/response-code.ts';

interface Row {
  readonly commands: readonly CommandName[] | 'any';
  /** By default every reason that is about a parameter of the command. */
  readonly reasons?: readonly number[];
  readonly code: ErrorCode;
  readonly message: string;
}

const NOT_SUPPORTED = [
  RC.SYMMETRIC,
  RC.MODE,
  RC.KEY_SIZE,
  RC.CURVE,
  RC.ASYMMETRIC,
  RC.HASH,
  RC.SCHEME,
  RC.COMMAND_CODE,
];
const NO_AUTH = [RC.BAD_AUTH, RC.AUTH_FAIL];

/** The first row that fits holds. */
const TABLE: readonly Row[] = [
  {
    commands: 'any',
    reasons: [RC.LOCKOUT],
    code: 'ERR_TPM_LOCKOUT',
    message: 'the TPM is locked after too many wrong tries',
  },
  {
    commands: ['CreatePrimary', 'NV_DefineSpace', 'NV_UndefineSpace', 'EvictControl'],
    reasons: NO_AUTH,
    code: 'ERR_TPM_OWNER_AUTH',
    message: 'the owner hierarchy of the TPM asks for another authorisation',
  },
  {
    commands: ['CreatePrimary', 'StartAuthSession'],
    reasons: NOT_SUPPORTED,
    code: 'ERR_TPM_ENCRYPTION_UNSUPPORTED',
    message: 'the TPM lacks an algorithm that protects secrets on the bus',
  },
  {
    commands: ['Create'],
    reasons: [RC.SIZE],
    code: 'ERR_TPM_TOO_LARGE',
    message: 'the TPM does not seal so many bytes',
  },
  { commands: ['Load'], code: 'ERR_TPM_BLOB_INVALID', message: 'the TPM does not accept the sealed key of the slot' },
  {
    commands: ['LoadExternal', 'VerifySignature'],
    code: 'ERR_TPM_SIGNATURE_INVALID',
    message: 'the signature of the policy is wrong',
  },
  {
    commands: ['PolicyAuthorize'],
    reasons: [RC.VALUE],
    code: 'ERR_TPM_PCR_MISMATCH',
    message: 'the PCRs are not those that were signed',
  },
  {
    commands: ['PolicyNV'],
    reasons: [RC.POLICY],
    code: 'ERR_TPM_ROLLBACK',
    message: 'the counter of the slot has moved on',
  },
  {
    commands: ['PolicyNV', 'NV_Read', 'NV_ReadPublic', 'NV_Increment'],
    reasons: [RC.HANDLE, RC.NV_UNINITIALIZED],
    code: 'ERR_TPM_COUNTER_MISSING',
    message: 'the counter of the slot is not in the TPM',
  },
  {
    commands: ['NV_DefineSpace'],
    reasons: [RC.NV_SPACE],
    code: 'ERR_TPM_NV_SPACE',
    message: 'the TPM has no room for a counter',
  },
  {
    commands: ['Unseal'],
    reasons: [RC.POLICY_FAIL],
    code: 'ERR_TPM_PCR_MISMATCH',
    message: 'PCRs have changed since the slot was sealed',
  },
  {
    commands: ['Unseal'],
    reasons: [RC.PCR_CHANGED],
    code: 'ERR_TPM_PCR_RACE',
    message: 'PCRs kept changing while the slot was opened',
  },
  { commands: ['Unseal'], reasons: [RC.AUTH_FAIL], code: 'ERR_TPM_PIN_WRONG', message: 'the PIN is wrong' },
  {
    commands: ['Unseal', 'Create', 'Load'],
    reasons: [RC.BAD_AUTH],
    code: 'ERR_TPM_IO',
    message: 'the TPM got another command than the one that was sent',
  },
];

/** An error of the client in the words of the sealer; anything else as it is. Returned, not thrown. */
export function explained(error: unknown): unknown {
  if (!(error instanceof TpmRcError)) return error;
  const aboutParameter = decodeResponseCode(error.rc).about?.kind === 'parameter';
  const row = TABLE.find(
    ({ commands, reasons }) =>
      (commands === 'any' || commands.includes(error.command)) && (reasons?.includes(error.reason) ?? aboutParameter),
  );
  if (row !== undefined) return new FieldsealError(row.code, row.message, { cause: error });
  return new FieldsealError('ERR_TPM_REFUSED', error.message, { cause: error });
}
