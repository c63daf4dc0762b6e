import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import {
  createKeyring,
  type Environment,
  environmentOpeners,
  FieldsealError,
  formatRawKey,
  formatRecoveryKey,
  generateRawKey,
  type Keyring,
  keyringFile,
  openKeyring,
  rawKey,
  type SlotOpener,
} from '@fieldseal/core';
import { shownPath } from './screen.ts';

/** The open keyring and how it came to be. */
export interface Keys {
  readonly keyring: Keyring;
  readonly path: string;
  /** Where the key came from that opens it. */
  readonly source: string;
  /** Set when the keyring was created: to be shown once. Secret. */
  readonly recoveryKey: string | undefined;
}

const KEYRING = 'fieldseal.keyring.json';
const KEY_FILE = 'quickstart.env';

/**
 * Opens the keyring of a folder, or creates it for a database without encrypted rows. With such rows a new keyring would only hide that the
 * old one is lost.
 */
export async function openKeys(folder: string, env: Environment, encryptedRows: number): Promise<Keys> {
  const path = join(folder, KEYRING);
  const storage = keyringFile(path);
  const exists = (await storage.read()) !== null;
  if (!exists && encryptedRows > 0) {
    throw new FieldsealError(
      'ERR_KEYRING_MISSING',
      `there is no keyring at ${shownPath(path)}, and the database holds encrypted rows`,
      {
        hint: 'Restore the keyring from a backup, or give up the data with --reset.',
      },
    );
  }
  const { openers, source } = await openersFor(join(folder, KEY_FILE), env, exists);
  if (exists) return { keyring: await openKeyring({ storage, openers }), path, source, recoveryKey: undefined };
  const { keyring, recovery } = await createKeyring({ storage, openers });
  const recoveryKey = formatRecoveryKey(recovery);
  recovery.wipe();
  return { keyring, path, source, recoveryKey };
}

/** Deletes keyring and key. */
export async function deleteKeys(folder: string): Promise<void> {
  for (const name of [KEYRING, `${KEYRING}.lock`, KEY_FILE]) await rm(join(folder, name), { force: true });
}

async function openersFor(
  file: string,
  env: Environment,
  exists: boolean,
): Promise<{ openers: SlotOpener[]; source: string }> {
  const given = (['FIELDSEAL_KEY', 'FIELDSEAL_PASSPHRASE'] as const).find((name) => env[name]);
  if (given !== undefined) return { openers: environmentOpeners(env), source: `${given} of the environment` };
  const kept = await keptKey(file);
  if (kept !== undefined) return { openers: [rawKey(kept)], source: shownPath(file) };
  if (exists) {
    throw new FieldsealError(
      'ERR_KEY_MISSING',
      `there is no key to open the keyring with: ${shownPath(file)} is gone`,
      {
        hint: 'Set FIELDSEAL_KEY or FIELDSEAL_PASSPHRASE, or start afresh with --reset.',
      },
    );
  }
  const key = generateRawKey();
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `FIELDSEAL_KEY=${formatRawKey(key)}\n`, { flag: 'wx', mode: 0o600, flush: true });
  return { openers: [rawKey(key)], source: shownPath(file) };
}

async function keptKey(file: string): Promise<string | undefined> {
  try {
    return parseEnv(await readFile(file, 'utf8'))['FIELDSEAL_KEY'];
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
