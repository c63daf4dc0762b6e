import { mkdirSync, writeFileSync } from 'node:fs';
import { newCanary } from '@fieldseal/testkit';
import { afterAll, describe, expect, test } from 'vitest';
import { bitRange, expectedCollisions, LEAST_POPULATION } from '../src/doctor/leakage/bit-bounds.ts';
import { countsOf, distributionOf } from '../src/doctor/leakage/distribution.ts';
import { lengthLeakage } from '../src/doctor/leakage/length-leakage.ts';
import { seededNumbers } from '../src/doctor/leakage/seeded-numbers.ts';
import { parseValue, readStatistics } from '../src/doctor/leakage/statistics-file.ts';
import { scratch } from './harness.ts';

describe('distributions', () => {
  test.each([
    [[1, 1, 1, 1], { total: 4, distinct: 4, entropy: 2, minEntropy: 2, largestShare: 0.25 }],
    [[2, 1, 1], { total: 4, distinct: 3, entropy: 1.5, minEntropy: 1, largestShare: 0.5 }],
    [[7], { total: 7, distinct: 1, entropy: 0, minEntropy: 0, largestShare: 1 }],
    [[0, 3, 0, 3], { total: 6, distinct: 2, entropy: 1, minEntropy: 1, largestShare: 0.5 }],
    [[], { total: 0, distinct: 0, entropy: 0, minEntropy: 0, largestShare: 0 }],
  ])('%j', (counts, expected) => {
    expect(distributionOf(counts)).toEqual(expected);
  });

  test('counts are of every number, the missing ones included', () => {
    expect([...countsOf(Int32Array.from([2, 0, 2]), 4)]).toEqual([1, 0, 2, 0]);
  });
});

describe('bits', () => {
  test('keep two values or more to a term, and fewer than the root of the population', () => {
    for (let population = LEAST_POPULATION; population < 5_000_000; population = Math.ceil(population * 1.37)) {
      const { least, most } = bitRange(population) as { least: number; most: number };
      expect(least).toBeLessThanOrEqual(most);
      const shared = (bits: number): number => population / 2 ** bits;
      expect(shared(most)).toBeGreaterThanOrEqual(2);
      expect(shared(most + 1)).toBeLessThan(2);
      expect(shared(least)).toBeLessThan(Math.sqrt(population));
      expect(shared(least - 1)).toBeGreaterThanOrEqual(Math.sqrt(population));
    }
  });

  test('cannot be chosen for fewer than sixteen values', () => {
    expect(bitRange(16)).toEqual({ least: 3, most: 3 });
    expect(bitRange(15)).toBeNull();
    expect(bitRange(0)).toBeNull();
  });

  test('collide as by the birthday bound', () => {
    expect(expectedCollisions(2, 1)).toBe(0.5);
    expect(expectedCollisions(1, 8)).toBe(0);
    expect(expectedCollisions(0, 8)).toBe(0);
    const random = seededNumbers('birthday');
    let pairs = 0;
    for (let round = 0; round < 200; round++) {
      const counts = countsOf(
        Int32Array.from({ length: 300 }, () => random() % 4096),
        4096,
      );
      for (const count of counts) pairs += (count * (count - 1)) / 2;
    }
    expect(pairs / 200 / expectedCollisions(300, 12)).toBeCloseTo(1, 1);
  });
});

test('seeded numbers are the same for a seed, others for another, and evenly spread', () => {
  const [one, again, other] = ['a', 'a', 'b'].map((seed) => Array.from({ length: 40_000 }, seededNumbers(seed)));
  expect(again).toEqual(one);
  expect(other).not.toEqual(one);
  const mean = (one as number[]).reduce((sum, number) => sum + number, 0) / 40_000;
  expect(mean / 2 ** 31).toBeCloseTo(1, 1);
});

describe('lengths', () => {
  const words = new Map([
    [4, 10],
    [5, 10],
    [8, 19],
    [40, 1],
  ]);

  test('tell how many there are, and which cell is alone with its own', () => {
    const { lengths, alone, entropy, paddings } = lengthLeakage(words, null);
    expect({ lengths, alone }).toEqual({ lengths: 4, alone: 1 / 40 });
    expect(entropy).toBeCloseTo(1.64, 2);
    expect(paddings.map(({ pad }) => pad)).toEqual([16, 32, 64, 128, 256, 512, 1024]);
  });

  test('are made few by padding, at the price of its bytes', () => {
    const [sixteen, , sixtyFour] = lengthLeakage(words, null).paddings;
    expect(sixteen).toMatchObject({ pad: 16, lengths: 2, alone: 1 / 40 });
    expect(sixteen?.addedBytes).toBeCloseTo((10 * 12 + 10 * 11 + 19 * 8 + 8) / 40, 10);
    expect(sixtyFour).toMatchObject({ lengths: 1, entropy: 0, alone: 0 });
  });

  test('of a payload as long as the pad size take one block more: 0x80 always follows', () => {
    expect(lengthLeakage(new Map([[16, 1]]), null).paddings[0]).toMatchObject({ pad: 16, addedBytes: 16 });
    expect(lengthLeakage(new Map([[15, 1]]), null).paddings[0]).toMatchObject({ pad: 16, addedBytes: 1 });
    expect(lengthLeakage(new Map([[0, 1]]), null).paddings[0]).toMatchObject({ pad: 16, addedBytes: 16 });
  });

  test('that are padded are compared with multiples of the pad size only, as if padded from the start', () => {
    // Payloads of 0 to 99 bytes, padded to 16.
    const padded = new Map<number, number>();
    for (let payload = 0; payload < 100; payload++) {
      const length = (Math.floor(payload / 16) + 1) * 16;
      padded.set(length, (padded.get(length) ?? 0) + 1);
    }
    const plain = new Map(Array.from({ length: 100 }, (_, payload) => [payload, 1]));
    const direct = lengthLeakage(plain, null).paddings.filter(({ pad }) => pad > 16);
    const again = lengthLeakage(padded, 16).paddings;
    expect(again.map(({ pad, lengths, entropy }) => ({ pad, lengths, entropy }))).toEqual(
      direct.map(({ pad, lengths, entropy }) => ({ pad, lengths, entropy })),
    );
    expect(lengthLeakage(padded, 24).paddings).toEqual([]);
  });

  test('are left as they are where they tell a bit or less, or where no padding helps', () => {
    expect(
      lengthLeakage(
        new Map([
          [4, 1],
          [5, 1],
        ]),
        null,
      ).suggested,
    ).toBeNull();
    expect(lengthLeakage(words, null).suggested).toBe(16);
    const wide = new Map(Array.from({ length: 64 }, (_, at) => [at * 1024, 1]));
    expect(lengthLeakage(wide, null).suggested).toBeNull();
    expect(lengthLeakage(new Map(), null)).toMatchObject({ lengths: 0, entropy: 0, alone: 0, suggested: null });
  });
});

describe('statistics', () => {
  const folder = scratch();
  afterAll(folder.remove);
  const file = (name: string, text: string): string => {
    writeFileSync(folder.path(name), text);
    return folder.path(name);
  };

  test('are read from a file or a folder of files, called by their index', async () => {
    const one = file('Patient.city.csv', '\uFEFFOslo,5\n"Washington, D.C.",2.5\n\n"say ""no""",1\nOslo,1\n');
    expect(await readStatistics(one)).toEqual(
      new Map([
        [
          'Patient.city',
          new Map([
            ['Oslo', 6],
            ['Washington, D.C.', 2.5],
            ['say "no"', 1],
          ]),
        ],
      ]),
    );
    mkdirSync(folder.path('all'));
    file('all/A.b.csv', 'x,1');
    file('all/C.d.csv', '');
    file('all/notes.txt', 'x');
    expect([...(await readStatistics(folder.path('all'))).keys()].sort()).toEqual(['A.b', 'C.d']);
  });

  const canary = newCanary('statistics');
  test.each([
    ['no count', `${canary}`],
    ['an empty count', `${canary},`],
    ['a count that is no number', `${canary},many`],
    ['a negative count', `${canary},-1`],
    ['an infinite count', `${canary},Infinity`],
    ['a head', `value,count\n${canary},1`],
    ['a third column', `${canary},1,2`],
    ['an open quote', `"${canary},1`],
  ])('with %s are refused, and no line is shown', async (_, text) => {
    const failed = await readStatistics(file('Bad.csv', text)).catch((error: Error) => error);
    expect(failed).toMatchObject({ code: 'ERR_FILE_IO' });
    expect(`${failed}${JSON.stringify(failed)}`).not.toContain(canary);
  });

  test('that are not there are refused', async () => {
    await expect(readStatistics(folder.path('nowhere'))).rejects.toMatchObject({ code: 'ERR_FILE_IO' });
  });

  test('hold values as their types write them', () => {
    expect(parseValue('String', '007')).toBe('007');
    expect(parseValue('Int', '-7')).toBe(-7);
    expect(parseValue('BigInt', '9007199254740993')).toBe(9007199254740993n);
    expect(parseValue('BigInt', 'x')).toBeUndefined();
    expect(parseValue('Boolean', 'true')).toBe(true);
    expect(parseValue('Boolean', 'yes')).toBeUndefined();
    expect(parseValue('DateTime', '1970-01-01')).toEqual(new Date(0));
    expect(parseValue('Decimal', '1.50')).toBe('1.50');
    expect(() => parseValue('Json', '{')).toThrow(SyntaxError);
  });
});
