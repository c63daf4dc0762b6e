import type { SecretBytes } from '../secret-bytes.ts';
import type { KeyringDocument } from './document.ts';
import { openSlot, type Slot, type SlotOpener } from './slot.ts';

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

/** The slot that an opener opens, if it holds this root key. */
export async function provenSlot(
  document: KeyringDocument,
  opener: SlotOpener,
  root: SecretBytes,
): Promise<Slot | undefined> {
  const opened = await openAny(document, [opener]);
  try {
    return opened?.root.equals(root) === true ? opened.slot : undefined;
  } finally {
    opened?.root.wipe();
  }
}
