import { BOUNDS } from '../bounds.ts';
import { judge, type Verdict } from '../gate.ts';
import type { Absence, Machine, Measurement, Ratio, Results, Section } from '../result.ts';
import { digits, quantity, withSpread } from './format.ts';
import { markdownTable, pivot } from './markdown.ts';

const TITLES: Readonly<Record<Section, string>> = {
  micro: 'One field: CPU time',
  queries: 'Whole queries: wall time, and CPU time of the client',
  start: 'Start',
  footprint: 'Memory and size',
  concurrency: 'Many clients at once',
  growth: 'Growing tables (SQLite)',
  search: 'Searches by kind of index (PostgreSQL)',
  timing: 'Does time tell secrets?',
  cache: 'The cache of keys',
  backup: 'Backups',
};

/** results.md: everything that was measured. */
export function fullReport(results: Results): string {
  const sections = (Object.keys(TITLES) as Section[]).flatMap((section) => sectionText(section, results));
  return `${[`# Benchmark results`, provenance(results), '## Goals', goalTable(results), ...sections].join('\n\n')}\n`;
}

/** Machine, versions and date, in a sentence. */
export function provenance({ machine, date, quick, seconds, engine, versions }: Results): string {
  const short = quick ? ' **A short run, which proves that the benchmarks work: its numbers are rough.**' : '';
  const peers = versions.map(({ name, version }) => `${name} ${version}`).join(', ');
  return `Measured on ${date} in ${Math.round(seconds)} s: ${machineText(machine)}. Engine in use: ${engine}.${short}
Compared: ${peers === '' ? 'no other packages' : peers}.`;
}

/** Every bound with what was found. */
export function goalTable(results: Results): string {
  const verdicts = judge(BOUNDS, results);
  return markdownTable(['goal', 'case', 'bound', 'measured', ''], verdicts.map(goalRow));
}

function goalRow({ bound, found, verdict }: Verdict): string[] {
  const show = (value: number): string => (bound.against === null ? digits(value) : `${digits(value)}×`);
  const sign = bound.sense === 'at least' ? '≥' : '≤';
  return [
    bound.goal,
    bound.case,
    `${sign} ${show(bound.limit)}`,
    found === null ? '' : withSpread(found, show),
    verdict,
  ];
}

function machineText({ node, v8, openssl, platform, cpu, cores, memoryGB, load }: Machine): string {
  return `${cores} × ${cpu}, ${memoryGB} GB, ${platform}, Node ${node} (V8 ${v8}, OpenSSL ${openssl}), load ${load} before the run`;
}

function sectionText(section: Section, results: Results): string[] {
  const measurements = results.measurements.filter((one) => one.section === section);
  const ratios = results.ratios.filter((one) => one.section === section);
  const absent = results.absent.filter((one) => one.section === section);
  if (measurements.length === 0 && absent.length === 0) return [];
  const tables = section === 'micro' ? microTables(measurements, ratios) : plainTables(measurements, ratios);
  return [`## ${TITLES[section]}`, ...tables, ...absentTable(absent)];
}

function absentTable(absent: readonly Absence[]): string[] {
  if (absent.length === 0) return [];
  return [
    markdownTable(
      ['not measured', 'why'],
      absent.map(({ candidate, reason }) => [candidate, reason]),
    ),
  ];
}

function plainTables(measurements: readonly Measurement[], ratios: readonly Ratio[]): string[] {
  const values = pivot(
    measurements,
    'median (quartiles)',
    (one) => one.case,
    (one) => one.candidate,
    (one) => withSpread(one, (value) => quantity(value, one.unit)),
  );
  return [values, ...[...new Set(ratios.map(({ against }) => against))].map((against) => ratioTable(ratios, against))];
}

/** Times over the time of one candidate. */
export function ratioTable(ratios: readonly Ratio[], against: string): string {
  return pivot(
    ratios.filter((one) => one.against === against),
    `time over that of ${against}`,
    (one) => one.case,
    (one) => one.candidate,
    (one) => withSpread(one, (value) => `${digits(value)}×`),
  );
}

/** One table per operation: a row per candidate and batch, a column per size. */
function microTables(measurements: readonly Measurement[], ratios: readonly Ratio[]): string[] {
  const parts = measurements.map((one) => ({ one, ...microParts(one.case) }));
  const operations = [...new Set(parts.map(({ operation }) => operation))];
  const tables = operations.flatMap((operation) => [
    `CPU time per field, ${operation}:`,
    pivot(
      parts.filter((part) => part.operation === operation),
      'candidate',
      ({ one, batch }) => `${one.candidate}, ${batch}`,
      ({ size }) => size,
      ({ one }) => withSpread(one, (value) => quantity(value, 'ns')),
    ),
  ]);
  const chosen = ratios.filter(({ case: name }) => /40 B, batch (4|64)$/.test(name));
  return [
    ...tables,
    ...[...new Set(chosen.map(({ against }) => against))].map((against) => ratioTable(chosen, against)),
  ];
}

/** The parts of `decrypt 40 B, batch 4`. */
export function microParts(name: string): { operation: string; size: string; batch: string } {
  const [, operation = name, size = '', batch = ''] = /^(\w+) (.+), (batch \d+)$/.exec(name) ?? [];
  return { operation, size, batch };
}
