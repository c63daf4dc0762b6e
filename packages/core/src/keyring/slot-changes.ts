import { FieldsealError } from '../errors.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { type KeyringDocument, MAX_SLOTS } from './document.ts';
import type { LiveDocument } from './live-document.ts';
import { openSlot, RECOVERY_TYPE, type Slot, type SlotOpener, sealSlot } from './slot.ts';

/** The slot that an opener opens, with the root key in it. The root key is the caller's to wipe. */
export async function openAny(
  document: KeyringDocument,
  openers: readonly SlotOpener[],
): Promise<{ slot: Slot; root: SecretBytes } | null> {
  let skipped: unknown;
  for (const opener of openers) {
    for (const slot of document.slots) {
      try {
        const root = await openSlot(document.id, slot, opener);
        if (root !== null) return { slot, root };
      } catch (error) {
        if (opener.skips?.(error) !== true) throw error;
        skipped ??= error;
      }
    }
  }
  if (skipped !== undefined) throw skipped;
  return null;
}

/**
 * Adds a way to open a keyring; see Keyring.addSlot.
 *
 * @param root - root key of the keyring; stays the caller's
 */
export async function addSlot(
  live: LiveDocument,
  root: SecretBytes,
  opener: SlotOpener,
  proof: SlotOpener,
): Promise<string> {
  await live.reload();
  const proved = proof.type === RECOVERY_TYPE ? await provenSlot(live.current, proof, root) : undefined;
  const unproved = () =>
    new FieldsealError('ERR_KEYRING_SLOT', 'the recovery key does not open this keyring, so no slot was added');
  if (proved === undefined) throw unproved();
  const slot = await sealSlot(live.current.id, root, opener, live.current.suite);
  if ((await provenSlot({ ...live.current, slots: [slot] }, opener, root)) === undefined) {
    throw new FieldsealError('ERR_KEYRING_SLOT', 'the new slot cannot be opened again, so it was not added');
  }
  await live.change((document) => {
    if (!document.slots.some(({ id }) => id === proved.id)) throw unproved();
    if (document.slots.length >= MAX_SLOTS)
      throw new FieldsealError('ERR_KEYRING_SLOT', `a keyring has at most ${MAX_SLOTS} slots`);
    return { ...document, slots: [...document.slots, slot] };
  });
  return slot.id;
}

/** Removes a way to open a keyring; see Keyring.removeSlot. */
export async function removeSlot(live: LiveDocument, slotId: string): Promise<void> {
  await live.change((document) => {
    const slots = document.slots.filter((slot) => slot.id !== slotId);
    if (slots.length === document.slots.length)
      throw new FieldsealError('ERR_KEYRING_SLOT', 'the keyring has no such slot');
    const recovery = slots.filter((slot) => slot.type === RECOVERY_TYPE).length;
    if (recovery === 0)
      throw new FieldsealError('ERR_KEYRING_SLOT', 'the last recovery key cannot be removed; add another first');
    if (recovery === slots.length)
      throw new FieldsealError('ERR_KEYRING_SLOT', 'the last way to open the keyring cannot be removed');
    return { ...document, slots };
  });
}

/** The slot that an opener opens, if it holds this root key. */
async function provenSlot(document: KeyringDocument, opener: SlotOpener, root: SecretBytes): Promise<Slot | undefined> {
  const opened = await openAny(document, [opener]);
  try {
    return opened?.root.equals(root) === true ? opened.slot : undefined;
  } finally {
    opened?.root.wipe();
  }
}
