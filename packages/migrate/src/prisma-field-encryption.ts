import { createHash } from 'node:crypto';
import { type LegacyPlaintext, type LegacyReader, SecretBytes } from '@fieldseal/core';
import { GCM_TAG, openGcm } from './block-ciphers.ts';
import { base64UrlBytes, storedText, utf8Text } from './encodings.ts';
import { badKey, malformed, undecryptable, unknownKey, unserved } from './reader-error.ts';

const FORMAT = 'prisma-field-encryption';
const KEY = /^k1\.aesgcm256\.([\w-]{43})=?$/;
const PREFIX = 'v1.aesgcm256.';
const SHAPE = /^v1\.aesgcm256\.([0-9a-f]{8})\.([\w-]{16})\.([\w-]{22,}={0,2})$/i;

/** Options of {@link prismaFieldEncryption}. */
export interface PrismaFieldEncryptionOptions {
  /** Its keys as configured, `k1.aesgcm256.…`: PRISMA_FIELD_ENCRYPTION_KEY, and those of PRISMA_FIELD_DECRYPTION_KEYS. */
  readonly keys: readonly string[];
  /**
   * Values that were encrypted twice, which that package does when it writes back what it could not decrypt: `refuse`, the default, sets
   * their rows apart; `unwrap` opens all layers.
   */
  readonly nested?: 'refuse' | 'unwrap';
}

/**
 * Reads values of prisma-field-encryption 1.x (`v1.aesgcm256.<fingerprint>.<iv>.<ciphertext>`, @47ng/cloak): AES-256-GCM without
 * associated data, so that a value that was moved from another row or column opens too.
 *
 * A fingerprint of 32 bits names the key; it is taken over the text of the key, with or without its padding.
 *
 * @throws ERR_KEY_INVALID for a text that is no such key
 */
export function prismaFieldEncryption({ keys, nested = 'refuse' }: PrismaFieldEncryptionOptions): LegacyReader {
  const ring = new Map(keys.flatMap(parseKey));
  const isLayer = (text: string): boolean => ring.has(SHAPE.exec(text)?.[1]?.toLowerCase() ?? '');
  const openLayer = (text: string): string => {
    const [, fingerprint = '', iv, payload] = SHAPE.exec(text) ?? [];
    const [nonce, bytes] = [base64UrlBytes(iv), base64UrlBytes(payload)];
    if (nonce === null || bytes === null || bytes.length < GCM_TAG) throw malformed(FORMAT);
    const key = ring.get(fingerprint.toLowerCase());
    if (key === undefined) throw unknownKey(FORMAT);
    const plaintext = openGcm(key, nonce, bytes.subarray(0, -GCM_TAG), bytes.subarray(-GCM_TAG));
    const opened = plaintext === null ? null : utf8Text(plaintext);
    if (opened === null) throw undecryptable(FORMAT);
    return opened;
  };
  return {
    format: nested === 'unwrap' ? `${FORMAT}/unwrap` : FORMAT,
    recognizes: (stored) => storedText(stored)?.startsWith(PREFIX) === true,
    open: (stored) => {
      let text = openLayer(textOf(stored));
      while (isLayer(text)) {
        if (nested === 'refuse')
          throw unserved(FORMAT, 'was encrypted twice', "Set nested: 'unwrap' to open all layers.");
        text = openLayer(text);
      }
      return text;
    },
  };
}

/** A key under the fingerprints of both of its spellings, padded and not. */
function parseKey(configured: string): [fingerprint: string, key: SecretBytes][] {
  const bytes = base64UrlBytes(KEY.exec(configured.trim())?.[1]);
  if (bytes === null) throw badKey(FORMAT, 'k1.aesgcm256. and 32 bytes in base64url');
  const bare = configured.trim().replace(/=$/, '');
  const key = SecretBytes.copy(bytes);
  bytes.fill(0);
  return [bare, `${bare}=`].map((text) => [createHash('sha256').update(text).digest('hex').slice(0, 8), key]);
}

function textOf(stored: LegacyPlaintext): string {
  const text = storedText(stored);
  if (text === null) throw malformed(FORMAT);
  return text;
}
