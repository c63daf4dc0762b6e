import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WORKSPACE } from '../src/folders.ts';
import { REPORT } from '../src/options.ts';
import { chartsOf } from '../src/report/charts.ts';
import { digits, quantity, withSpread } from '../src/report/format.ts';
import { MARKERS, markdownTable, pivot, replaceMeasured } from '../src/report/markdown.ts';
import { measuredPart, NOT_MEASURED } from '../src/report/performance-page.ts';
import { fullReport, microParts } from '../src/report/tables.ts';
import { readResults } from '../src/report/write-report.ts';
import { measurement, ratio, resultsOf } from './results.ts';

describe('numbers', () => {
  it.each([
    [1234567, '1,234,567'],
    [340.4, '340'],
    [12.34, '12.3'],
    [1.234, '1.23'],
    [0.05, '0.05'],
    [Number.NaN, '–'],
  ])('%d is shown as %s', (value, expected) => {
    expect(digits(value)).toBe(expected);
  });

  it.each([
    [340, 'ns', '340 ns'],
    [12_340, 'ns', '12.3 µs'],
    [0.001, 'ms', '1.00 µs'],
    [1500, 'ms', '1.50 s'],
    [0.5, 'ns', '0.50 ns'],
    [9.44, 'MB', '9.44 MB'],
    [-3.14, 't', '-3.1'],
  ] as const)('%d %s is shown as %s', (value, unit, expected) => {
    expect(quantity(value, unit)).toBe(expected);
  });

  it('shows quartiles unless there is one sample', () => {
    const spread = { median: 2, q1: 1.5, q3: 2.5, min: 1, max: 3, samples: 5 };
    expect(withSpread(spread, (value) => `${value}×`)).toBe('2× (1.5×–2.5×)');
    expect(withSpread({ ...spread, samples: 1 }, String)).toBe('2');
  });
});

describe('tables', () => {
  it('escapes what would end a cell', () => {
    expect(markdownTable(['a|b', 'c'], [['x\ny', '|t|']])).toBe('| a\\|b | c |\n|---|---:|\n| x y | \\|t\\| |');
  });

  it('keeps the order in which rows and columns appear, and leaves gaps empty', () => {
    const items = [
      { row: 'r2', column: 'c1', value: '1' },
      { row: 'r1', column: 'c2', value: '2' },
    ];
    const table = pivot(
      items,
      'corner',
      ({ row }) => row,
      ({ column }) => column,
      ({ value }) => value,
    );
    expect(table.split('\n')).toEqual(['| corner | c1 | c2 |', '|---|---:|---:|', '| r2 | 1 |  |', '| r1 |  | 2 |']);
  });

  it('reads the parts of a case', () => {
    expect(microParts('decrypt 16 KiB, batch 3000')).toEqual({
      operation: 'decrypt',
      size: '16 KiB',
      batch: 'batch 3000',
    });
  });
});

describe('fullReport', () => {
  const results = resultsOf({
    measurements: [
      measurement('micro', 'decrypt 40 B, batch 4', 'fieldseal', 'ns', 400),
      measurement('queries', 'sqlite findUnique', 'plain', 'ms', 0.2),
    ],
    ratios: [ratio('micro', 'decrypt 40 B, batch 4', '@47ng/cloak', 'fieldseal', 16.8)],
    absent: [{ section: 'micro', candidate: 'jose', reason: 'npm ci failed' }],
  });

  it('names machine, versions, goals, values, and what is missing', () => {
    const report = fullReport(results);
    for (const text of ['Imaginary 1', 'Node 20.20.2', 'rival 1.2.3', '400 ns', '200 µs', 'jose', 'npm ci failed'])
      expect(report).toContain(text);
    expect(report).toMatch(/fifteen times as fast as @47ng\/cloak \| decrypt 40 B, batch 4 \| ≥ 15.0× \| 16.8× .*met/);
    expect(report).toContain('not measured');
  });

  it('says of a short run that it is one', () => {
    expect(fullReport(results)).not.toContain('short run');
    expect(fullReport({ ...results, quick: true })).toContain('A short run');
  });
});

describe('the measured part of a page', () => {
  const page = `before\n\n${MARKERS.begin}\nold\n${MARKERS.end}\n\nafter\n`;

  it('is replaced, and nothing else is', () => {
    const replaced = replaceMeasured(page, 'new\n');
    expect(replaced).toBe(`before\n\n${MARKERS.begin}\n\nnew\n\n${MARKERS.end}\n\nafter\n`);
    expect(replaceMeasured(replaced, 'new')).toBe(replaced);
  });

  it.each([
    ['no begin', page.replace(MARKERS.begin, '')],
    ['no end', page.replace(MARKERS.end, '')],
    ['two begins', page + MARKERS.begin],
    ['two ends', page + MARKERS.end],
    ['an end before the begin', `${MARKERS.end}\n${MARKERS.begin}`],
  ])('is not guessed on a page with %s', (_what, broken) => {
    expect(() => replaceMeasured(broken, 'new')).toThrow(RangeError);
  });

  it('shows the charts that there are', () => {
    const charts = [{ file: 'field.svg', alt: 'times', svg: '' }];
    expect(measuredPart(resultsOf({}), charts, 'report')).toContain('![times](report/field.svg)');
    expect(measuredPart(resultsOf({}), [], 'report')).not.toContain('![');
  });

  it('of docs/performance.md is what the committed results say', () => {
    const text = readFileSync(join(WORKSPACE, 'docs/performance.md'), 'utf8');
    const results = existsSync(join(REPORT, 'results.json')) ? readResults(REPORT) : null;
    const measured =
      results === null ? NOT_MEASURED : measuredPart(results, chartsOf(results), '../packages/bench/report');
    expect(replaceMeasured(text, measured)).toBe(text);
  });
});
