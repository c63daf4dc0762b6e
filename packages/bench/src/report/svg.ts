/** A piece of SVG text. */
export type Svg = string;

const INK = {
  light: { text: '#1f2328', weak: '#59636e', line: '#d1d9e0' },
  dark: { text: '#f0f6fc', weak: '#9198a1', line: '#3d444d' },
};
/** Colours of the series, told apart by every kind of sight and on both grounds (Okabe and Ito). */
const SERIES = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#d55e00', '#56b4e9'];

/** Classes of text that a chart uses. */
const STYLE = `text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:${INK.light.text}}
.title{font-size:16px;font-weight:600}.weak{fill:${INK.light.weak}}.end{text-anchor:end}.mid{text-anchor:middle}
.line{stroke:${INK.light.line}}.mark{stroke:${INK.light.weak};stroke-dasharray:4 3}
@media(prefers-color-scheme:dark){text{fill:${INK.dark.text}}.weak{fill:${INK.dark.weak}}.line{stroke:${INK.dark.line}}.mark{stroke:${INK.dark.weak}}}`;

/**
 * A picture without a ground of its own: it follows the reader's light or dark scheme.
 *
 * @param summary - what the picture shows, for those who do not see it
 */
export function picture(width: number, height: number, title: string, summary: string, parts: readonly Svg[]): Svg {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeText(`${title}. ${summary}`)}">
<style>${STYLE}</style>
${text(0, 18, title, 'title')}
${parts.join('\n')}
</svg>
`;
}

/** A line of text. `kind` holds classes of {@link STYLE}: weak, end, mid, title. */
export function text(x: number, y: number, content: string, kind = ''): Svg {
  const classes = kind === '' ? '' : ` class="${kind}"`;
  return `<text x="${short(x)}" y="${short(y)}"${classes}>${escapeText(content)}</text>`;
}

/** A filled bar in the colour of a series. */
export function bar(x: number, y: number, width: number, height: number, series: number): Svg {
  return `<rect x="${short(x)}" y="${short(y)}" width="${short(Math.max(0, width))}" height="${short(height)}" rx="2" fill="${colour(series)}"/>`;
}

/** A straight line: part of a grid, or with `mark` a bound. */
export function rule(x1: number, y1: number, x2: number, y2: number, kind: 'line' | 'mark' = 'line'): Svg {
  return `<path d="M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}" class="${kind}" fill="none"/>`;
}

/** A line through points with a dot at each, in the colour of a series. */
export function curve(points: readonly (readonly [number, number])[], series: number): Svg {
  const path = points.map(([x, y], at) => `${at === 0 ? 'M' : 'L'}${short(x)} ${short(y)}`).join('');
  const dots = points.map(([x, y]) => `<circle cx="${short(x)}" cy="${short(y)}" r="3" fill="${colour(series)}"/>`);
  return `<path d="${path}" fill="none" stroke="${colour(series)}" stroke-width="2"/>${dots.join('')}`;
}

function colour(series: number): string {
  return SERIES[series % SERIES.length] as string;
}

/** Numbers as they are written into attributes. @throws RangeError for what is no number: it would draw nothing, in silence */
function short(value: number): string {
  if (!Number.isFinite(value)) throw new RangeError('a coordinate is a number');
  return String(Number(value.toFixed(1)));
}

function escapeText(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
