import { escapeHtml } from './html-text.ts';

/** Bars of one group, one under the other. */
export interface BarGroup {
  readonly label: string;
  readonly bars: readonly { readonly series: number; readonly value: number; readonly text: string }[];
}

/** A chart of lying bars. */
export interface BarChart {
  readonly title: string;
  readonly groups: readonly BarGroup[];
  /** Names of the series, by number; none for a chart of one. */
  readonly legend: readonly string[];
  /** Value of the longest possible bar; by default the largest that there is. */
  readonly most?: number;
  /** A value that is marked by a line, with its name. */
  readonly mark?: { readonly value: number; readonly label: string };
}

const WIDTH = 720;
const LABELS = 220;
const VALUES = 80;
const BAR = 15;
const GAP = 9;
const LEGEND = 24;

/**
 * Draws a chart as inline SVG. Its colours are classes of the page (`s0`, `s1`, …), since a strict content security policy lets no element
 * have a style of its own.
 */
export function barChart({ title, groups, legend, most, mark }: BarChart): string {
  const values = groups.flatMap(({ bars }) => bars.map(({ value }) => value));
  const longest = most ?? Math.max(...values, mark?.value ?? 0, Number.MIN_VALUE);
  const place = (value: number): number => ((WIDTH - LABELS - VALUES) * value) / longest;
  const parts = legendOf(legend);
  const top = legend.length === 0 ? 4 : LEGEND;
  let y = top;
  for (const { label, bars } of groups) {
    parts.push(text(LABELS - 10, y + (bars.length * BAR) / 2 + 4, label, 'end'));
    for (const { series, value, text: shown } of bars) {
      const width = Math.max(place(value), value > 0 ? 1 : 0);
      parts.push(rect(LABELS, y + 1, width, BAR - 3, series), text(LABELS + width + 6, y + 11, shown, 'weak'));
      y += BAR;
    }
    y += GAP;
  }
  if (mark !== undefined) {
    const x = LABELS + place(mark.value);
    parts.push(
      `<path class="mark" d="M${short(x)} ${top}V${y - GAP + 4}"/>`,
      text(x, y + 8, mark.label, 'weak middle'),
    );
    y += 14;
  }
  const summary = groups.flatMap(({ label, bars }) => bars.map((one) => `${label}: ${one.text}`)).join('; ');
  return (
    `<svg viewBox="0 0 ${WIDTH} ${y}" role="img" aria-label="${escapeHtml(`${title}. ${summary}`)}">\n` +
    `${parts.join('\n')}\n</svg>`
  );
}

function legendOf(names: readonly string[]): string[] {
  let x = LABELS;
  return names.flatMap((name, series) => {
    const parts = [rect(x, 2, 10, 10, series), text(x + 15, 11, name, 'weak')];
    x += 34 + name.length * 6.6;
    return parts;
  });
}

function rect(x: number, y: number, width: number, height: number, series: number): string {
  return `<rect class="s${series}" x="${short(x)}" y="${short(y)}" width="${short(width)}" height="${height}" rx="2"/>`;
}

function text(x: number, y: number, content: string, kind: string): string {
  return `<text class="${kind}" x="${short(x)}" y="${short(y)}">${escapeHtml(content)}</text>`;
}

/** @throws RangeError for what is no number: it would draw nothing, in silence */
function short(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('a coordinate is a number');
  return String(Number(value.toFixed(1)));
}
