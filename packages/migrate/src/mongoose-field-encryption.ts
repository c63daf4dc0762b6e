import { createHash } from 'node:crypto';
import { type LegacyReader, SecretBytes } from '@fieldseal/core';
import { openCbc } from './block-ciphers.ts';
import { hexBytes, storedText, utf8Text } from './encodings.ts';
import { badKey, malformed, undecryptable } from './reader-error.ts';

const FORMAT = 'mongoose-field-encryption';
const SHAPE = /^([0-9a-f]{32}):((?:[0-9a-f]{32})+)$/;

/** Options of {@link mongooseFieldEncryption}. */
export interface MongooseFieldEncryptionOptions {
  /** The option `secret` of the plugin, before it is hashed. */
  readonly secret: string;
}

/**
 * Reads fields of mongoose-field-encryption 2 and later (`<iv>:<ciphertext>` in hexadecimal, AES-256-CBC), whose documents were copied into a
 * SQL database.
 *
 * **These values are not authenticated**: whoever could write the old database could change them. A wrong key is noticed by padding and UTF-8
 * only, and passes for about one value of 300, of short ones more: look at a sample. Objects come as JSON text. Values of its older
 * mode aes-256-ctr have no IV, and are refused.
 *
 * @throws ERR_KEY_INVALID for an empty secret
 */
export function mongooseFieldEncryption({ secret }: MongooseFieldEncryptionOptions): LegacyReader {
  if (secret === '') throw badKey(FORMAT, 'a text');
  // The plugin takes the first 32 hexadecimal digits of the digest as characters: half of the key's bits are lost.
  const digits = createHash('sha256').update(secret).digest('hex').slice(0, 32);
  const key = SecretBytes.take(new Uint8Array(Buffer.from(digits, 'latin1')));
  return {
    format: FORMAT,
    recognizes: (stored) => SHAPE.test(storedText(stored) ?? ''),
    open: (stored) => {
      const [, iv, ciphertext] = SHAPE.exec(storedText(stored) ?? '') ?? [];
      const [vector, blocks] = [hexBytes(iv), hexBytes(ciphertext)];
      if (vector === null || blocks === null) throw malformed(FORMAT);
      const plaintext = openCbc(key.expose(), vector, blocks);
      const text = plaintext === null ? null : utf8Text(plaintext);
      if (text === null) throw undecryptable(FORMAT);
      return text;
    },
  };
}
