/**
 * What a run of the benchmarks leaves behind: plain data, written to results.json. Reports, charts and the gate read nothing else.
 *
 * @module
 */

/** Sections that can be run by themselves, in the order in which they run. */
export const SECTIONS = [
  'micro',
  'queries',
  'start',
  'footprint',
  'concurrency',
  'growth',
  'search',
  'timing',
  'cache',
  'backup',
] as const;

/** One of {@link SECTIONS}. */
export type Section = (typeof SECTIONS)[number];

/** Median and spread of samples, all in one unit. */
export interface Spread {
  readonly median: number;
  /** First and third quartile. */
  readonly q1: number;
  readonly q3: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
}

/** What was measured, and of whom. */
export interface Measurement extends Spread {
  readonly section: Section;
  /** What was done: `decrypt 40 B, batch 4`, `postgresql findUnique`. */
  readonly case: string;
  readonly candidate: string;
  /** ns is CPU time per field; ms is wall time; MB is a million bytes. */
  readonly unit: 'ns' | 'ms' | 'MB' | 'op/s' | 't' | '%' | 'calls';
}

/** Time of one candidate over the time of another, from samples that were taken side by side. */
export interface Ratio extends Spread {
  readonly section: Section;
  readonly case: string;
  readonly candidate: string;
  readonly against: string;
}

/** A candidate that could not be measured, with the reason. */
export interface Absence {
  readonly section: Section;
  readonly candidate: string;
  readonly reason: string;
}

/** The machine and the programs that a run used. */
export interface Machine {
  readonly node: string;
  readonly v8: string;
  readonly openssl: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGB: number;
  /** Load average of the minute before the run: others that shared the machine. */
  readonly load: number;
}

/** What a section gives. */
export interface SectionResult {
  readonly measurements: readonly Measurement[];
  readonly ratios: readonly Ratio[];
  readonly absent: readonly Absence[];
}

/** Everything that a run leaves behind. */
export interface Results extends SectionResult {
  readonly format: 'fieldseal-bench/1';
  /** Day of the run, ISO 8601. */
  readonly date: string;
  /** Whether this was a short run, which proves that the benchmarks work and no more. */
  readonly quick: boolean;
  readonly seconds: number;
  /** The engine that `auto` stands for. */
  readonly engine: string;
  readonly machine: Machine;
  readonly versions: readonly { readonly name: string; readonly version: string }[];
}

/** All parts of a section as one. */
export function joined(parts: readonly SectionResult[]): SectionResult {
  return {
    measurements: parts.flatMap(({ measurements }) => measurements),
    ratios: parts.flatMap(({ ratios }) => ratios),
    absent: parts.flatMap(({ absent }) => absent),
  };
}

/** A section that gave nothing but the reason why. */
export function absence(section: Section, candidate: string, reason: unknown): SectionResult {
  const text = reason instanceof Error ? reason.message : String(reason);
  return { measurements: [], ratios: [], absent: [{ section, candidate, reason: text.split('\n', 1)[0] ?? text }] };
}
