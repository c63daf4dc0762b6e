import { describe, expect, it } from 'vitest';
import { BenchError } from '../src/bench-error.ts';
import { parseOptions, REPORT } from '../src/options.ts';
import { SECTIONS } from '../src/result.ts';

describe('parseOptions', () => {
  it('measures everything into the committed report by default', () => {
    expect(parseOptions(['run'])).toEqual({ command: 'run', sections: SECTIONS, quick: false, out: REPORT, slack: 1 });
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

  it.each([
    [[]],
    [['measure']],
    [['run', 'gate']],
    [['run', '--only', 'micro,macro']],
    [['run', '--only', '']],
    [['run', '--fast']],
    [['gate', '--slack', '0.5']],
    [['gate', '--slack', 'much']],
  ])('refuses %j', (args: string[]) => {
    expect(() => parseOptions(args)).toThrow(BenchError);
  });
});
