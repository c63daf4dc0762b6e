/** A table of GitHub's Markdown. Columns after the first are numbers, and so stand to the right. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  const rule = `|${head.map((_, at) => (at === 0 ? '---' : '---:')).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

/** Rows by columns: a row per first name, a column per second, both in the order of their first appearance. */
export function pivot<Item>(
  items: readonly Item[],
  corner: string,
  row: (item: Item) => string,
  column: (item: Item) => string,
  cell: (item: Item) => string,
): string {
  const columns = [...new Set(items.map(column))];
  const rows = [...new Set(items.map(row))];
  const find = (r: string, c: string): Item | undefined => items.find((item) => row(item) === r && column(item) === c);
  const show = (item: Item | undefined): string => (item === undefined ? '' : cell(item));
  return markdownTable(
    [corner, ...columns],
    rows.map((r) => [r, ...columns.map((c) => show(find(r, c)))]),
  );
}

/** Between these two lines a page holds what the benchmarks wrote. */
export const MARKERS: { readonly begin: string; readonly end: string } = {
  begin: '<!-- measured: begin (written by packages/bench; do not edit) -->',
  end: '<!-- measured: end -->',
};

/**
 * A page with its measured part replaced.
 *
 * @throws RangeError when the page has not exactly one such part
 */
export function replaceMeasured(page: string, measured: string): string {
  const [before, rest, ...more] = page.split(MARKERS.begin);
  const [, after, ...others] = (rest ?? '').split(MARKERS.end);
  if (after === undefined || more.length > 0 || others.length > 0)
    throw new RangeError('the page needs one begin and one end of its measured part');
  return `${before}${MARKERS.begin}\n\n${measured.trim()}\n\n${MARKERS.end}${after}`;
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|').replaceAll('\n', ' ');
}
