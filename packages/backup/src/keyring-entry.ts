import { APPLICATION_SCOPE, FieldsealError, type KeyringStorage } from '@fieldseal/core';
import type { ArchiveEntry } from './archive.ts';

/** Name of the keyring in an archive. */
export const KEYRING_NAME = 'keyring.json';

/** A keyring as text, and what can be read in it without a key. */
export interface KeyringFacts {
  readonly text: string;
  readonly id: string;
  readonly generation: number;
  /** Key ids of its keysets. How many cells there are under each is not known here. */
  readonly keys: Readonly<Record<string, null>>;
  /** Whether its keys lie in a key store: it was made with one. */
  readonly outside: boolean;
}

/** Slots that people or other machines open. All others need a device or a service, which a disaster may take along. */
const PORTABLE: readonly string[] = ['recoveryKey', 'passphrase', 'rawKey'];
const RECOVERY = 'recoveryKey';

/**
 * Reads the keyring that is to be backed up.
 *
 * @throws ERR_KEYRING_MISSING when there is none, ERR_KEYRING_SLOT when only a device or a service opens it, ERR_KEYRING_DAMAGED when it cannot
 * be read
 */
export async function readKeyring(storage: KeyringStorage): Promise<KeyringFacts> {
  const text = await storage.read();
  if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `there is no keyring at ${storage.label}`);
  return keyringFacts(text);
}

/** {@link readKeyring} for a text. */
export function keyringFacts(text: string): KeyringFacts {
  let json: { id?: unknown; generation?: unknown; slots?: { type?: unknown }[]; keysets?: KeysetText[] };
  try {
    json = JSON.parse(text) as typeof json;
    const { id, generation, slots = [], keysets = [] } = json;
    if (typeof id !== 'string' || !Number.isSafeInteger(generation)) throw new TypeError();
    const types = slots.map(({ type }) => String(type));
    if (!types.includes(RECOVERY) || !types.some((type) => PORTABLE.includes(type)))
      throw new FieldsealError(
        'ERR_KEYRING_SLOT',
        'the keyring has no recovery key, so that a backup of it might never open',
      );
    return {
      text,
      id,
      generation: generation as number,
      keys: Object.fromEntries(keysets.flatMap(keyIdsOf).map((keyId) => [keyId, null])),
      outside: !keysets.some(({ scope }) => scope === APPLICATION_SCOPE),
    };
  } catch (error) {
    if (error instanceof FieldsealError) throw error;
    throw new FieldsealError('ERR_KEYRING_DAMAGED', 'the keyring that is to be backed up cannot be read');
  }
}

/** What can be read in a keyset without a key. */
export interface KeysetText {
  readonly scope: string;
  readonly data: { readonly versions: readonly { readonly keyId: string }[] };
  readonly index: { readonly versions: readonly { readonly keyId: string }[] };
}

/** Keysets in the text of a keyring that was opened before. */
export function keysetsOf(text: string): readonly KeysetText[] {
  return (JSON.parse(text) as { keysets?: readonly KeysetText[] }).keysets ?? [];
}

/** Key ids of a keyset, of data and index keys. */
export function keyIdsOf({ data, index }: KeysetText): string[] {
  return [...data.versions, ...index.versions].map(({ keyId }) => keyId);
}

/** The keyring as the first entry of an archive. */
export function keyringEntry({ text }: KeyringFacts): ArchiveEntry {
  return { name: KEYRING_NAME, content: Buffer.from(text), count: 1 };
}
