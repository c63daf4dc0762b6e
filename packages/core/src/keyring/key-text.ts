/**
 * Keys as people and environments hold them: text with a checksum, so that a mistyped key is told from a wrong one.
 *
 * @module
 */
import { createHash } from 'node:crypto';
import { fromBase64Url, fromHex, toBase64Url, utf8 } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { KEY_BYTES } from '../kdf.ts';
import { SecretBytes } from '../secret-bytes.ts';

const RAW_PREFIX = 'fsk1_';
const RAW_CHECK_BYTES = 4;
const RECOVERY_PREFIX = 'FSR1';
/** Bytes of a recovery key: 160 bits, far beyond any search, and short enough to copy by hand. */
export const RECOVERY_BYTES = 20;
/** Crockford's base 32 (crockford.com/base32.html): no I, L, O, U. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const RECOVERY_CHECK_DIGITS = 4;
const GROUP = 4;

/** A new raw key of 256 random bits. */
export function generateRawKey(): SecretBytes {
  return SecretBytes.random(KEY_BYTES);
}

/** A new recovery key of 160 random bits. */
export function generateRecoveryKey(): SecretBytes {
  return SecretBytes.random(RECOVERY_BYTES);
}

/** Text of a raw key for FIELDSEAL_KEY: `fsk1_` and 48 characters. The result is secret. */
export function formatRawKey(key: SecretBytes): string {
  const bytes = key.expose();
  return RAW_PREFIX + toBase64Url(Buffer.concat([bytes, checksum(RAW_PREFIX, bytes).subarray(0, RAW_CHECK_BYTES)]));
}

/**
 * Reads a raw key: the form of {@link formatRawKey}, or 64 hexadecimal digits. White space around it is ignored.
 *
 * @throws ERR_KEY_INVALID without any part of the text
 */
export function parseRawKey(text: string): SecretBytes {
  const trimmed = text.trim();
  if (trimmed.length === 2 * KEY_BYTES) {
    const bytes = fromHex(trimmed);
    if (bytes !== null) return SecretBytes.take(bytes);
  }
  const bytes = trimmed.startsWith(RAW_PREFIX) ? fromBase64Url(trimmed.slice(RAW_PREFIX.length)) : null;
  if (bytes?.length !== KEY_BYTES + RAW_CHECK_BYTES) {
    throw new FieldsealError(
      'ERR_KEY_INVALID',
      `a raw key is ${RAW_PREFIX} and 48 characters, or 64 hexadecimal digits`,
    );
  }
  const check = checksum(RAW_PREFIX, bytes.subarray(0, KEY_BYTES)).subarray(0, RAW_CHECK_BYTES);
  if (!check.equals(bytes.subarray(KEY_BYTES)))
    throw new FieldsealError('ERR_KEY_INVALID', 'the checksum of the raw key is wrong');
  const key = SecretBytes.copy(bytes.subarray(0, KEY_BYTES));
  bytes.fill(0);
  return key;
}

/** Text of a recovery key for paper: `FSR1` and nine groups of four. The result is secret. */
export function formatRecoveryKey(key: SecretBytes): string {
  const digits = toBase32(key.expose()) + recoveryCheck(key.expose());
  return [RECOVERY_PREFIX, ...(digits.match(new RegExp(`.{${GROUP}}`, 'g')) ?? [])].join('-');
}

/**
 * Reads a recovery key as a person types it: any case, with or without dashes and spaces, O for 0 and I or L for 1.
 *
 * @throws ERR_KEY_INVALID without any part of the text
 */
export function parseRecoveryKey(text: string): SecretBytes {
  const typed = text.toUpperCase().replace(/[\s-]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1');
  const digits = typed.slice(RECOVERY_PREFIX.length);
  const body = digits.slice(0, -RECOVERY_CHECK_DIGITS);
  const bytes = typed.startsWith(RECOVERY_PREFIX) ? fromBase32(body) : null;
  if (bytes?.length !== RECOVERY_BYTES)
    throw new FieldsealError('ERR_KEY_INVALID', 'a recovery key is FSR1 and nine groups of four characters');
  if (recoveryCheck(bytes) !== digits.slice(-RECOVERY_CHECK_DIGITS)) {
    throw new FieldsealError('ERR_KEY_INVALID', 'the recovery key was mistyped: its last group does not match');
  }
  return SecretBytes.take(bytes);
}

/**
 * Bytes of a passphrase: NFKC, so that the same words typed on another system give the same bytes.
 *
 * @throws ERR_KEY_INVALID when it has fewer than 12 characters
 */
export function parsePassphrase(text: string): SecretBytes {
  const normal = text.normalize('NFKC');
  if ([...normal].length < 12) throw new FieldsealError('ERR_KEY_INVALID', 'a passphrase has at least 12 characters');
  return SecretBytes.take(utf8(normal));
}

function recoveryCheck(bytes: Uint8Array): string {
  return toBase32(checksum(RECOVERY_PREFIX, bytes).subarray(0, 5)).slice(0, RECOVERY_CHECK_DIGITS);
}

function checksum(label: string, bytes: Uint8Array): Buffer {
  return createHash('sha256').update(label).update(bytes).digest();
}

/** Whole groups of five bytes only. */
function toBase32(bytes: Uint8Array): string {
  let digits = '';
  for (let at = 0; at < bytes.length; at += 5) {
    const group = Buffer.from(bytes.subarray(at, at + 5)).readUIntBE(0, 5);
    for (let shift = 35; shift >= 0; shift -= 5) digits += ALPHABET[Math.floor(group / 2 ** shift) % 32];
  }
  return digits;
}

function fromBase32(digits: string): Uint8Array | null {
  if (digits.length % 8 !== 0) return null;
  const bytes = Buffer.alloc((digits.length / 8) * 5);
  for (let at = 0; at < digits.length; at += 8) {
    let group = 0;
    for (const digit of digits.slice(at, at + 8)) {
      const value = ALPHABET.indexOf(digit);
      if (value < 0) return null;
      group = group * 32 + value;
    }
    bytes.writeUIntBE(group, (at / 8) * 5, 5);
  }
  return new Uint8Array(bytes);
}
