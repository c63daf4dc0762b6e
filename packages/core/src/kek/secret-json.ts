/**
 * JSON that carries one key in base64. Strings cannot be wiped, so the key goes in and out of the text as bytes and never becomes one.
 *
 * @module
 */
import { concat, utf8, view } from '../bytes.ts';
import { SecretBytes } from '../secret-bytes.ts';

const ALPHABET = utf8('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/');
const PADDING = 0x3d;
const QUOTE = 0x22;
const COVER = 0x78;
const VALUES = new Map([...ALPHABET].map((code, value) => [code, value]));

/** The object of `fields` and one more member that holds the secret, as UTF-8; the caller's to wipe. */
export function jsonWithSecret(
  fields: Readonly<Record<string, string>>,
  name: string,
  secret: SecretBytes,
): Uint8Array {
  const head = JSON.stringify({ ...fields, [name]: '' }).slice(0, -2);
  const encoded = toBase64(secret.expose());
  const text = concat(utf8(head), encoded, utf8('"}'));
  encoded.fill(0);
  return text;
}

/**
 * Takes the secret out of a JSON text and overwrites it there, then parses the rest.
 *
 * @param name - member that holds the secret, wherever it stands; what stands there in the result is as long and means nothing
 * @returns `secret` is null where the text has no such member or it is not base64; `json` is undefined where the text is not JSON
 */
export function takeSecret(
  text: Uint8Array,
  name: string,
): { readonly json: unknown; readonly secret: SecretBytes | null } {
  const span = memberSpan(text, name);
  const secret = span === null ? null : fromBase64(text.subarray(...span));
  if (span !== null) text.fill(COVER, ...span);
  try {
    const json: unknown = JSON.parse(view(text).toString('utf8'));
    return { json, secret };
  } catch {
    secret?.wipe();
    return { json: undefined, secret: null };
  }
}

/** Where the text of a member begins and ends. A member of this name inside a string would have its quotes escaped, and so is not found. */
function memberSpan(text: Uint8Array, name: string): [number, number] | null {
  const key = utf8(`"${name}"`);
  const found = view(text).indexOf(key);
  if (found < 0) return null;
  let at = found + key.length;
  const skip = (codes: readonly number[]) => {
    while (codes.includes(text[at] ?? -1)) at++;
  };
  const SPACES = [0x20, 0x09, 0x0a, 0x0d];
  skip(SPACES);
  if (text[at++] !== 0x3a) return null;
  skip(SPACES);
  if (text[at++] !== QUOTE) return null;
  const end = text.indexOf(QUOTE, at);
  return end < 0 ? null : [at, end];
}

function toBase64(bytes: Uint8Array): Uint8Array {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PADDING);
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    const left = Math.min(bytes.length - from, 3);
    const bits = ((bytes[from] ?? 0) << 16) | ((bytes[from + 1] ?? 0) << 8) | (bytes[from + 2] ?? 0);
    for (let at = 0; at <= left; at++) text[to + at] = ALPHABET[(bits >> (18 - 6 * at)) & 63] as number;
  }
  return text;
}

/** Decodes padded base64; null for anything else. */
function fromBase64(text: Uint8Array): SecretBytes | null {
  if (text.length % 4 !== 0) return null;
  const padding =
    text.length === 0 ? 0 : text[text.length - 2] === PADDING ? 2 : text[text.length - 1] === PADDING ? 1 : 0;
  const bytes = new Uint8Array((text.length / 4) * 3 - padding);
  for (let from = 0, to = 0; from < text.length; from += 4, to += 3) {
    let bits = 0;
    for (let at = from; at < from + 4; at++) {
      const value = at >= text.length - padding ? 0 : VALUES.get(text[at] as number);
      if (value === undefined) {
        bytes.fill(0);
        return null;
      }
      bits = (bits << 6) | value;
    }
    for (let at = 0; at < 3 && to + at < bytes.length; at++) bytes[to + at] = (bits >> (16 - 8 * at)) & 255;
  }
  return SecretBytes.take(bytes);
}
