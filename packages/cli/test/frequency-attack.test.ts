import { describe, expect, test } from 'vitest';
import {
  alternatives,
  cheapestAcceptable,
  imagine,
  isAcceptable,
  MOST_RECOVERED,
  type Trial,
  trials,
} from '../src/doctor/leakage/countermeasures.ts';
import { attack, type Observations } from '../src/doctor/leakage/frequency-attack.ts';
import { zipfRows } from './zipf.ts';

/** Twenty thousand rows of two thousand made-up names: the commonest has an eighth of the rows. */
const NAMES = zipfRows(20_000, 2_000, 'names');
const half = { statistics: null, partitions: 1 };

/** Rows of which each holds one of `distinct` values as often as the others. */
function even(rows: number, distinct: number): Observations {
  const values = Int32Array.from({ length: rows }, (_, row) => row % distinct);
  return {
    rows: Int32Array.from({ length: rows }, (_, row) => row),
    values,
    terms: values,
    termCount: distinct,
    valueCount: distinct,
  };
}

/** The true counts, as public statistics might have them. */
function countsIn({ values, valueCount }: Observations): Float64Array {
  const counts = new Float64Array(valueCount);
  for (const value of values) counts[value] = (counts[value] as number) + 1;
  return counts;
}

describe('the attack', () => {
  test('recovers all rows where every frequency is known and no two are alike', () => {
    const values = Int32Array.from([0, 0, 0, 1, 1, 2]);
    const observed = {
      rows: Int32Array.from(values.keys()),
      values,
      terms: Int32Array.from([7, 7, 7, 3, 3, 5]),
      termCount: 8,
      valueCount: 3,
    };
    expect(attack(observed, { statistics: Float64Array.from([30, 20, 10]), partitions: 1 })).toEqual({
      informed: 1,
      uninformed: 1,
      baseline: 0.5,
    });
  });

  test('recovers nothing by statistics of other values', () => {
    const observed = { ...NAMES, valueCount: 4_000 };
    const statistics = new Float64Array(4_000).fill(1, 2_000);
    expect(attack(observed, { statistics, partitions: 1 })).toEqual({ informed: 0, uninformed: 0, baseline: 0 });
  });

  test('guesses no better than chance where all values are as frequent: ties say nothing', () => {
    const { informed, baseline } = attack(even(20_000, 1_000), {
      statistics: new Float64Array(1_000).fill(1),
      partitions: 1,
    });
    expect(informed).toBeLessThan(0.005);
    expect(baseline).toBeCloseTo(0.001, 6);
  });

  test('finds no value that the known half does not hold: of unique values, none', () => {
    expect(attack(even(5_000, 5_000), half)).toEqual({ informed: 0, uninformed: 0, baseline: 0 });
  });

  test('has nothing to recover without rows', () => {
    expect(attack(even(0, 1), half)).toEqual({ informed: 0, uninformed: 0, baseline: 0 });
    expect(attack(even(1, 1), half).informed).toBe(0);
  });

  test('does not lean on the numbers of terms', () => {
    const mirrored = { ...NAMES, terms: NAMES.terms.map((term) => NAMES.termCount - 1 - term) };
    expect(Math.abs(attack(mirrored, half).informed - attack(NAMES, half).informed)).toBeLessThan(0.05);
  });

  test('keeps all terms of a row in one half', () => {
    // Row n has n pairs of a value that no other row has: were rows torn apart, their frequencies would be known.
    const rows = Int32Array.from(Array.from({ length: 100 }, (_, row) => Array(row + 1).fill(row)).flat());
    const kept = { rows, values: rows, terms: rows, termCount: 100, valueCount: 100 };
    expect(attack(kept, half).informed).toBe(0);
    const torn = { ...kept, rows: Int32Array.from(rows.keys()) };
    expect(attack(torn, half).informed).toBeGreaterThan(0);
  });

  test('gives the same answer twice', () => {
    expect(attack(NAMES, half)).toEqual(attack(NAMES, half));
  });
});

describe('a skewed column', () => {
  const tried = trials(NAMES, alternatives(128, 2_000, true), null);
  const at = (bits: number, partitions: number): Trial =>
    tried.find((trial) => trial.bits === bits && trial.partitions === partitions) as Trial;

  test('is recovered as printed, with and without partitions', () => {
    const shown = tried.map(({ bits, partitions, informed, uninformed, baseline, extraRows }) => {
      const share = (value: number): string => `${(100 * value).toFixed(1)} %`.padStart(7);
      return `bits ${String(bits).padStart(3)}, partitions ${String(partitions).padStart(2)}: informed ${share(informed)}, uninformed ${share(uninformed)}, without ${share(baseline)}, ${Math.round(extraRows)} rows in vain`;
    });
    process.stdout.write(`${shown.join('\n')}\n`);
    expect(at(128, 1).informed).toBeGreaterThan(0.3);
  });

  test('gives who does not know of eight partitions an eighth at most', () => {
    expect(at(128, 8).uninformed).toBeLessThan(at(128, 1).uninformed / 8);
    expect(at(128, 64).uninformed).toBeLessThan(at(128, 1).uninformed / 64);
  });

  test('gives who knows of them much more: partitions alone lower it by a fifth, then by half', () => {
    const [none, eight, most] = [at(128, 1), at(128, 8), at(128, 64)].map(({ informed }) => informed) as [
      number,
      number,
      number,
    ];
    expect(eight).toBeLessThan(0.8 * none);
    expect(eight).toBeGreaterThan(0.5 * none);
    expect(most).toBeLessThan(0.6 * none);
    expect(most).toBeGreaterThan(0.3 * none);
  });

  test('gives who knows of them hardly more than a guess where partitions and few bits work together', () => {
    const both = at(8, 64);
    expect(both.informed - both.baseline).toBeLessThan(0.05);
    expect(at(8, 1).informed - at(8, 1).baseline).toBeGreaterThan(0.1);
    // It is not free: a search reads a fifth of the table.
    expect(both.extraRows / 20_000).toBeCloseTo(1 - (1 - 1 / 256) ** 64, 10);
  });

  test('is recovered by its real terms as by those that are made up for the same annotation', () => {
    expect(Math.abs(attack(NAMES, half).informed - at(128, 1).informed)).toBeLessThan(0.05);
    const split = imagine(NAMES, { bits: 128, partitions: 8 });
    expect(Math.abs(attack(split, { statistics: null, partitions: 8 }).informed - at(128, 8).informed)).toBeLessThan(
      0.05,
    );
  });

  test('is recovered more fully the better the attacker knows it', () => {
    const exact = attack(NAMES, { statistics: countsIn(NAMES), partitions: 1 });
    expect(exact.informed).toBeGreaterThan(attack(NAMES, half).informed);
  });
});

describe('proposals', () => {
  const trial = (part: Partial<Trial>): Trial => ({
    bits: 128,
    partitions: 1,
    terms: 1,
    extraRows: 0,
    informed: 0.5,
    uninformed: 0.5,
    baseline: 0.2,
    ...part,
  });

  test('are acceptable below a tenth of the rows, or a twentieth above what needs no index', () => {
    expect(isAcceptable({ informed: MOST_RECOVERED - 0.001, baseline: 0 })).toBe(true);
    expect(isAcceptable({ informed: MOST_RECOVERED, baseline: 0 })).toBe(false);
    expect(isAcceptable({ informed: 0.62, baseline: 0.58 })).toBe(true);
    expect(isAcceptable({ informed: 0.62, baseline: 0.5 })).toBe(false);
  });

  test('name the annotation that reads the fewest rows in vain, then that of fewest partitions', () => {
    const fine = { informed: 0.05 };
    expect(
      cheapestAcceptable([trial({}), trial({ partitions: 64, ...fine }), trial({ partitions: 8, ...fine })])
        ?.partitions,
    ).toBe(8);
    expect(
      cheapestAcceptable([
        trial({ bits: 8, extraRows: 40, ...fine }),
        trial({ partitions: 64, extraRows: 0.2, ...fine }),
      ])?.bits,
    ).toBe(128);
    expect(cheapestAcceptable([trial({}), trial({ informed: 0.4 })])).toBeNull();
  });

  test('have bits that an annotation takes, and partitions where the kind has them', () => {
    expect(alternatives(128, 100, true).map(({ bits }) => bits)).not.toContain(5);
    expect(new Set(alternatives(128, 100_000, true).map(({ bits }) => bits))).toEqual(new Set([128, 15, 12, 9]));
    expect(alternatives(128, 100_000, false).every(({ partitions }) => partitions === 1)).toBe(true);
    expect(alternatives(8, 100_000, false)).toEqual([{ bits: 8, partitions: 1 }]);
    expect(alternatives(128, 3, false)).toEqual([{ bits: 128, partitions: 1 }]);
  });

  test('make up terms as many as bits have', () => {
    const few = imagine(NAMES, { bits: 4, partitions: 16 });
    expect(few.termCount).toBe(16);
    expect(Math.max(...few.terms)).toBe(15);
    expect(imagine(NAMES, { bits: 128, partitions: 1 }).termCount).toBe(new Set(NAMES.values).size);
  });
});
