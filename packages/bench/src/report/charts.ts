import { DATABASES } from '../queries/client.ts';
import { OPERATIONS } from '../queries/operations.ts';
import type { Measurement, Results } from '../result.ts';
import { barChart } from './bar-chart.ts';
import { digits, quantity } from './format.ts';
import { lineChart } from './line-chart.ts';
import type { Svg } from './svg.ts';
import { microParts } from './tables.ts';

/** A chart and the file that it is written to. */
export interface ChartFile {
  readonly file: string;
  /** For those who do not see it. */
  readonly alt: string;
  readonly svg: Svg;
}

/** Batch of ours that charts show, where the others have none. */
const SHOWN_BATCH = 'batch 64';
/** Variants of whole queries that charts show, in the order of the legend. */
const SHOWN_VARIANTS = ['fieldseal', 'prisma-field-encryption', 'empty extension'];

/** Every chart for which the results have something to show. */
export function chartsOf(results: Results): ChartFile[] {
  const charts = [
    fieldChart(results),
    sizeChart(results),
    ...DATABASES.map((database) => queryChart(results, database)),
    growthChart(results),
    searchChart(results),
  ];
  return charts.filter((chart) => chart !== null);
}

/** Times of one field by candidate, the fastest on top. */
function fieldChart({ measurements }: Results): ChartFile | null {
  const shown = measurements
    .filter(({ section, case: name }) => section === 'micro' && name.startsWith('decrypt 40 B'))
    .filter(({ candidate, case: name }) => name.endsWith(SHOWN_BATCH) || !candidate.startsWith('fieldseal'))
    .sort((a, b) => a.median - b.median);
  if (shown.length === 0) return null;
  const alt = 'CPU time to decrypt one text field of 40 bytes, by library';
  const svg = barChart({
    title: 'Decrypt one text field of 40 bytes',
    subtitle: 'CPU time with garbage collection, logarithmic; shorter is better. Fieldseal in batches of 64.',
    scale: 'log',
    legend: [],
    groups: shown.map(({ candidate, median }) => ({
      label: candidate,
      bars: [{ value: median, series: candidate.startsWith('fieldseal') ? 0 : 1, text: quantity(median, 'ns') }],
    })),
  });
  return { file: 'field.svg', alt, svg };
}

/** Times by size of the value. */
function sizeChart({ measurements }: Results): ChartFile | null {
  const names = ['fieldseal', 'node:crypto AES-256-GCM', '@47ng/cloak', 'sodium-native', 'fieldseal, engine noble'];
  const lines = names
    .map((name) => {
      const own = measurements.filter(({ section, candidate }) => section === 'micro' && candidate === name);
      return { name, points: pointsBySize(own) };
    })
    .filter(({ points }) => points.length > 1);
  if (lines.length === 0) return null;
  const alt = 'CPU time to decrypt one field, by its size and by library';
  const svg = lineChart({
    title: 'Decrypt one text field, by its size',
    subtitle: 'CPU time, both axes logarithmic. Fieldseal in the largest batch up to 64 that was measured.',
    lines,
    showX: (bytes) => (bytes >= 1 << 20 ? `${bytes >> 20} MiB` : bytes >= 1024 ? `${bytes >> 10} KiB` : `${bytes} B`),
    showY: (value) => quantity(value, 'ns').replace(/\.0+(?= )/, ''),
  });
  return { file: 'sizes.svg', alt, svg };
}

function pointsBySize(measurements: readonly Measurement[]): [number, number][] {
  const bySize = new Map<number, { batch: number; median: number }>();
  for (const { case: name, median } of measurements) {
    const { operation, size, batch } = microParts(name);
    const count = Number(batch.replace('batch ', ''));
    const bytes = bytesOf(size);
    if (operation !== 'decrypt' || count > 64 || (bySize.get(bytes)?.batch ?? 0) > count) continue;
    bySize.set(bytes, { batch: count, median });
  }
  return [...bySize].map(([size, { median }]): [number, number] => [size, median]).sort(([a], [b]) => a - b);
}

function bytesOf(size: string): number {
  const factor = size.endsWith('MiB') ? 1 << 20 : size.endsWith('KiB') ? 1024 : 1;
  return Number.parseFloat(size) * factor;
}

/** Ratios of whole queries to plain Prisma. */
function queryChart({ ratios }: Results, database: string): ChartFile | null {
  const groups = OPERATIONS.map(({ name: label }) => ({
    label,
    bars: SHOWN_VARIANTS.flatMap((variant, series) => {
      const ratio = ratios.find(
        (one) =>
          one.section === 'queries' &&
          one.case === `${database} ${label}` &&
          one.candidate === variant &&
          one.against === 'plain',
      );
      return ratio === undefined ? [] : [{ value: ratio.median, series, text: `${digits(ratio.median)}×` }];
    }),
  })).filter(({ bars }) => bars.length > 0);
  if (groups.length === 0) return null;
  const name = database === 'sqlite' ? 'SQLite' : 'PostgreSQL';
  const svg = barChart({
    title: `Whole queries on ${name}, three encrypted fields of 40 bytes`,
    subtitle: 'Wall time over that of plain Prisma; shorter is better.',
    scale: 'linear',
    legend: SHOWN_VARIANTS,
    mark: { value: 1, label: 'plain Prisma' },
    groups,
  });
  return { file: `queries-${database}.svg`, alt: `Time of whole queries on ${name} over that of plain Prisma`, svg };
}

/** Lookups and pages by rows in the table. */
function growthChart({ measurements }: Results): ChartFile | null {
  const shown = measurements.filter(({ section, unit }) => section === 'growth' && unit === 'ms');
  const names = [...new Set(shown.map((one) => `${one.candidate}: ${growthParts(one.case).value}`))];
  const lines = names.map((name) => ({
    name: name.replace(' of up to 1000 rows', ''),
    points: shown
      .filter((one) => `${one.candidate}: ${growthParts(one.case).value}` === name)
      .map((one): [number, number] => [growthParts(one.case).rows, one.median]),
  }));
  if (lines.length === 0) return null;
  const svg = lineChart({
    title: 'While the table grows (SQLite)',
    subtitle: 'Wall time of a lookup by index and of a page of up to 1000 rows; both axes logarithmic.',
    lines,
    showX: (rows) => `${rows.toLocaleString('en-US')} rows`,
    showY: (ms) => quantity(ms, 'ms').replace(/\.0+(?= )/, ''),
  });
  return { file: 'growth.svg', alt: 'Time of a lookup and of a page by rows in the table', svg };
}

/** The parts of `1000 rows: lookup by index`. */
function growthParts(name: string): { rows: number; value: string } {
  const [rows = '', value = ''] = name.split(' rows: ');
  return { rows: Number(rows), value };
}

/** Ratios of searches to plain Prisma, by kind of index and rows. */
function searchChart({ ratios }: Results): ChartFile | null {
  const shown = ratios
    .filter(({ section }) => section === 'search')
    .map(({ case: name, median }) => {
      const { rows, value } = growthParts(name);
      return { rows, kind: value, median };
    });
  if (shown.length === 0) return null;
  const sizes = [...new Set(shown.map(({ rows }) => rows))];
  const svg = barChart({
    title: 'Searches by kind of index (PostgreSQL)',
    subtitle: 'Wall time over that of plain Prisma with the index that suits it; shorter is better.',
    scale: 'linear',
    legend: sizes.map((rows) => `${rows.toLocaleString('en-US')} rows`),
    mark: { value: 1, label: 'plain Prisma' },
    groups: [...new Set(shown.map(({ kind }) => kind))].map((label) => ({
      label,
      bars: shown
        .filter(({ kind }) => kind === label)
        .map(({ rows, median }) => ({ value: median, series: sizes.indexOf(rows), text: `${digits(median)}×` })),
    })),
  });
  return { file: 'search.svg', alt: 'Time of searches over that of plain Prisma, by kind of index', svg };
}
