import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { BenchError } from '../bench-error.ts';
import { WORKSPACE } from '../folders.ts';
import { REPORT } from '../options.ts';
import type { Results } from '../result.ts';
import { chartsOf } from './charts.ts';
import { replaceMeasured } from './markdown.ts';
import { measuredPart } from './performance-page.ts';
import { fullReport } from './tables.ts';

const PAGE = join(WORKSPACE, 'docs/performance.md');

/**
 * Writes results, tables and charts into a folder; what an earlier run left there is replaced. The folder of the committed report also
 * feeds docs/performance.md, which a short run never does.
 *
 * @returns paths of what was written, from the root
 */
export function writeReport(folder: string, results: Results): string[] {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (name.endsWith('.svg')) rmSync(join(folder, name));
  const charts = chartsOf(results);
  const files: [string, string][] = [
    [join(folder, 'results.json'), `${JSON.stringify(results, null, 2)}\n`],
    [join(folder, 'results.md'), fullReport(results)],
    ...charts.map(({ file, svg }): [string, string] => [join(folder, file), svg]),
  ];
  if (folder === REPORT && !results.quick) {
    const part = measuredPart(results, charts, '../packages/bench/report');
    files.push([PAGE, replaceMeasured(readFileSync(PAGE, 'utf8'), part)]);
  }
  for (const [path, content] of files) writeFileSync(path, content);
  return files.map(([path]) => relative(WORKSPACE, path));
}

/** @throws BenchError when there are no results, or of another format */
export function readResults(folder: string): Results {
  let results: Partial<Results>;
  try {
    results = JSON.parse(readFileSync(join(folder, 'results.json'), 'utf8')) as Partial<Results>;
  } catch (error) {
    throw new BenchError(`there are no results in ${folder}: ${(error as Error).message}`);
  }
  if (results.format !== 'fieldseal-bench/1') throw new BenchError(`the results in ${folder} are of another format`);
  return results as Results;
}
