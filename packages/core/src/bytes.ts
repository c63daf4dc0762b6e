/**
 * Byte helpers of the stored format: joining, hexadecimal, strict base64url, strict UTF-8 and pre-authentication encoding.
 *
 * @module
 */
import { FieldsealError } from './errors.ts';

/** Joins byte strings into a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Up to so many bytes a loop is faster than a view and set(). */
const COPIED_BY_LOOP = 128;

/** Copies `source` from `start` to `end` to `target` at `at`. The two must not overlap. */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array, start: number, end: number): void {
  if (end - start > COPIED_BY_LOOP) target.set(source.subarray(start, end), at);
  else for (let from = start; from < end; from++) target[at + from - start] = source[from] as number;
}

/** A Buffer over the same memory, for its codecs. */
export function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  return view(bytes).toString('hex');
}

/** Decodes hexadecimal of either case; null when it is not whole bytes of hexadecimal digits. */
export function fromHex(text: string): Uint8Array | null {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return null;
  return new Uint8Array(Buffer.from(text, 'hex'));
}

/** Base64url without padding (RFC 4648 §5). */
export function toBase64Url(bytes: Uint8Array): string {
  return view(bytes).toString('base64url');
}

/**
 * Decodes canonical base64url without padding: null for any other spelling of the same bytes (padding, white space, the standard
 * alphabet, non-zero trailing bits). Node's own decoder accepts all of those, and an AEAD would not notice.
 *
 * Encoding again and comparing is the shortest strict decoder, and native code does both halves.
 */
export function fromBase64Url(text: string): Uint8Array | null {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : null;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Whether every surrogate of the text has its partner (String.prototype.isWellFormed, which ES2023 does not know). */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}

/** UTF-8 of a well-formed text. The caller refuses lone surrogates first: they would become U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Decodes UTF-8; null when it is malformed. A leading U+FEFF is kept. */
export function fromUtf8(bytes: Uint8Array): string | null {
  try {
    return decoder.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Pre-authentication encoding: the number of pieces, then each piece behind its length, all as 64-bit little-endian numbers, so that
 * no two lists of pieces give the same bytes (spec/format.md §2; after PASETO's PAE). Texts are taken as UTF-8.
 *
 * @throws ERR_VALUE for a text with a lone surrogate, which UTF-8 cannot tell from another
 */
export function pae(...pieces: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = [le64(pieces.length)];
  for (const piece of pieces) {
    if (typeof piece === 'string' && !isWellFormed(piece))
      throw new FieldsealError('ERR_VALUE', 'a name holds a lone surrogate');
    const bytes = typeof piece === 'string' ? utf8(piece) : piece;
    parts.push(le64(bytes.length), bytes);
  }
  return concat(...parts);
}

function le64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}
