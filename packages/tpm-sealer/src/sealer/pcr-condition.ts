import { FieldsealError } from '@fieldseal/core';
import { type PcrValues, pcrRead } from '../client/commands/pcr.ts';
import { PCR_COUNT } from '../client/constants.ts';
import { checkedPcrs } from '../client/pcr-selection.ts';
import type { Tpm } from '../client/tpm.ts';
import type { PolicyStep } from './policy-step.ts';

/** What a PCR holds: nothing was measured into it, its bank is off, or a value. */
export type PcrState = 'zeros' | 'ones' | 'inactive' | 'measured';

/** Numbers of all PCRs. */
export const ALL_PCRS: readonly number[] = Array.from({ length: PCR_COUNT }, (_, pcr) => pcr);

/** State of a PCR by its value. */
export function pcrState(value: Uint8Array | undefined): PcrState {
  if (value === undefined || value.length === 0) return 'inactive';
  if (value.every((byte) => byte === 0)) return 'zeros';
  return value.every((byte) => byte === 0xff) ? 'ones' : 'measured';
}

/**
 * Present values of PCRs that a slot may depend on.
 *
 * @throws ERR_TPM_PCR_UNINITIALISED for one into which nothing was measured: every system has the same value there
 */
export async function measuredPcrs(tpm: Tpm, pcrs: readonly number[]): Promise<PcrValues> {
  const values = await pcrRead(tpm, checkedPcrs(pcrs));
  const empty = checkedPcrs(pcrs).filter((pcr) => pcrState(values.get(pcr)) !== 'measured');
  if (empty.length === 0) return values;
  throw new FieldsealError(
    'ERR_TPM_PCR_UNINITIALISED',
    `nothing was measured into PCR ${empty.join(', ')} of the SHA-256 bank`,
  );
}

/** PCRs of a policy that have another value than when it was sealed. */
export async function changedPcrs(tpm: Tpm, steps: readonly PolicyStep[]): Promise<number[]> {
  const changed: number[] = [];
  for (const step of steps) {
    if (step.kind !== 'pcr') continue;
    const present = await pcrRead(tpm, [...step.values.keys()]);
    for (const [pcr, value] of step.values) if (!value.equals(present.get(pcr) ?? Buffer.alloc(0))) changed.push(pcr);
  }
  return changed;
}
