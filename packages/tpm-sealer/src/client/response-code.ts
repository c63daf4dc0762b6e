import type { CommandName } from './constants.ts';

/** Reasons of response codes, without the number of the handle, parameter or session. Codes of format one have 0x080. */
export const RC = {
  SUCCESS: 0x000,
  ASYMMETRIC: 0x081,
  HASH: 0x083,
  VALUE: 0x084,
  KEY_SIZE: 0x087,
  MODE: 0x089,
  TYPE: 0x08a,
  HANDLE: 0x08b,
  AUTH_FAIL: 0x08e,
  SCHEME: 0x092,
  SIZE: 0x095,
  SYMMETRIC: 0x096,
  INSUFFICIENT: 0x09a,
  SIGNATURE: 0x09b,
  POLICY_FAIL: 0x09d,
  INTEGRITY: 0x09f,
  BAD_AUTH: 0x0a2,
  CURVE: 0x0a6,
  BINDING: 0x0a5,
  INITIALIZE: 0x100,
  POLICY: 0x126,
  PCR_CHANGED: 0x128,
  COMMAND_CODE: 0x143,
  NV_UNINITIALIZED: 0x14a,
  NV_SPACE: 0x14b,
  NV_DEFINED: 0x14c,
  OBJECT_MEMORY: 0x902,
  SESSION_MEMORY: 0x903,
  YIELDED: 0x908,
  TESTING: 0x90a,
  NV_RATE: 0x920,
  LOCKOUT: 0x921,
  RETRY: 0x922,
} as const;

/** What a response code is about. */
export interface ResponseCode {
  /** As the TPM gave it. */
  readonly rc: number;
  /** One of {@link RC}, or another reason. */
  readonly reason: number;
  /** Whether the command could succeed later, unchanged. */
  readonly warning: boolean;
  /** What the reason is about, counted from 1 as the specification does; null for reasons about the whole command. */
  readonly about: { readonly kind: 'handle' | 'parameter' | 'session'; readonly number: number } | null;
}

const NAMES = new Map<number, string>(Object.entries(RC).map(([name, code]) => [code, name]));

/** Takes a response code apart (part 2, 6.6.2). What a resource manager answers itself carries its layer above the twelve bits of a TPM. */
export function decodeResponseCode(rc: number): ResponseCode {
  if ((rc & 0x080) === 0) return { rc, reason: rc & 0xfff, warning: (rc & 0x900) === 0x900, about: null };
  const reason = rc & 0x0bf;
  const number = (rc >> 8) & 0xf;
  if ((rc & 0x040) !== 0) return { rc, reason, warning: false, about: { kind: 'parameter', number } };
  if (number === 0) return { rc, reason, warning: false, about: null };
  const about = number >= 8 ? { kind: 'session' as const, number: number - 8 } : { kind: 'handle' as const, number };
  return { rc, reason, warning: false, about };
}

/** A TPM answered a command with a response code other than success. */
export class TpmRcError extends Error {
  override readonly name = 'TpmRcError';
  readonly command: CommandName;
  /** As the TPM gave it. */
  readonly rc: number;
  /** One of {@link RC}, or another reason. */
  readonly reason: number;

  constructor(command: CommandName, rc: number) {
    const { reason, about } = decodeResponseCode(rc);
    const place = about === null ? '' : ` of ${about.kind} ${about.number}`;
    super(`TPM2_${command} was answered with ${hex(rc)} (${NAMES.get(reason) ?? `reason ${hex(reason)}`}${place})`);
    this.command = command;
    this.rc = rc;
    this.reason = reason;
  }
}

/** Whether a command failed for one of these reasons. */
export function isRc(error: unknown, ...reasons: readonly number[]): error is TpmRcError {
  return error instanceof TpmRcError && reasons.includes(error.reason);
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(3, '0')}`;
}
