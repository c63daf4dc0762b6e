import { scrypt } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';

/** Bounds of scrypt's cost. The TPM limits guesses, so that the lowest suffices. */
export const MIN_LOG_N = 14;
/** See {@link MIN_LOG_N}; more could exhaust the memory. */
export const MAX_LOG_N = 17;

/** Bytes of the salt. */
export const SALT_BYTES = 16;

const SHORTEST_PIN = 4;
const AUTH_BYTES = 32;

/** Refuses a PIN that is too short to enrol. */
export function checkNewPin(pin: string): void {
  if (pin.length < SHORTEST_PIN)
    throw new FieldsealError('ERR_OPTIONS', `the PIN of a TPM slot has at least ${SHORTEST_PIN} characters`);
}

/** The authorisation value for a PIN: of one length whatever the PIN, and of no use with another slot. */
export function pinAuthValue(pin: string, salt: Uint8Array, logN: number): Promise<Buffer> {
  const N = 2 ** logN;
  return new Promise((resolve, reject) => {
    scrypt(pin.normalize('NFC'), salt, AUTH_BYTES, { N, r: 8, p: 1, maxmem: 256 * N * 8 }, (error, value) => {
      if (error === null) resolve(value);
      else reject(new FieldsealError('ERR_KEYRING_IO', 'scrypt failed for want of memory', { cause: error }));
    });
  });
}
