import { describe, expect, it } from 'vitest';
import { BenchError } from '../src/bench-error.ts';
import { parseOptions, REPORT } from '../src/options.ts';
import { SECTIONS } from '../src/result.ts';

describe('parseOptions', () => {
  it('measures everything into the committed report by default', () => {
    expect(parseOptions(['run'])).toEqual({
      command: 'run',
      sections: SECTIONS,
      quick: false,
      out: REPORT,
      slack: 1,
      rows: null,
    });
  });

  it('keeps a run that is short or partial away from the committed report', () => {
    expect(parseOptions(['run', '--quick']).out).not.toBe(REPORT);
    expect(parseOptions(['run', '--only', 'micro']).out).not.toBe(REPORT);
    expect(parseOptions(['gate', '--only', 'micro']).out).toBe(REPORT);
    expect(parseOptions(['run', '--quick', '--out', REPORT]).out).toBe(REPORT);
  });

  it('runs chosen sections in their own order', () => {
    expect(parseOptions(['run', '--only', 'timing, micro']).sections).toEqual(['micro', 'timing']);
  });

  it('takes sizes of the tables that are searched', () => {
    expect(parseOptions(['run', '--rows', '10000,1000000']).rows).toEqual([10_000, 1_000_000]);
  });

  it.each([
    [[]],
    [['measure']],
    [['run', 'gate']],
    [['run', '--only', 'micro,macro']],
    [['run', '--only', '']],
    [['run', '--fast']],
    [['gate', '--slack', '0.5']],
    [['gate', '--slack', 'much']],
    [['run', '--rows', '']],
    [['run', '--rows', '50']],
    [['run', '--rows', '2000,1000']],
    [['run', '--rows', '1000,1000']],
    [['run', '--rows', '1e4,many']],
  ])('refuses %j', (args: string[]) => {
    expect(() => parseOptions(args)).toThrow(BenchError);
  });
});
