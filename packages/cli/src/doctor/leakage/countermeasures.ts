/**
 * What the same rows would show under another annotation: the attack is run again on terms that are made up for it.
 *
 * @module
 */
import { bitRange } from './bit-bounds.ts';
import { type AttackOptions, attack, type Observations, type Recovery } from './frequency-attack.ts';
import { seededNumbers } from './seeded-numbers.ts';

/** Another annotation of the same index. */
export interface Annotation {
  readonly bits: number;
  readonly partitions: number;
}

/** An annotation with what the attack would recover, and what it would cost. */
export interface Trial extends Annotation, Recovery {
  /** Terms that the rows would hold. */
  readonly terms: number;
  /** Rows of other values that a search reads and throws away, as expected for as many rows. */
  readonly extraRows: number;
}

/** Recovery that is acceptable: below this share of the rows … */
export const MOST_RECOVERED = 0.1;
/** … or at most this share of the rows above what is guessed without the index. */
export const MOST_GAIN = 0.05;

const PARTITIONS: readonly number[] = [1, 2, 4, 8, 16, 32, 64];
/** Beside fewer bits, each partition makes a search read more rows of other values. */
const FEW_PARTITIONS: readonly number[] = [1, 4, 16, 64];
/** Fewest bits that an annotation takes. */
const LEAST_BITS = 8;
/** Above so many bits the terms of a sample do not collide. */
const COLLIDING_BITS = 24;
/** Many annotations are compared, so each is attacked less often. */
const REPEATS = 3;

/** Whether the index adds so little to what an attacker guesses without it that this is accepted. */
export function isAcceptable({ informed, baseline }: Pick<Recovery, 'informed' | 'baseline'>): boolean {
  return informed < MOST_RECOVERED || informed - baseline <= MOST_GAIN;
}

/**
 * Annotations to compare with the present one: its bits over more partitions, and fewer bits as {@link bitRange} gives them.
 *
 * @param distinct - values that occur
 * @param canPartition - whether the index is of a kind that takes partitions
 */
export function alternatives(bits: number, distinct: number, canPartition: boolean): Annotation[] {
  const range = bitRange(distinct);
  const fewer = range === null ? [] : [range.most, Math.round((range.least + range.most) / 2), range.least];
  const taken = fewer.map((few) => Math.max(few, LEAST_BITS));
  return [
    ...crossed([bits], canPartition ? PARTITIONS : [1]),
    ...crossed(
      [...new Set(taken)].filter((few) => few < bits),
      canPartition ? FEW_PARTITIONS : [1],
    ),
  ];
}

/** Runs the attack against each annotation. */
export function trials(
  observed: Observations,
  annotations: readonly Annotation[],
  statistics: AttackOptions['statistics'],
): Trial[] {
  return annotations.map((annotation) => {
    const imagined = imagine(observed, annotation);
    const recovery = attack(imagined, { statistics, partitions: annotation.partitions, repeats: REPEATS });
    const missed = (1 - 2 ** -annotation.bits) ** annotation.partitions;
    return { ...annotation, terms: imagined.termCount, extraRows: observed.values.length * (1 - missed), ...recovery };
  });
}

/** The trial whose recovery is acceptable and that reads the fewest rows in vain; of equal ones that with the fewest partitions. */
export function cheapestAcceptable(tried: readonly Trial[]): Trial | null {
  const [best] = tried
    .filter(isAcceptable)
    // Below half a row, collisions are no cost.
    .sort(
      (a, b) => Math.round(a.extraRows) - Math.round(b.extraRows) || a.partitions - b.partitions || b.bits - a.bits,
    );
  return best ?? null;
}

function crossed(bits: readonly number[], partitions: readonly number[]): Annotation[] {
  return bits.flatMap((few) => partitions.map((count) => ({ bits: few, partitions: count })));
}

/** The same rows with the terms that another annotation would give them. */
export function imagine(observed: Observations, { bits, partitions }: Annotation): Observations {
  const random = seededNumbers(`terms of ${bits} bits in ${partitions} partitions`);
  const codes = new Map<number, number>();
  const ids = new Map<number, number>();
  const terms = observed.values.map((value) => {
    const whole = value * partitions + (random() % partitions);
    const code = bits > COLLIDING_BITS ? whole : (codes.get(whole) ?? random() % 2 ** bits);
    codes.set(whole, code);
    const id = ids.get(code) ?? ids.size;
    ids.set(code, id);
    return id;
  });
  return { ...observed, terms, termCount: ids.size };
}
