import { relative, resolve } from 'node:path';
import { styleText } from 'node:util';

/** Rows as lines with aligned columns; columns in `right` are aligned to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  const aligned = (cell: string, at: number) =>
    right.includes(at) ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0);
  return rows.map((row) => row.map(aligned).join('  ').trimEnd());
}

/** A text in one line of at most so many characters. */
export function short(value: unknown, length: number): string {
  const text = value === null || value === undefined ? 'NULL' : String(value).replaceAll('\n', ' ');
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** A path as people name it: relative below the current folder, absolute elsewhere. */
export function shownPath(path: string): string {
  const below = relative('', path);
  return below.startsWith('..') ? resolve(path) : below;
}

/** 12345 as 12,345. */
export function count(value: number): string {
  return value.toLocaleString('en-US');
}

/** `1 row`, `2 rows`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** Where a section goes as soon as it is known. */
export interface Screen {
  section(title: string, lines: readonly string[]): void;
}

/** A screen on standard output, with colour only on a terminal. */
export function terminal(): Screen {
  const colour = process.stdout.isTTY && !process.env['NO_COLOR'];
  return {
    section: (title, lines) => {
      const heading = colour ? styleText('bold', title) : title;
      process.stdout.write(`${[heading, ...lines.map((line) => `  ${line}`)].join('\n')}\n`);
    },
  };
}
