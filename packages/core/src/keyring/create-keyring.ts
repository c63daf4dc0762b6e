import { randomBytes } from 'node:crypto';
import { toHex } from '../bytes.ts';
import type { CacheOptions } from '../dek-cache/cache-options.ts';
import { FieldsealError } from '../errors.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import type { KeyStore } from '../key-store/key-store.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { type SuiteId, XCHACHA20_POLY1305 } from '../suite.ts';
import { announce } from './announce.ts';
import { authenticatedStore } from './authenticated-store.ts';
import { type KeyringDocument, serializeDocument } from './document.ts';
import { KekRing, newKek, newKeyset, outsideKek, randomSecret } from './kek-ring.ts';
import { generateRecoveryKey } from './key-text.ts';
import { APPLICATION_SCOPE } from './key-view.ts';
import type { Keyring } from './keyring.ts';
import { openKeyring } from './open-keyring.ts';
import { RECOVERY_TYPE, recoveryKey, type Slot, type SlotOpener, sealSlot } from './slot.ts';
import type { KeyringStorage } from './storage.ts';

/** Options of {@link createKeyring}. */
export interface CreateKeyringOptions {
  readonly storage: KeyringStorage;
  /** How the application opens the keyring. A recovery key is always added. */
  readonly openers: readonly SlotOpener[];
  /** Suite of the keys; XChaCha20-Poly1305 by default. */
  readonly suite?: SuiteId;
  /** Keeps the wrapped keys outside the keyring; by default they are inside. */
  readonly keyStore?: KeyStore;
  /** As for opening it. */
  readonly cache?: CacheOptions | 'none';
  /**
   * A KEK outside the keyring that wraps its keys, each by a request; by default one inside the keyring does. **Without it the data is
   * lost**, whatever opens the keyring: consider `multiKek`. Give it to openKeyring again.
   */
  readonly kek?: KeyWrapper;
}

/**
 * Creates a keyring with one KEK, one DEK and one index root, stores it, and reads it back through every slot before it returns.
 *
 * @returns the open keyring, and its recovery key: show it once (formatRecoveryKey), then wipe it
 * @throws ERR_KEYRING_EXISTS when the storage, or the key store, holds keys already, ERR_KEYRING_IO when it cannot be written,
 * ERR_KEK_… when the KEK outside fails, before anything is stored
 */
export async function createKeyring(
  options: CreateKeyringOptions,
): Promise<{ keyring: Keyring; recovery: SecretBytes }> {
  const { storage, openers, suite = XCHACHA20_POLY1305, kek } = options;
  const outsideKeks = kek === undefined ? [] : [kek];
  if (openers.every(({ type }) => type === RECOVERY_TYPE))
    throw new FieldsealError('ERR_OPTIONS', 'a keyring needs a way to open it besides its recovery key');
  const root = randomSecret();
  const keks = new KekRing(outsideKeks);
  try {
    const recovery = generateRecoveryKey();
    const all = [...openers, recoveryKey(recovery)];
    const document = await newDocument(root, all, suite, kek);
    const record = await newKeyset(keks, document, root, APPLICATION_SCOPE);
    const { keyStore: outside } = options;
    if (outside !== undefined && (await outside.load(APPLICATION_SCOPE)) !== null) throw existing('the key store');
    const keyStore = outside === undefined ? undefined : authenticatedStore(outside, root, () => true);
    const keys = keyStore === undefined ? { keysets: [record] } : { recordMac: 1 as const };
    if (!(await storage.replace(null, serializeDocument({ ...document, ...keys }, root))))
      throw existing(storage.label);
    // The keyring first: keys in a store are of no use without the KEK that it holds.
    if (keyStore !== undefined && !(await keyStore.save(record, null))) throw existing('the key store');
    for (const opener of all)
      (await openKeyring({ ...options, openers: [opener], keks: outsideKeks, cache: 'none' })).close();
    const keyring = await openKeyring({ ...options, keks: outsideKeks });
    await keyring.resolve(APPLICATION_SCOPE);
    announce('create', keyring);
    return { keyring, recovery };
  } finally {
    keks.wipe();
    root.wipe();
  }
}

async function newDocument(
  root: SecretBytes,
  openers: readonly SlotOpener[],
  suite: SuiteId,
  kek: KeyWrapper | undefined,
): Promise<KeyringDocument> {
  const id = toHex(randomBytes(8));
  const slots: Slot[] = [];
  for (const opener of openers) slots.push(await sealSlot(id, root, opener, suite));
  const created = new Date().toISOString();
  return {
    format: 'fieldseal-keyring/1',
    id,
    generation: 1,
    created,
    suite,
    slots,
    keks: [kek === undefined ? newKek(id, root, suite) : outsideKek(kek)],
    keysets: [],
  };
}

function existing(place: string): FieldsealError {
  return new FieldsealError('ERR_KEYRING_EXISTS', `there are keys at ${place} already`);
}
