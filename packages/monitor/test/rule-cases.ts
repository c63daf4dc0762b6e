import { readFileSync } from 'node:fs';
import type { MetricName } from '../src/metrics/metric-table.ts';

/** One series of a case, in the notation of promtool: `0+1x20`, `5x3`, `_x4`, one behind the other. */
export interface CaseSeries {
  readonly metric: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly values: string;
}

/** When a rule fires and when it does not. The same cases are tried with promtool, by scripts/promtool.mjs. */
export interface RuleCase {
  readonly rule: string;
  readonly interval: string;
  /** Time of the judgement. */
  readonly at: string;
  readonly firing: readonly CaseSeries[];
  /** Labels of the one alert that fires. */
  readonly labels: Readonly<Record<string, string>>;
  readonly quiet: Readonly<Record<string, readonly CaseSeries[]>>;
}

export const RULE_CASES: readonly RuleCase[] = JSON.parse(
  readFileSync(new URL('rule-cases.json', import.meta.url), 'utf8'),
) as RuleCase[];

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** A duration of promtool, in seconds. */
export function secondsOf(duration: string): number {
  return Number(duration.slice(0, -1)) * (SECONDS[duration.slice(-1)] as number);
}

/** The samples of a series; null where there is none. `axn` is a and n repetitions, as promtool has it. */
export function samplesOf(values: string): (number | null)[] {
  return values.split(' ').flatMap((part) => {
    const [, first = '', step = '0', times = '0'] = /^(_|[\d.]+)(?:\+([\d.]+))?x(\d+)$/.exec(part) ?? [];
    if (first === '') throw new Error(`not in the notation: ${part}`);
    // `_xn` is n gaps, everything else has the first value besides.
    const count = first === '_' ? Number(times) : Number(times) + 1;
    return Array.from({ length: count }, (_, at) => (first === '_' ? null : Number(first) + at * Number(step)));
  });
}
