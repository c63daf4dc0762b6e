import { describe, expect, it } from 'vitest';
import { barChart } from '../src/report/bar-chart.ts';
import { chartsOf } from '../src/report/charts.ts';
import { lineChart } from '../src/report/line-chart.ts';
import { bar, picture, rule, text } from '../src/report/svg.ts';
import { measurement, ratio, resultsOf } from './results.ts';

/** Names of elements that are open where they must not be: SVG is XML, and one slip shows nothing. */
function unclosed(svg: string): string[] {
  const open: string[] = [];
  for (const [, slash, name = '', , single] of svg.matchAll(/<(\/?)([a-z]+)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/g)) {
    if (slash === '/') {
      if (open.pop() !== name) return [name];
    } else if (single !== '/') open.push(name);
  }
  return open;
}

const widths = (svg: string): number[] =>
  [...svg.matchAll(/<rect [^>]*? width="([\d.]+)"[^>]*height="14"/g)].map(([, width]) => Number(width));

describe('pieces', () => {
  it('escapes text', () => {
    expect(text(1, 2, `<a> & "b"`)).toBe('<text x="1" y="2">&lt;a&gt; &amp; &quot;b&quot;</text>');
    expect(picture(1, 1, 'a "title"', '<x>', [])).toContain('aria-label="a &quot;title&quot;. &lt;x&gt;"');
  });

  it('follows the scheme of the reader', () => {
    expect(picture(1, 1, 't', 's', [])).toContain('prefers-color-scheme:dark');
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY])('does not draw %d', (value) => {
    expect(() => bar(value, 0, 1, 1, 0)).toThrow(RangeError);
    expect(() => rule(0, 0, value, 0)).toThrow(RangeError);
    expect(() => text(0, value, '')).toThrow(RangeError);
  });
});

describe('barChart', () => {
  const chart = {
    title: 'Times',
    subtitle: 'shorter is better',
    legend: ['ours', 'theirs'],
    groups: [
      { label: 'a', bars: [{ value: 10, series: 0, text: '10 ns' }] },
      { label: 'b', bars: [{ value: 1000, series: 1, text: '1 µs' }] },
    ],
  };

  it('draws lengths in proportion', () => {
    const [a = 0, b = 0] = widths(barChart({ ...chart, scale: 'linear' }));
    expect(b / a).toBeCloseTo(100, -1);
    expect(unclosed(barChart({ ...chart, scale: 'linear' }))).toEqual([]);
  });

  it('gives the least value a length on a logarithmic scale', () => {
    const [a = 0, b = 0] = widths(barChart({ ...chart, scale: 'log' }));
    expect(a).toBeGreaterThan(0);
    expect(b / a).toBeCloseTo(3, 1);
  });

  it('marks a bound', () => {
    expect(barChart({ ...chart, scale: 'linear', mark: { value: 500, label: 'bound' } })).toContain('>bound</text>');
    expect(barChart({ ...chart, scale: 'linear' })).not.toContain('class="mark"');
  });
});

describe('lineChart', () => {
  it('draws every point, and keeps names apart', () => {
    const points = [1, 10, 100].map((x): [number, number] => [x, x * 2]);
    const svg = lineChart({
      title: 't',
      subtitle: 's',
      lines: [
        { name: 'one', points },
        { name: 'two', points },
      ],
      showX: String,
      showY: String,
    });
    expect(svg.match(/<circle/g)).toHaveLength(6);
    expect(unclosed(svg)).toEqual([]);
    const heights = ['one', 'two'].map((name) => Number(new RegExp(`y="([\\d.]+)">${name}<`).exec(svg)?.[1]));
    expect(Math.abs((heights[0] as number) - (heights[1] as number))).toBeGreaterThanOrEqual(16);
  });
});

describe('chartsOf', () => {
  it('draws nothing of nothing', () => {
    expect(chartsOf(resultsOf({}))).toEqual([]);
  });

  it('draws what was measured', () => {
    const charts = chartsOf(
      resultsOf({
        measurements: [
          measurement('micro', 'decrypt 40 B, batch 64', 'fieldseal', 'ns', 350),
          measurement('micro', 'decrypt 1 KiB, batch 64', 'fieldseal', 'ns', 2000),
          measurement('micro', 'decrypt 40 B, batch 1', '@47ng/cloak', 'ns', 7000),
          measurement('growth', '100 rows: lookup by index', 'plain', 'ms', 0.1),
          measurement('growth', '1000 rows: lookup by index', 'plain', 'ms', 0.1),
        ],
        ratios: [
          ratio('queries', 'sqlite findUnique', 'fieldseal', 'plain', 1.1),
          ratio('search', '10000 rows: contains', 'fieldseal', 'plain', 2.5),
          ratio('search', '100000 rows: contains', 'fieldseal', 'plain', 3.5),
        ],
      }),
    );
    expect(charts.map(({ file }) => file)).toEqual([
      'field.svg',
      'sizes.svg',
      'queries-sqlite.svg',
      'growth.svg',
      'search.svg',
    ]);
    expect(charts.at(-1)?.svg).toContain('100,000 rows');
    for (const { svg } of charts) expect(unclosed(svg)).toEqual([]);
    expect(charts[0]?.svg).toContain('7.00 µs');
  });
});
