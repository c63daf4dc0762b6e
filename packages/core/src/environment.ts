import { readFile } from 'node:fs/promises';
import { FieldsealError } from './errors.ts';
import type { KeyWrapper } from './kek/key-wrapper.ts';
import { vaultTransitKek } from './kek/vault-transit.ts';
import type { Keyring } from './keyring/keyring.ts';
import type { OpenKeyringOptions } from './keyring/keyring-options.ts';
import { openKeyring } from './keyring/open-keyring.ts';
import { environmentKek } from './keyring/raw-kek.ts';
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
 * The KEK in Vault or OpenBao that the environment names: FIELDSEAL_VAULT_KEY (`<mount>/<key>`, or the key alone under `transit`), VAULT_ADDR,
 * VAULT_NAMESPACE, and as token VAULT_TOKEN or the content of the file FIELDSEAL_VAULT_TOKEN_FILE, which is read for each request.
 *
 * @throws ERR_OPTIONS when something is missing or malformed
 */
export function environmentVaultKek(env: Environment = process.env): KeyWrapper {
  const name = env['FIELDSEAL_VAULT_KEY'] ?? '';
  const { VAULT_ADDR: address, VAULT_NAMESPACE: namespace, FIELDSEAL_VAULT_TOKEN_FILE: file } = env;
  if (!name || !address || !(file || env['VAULT_TOKEN'])) {
    const hint = 'Set FIELDSEAL_VAULT_KEY, VAULT_ADDR, and VAULT_TOKEN or FIELDSEAL_VAULT_TOKEN_FILE.';
    throw new FieldsealError('ERR_OPTIONS', 'the environment does not name a key in Vault', { hint });
  }
  const slash = name.lastIndexOf('/');
  return vaultTransitKek({
    address,
    key: name.slice(slash + 1),
    ...(slash >= 0 && { mount: name.slice(0, slash) }),
    ...(namespace && { namespace }),
    token: async () => (file ? (await readFile(file, 'utf8')).trim() : (env['VAULT_TOKEN'] ?? '')),
  });
}

/** The KEKs outside the keyring that the environment names: FIELDSEAL_KEK (a raw key), then the one of {@link environmentVaultKek}. */
export function environmentKeks(env: Environment = process.env): KeyWrapper[] {
  const keks: KeyWrapper[] = [];
  if (env['FIELDSEAL_KEK']) keks.push(environmentKek(env));
  if (env['FIELDSEAL_VAULT_KEY']) keks.push(environmentVaultKek(env));
  return keks;
}

/** What the environment cannot name: clients of other systems, and how keys are cached. */
export type EnvironmentKeyringOptions = Pick<OpenKeyringOptions, 'keyStore' | 'cache'>;

/**
 * Opens the keyring that the environment names, with the KEKs that it names.
 *
 * @throws ERR_KEYRING_MISSING, ERR_KEY_MISSING, ERR_OPTIONS, and whatever openKeyring throws
 *
 * @example
 * ```ts
 * const keyring = () => openEnvironmentKeyring(process.env, { keyStore: prismaKeyStore(base) });
 * const prisma = base.$extends(encryption({ keyring }));
 * ```
 */
export async function openEnvironmentKeyring(
  env: Environment = process.env,
  options: EnvironmentKeyringOptions = {},
): Promise<Keyring> {
  const { keyStore, cache } = options;
  return openKeyring({
    storage: keyringFile(keyringPath(env)),
    openers: environmentOpeners(env),
    keks: environmentKeks(env),
    ...(keyStore !== undefined && { keyStore }),
    ...(cache !== undefined && { cache }),
  });
}
