import { FieldsealError } from '../errors.ts';
import type { SecretBytes } from '../secret-bytes.ts';
import { announce } from './announce.ts';
import { MAX_SLOTS } from './document.ts';
import type { LiveDocument } from './live-document.ts';
import { provenSlot } from './open-slots.ts';
import { RECOVERY_TYPE, type SlotOpener, sealSlot } from './slot.ts';

/** Adds a slot once the proof has opened a recovery slot and the new slot has been opened again. Returns its id. */
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
  if ((await provenSlot({ ...live.current, slots: [slot] }, opener, root)) === undefined)
    throw new FieldsealError('ERR_KEYRING_SLOT', 'the new slot cannot be opened again, so it was not added');
  await live.change((document) => {
    if (!document.slots.some(({ id }) => id === proved.id)) throw unproved();
    if (document.slots.length >= MAX_SLOTS)
      throw new FieldsealError('ERR_KEYRING_SLOT', `a keyring has at most ${MAX_SLOTS} slots`);
    return { ...document, slots: [...document.slots, slot] };
  });
  announce('add-slot', live.current, slot.id);
  return slot.id;
}

/** Removes a slot, unless it is the last one for recovery or the last one that is not. */
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
  announce('remove-slot', live.current, slotId);
}
