/**
 * Strict base64 and hexadecimal: Node's own decoders pass over characters that do not belong there.
 *
 * @module
 */

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/;
const BASE64_URL = /^(?:[\w-]{4})*(?:[\w-]{2}(?:==)?|[\w-]{3}=?)?$/;
const HEX = /^(?:[0-9a-f]{2})*$/i;

/** Bytes of base64 with or without padding, or null for anything else. */
export function base64Bytes(text: unknown): Buffer | null {
  return typeof text === 'string' && BASE64.test(text) ? Buffer.from(text, 'base64') : null;
}

/** Bytes of base64url with or without padding, or null for anything else. */
export function base64UrlBytes(text: unknown): Buffer | null {
  return typeof text === 'string' && BASE64_URL.test(text) ? Buffer.from(text, 'base64url') : null;
}

/** Bytes of hexadecimal digits, or null for anything else. */
export function hexBytes(text: unknown): Buffer | null {
  return typeof text === 'string' && HEX.test(text) ? Buffer.from(text, 'hex') : null;
}

/** Text of UTF-8, or null for bytes that are none. A byte order mark stays. */
export function utf8Text(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Text of a stored value that should be text, or null. Columns of bytes hold it as ASCII. */
export function storedText(stored: string | Uint8Array): string | null {
  return typeof stored === 'string' ? stored : utf8Text(stored);
}
