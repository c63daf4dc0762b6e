import { timingSafeEqual } from 'node:crypto';
import { type LegacyPlaintext, type LegacyReader, SecretBytes } from '@fieldseal/core';
import { hmac, openCbc } from './block-ciphers.ts';
import { base64UrlBytes, storedText, utf8Text } from './encodings.ts';
import { badKey, malformed, undecryptable, unserved } from './reader-error.ts';

const FORMAT = 'fernet';
/** Version, time, IV and HMAC, and at least one block between them. */
const LEAST_BYTES = 1 + 8 + 16 + 16 + 32;
/** The version byte 0x80 and the upper bytes of the time, which are zero until the year 36812: `gAAA` in base64. */
const START = 'gAAA';

/** Options of {@link fernet}. */
export interface FernetOptions {
  /** Keys of 32 bytes in base64url, the newest first. All are tried, as MultiFernet does. */
  readonly keys: readonly string[];
  /** What is in the tokens; `text` by default. */
  readonly content?: 'text' | 'bytes';
}

/**
 * Reads Fernet tokens, version 0x80: AES-128-CBC and HMAC-SHA-256 (github.com/fernet/spec). The time of a token is not looked at.
 *
 * @throws ERR_KEY_INVALID for a text that is not 32 bytes in base64url
 */
export function fernet({ keys, content = 'text' }: FernetOptions): LegacyReader {
  const ready = keys.map(keyOf);
  if (ready.length === 0) throw badKey(FORMAT, 'given');
  return {
    format: `${FORMAT}/${content}`,
    recognizes: (stored) => storedText(stored)?.startsWith(START) === true,
    open: (stored) => {
      const token = base64UrlBytes(storedText(stored));
      if (token === null || token.length < LEAST_BYTES || token[0] !== 0x80) throw malformed(FORMAT);
      const mac = token.subarray(-32);
      const key = ready.find(({ signing }) => timingSafeEqual(hmac('sha256', signing, token.subarray(0, -32)), mac));
      const plaintext =
        key === undefined ? null : openCbc(key.encryption.expose(), token.subarray(9, 25), token.subarray(25, -32));
      if (plaintext === null) throw undecryptable(FORMAT);
      return content === 'bytes' ? Uint8Array.from(plaintext) : textIn(plaintext);
    },
  };
}

function textIn(bytes: Uint8Array): LegacyPlaintext {
  const text = utf8Text(bytes);
  if (text === null) throw unserved(FORMAT, 'is not text', "Set content: 'bytes' for a field of bytes.");
  return text;
}

function keyOf(text: string): { readonly signing: SecretBytes; readonly encryption: SecretBytes } {
  const bytes = base64UrlBytes(text.trim());
  if (bytes?.length !== 32) throw badKey(FORMAT, '32 bytes in base64url');
  const key = { signing: SecretBytes.copy(bytes.subarray(0, 16)), encryption: SecretBytes.copy(bytes.subarray(16)) };
  bytes.fill(0);
  return key;
}
