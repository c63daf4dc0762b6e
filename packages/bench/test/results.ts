import type { Measurement, Ratio, Results, Section, Spread } from '../src/result.ts';

/** A spread around a median. */
function around(median: number): Spread {
  return { median, q1: median * 0.9, q3: median * 1.1, min: median * 0.8, max: median * 1.2, samples: 9 };
}

/** A measurement with a spread. */
export function measurement(
  section: Section,
  name: string,
  candidate: string,
  unit: Measurement['unit'],
  median: number,
): Measurement {
  return { section, case: name, candidate, unit, ...around(median) };
}

/** A ratio with a spread. */
export function ratio(section: Section, name: string, candidate: string, against: string, median: number): Ratio {
  return { section, case: name, candidate, against, ...around(median) };
}

/** Results of a run on a machine that nobody has. */
export function resultsOf(parts: Partial<Results>): Results {
  return {
    format: 'fieldseal-bench/1',
    date: '2026-11-30',
    quick: false,
    seconds: 600,
    engine: 'simd',
    machine: {
      node: '20.20.2',
      v8: '11.3',
      openssl: '3.0.19',
      platform: 'linux x64',
      cpu: 'Imaginary 1',
      cores: 2,
      memoryGB: 8,
      load: 0.1,
    },
    versions: [{ name: 'rival', version: '1.2.3' }],
    measurements: [],
    ratios: [],
    absent: [],
    ...parts,
  };
}
