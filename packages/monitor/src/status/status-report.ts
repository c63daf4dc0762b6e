import type { Alert } from '../alerts/alert.ts';
import { type AlertRule, runbookOf } from '../alerts/alert-rule.ts';
import type { HealthReport } from '../health/health.ts';
import { definitionOf, METRIC_NAMES, type MetricName } from '../metrics/metric-table.ts';
import type { MetricSource } from '../metrics/metrics.ts';

/** One series of a metric, as data. */
export interface StatusSeries {
  /** Values of the labels by their names. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Upper bounds of the buckets in seconds, and observations up to each and in all; null for what is no histogram. */
  readonly histogram: { readonly bounds: readonly number[]; readonly cumulative: readonly number[] } | null;
}

/** An alert with what its rule says. */
export interface StatusAlert extends Alert {
  readonly summary: string;
  readonly runbook: string;
}

/** How far a job over stored rows is: what whoever runs it knows, and the metrics do not. */
export interface JobProgress {
  readonly kind: string;
  readonly model: string;
  readonly state: 'running' | 'paused' | 'done' | 'cancelled';
  /** Rows that were looked at. */
  readonly done: number;
  /** Rows in all, where they are known. */
  readonly total: number | null;
}

/** An entry of the audit log as it is shown. */
export interface StatusEntry {
  readonly seq: number;
  readonly time: string;
  readonly actor: string | null;
  readonly action: string;
  readonly object: string;
  readonly key: string | null;
  readonly outcome: string;
  readonly code: string | null;
  readonly count: number;
}

/** Everything that a monitor knows at one moment. It names models, fields and owners of acknowledgements, and holds no value and no key. */
export interface StatusReport {
  /** Unix time in ms. */
  readonly time: number;
  readonly health: HealthReport;
  readonly metrics: Readonly<Partial<Record<MetricName, readonly StatusSeries[]>>>;
  readonly alerts: readonly StatusAlert[];
  readonly jobs: readonly JobProgress[];
  /** The last entries of the audit log, newest first, and their number in all; null without a log. */
  readonly audit: { readonly size: number; readonly recent: readonly StatusEntry[] } | null;
}

/** What is used of an audit log. */
export interface ShownAuditLog {
  readonly size: number;
  readonly recent: readonly { readonly entry: StatusEntry }[];
}

/** What a {@link statusReport} is made of. */
export interface StatusParts {
  readonly metrics: MetricSource;
  readonly health: HealthReport;
  readonly alerts: readonly Alert[];
  readonly rules: readonly AlertRule[];
  /** Address of the folder of runbooks. */
  readonly runbooks: string;
  readonly jobs: readonly JobProgress[];
  readonly audit: ShownAuditLog | undefined;
  /** Unix time in ms. */
  readonly now: number;
}

/** The report, from memory. */
export function statusReport({
  metrics,
  health,
  alerts,
  rules,
  runbooks,
  jobs,
  audit,
  now,
}: StatusParts): StatusReport {
  return {
    time: now,
    health,
    metrics: Object.fromEntries(METRIC_NAMES.map((name) => [name, seriesOf(name, metrics)])),
    alerts: alerts.map((alert) => ({
      ...alert,
      summary: rules.find(({ id }) => id === alert.rule)?.summary ?? '',
      runbook: runbookOf({ id: alert.rule }, runbooks),
    })),
    jobs,
    audit: audit === undefined ? null : { size: audit.size, recent: audit.recent.map(({ entry }) => shown(entry)) },
  };
}

function seriesOf(name: MetricName, metrics: MetricSource): StatusSeries[] {
  const { labels } = definitionOf(name);
  return [...metrics.series(name)].map((series) => ({
    labels: Object.fromEntries(labels.map((label, at) => [label, series.labels[at] ?? ''])),
    value: series.value,
    histogram:
      series.histogram === null ? null : { bounds: series.histogram.bounds, cumulative: series.histogram.cumulative() },
  }));
}

/** Member by member, so that nothing is shown only because it was added to the entry. */
function shown({ seq, time, actor, action, object, key, outcome, code, count }: StatusEntry): StatusEntry {
  return { seq, time, actor, action, object, key, outcome, code, count };
}
