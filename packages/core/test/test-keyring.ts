import type { KeyStore } from '../src/key-store/key-store.ts';
import { createKeyring } from '../src/keyring/create-keyring.ts';
import { parseDocument } from '../src/keyring/document.ts';
import { generateRawKey } from '../src/keyring/key-text.ts';
import type { Keyring } from '../src/keyring/keyring.ts';
import { rawKey, type SlotOpener } from '../src/keyring/slot.ts';
import { type KeyringStorage, keyringMemory } from '../src/keyring/storage.ts';
import type { SecretBytes } from '../src/secret-bytes.ts';
import type { SuiteId } from '../src/suite.ts';

/** A keyring in memory, or elsewhere, with all that opens it. */
export interface TestKeyring {
  readonly keyring: Keyring;
  readonly storage: KeyringStorage;
  readonly opener: SlotOpener;
  readonly recovery: SecretBytes;
}

/** Creates a keyring that a raw key opens, quickly. */
export async function testKeyring(
  options: { storage?: KeyringStorage; suite?: SuiteId; keyStore?: KeyStore } = {},
): Promise<TestKeyring> {
  const { storage = keyringMemory(), ...rest } = options;
  const opener = rawKey(generateRawKey());
  const { keyring, recovery } = await createKeyring({ ...rest, storage, openers: [opener] });
  return { keyring, storage, opener, recovery };
}

/** Puts the keys of a new keyring into a key store as versions did that knew no authentication codes of records. */
export async function keyringWithoutCodes(keyStore: KeyStore): Promise<Omit<TestKeyring, 'keyring'>> {
  const { keyring, ...ring } = await testKeyring();
  for (const record of (await keyring.describe()).keysets) await keyStore.save(record, null);
  keyring.close();
  return ring;
}

/** Text of a stored keyring. */
export async function storedText(storage: KeyringStorage): Promise<string> {
  const text = await storage.read();
  if (text === null) throw new Error('there is no keyring');
  return text;
}

/** Stored keyring, parsed and not authenticated. */
export async function storedDocument(storage: KeyringStorage): Promise<ReturnType<typeof parseDocument>['document']> {
  return parseDocument(await storedText(storage)).document;
}
