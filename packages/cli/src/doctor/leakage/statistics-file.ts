import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { ValueType } from '@fieldseal/core';
import { parse } from 'csv-parse/sync';
import { CliError } from '../../cli-error.ts';

/** How often values occur, by the value as the file writes it. */
export type ValueCounts = ReadonlyMap<string, number>;

/**
 * Reads what an attacker knows: files called `Model.column.csv`, whose lines are `value,count`.
 *
 * @param path - a file, or a folder of them
 * @returns by the name of the index
 * @throws ERR_FILE_IO when a file cannot be read or a line has another form; no line is quoted
 */
export async function readStatistics(path: string): Promise<ReadonlyMap<string, ValueCounts>> {
  const files = await filesAt(path);
  const read = files.map(async (file) => [basename(file, '.csv'), await readCounts(file)] as const);
  return new Map(await Promise.all(read));
}

/** How a value is written in a file, by the type of the field. @returns undefined for what is none */
const PARSERS: Readonly<Record<ValueType, (text: string) => unknown>> = {
  String: (text) => text,
  Decimal: (text) => text,
  Int: Number,
  Float: Number,
  BigInt: (text) => (/^-?\d+$/.test(text) ? BigInt(text) : undefined),
  Boolean: (text) => ({ true: true, false: false })[text],
  DateTime: (text) => new Date(text),
  Bytes: (text) => Buffer.from(text, 'hex'),
  Json: JSON.parse,
};

/** The value that a file means. Not yet known to be a valid one. */
export function parseValue(type: ValueType, text: string): unknown {
  return PARSERS[type](text);
}

async function filesAt(path: string): Promise<readonly string[]> {
  try {
    if (!(await stat(path)).isDirectory()) return [path];
    return (await readdir(path)).filter((name) => name.endsWith('.csv')).map((name) => join(path, name));
  } catch (error) {
    throw unreadable(path, 'cannot be read', error);
  }
}

async function readCounts(file: string): Promise<ValueCounts> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw unreadable(file, 'cannot be read', error);
  });
  const counts = new Map<string, number>();
  for (const [at, [value, count, ...more]] of recordsOf(file, text).entries()) {
    const weight = Number(count);
    if (
      value === undefined ||
      count === undefined ||
      count === '' ||
      !(weight >= 0 && weight < Number.POSITIVE_INFINITY) ||
      more.length > 0
    )
      throw unreadable(file, `has a record that is not "value,count": number ${at + 1}`);
    counts.set(value, (counts.get(value) ?? 0) + weight);
  }
  return counts;
}

function recordsOf(file: string, text: string): readonly (readonly string[])[] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true, relax_column_count: true });
  } catch {
    // Its message quotes the line.
    throw unreadable(file, 'is not CSV');
  }
}

function unreadable(path: string, problem: string, cause?: unknown): CliError {
  return new CliError(
    'ERR_FILE_IO',
    `${path} ${problem}`,
    'Write one value and its count a line, as in: Smith,2442977',
    cause,
  );
}
