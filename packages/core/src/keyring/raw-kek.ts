import { FieldsealError } from '../errors.ts';
import { deriveKeyId, deriveKeyringKey, KEY_BYTES, LABELS } from '../kdf.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import { LocalKek } from '../kek/local-kek.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { type SuiteId, XCHACHA20_POLY1305 } from '../suite.ts';
import { parseRawKey } from './key-text.ts';

/** Options of {@link rawKek} and {@link environmentKek}. */
export interface RawKekOptions {
  /** Cipher of the wrapping; XChaCha20-Poly1305 by default. */
  readonly suite?: SuiteId;
}

/**
 * A KEK that is a raw key of 256 bits, as text (see parseRawKey) or bytes, kept outside the keyring. Its id commits to the key, so that
 * another key is noticed as ERR_KEK_MISSING before anything is unwrapped.
 */
export function rawKek(key: string | SecretBytes, { suite = XCHACHA20_POLY1305 }: RawKekOptions = {}): KeyWrapper {
  const secret = typeof key === 'string' ? parseRawKey(key) : key;
  if (secret.length !== KEY_BYTES) throw new FieldsealError('ERR_KEY_INVALID', `a raw key has ${KEY_BYTES} bytes`);
  // Not the key itself, which may open a slot as well.
  const derived = deriveKeyringKey(secret, LABELS.rawKek);
  return new LocalKek(`raw:${deriveKeyId(derived)}`, derived, suite);
}

/**
 * The KEK that an environment variable holds.
 *
 * @param variable - its name; FIELDSEAL_KEK by default
 * @throws ERR_KEY_MISSING when it is not set, ERR_KEY_INVALID when it is malformed
 */
export function environmentKek(
  env: Readonly<Record<string, string | undefined>> = process.env,
  variable: string = 'FIELDSEAL_KEK',
  options: RawKekOptions = {},
): KeyWrapper {
  const text = env[variable];
  if (!text)
    throw new FieldsealError('ERR_KEY_MISSING', `the environment variable ${variable} is not set`, {
      hint: `Set ${variable} to a raw key, as \`fieldseal init\` makes them.`,
    });
  return rawKek(text, options);
}
