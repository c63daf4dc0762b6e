import { FieldsealError } from '../errors.ts';
import { deriveKeyId } from '../kdf.ts';
import type { KeyWrapper } from '../kek/key-wrapper.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { announce } from './announce.ts';
import { authenticateDocument, parseDocument } from './document.ts';
import { newKek, outsideKek, randomSecret } from './kek-ring.ts';
import { LiveDocument } from './live-document.ts';
import type { SlotOpener } from './slot.ts';
import { openAny } from './slot-changes.ts';
import type { KeyringStorage } from './storage.ts';

/** Options of {@link addKek}. */
export interface AddKekOptions {
  readonly storage: KeyringStorage;
  readonly openers: readonly SlotOpener[];
  /** A KEK outside the keyring; by default a new one is made inside. */
  readonly kek?: KeyWrapper;
}

/**
 * Makes another KEK the one that wraps new keys. Keys that there are stay under theirs, so that KEKs outside are given to openKeyring as
 * long as any key names them: the old one and the new one.
 *
 * **Give the new KEK to every process first**: one that lacks it cannot use the keys that it wraps from now on (ERR_KEK_MISSING).
 *
 * @returns id of the KEK
 * @throws ERR_OPTIONS when the keyring has a KEK of this id, ERR_KEK_… or ERR_DECRYPT when the KEK does not give back what it wraps, and
 * whatever openKeyring throws; nothing is changed then
 */
export async function addKek({ storage, openers, kek }: AddKekOptions): Promise<string> {
  const text = await storage.read();
  if (text === null) throw new FieldsealError('ERR_KEYRING_MISSING', `there is no keyring at ${storage.label}`);
  const { document, mac } = parseDocument(text);
  const opened = await openAny(document, openers);
  if (opened === null)
    throw new FieldsealError('ERR_KEYRING_LOCKED', `the keyring at ${storage.label} could not be opened`);
  const { root } = opened;
  try {
    authenticateDocument(document, mac, root);
    if (kek !== undefined) await prove(kek, randomSecret());
    const entry = kek === undefined ? newKek(document.id, root, document.suite) : outsideKek(kek);
    const live = new LiveDocument(storage, root, text, document);
    await live.change((current) => {
      if (current.keks.some(({ id }) => id === entry.id))
        throw new FieldsealError('ERR_OPTIONS', `the keyring has a KEK ${entry.id} already`);
      return { ...current, keks: [...current.keks, entry] };
    });
    announce('add-kek', live.current, entry.id);
    return entry.id;
  } finally {
    root.wipe();
  }
}

/** Throws unless the KEK gives back what it wraps: nothing must depend on one that does not. */
async function prove(kek: KeyWrapper, key: SecretBytes): Promise<void> {
  try {
    const context = { keyId: deriveKeyId(key), scope: '', purpose: 'slot' } as const;
    const unwrapped = await kek.unwrap(await kek.wrap(key, context), context);
    const same = unwrapped.equals(key);
    unwrapped.wipe();
    if (!same) throw new FieldsealError('ERR_KEK_RESPONSE', 'the KEK unwraps another key than it wrapped');
  } finally {
    key.wipe();
  }
}
