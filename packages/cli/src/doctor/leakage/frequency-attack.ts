/**
 * The frequency attack: who holds the database and knows how often values occur guesses that the commonest term is the commonest value, the
 * second the second, and so on. For terms that are a function of the value this is the guess of highest likelihood (Lacharité and Paterson,
 * "A note on the optimality of frequency analysis vs. ℓp-optimization", 2015); Naveed, Kamara and Wright ("Inference attacks on
 * property-preserving encrypted databases", CCS 2015) ran it on hospitals' records.
 *
 * Values are known here by number alone. Nothing is printed, and nothing is kept.
 *
 * @module
 */
import { countsOf } from './distribution.ts';
import { seededNumbers } from './seeded-numbers.ts';

/** What rows show and what they hide: a term and the value behind it, as numbers from 0. A row may have several. */
export interface Observations {
  /** Row of each pair. */
  readonly rows: Int32Array;
  readonly terms: Int32Array;
  readonly values: Int32Array;
  readonly termCount: number;
  /** Values that are known, those of the attacker's statistics included. */
  readonly valueCount: number;
}

/** What an attacker knows. */
export interface AttackOptions {
  /** How often each value occurs elsewhere; null gives the attacker one half of the rows in plaintext, and asks for the other half. */
  readonly statistics: Float64Array | null;
  /** Terms that each value is spread over, as the annotation says. */
  readonly partitions: number;
  /** Repetitions, of which the mean is taken: each splits the rows, and breaks ties, in another way. */
  readonly repeats?: number;
}

/** Shares of the pairs under attack whose value was guessed, 0 to 1. */
export interface Recovery {
  /** By an attacker who knows that values are spread over partitions, and over how many. */
  readonly informed: number;
  /** By one who takes each term for one value. The same without partitions. */
  readonly uninformed: number;
  /** By guessing the commonest value for every row, which needs no index at all. */
  readonly baseline: number;
}

const REPEATS = 5;

/** Runs the attack. Without rows, nothing is recovered. The same observations give the same answer, in whatever order they come. */
export function attack(observed: Observations, { statistics, partitions, repeats = REPEATS }: AttackOptions): Recovery {
  const sums = { informed: 0, uninformed: 0, baseline: 0 };
  for (let repeat = 0; repeat < repeats; repeat++) {
    const random = seededNumbers(`attack ${repeat}`);
    const isTarget = statistics === null ? halfOf(observed.rows, random) : () => true;
    const weights = statistics ?? weightsOf(observed, (row) => !isTarget(row));
    const target = pairsWhere(observed, isTarget);
    const ranked = rankedBy(weights, random);
    const terms = rankedBy(countsOf(target.terms, observed.termCount), random);
    sums.informed += share(target, guesses(terms, ranked, partitions, observed.termCount));
    sums.uninformed += share(target, guesses(terms, ranked, 1, observed.termCount));
    sums.baseline += share(target, new Int32Array(observed.termCount).fill(ranked[0] ?? -1));
  }
  return {
    informed: sums.informed / repeats,
    uninformed: sums.uninformed / repeats,
    baseline: sums.baseline / repeats,
  };
}

/** Pairs that are asked for: their values are there to judge the guesses by. */
type Target = Pick<Observations, 'terms' | 'values'>;

/** The value that each term is taken for, or −1. The commonest value has the commonest `partitions` terms, and so on. */
function guesses(terms: Int32Array, ranked: Int32Array, partitions: number, termCount: number): Int32Array {
  const guess = new Int32Array(termCount).fill(-1);
  terms.forEach((term, rank) => {
    guess[term] = ranked[Math.floor(rank / partitions)] ?? -1;
  });
  return guess;
}

function share({ terms, values }: Target, guess: Int32Array): number {
  if (terms.length === 0) return 0;
  let right = 0;
  for (let at = 0; at < terms.length; at++) if (guess[terms[at] as number] === values[at]) right++;
  return right / terms.length;
}

/** Numbers that have a weight, the heaviest first. Equal ones come in an order that says nothing: any other could be that of the values. */
function rankedBy(weights: ArrayLike<number>, random: () => number): Int32Array {
  const present: number[] = [];
  const lots = new Uint32Array(weights.length);
  for (let at = 0; at < weights.length; at++) {
    lots[at] = random();
    if ((weights[at] as number) > 0) present.push(at);
  }
  return Int32Array.from(
    present.sort(
      (a, b) => (weights[b] as number) - (weights[a] as number) || (lots[a] as number) - (lots[b] as number) || a - b,
    ),
  );
}

/** Whether a row is in the half that is asked for. */
function halfOf(rows: Int32Array, random: () => number): (row: number) => boolean {
  const last = rows.reduce((most, row) => Math.max(most, row), -1);
  const asked = Uint8Array.from({ length: last + 1 }, () => random() & 1);
  return (row) => asked[row] === 1;
}

function weightsOf({ rows, values, valueCount }: Observations, isKnown: (row: number) => boolean): Float64Array {
  const weights = new Float64Array(valueCount);
  for (let at = 0; at < values.length; at++)
    if (isKnown(rows[at] as number)) weights[values[at] as number] = (weights[values[at] as number] as number) + 1;
  return weights;
}

function pairsWhere({ rows, terms, values }: Observations, isTarget: (row: number) => boolean): Target {
  const isPair = (_: number, at: number): boolean => isTarget(rows[at] as number);
  return { terms: terms.filter(isPair), values: values.filter(isPair) };
}
