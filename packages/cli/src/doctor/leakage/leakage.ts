import type { BitRange } from './bit-bounds.ts';
import type { Annotation, Trial } from './countermeasures.ts';
import type { Recovery } from './frequency-attack.ts';
import type { LengthLeakage } from './length-leakage.ts';

/** What one index gives away. Shares are from 0 to 1, entropies in bits. */
export interface IndexLeakage extends Annotation {
  /** `Model.column` */
  readonly index: string;
  /** Indexed fields. */
  readonly of: readonly string[];
  readonly kind: string;
  /** Why the annotation allows leakage, or null. */
  readonly allowed: string | null;
  /** Rows with a term that were read. */
  readonly rows: number;
  /** Of these, rows whose cell does not open. The attack leaves them out. */
  readonly unreadable: number;
  /** Different terms. */
  readonly terms: number;
  /** Different normalised values, or prefixes, n-grams or buckets of them; null without a key. */
  readonly values: number | null;
  /** Mean of the terms of one row. */
  readonly termsPerRow: number;
  /** Shannon entropy of the number of terms of one row, which tells of the length of the text, padded or not. */
  readonly countEntropy: number;
  /** Of the terms. */
  readonly entropy: number;
  readonly minEntropy: number;
  readonly largestShare: number;
  /** Pairs of different values that are expected to share a term by its bits; null without a key. */
  readonly expectedCollisions: number | null;
  /** What the attack recovers; null when it was not run. */
  readonly recovery: Recovery | null;
  /** The same for other annotations; none where the recovery is acceptable. */
  readonly trials: readonly Trial[];
  readonly advice: IndexAdvice;
}

/** What to do about an index. */
export interface IndexAdvice {
  /** Whether there are fewer than 16 values, which no annotation hides. */
  readonly tooFew: boolean;
  /** Bits by the distinct values, as AWS bounds them; null below 16 or without a key. */
  readonly bitsByValues: BitRange | null;
  /** Bits by the rows, as CipherSweet bounds them; null below 16. */
  readonly bitsByRows: BitRange | null;
  /** Whether the recovery is acceptable as the index is; null when the attack was not run. */
  readonly acceptable: boolean | null;
  /** Fewest partitions that keep off who does not know of them; null when none that was tried does, or nothing has to be done. */
  readonly partitionsUninformed: number | null;
  /** The cheapest annotation that keeps off who knows the schema as well; null likewise. */
  readonly annotation: Trial | null;
}

/** What the lengths of one encrypted column give away. */
export interface FieldLengths extends LengthLeakage {
  /** `Model.field` */
  readonly field: string;
  /** Cells that were counted; elements of lists. */
  readonly cells: number;
  /** Pad size in bytes, or null. */
  readonly pad: number | null;
}

/** All that was measured. It holds names, counts and shares, never a value, a cell or a term. */
export interface Leakage {
  /** Most rows that were read of each table. */
  readonly sample: number;
  /** Indexes for which the attacker had the user's statistics; for the others, half of the rows. */
  readonly statistics: readonly string[];
  readonly indexes: readonly IndexLeakage[];
  readonly fields: readonly FieldLengths[];
}
