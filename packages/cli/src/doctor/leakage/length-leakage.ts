/**
 * What the length of a cell tells of the value in it (spec/format.md §3): exactly its bytes, or with padding their multiple of the pad size.
 *
 * @module
 */
import { MAX_PAD } from '@fieldseal/core';
import { distributionOf } from './distribution.ts';

/** What the lengths of one column tell. */
export interface LengthSpread {
  /** Lengths that occur. */
  readonly lengths: number;
  /** Shannon entropy of the length of one cell, in bits. */
  readonly entropy: number;
  /** Share of the cells whose length no other has, 0 to 1. */
  readonly alone: number;
}

/** The same under another pad size. */
export interface Padding extends LengthSpread {
  /** Bytes. */
  readonly pad: number;
  /** Mean of the bytes by which a cell grows, before base64. */
  readonly addedBytes: number;
}

/** What lengths tell, and what padding would change. */
export interface LengthLeakage extends LengthSpread {
  readonly paddings: readonly Padding[];
  /** The smallest of them whose lengths have at most {@link MOST_LENGTH_BITS}; null for none, or when nothing has to be done. */
  readonly suggested: number | null;
}

/** Entropy of lengths that is accepted, in bits. */
export const MOST_LENGTH_BITS = 1;

const PADS: readonly number[] = [16, 32, 64, 128, 256, 512, 1024];

/**
 * @param counts - cells by the length of their payload, in bytes; with padding, by the length of the padded payload
 * @param pad - pad size of the column, or null
 */
export function lengthLeakage(counts: ReadonlyMap<number, number>, pad: number | null): LengthLeakage {
  const now = spreadOf(counts);
  const paddings = PADS.flatMap((size): Padding[] => {
    // Under a padding, the length is known to a multiple of it: only its own multiples can be told from that.
    if (size > MAX_PAD || (pad !== null && (size % pad !== 0 || size === pad))) return [];
    return [paddedTo(size, counts, pad)];
  });
  const fitting = paddings.find(({ entropy }) => entropy <= MOST_LENGTH_BITS);
  return { ...now, paddings, suggested: now.entropy <= MOST_LENGTH_BITS ? null : (fitting?.pad ?? null) };
}

function paddedTo(size: number, counts: ReadonlyMap<number, number>, pad: number | null): Padding {
  const padded = new Map<number, number>();
  let [cells, added] = [0, 0];
  for (const [length, count] of counts) {
    const payload = pad === null ? length : length - pad;
    const next = (Math.floor(payload / size) + 1) * size;
    padded.set(next, (padded.get(next) ?? 0) + count);
    cells += count;
    added += (next - length) * count;
  }
  return { pad: size, ...spreadOf(padded), addedBytes: cells === 0 ? 0 : added / cells };
}

function spreadOf(counts: ReadonlyMap<number, number>): LengthSpread {
  const { distinct, entropy, total } = distributionOf(counts.values());
  const alone = [...counts.values()].filter((count) => count === 1).length;
  return { lengths: distinct, entropy, alone: total === 0 ? 0 : alone / total };
}
