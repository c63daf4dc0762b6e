import { curve, picture, rule, type Svg, text } from './svg.ts';

/** A chart of lines over logarithmic axes. */
export interface LineChart {
  readonly title: string;
  readonly subtitle: string;
  /** Points ascend by x; all numbers are above zero. */
  readonly lines: readonly { readonly name: string; readonly points: readonly (readonly [number, number])[] }[];
  readonly showX: (value: number) => string;
  readonly showY: (value: number) => string;
}

const WIDTH = 760;
const HEIGHT = 360;
const LEFT = 70;
const RIGHT = 190;
const TOP = 64;
const BOTTOM = 34;

/** Draws it. The name of a line stands at its end. */
export function lineChart({ title, subtitle, lines, showX, showY }: LineChart): Svg {
  const points = lines.flatMap((line) => line.points);
  const x = axis(
    points.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const y = axis(
    points.flatMap(([, value]) => decadesAround(value)),
    HEIGHT - BOTTOM,
    TOP,
  );
  const grid = decadesIn(y.least, y.most).flatMap((value) => [
    rule(LEFT, y.place(value), WIDTH - RIGHT, y.place(value)),
    text(LEFT - 8, y.place(value) + 4, showY(value), 'weak end'),
  ]);
  const ticks = [...new Set(points.map(([value]) => value))].map((value) =>
    text(x.place(value), HEIGHT - BOTTOM + 20, showX(value), 'weak mid'),
  );
  const names = spacedOut(lines.map((line) => y.place(line.points.at(-1)?.[1] ?? y.least)));
  const drawn = lines.flatMap((line, series) => [
    curve(
      line.points.map(([a, b]) => [x.place(a), y.place(b)] as const),
      series,
    ),
    text(WIDTH - RIGHT + 10, (names[series] as number) + 4, line.name),
  ]);
  const summary = lines.map(
    (line) => `${line.name}: ${line.points.map(([a, b]) => `${showX(a)} ${showY(b)}`).join(', ')}`,
  );
  return picture(WIDTH, HEIGHT, title, `${subtitle}. ${summary.join('; ')}`, [
    text(0, 38, subtitle, 'weak'),
    ...grid,
    ...ticks,
    ...drawn,
  ]);
}

interface Axis {
  readonly least: number;
  readonly most: number;
  readonly place: (value: number) => number;
}

function axis(values: readonly number[], from: number, to: number): Axis {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const length = Math.log(most / least) || 1;
  return { least, most, place: (value) => from + ((to - from) * Math.log(value / least)) / length };
}

/** The powers of ten below and above a value. */
function decadesAround(value: number): number[] {
  return [10 ** Math.floor(Math.log10(value)), 10 ** Math.ceil(Math.log10(value))];
}

function decadesIn(least: number, most: number): number[] {
  const decades: number[] = [];
  for (let power = Math.round(Math.log10(least)); power <= Math.round(Math.log10(most)); power++)
    decades.push(10 ** power);
  return decades;
}

/** Heights of names, moved apart where they would cover each other. */
function spacedOut(heights: readonly number[]): number[] {
  const order = heights.map((height, at) => ({ height, at })).sort((a, b) => a.height - b.height);
  const placed: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const { height, at } of order) {
    last = Math.max(height, last + 16);
    placed[at] = last;
  }
  return placed;
}
