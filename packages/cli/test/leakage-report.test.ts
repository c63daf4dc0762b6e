import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { finding } from '../src/doctor/finding.ts';
import { barChart } from '../src/doctor/leakage/chart.ts';
import { alternatives, cheapestAcceptable, trials } from '../src/doctor/leakage/countermeasures.ts';
import { countsOf, distributionOf } from '../src/doctor/leakage/distribution.ts';
import { attack } from '../src/doctor/leakage/frequency-attack.ts';
import { leakageHtml } from '../src/doctor/leakage/html-report.ts';
import type { IndexLeakage, Leakage } from '../src/doctor/leakage/leakage.ts';
import { leakageLines } from '../src/doctor/leakage/leakage-text.ts';
import { lengthLeakage } from '../src/doctor/leakage/length-leakage.ts';
import { zipfRows } from './zipf.ts';

const CITIES = zipfRows(5_000, 600, 'cities');
const recovery = attack(CITIES, { statistics: null, partitions: 1 });
const tried = trials(CITIES, alternatives(128, 600, true), null);

const CITY: IndexLeakage = {
  index: 'Patient.cityIndex',
  of: ['city'],
  kind: 'equality',
  allowed: null,
  bits: 128,
  partitions: 1,
  rows: 5_000,
  unreadable: 0,
  terms: 600,
  values: 600,
  termsPerRow: 1,
  countEntropy: 0,
  ...(({ entropy, minEntropy, largestShare }) => ({ entropy, minEntropy, largestShare }))(
    distributionOf(countsOf(CITIES.terms, CITIES.termCount)),
  ),
  expectedCollisions: 5e-34,
  recovery,
  trials: tried,
  advice: {
    tooFew: false,
    bitsByValues: { least: 5, most: 8 },
    bitsByRows: { least: 7, most: 11 },
    acceptable: false,
    partitionsUninformed: 4,
    annotation: cheapestAcceptable(tried),
  },
};
const CLOSED: IndexLeakage = {
  ...CITY,
  index: 'Patient.emailIndex',
  values: null,
  expectedCollisions: null,
  recovery: null,
  trials: [],
  advice: {
    tooFew: false,
    bitsByValues: null,
    bitsByRows: null,
    acceptable: null,
    partitionsUninformed: null,
    annotation: null,
  },
};
const counts = new Map(Array.from({ length: 30 }, (_, at): [number, number] => [4 + at, 1 + ((at * 7) % 11)]));
const LEAKAGE: Leakage = {
  sample: 100_000,
  statistics: ['Patient.cityIndex'],
  indexes: [CITY, CLOSED],
  fields: [
    { field: 'Patient.city', cells: 5_000, pad: null, ...lengthLeakage(counts, null) },
    { field: 'Patient.note', cells: 0, pad: 16, ...lengthLeakage(new Map(), 16) },
  ],
};
const FOUND = [finding('leakage.recovered', 'Patient.cityIndex', 'the attack recovers <much>', 1)];
const HTML = leakageHtml(LEAKAGE, FOUND, '2026-01-02');

describe('the page', () => {
  test('allows its own style by a hash, and nothing else', () => {
    const policy = /http-equiv="Content-Security-Policy" content="([^"]+)"/.exec(HTML)?.[1];
    const style = /<style>([\s\S]*?)<\/style>/.exec(HTML)?.[1] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`);
    expect(HTML.match(/<style/g)).toHaveLength(1);
  });

  test('has no script, no style of an element, and loads nothing', () => {
    expect(HTML).not.toMatch(/<script|\son\w+=|\sstyle=|javascript:|<link|<img|@import|url\(|https?:/i);
    expect(HTML).not.toMatch(/\s(?:src|href)=/);
  });

  test('has a table beside every chart, and says in words what a chart shows', () => {
    const charts = HTML.match(/<svg[^>]+role="img" aria-label="[^"]+"/g) ?? [];
    expect(charts.length).toBe(3);
    expect((HTML.match(/<table>/g) ?? []).length).toBeGreaterThanOrEqual(charts.length);
    expect(HTML.match(/<caption>/g)?.length).toBe(HTML.match(/<table>/g)?.length);
    expect(HTML).toContain('<th scope="col">');
    expect(HTML).toContain('lang="en"');
  });

  test('escapes what it is given', () => {
    expect(HTML).toContain('recovers &lt;much&gt;');
    const planted = { ...CITY, index: `"><script>alert('x')</script>&` };
    const page = leakageHtml({ ...LEAKAGE, indexes: [planted] }, [], '2026-01-02');
    expect(page).not.toContain('<script');
    expect(page).toContain('&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;');
  });

  test('closes what it opens', () => {
    const open: string[] = [];
    for (const [, close, name] of HTML.matchAll(/<(\/?)([a-z][\w-]*)(?:\s[^>]*)?>/g)) {
      if (['meta', 'br', 'rect', 'path'].includes(name as string)) continue;
      if (close === '') open.push(name as string);
      else expect(open.pop()).toBe(name);
    }
    expect(open).toEqual([]);
  });

  test('stands without indexes, and without fields', () => {
    const empty = leakageHtml({ sample: 1, statistics: [], indexes: [], fields: [] }, [], '2026-01-02');
    expect(empty).toContain('There are none.');
    expect(empty).toContain('No cells were counted.');
    expect(leakageHtml({ ...LEAKAGE, indexes: [CLOSED] }, [], '2026-01-02')).toContain('The attack was not run.');
  });
});

test('a chart refuses what is no number', () => {
  const groups = [{ label: 'a', bars: [{ series: 0, value: Number.NaN, text: '' }] }];
  expect(() => barChart({ title: '', groups, legend: [], most: 1 })).toThrow(RangeError);
});

test('the text has a line for each index and field, and says what was not measured', () => {
  const lines = leakageLines(LEAKAGE);
  expect(lines.filter((line) => line.includes('Patient.cityIndex'))).toHaveLength(3);
  expect(lines.find((line) => /Patient\.emailIndex .*not run/.test(line))).toBeDefined();
  expect(lines.find((line) => /Patient\.emailIndex .*not known/.test(line))).toBeDefined();
  expect(lines.find((line) => /Patient\.city .*pad: 32/.test(line))).toBeDefined();
  expect(lines.find((line) => /Patient\.note .*as it is/.test(line))).toBeDefined();
});
