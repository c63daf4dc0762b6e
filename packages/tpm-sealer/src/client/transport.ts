import { FieldsealError } from '@fieldseal/core';

/** A way to a TPM: one command at a time goes there, and its reply comes back. */
export interface Transport {
  /** Names the way in messages. */
  readonly label: string;
  /**
   * Sends a whole command and resolves to the whole reply.
   *
   * @param timeoutMs - after which it rejects and is of no use any more, since the late reply could be taken for another one's
   * @throws ERR_TPM_TIMEOUT, ERR_TPM_BUSY, ERR_TPM_IO
   */
  transmit(command: Uint8Array, timeoutMs: number): Promise<Buffer>;
  close(): Promise<void>;
}

/** Bytes of a reply's tag, size and code. */
export const HEADER_BYTES = 10;

/** Longest reply of a TPM. */
export const MAX_REPLY = 4096;

/** The length that the header of a reply announces, or null when it cannot be one. */
export function announcedLength(reply: Buffer): number | null {
  const length = reply.readUInt32BE(2);
  return length >= HEADER_BYTES && length <= MAX_REPLY ? length : null;
}

/** What system errors mean here. */
const OF_SYSTEM: Readonly<Record<string, 'ERR_TPM_NOT_FOUND' | 'ERR_TPM_PERMISSION' | 'ERR_TPM_BUSY'>> = {
  ENOENT: 'ERR_TPM_NOT_FOUND',
  ENODEV: 'ERR_TPM_NOT_FOUND',
  ENXIO: 'ERR_TPM_NOT_FOUND',
  ECONNREFUSED: 'ERR_TPM_NOT_FOUND',
  ENOTFOUND: 'ERR_TPM_NOT_FOUND',
  EHOSTUNREACH: 'ERR_TPM_NOT_FOUND',
  EACCES: 'ERR_TPM_PERMISSION',
  EPERM: 'ERR_TPM_PERMISSION',
  EBUSY: 'ERR_TPM_BUSY',
};

const MESSAGES = {
  ERR_TPM_NOT_FOUND: 'there is no TPM at',
  ERR_TPM_PERMISSION: 'this user may not use the TPM at',
  ERR_TPM_BUSY: 'another program holds the TPM at',
  ERR_TPM_IO: 'the exchange with the TPM broke off at',
} as const;

/** A system error as one of ours. Returned, not thrown. */
export function systemProblem(error: unknown, label: string): FieldsealError {
  const system = error instanceof Error && 'code' in error ? String(error.code) : 'no code';
  const code = OF_SYSTEM[system] ?? 'ERR_TPM_IO';
  return new FieldsealError(code, `${MESSAGES[code]} ${label} (${system})`, { cause: error });
}

/** What a reply that does not come gives. Returned, not thrown. */
export function late(label: string, timeoutMs: number): FieldsealError {
  return new FieldsealError('ERR_TPM_TIMEOUT', `the TPM at ${label} did not answer within ${timeoutMs} ms`);
}
