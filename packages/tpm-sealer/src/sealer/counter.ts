import { FieldsealError } from '@fieldseal/core';
import {
  COUNTER_ATTRIBUTES,
  NV_WRITTEN,
  type NvIndex,
  nvDefineCounter,
  nvIncrement,
  nvReadCounter,
  nvReadPublic,
  OWNER_INDEXES,
} from '../client/commands/nv.ts';
import { isRc, RC } from '../client/response-code.ts';
import type { SaltKey } from '../client/session.ts';
import type { Tpm } from '../client/tpm.ts';
import type { CounterStep } from './policy-step.ts';
import { withOwner } from './srk.ts';

/** How often a counter is raised at once: only one that somebody else raised meanwhile asks for more than two. */
const MOST_STEPS = 16n;

/** Refuses an index that is not the owner's to choose. */
export function checkIndex(index: number): void {
  const { first, last } = OWNER_INDEXES;
  if (Number.isInteger(index) && index >= first && index <= last) return;
  throw new FieldsealError('ERR_OPTIONS', 'the index of a counter is from 0x01800000 to 0x01bfffff');
}

/**
 * The condition for a new slot: the counter may rise by one more, which {@link raiseCounter} does once the slot is stored. Slots sealed
 * before then stop opening. A counter that is not there is made.
 *
 * @throws ERR_TPM_NV_SPACE and ERR_TPM_OWNER_AUTH by their response codes; ERR_OPTIONS when the index is something else
 */
export async function nextCounterStep(tpm: Tpm, root: SaltKey, index: number, ownerAuth: string): Promise<CounterStep> {
  let found = await existing(tpm, index);
  if (found === null) {
    await withOwner(tpm, ownerAuth, root, (auth) => nvDefineCounter(tpm, index, auth));
    found = await nvReadPublic(tpm, index);
  }
  if ((found.attributes & ~NV_WRITTEN) >>> 0 !== COUNTER_ATTRIBUTES)
    throw new FieldsealError('ERR_OPTIONS', 'the index of the counter holds something else; choose another');
  if ((found.attributes & NV_WRITTEN) === 0) {
    await nvIncrement(tpm, found);
    found = await nvReadPublic(tpm, index); // its Name has changed
  }
  return { kind: 'counter', index, name: Buffer.from(found.name), ceiling: (await nvReadCounter(tpm, found)) + 1n };
}

/** Raises the counter to the ceiling of a slot that is stored by now. Does nothing when it is there already. */
export async function raiseCounter(tpm: Tpm, { index, name, ceiling }: CounterStep): Promise<void> {
  const found = await nvReadPublic(tpm, index);
  if (!name.equals(found.name))
    throw new FieldsealError('ERR_TPM_COUNTER_MISSING', 'another index stands in the place of the counter of the slot');
  const value = await nvReadCounter(tpm, found);
  if (ceiling - value > MOST_STEPS)
    throw new FieldsealError('ERR_TPM_BLOB_INVALID', 'the counter is far from that of the slot');
  for (let at = value; at < ceiling; at++) await nvIncrement(tpm, found);
}

async function existing(tpm: Tpm, index: number): Promise<NvIndex | null> {
  try {
    return await nvReadPublic(tpm, index);
  } catch (error) {
    if (isRc(error, RC.HANDLE)) return null;
    throw error;
  }
}
