import { FieldsealError } from '@fieldseal/core';
import { join, u8, u16, u32 } from './bytes.ts';
import { ALG, PCR_COUNT } from './constants.ts';

/** A selection of PCRs of the SHA-256 bank (TPML_PCR_SELECTION). */
export function pcrSelection(pcrs: readonly number[]): Buffer {
  const bits = Buffer.alloc(PCR_COUNT / 8);
  for (const pcr of pcrs) bits[pcr >> 3] = (bits[pcr >> 3] ?? 0) | (1 << (pcr & 7));
  return join(u32(1), u16(ALG.SHA256), u8(bits.length), bits);
}

/**
 * PCR numbers in ascending order, each once.
 *
 * @throws ERR_OPTIONS when there is none, or one that a TPM does not have
 */
export function checkedPcrs(pcrs: readonly number[]): readonly number[] {
  const sound = pcrs.length > 0 && pcrs.every((pcr) => Number.isInteger(pcr) && pcr >= 0 && pcr < PCR_COUNT);
  if (!sound) throw new FieldsealError('ERR_OPTIONS', `PCRs are numbers from 0 to ${PCR_COUNT - 1}, one at least`);
  return [...new Set(pcrs)].sort((a, b) => a - b);
}
