import { bar, picture, rule, type Svg, text } from './svg.ts';

/** Bars of one row, one above the other. */
export interface BarGroup {
  readonly label: string;
  readonly bars: readonly { readonly value: number; readonly series: number; readonly text: string }[];
}

/** A chart of lying bars. */
export interface BarChart {
  readonly title: string;
  /** What the bars are, and what is better. */
  readonly subtitle: string;
  readonly groups: readonly BarGroup[];
  /** Names of the series, by number; none for a chart of one. */
  readonly legend: readonly string[];
  /** A value that is marked, with its name. */
  readonly mark?: { readonly value: number; readonly label: string };
  /** Logarithmic where values differ by orders of magnitude; it then starts at the power of ten below the least. */
  readonly scale: 'linear' | 'log';
}

const WIDTH = 760;
const LABELS = 210;
const VALUES = 100;
const BAR = 16;
const GAP = 10;
const TOP = 74;

/** Draws it. */
export function barChart(chart: BarChart): Svg {
  const place = scaleOf(chart);
  const parts: Svg[] = [text(0, 38, chart.subtitle, 'weak'), ...legend(chart.legend)];
  let y = TOP;
  for (const { label, bars } of chart.groups) {
    parts.push(text(LABELS - 10, y + (bars.length * BAR) / 2 + 5, label, 'end'));
    for (const { value, series, text: shown } of bars) {
      const width = place(value);
      parts.push(bar(LABELS, y + 1, width, BAR - 2, series), text(LABELS + width + 6, y + 13, shown, 'weak'));
      y += BAR;
    }
    y += GAP;
  }
  if (chart.mark !== undefined) {
    const x = LABELS + place(chart.mark.value);
    parts.push(rule(x, TOP - 6, x, y - GAP + 4, 'mark'), text(x, y + 8, chart.mark.label, 'weak mid'));
  }
  const rows = chart.groups.flatMap(({ label, bars }) => bars.map((one) => `${label} ${one.text}`));
  return picture(WIDTH, y + 18, chart.title, `${chart.subtitle}: ${rows.join(', ')}`, parts);
}

/** From a value to the length of its bar. */
function scaleOf({ groups, scale, mark }: BarChart): (value: number) => number {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const room = WIDTH - LABELS - VALUES;
  const most = Math.max(...values, mark?.value ?? 0);
  if (scale === 'linear') return (value) => (room * value) / most;
  const least = 10 ** Math.floor(Math.log10(Math.min(...values) * 0.999));
  const decades = Math.log10(most / least) || 1;
  return (value) => (room * Math.log10(value / least)) / decades;
}

/** Names of series beside a square of their colour. */
function legend(names: readonly string[]): Svg[] {
  let x = 0;
  return names.flatMap((name, series) => {
    const parts = [bar(x, 48, 10, 10, series), text(x + 15, 57, name, 'weak')];
    x += 32 + name.length * 7;
    return parts;
  });
}
