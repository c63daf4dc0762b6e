import type { Results } from '../result.ts';
import type { ChartFile } from './charts.ts';
import { goalTable, provenance, ratioTable } from './tables.ts';

/** Stands in the page until there is a full run. */
export const NOT_MEASURED = 'Not measured yet: `npm run bench` measures, and writes this part.';

/**
 * The measured part of docs/performance.md. Every number of it comes from the results.
 *
 * @param charts - folder of the charts, as the page names it
 */
export function measuredPart(results: Results, charts: readonly ChartFile[], folder: string): string {
  const pictures = charts.map(({ file, alt }) => `![${alt}](${folder}/${file})`);
  const queries = results.ratios.filter(({ section }) => section === 'queries');
  return [
    provenance(results),
    '### Goals',
    goalTable(results),
    ...pictures,
    ...(queries.length === 0 ? [] : ['### Whole queries', ratioTable(queries, 'plain')]),
    `Everything that was measured, with its spread: [results.md](${folder}/results.md), as data in [results.json](${folder}/results.json).`,
  ].join('\n\n');
}
