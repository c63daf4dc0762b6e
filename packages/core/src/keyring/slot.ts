/**
 * Ways to open a keyring. Each slot holds the root key of the keyring, wrapped under a slot key that only one secret gives.
 *
 * @module
 */
import { randomBytes, scrypt } from 'node:crypto';
import { fromBase64Url, pae, toBase64Url } from '../bytes.ts';
import { FieldsealError } from '../errors.ts';
import { deriveKeyringKey, KEY_BYTES, LABELS } from '../kdf.ts';
import { unwrapKey, wrapKey } from '../kek/wrapped-key.ts';
import { SecretBytes } from '../secret-bytes.ts';
import type { SuiteId } from '../suite.ts';
import { parsePassphrase, parseRawKey, parseRecoveryKey, RECOVERY_BYTES } from './key-text.ts';

/** Public parameters of a slot; what they mean is up to its type. */
export type SlotParams = Readonly<Record<string, string | number>>;

/** A slot as the keyring stores it. */
export interface Slot {
  readonly id: string;
  readonly type: string;
  /** ISO 8601 in UTC. */
  readonly created: string;
  readonly params: SlotParams;
  /** The root key under the slot key, base64url. */
  readonly wrapped: string;
}

/**
 * A secret, or a device, that can open slots of its type. Made by {@link rawKey}, {@link passphrase} and {@link recoveryKey}; sealers such as
 * a TPM implement it.
 */
export interface SlotOpener {
  /** Type of the slots that it opens. */
  readonly type: string;
  /** Parameters for a new slot. */
  create(): Promise<SlotParams>;
  /** The 32-byte slot key for these parameters, the caller's to wipe. Throws when they are out of bounds or the device refuses. */
  slotKey(params: SlotParams): Promise<SecretBytes>;
  /** Whether another slot may be tried after slotKey has thrown this; by default not. The error is thrown if nothing opens the keyring. */
  skips?(error: unknown): boolean;
}

/** Type of recovery slots: a keyring never gives up its last one. */
export const RECOVERY_TYPE = 'recoveryKey';

/** Bounds of scrypt's cost: below the first it is no protection, above the second a hostile file could exhaust the memory. */
const MIN_LOG_N = 14;
const MAX_LOG_N = 18;
const SCRYPT = { r: 8, p: 1 } as const;
const SALT_BYTES = 16;

/** Opens by a raw key of 256 bits, as text (see parseRawKey) or bytes; for the environment of an application. */
export function rawKey(key: string | SecretBytes): SlotOpener {
  return entropySlot('rawKey', typeof key === 'string' ? parseRawKey(key) : key, KEY_BYTES);
}

/** Opens by the recovery key that was shown when the keyring was created, as text or bytes. */
export function recoveryKey(key: string | SecretBytes): SlotOpener {
  return entropySlot(RECOVERY_TYPE, typeof key === 'string' ? parseRecoveryKey(key) : key, RECOVERY_BYTES);
}

/**
 * Opens by a passphrase through scrypt (RFC 7914).
 *
 * @param options - `logN`: base-2 logarithm of scrypt's cost for a new slot, 14 to 18; 17 takes 128 MiB and about half a second
 */
export function passphrase(text: string, options: { readonly logN?: number } = {}): SlotOpener {
  const { logN = 17 } = options;
  if (!isCost(logN)) throw new FieldsealError('ERR_OPTIONS', `logN of a passphrase is ${MIN_LOG_N} to ${MAX_LOG_N}`);
  const secret = parsePassphrase(text);
  return {
    type: 'passphrase',
    create: async () => ({ ...checkedScrypt({ logN, ...SCRYPT }), salt: toBase64Url(randomBytes(SALT_BYTES)) }),
    slotKey: async (params) => {
      const { logN, r, p } = checkedScrypt(params);
      const salt = typeof params['salt'] === 'string' ? fromBase64Url(params['salt']) : null;
      if (salt?.length !== SALT_BYTES) throw damagedSlot('salt');
      return SecretBytes.take(await runScrypt(secret.expose(), salt, 2 ** logN, r, p));
    },
  };
}

/** Wraps the root key in a new slot. */
export async function sealSlot(
  keyringId: string,
  root: SecretBytes,
  opener: SlotOpener,
  suite: SuiteId,
): Promise<Slot> {
  const slot = {
    id: toBase64Url(randomBytes(6)),
    type: opener.type,
    created: new Date().toISOString(),
    params: await opener.create(),
  };
  const key = await opener.slotKey(slot.params);
  try {
    return { ...slot, wrapped: toBase64Url(wrapKey(key, suite, root, slotAad(keyringId, slot))) };
  } finally {
    key.wipe();
  }
}

/** The root key in a slot, or null when the opener is of another type or holds another secret. */
export async function openSlot(keyringId: string, slot: Slot, opener: SlotOpener): Promise<SecretBytes | null> {
  if (slot.type !== opener.type) return null;
  const wrapped = fromBase64Url(slot.wrapped);
  if (wrapped === null) throw damagedSlot('wrapped');
  const key = await opener.slotKey(slot.params);
  try {
    return unwrapKey(key, wrapped, slotAad(keyringId, slot));
  } catch {
    return null; // the other secret of two of one type, say; openKeyring reports when none fits
  } finally {
    key.wipe();
  }
}

function slotAad(keyringId: string, slot: Omit<Slot, 'wrapped'>): Uint8Array {
  const params = Object.entries(slot.params).sort(([a], [b]) => (a < b ? -1 : 1));
  return pae(LABELS.slot, keyringId, slot.id, slot.type, slot.created, JSON.stringify(params));
}

/** The secret has its full entropy already, so that one derivation is enough. */
function entropySlot(type: string, secret: SecretBytes, bytes: number): SlotOpener {
  if (secret.length !== bytes) throw new FieldsealError('ERR_KEY_INVALID', `a ${type} has ${bytes} bytes`);
  return { type, create: async () => ({}), slotKey: async () => deriveKeyringKey(secret, LABELS.slot, type) };
}

function checkedScrypt(params: SlotParams): { logN: number; r: number; p: number } {
  const { logN, r, p } = params;
  if (!isCost(logN) || r !== SCRYPT.r || p !== SCRYPT.p) throw damagedSlot('scrypt parameters out of bounds');
  return { logN, r, p };
}

function isCost(logN: unknown): logN is number {
  return typeof logN === 'number' && Number.isInteger(logN) && logN >= MIN_LOG_N && logN <= MAX_LOG_N;
}

function runScrypt(secret: Uint8Array, salt: Uint8Array, N: number, r: number, p: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    scrypt(secret, salt, KEY_BYTES, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(key);
      else reject(new FieldsealError('ERR_KEYRING_IO', 'scrypt failed for want of memory', { cause: error }));
    });
  });
}

function damagedSlot(part: string): FieldsealError {
  return new FieldsealError('ERR_KEYRING_DAMAGED', `a slot of the keyring is damaged: ${part}`);
}
