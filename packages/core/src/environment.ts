import { FieldsealError } from './errors.ts';
import { type Keyring, openKeyring } from './keyring/keyring.ts';
import { passphrase, rawKey, type SlotOpener } from './keyring/slot.ts';
import { keyringFile } from './keyring/storage.ts';

/** Where the keyring lies unless FIELDSEAL_KEYRING says otherwise. */
export const DEFAULT_KEYRING_PATH = './fieldseal.keyring.json';

/** Environment variables, as in process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Path of the keyring: FIELDSEAL_KEYRING, or ./fieldseal.keyring.json. */
export function keyringPath(env: Environment = process.env): string {
  return env['FIELDSEAL_KEYRING'] || DEFAULT_KEYRING_PATH;
}

/**
 * Openers for what the environment holds: FIELDSEAL_KEY (a raw key), then FIELDSEAL_PASSPHRASE.
 *
 * @throws ERR_KEY_MISSING when neither is set, ERR_KEY_INVALID when one is malformed
 */
export function environmentOpeners(env: Environment = process.env): SlotOpener[] {
  const openers: SlotOpener[] = [];
  if (env['FIELDSEAL_KEY']) openers.push(rawKey(env['FIELDSEAL_KEY']));
  if (env['FIELDSEAL_PASSPHRASE']) openers.push(passphrase(env['FIELDSEAL_PASSPHRASE']));
  if (openers.length === 0) throw new FieldsealError('ERR_KEY_MISSING', 'there is no key to open the keyring with');
  return openers;
}

/**
 * Opens the keyring that the environment names.
 *
 * @throws ERR_KEYRING_MISSING, ERR_KEY_MISSING, and whatever openKeyring throws
 */
export async function openEnvironmentKeyring(env: Environment = process.env): Promise<Keyring> {
  return openKeyring({ storage: keyringFile(keyringPath(env)), openers: environmentOpeners(env) });
}
