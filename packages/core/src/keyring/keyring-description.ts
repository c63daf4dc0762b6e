import type { KeysetRecord } from '../key-store/keyset-record.ts';
import type { KeyringDocument } from './document.ts';

/** What a keyring tells about itself. None of it is secret. */
export interface KeyringDescription {
  readonly id: string;
  readonly generation: number;
  readonly created: string;
  readonly slots: readonly { readonly id: string; readonly type: string; readonly created: string }[];
  readonly keks: readonly { readonly id: string; readonly created: string }[];
  readonly keysets: readonly KeysetRecord[];
}

/** What a document tells, member by member, so that nothing is told only because it was added to it. */
export function describeDocument(document: KeyringDocument, keysets: readonly KeysetRecord[]): KeyringDescription {
  const { id, generation, created, slots, keks } = document;
  return {
    id,
    generation,
    created,
    slots: slots.map((slot) => ({ id: slot.id, type: slot.type, created: slot.created })),
    keks: keks.map((kek) => ({ id: kek.id, created: kek.created })),
    keysets,
  };
}
