/** How counts are spread. Entropies are in bits. */
export interface Distribution {
  /** Sum of the counts. */
  readonly total: number;
  /** Counts above zero. */
  readonly distinct: number;
  /** Shannon entropy of what one row holds. 0 when all hold the same. */
  readonly entropy: number;
  /** Bits of the best single guess: −log2 of {@link largestShare}. */
  readonly minEntropy: number;
  /** Share of the rows that hold what occurs most often, 0 to 1. */
  readonly largestShare: number;
}

/** Describes counts. None at all give zeros. */
export function distributionOf(counts: Iterable<number>): Distribution {
  let [total, distinct, largest, weighted] = [0, 0, 0, 0];
  for (const count of counts) {
    if (count <= 0) continue;
    total += count;
    distinct++;
    largest = Math.max(largest, count);
    weighted += count * Math.log2(count);
  }
  if (total === 0) return { total, distinct, entropy: 0, minEntropy: 0, largestShare: 0 };
  const largestShare = largest / total;
  return {
    total,
    distinct,
    // Of one value alone rounding could leave a negative zero.
    entropy: distinct === 1 ? 0 : Math.log2(total) - weighted / total,
    minEntropy: distinct === 1 ? 0 : -Math.log2(largestShare),
    largestShare,
  };
}

/** How often each number from 0 to `size` − 1 occurs. */
export function countsOf(numbers: Int32Array, size: number): Int32Array {
  const counts = new Int32Array(size);
  for (const number of numbers) counts[number] = (counts[number] as number) + 1;
  return counts;
}
