import {
  definitionOf,
  METRIC_NAMES,
  type MetricName,
  prometheusLabel,
  prometheusName,
  prometheusUnit,
} from './metric-table.ts';
import type { MetricSource, Series } from './metrics.ts';

/** Media type of {@link prometheusText}. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/**
 * All metrics in the text format of Prometheus, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). A `# UNIT` line,
 * which OpenMetrics knows, is a comment in it. Metrics without a series are left out.
 */
export function prometheusText(source: MetricSource): string {
  return METRIC_NAMES.map((name) => family(name, [...source.series(name)])).join('');
}

function family(name: MetricName, series: readonly Series[]): string {
  if (series.length === 0) return '';
  const { type, help, labels } = definitionOf(name);
  const full = prometheusName(name);
  const unit = prometheusUnit(name);
  const names = labels.map(prometheusLabel);
  const head = [
    `# HELP ${full} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}`,
    `# TYPE ${full} ${type}`,
    ...(unit === '' ? [] : [`# UNIT ${full} ${unit}`]),
  ];
  const lines = series.flatMap((one) => {
    const pairs = names.map((label, at) => [label, one.labels[at] ?? ''] as const);
    if (one.histogram === null) return [`${full}${braces(pairs)} ${number(one.value)}`];
    const { bounds, sum, count } = one.histogram;
    const up = one.histogram.cumulative();
    return [
      ...[...bounds, Number.POSITIVE_INFINITY].map(
        (bound, at) => `${full}_bucket${braces([...pairs, ['le', number(bound)]])} ${up[at]}`,
      ),
      `${full}_sum${braces(pairs)} ${number(sum)}`,
      `${full}_count${braces(pairs)} ${count}`,
    ];
  });
  return `${[...head, ...lines].join('\n')}\n`;
}

/** An empty label is the same as none. */
function braces(pairs: readonly (readonly [string, string])[]): string {
  const shown = pairs.filter(([, value]) => value !== '').map(([label, value]) => `${label}="${escaped(value)}"`);
  return shown.length === 0 ? '' : `{${shown.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

function number(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf';
  if (value === Number.NEGATIVE_INFINITY) return '-Inf';
  return String(value);
}
