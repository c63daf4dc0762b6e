import type { Observations } from '../src/doctor/leakage/frequency-attack.ts';
import { seededNumbers } from '../src/doctor/leakage/seeded-numbers.ts';

/** Rows whose values follow Zipf's law: the n-th commonest occurs 1/n as often as the commonest. One term per value. */
export function zipfRows(rows: number, distinct: number, seed: string, exponent = 1): Observations {
  const sums = new Float64Array(distinct);
  let sum = 0;
  for (let rank = 0; rank < distinct; rank++) {
    sum += 1 / (rank + 1) ** exponent;
    sums[rank] = sum;
  }
  const random = seededNumbers(seed);
  const values = Int32Array.from({ length: rows }, () => {
    const place = (random() / 2 ** 32) * sum;
    return sums.findIndex((limit) => place < limit);
  });
  return {
    rows: Int32Array.from({ length: rows }, (_, row) => row),
    values,
    // Numbers of terms say nothing of the values: the engine must not lean on them.
    terms: values.map((value) => distinct - 1 - value),
    termCount: distinct,
    valueCount: distinct,
  };
}
