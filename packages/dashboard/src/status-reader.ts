import type { MetricName, StatusReport, StatusSeries } from '@fieldseal/monitor';

/** Looks into the metrics of a report. */
export class StatusReader {
  readonly report: StatusReport;

  constructor(report: StatusReport) {
    this.report = report;
  }

  /** The series of a metric that have these label values. */
  series(name: MetricName, where: Readonly<Record<string, string>> = {}): readonly StatusSeries[] {
    return (this.report.metrics[name] ?? []).filter(({ labels }) =>
      Object.entries(where).every(([label, value]) => labels[label] === value),
    );
  }

  /** Their sum; 0 where there are none. */
  sum(name: MetricName, where: Readonly<Record<string, string>> = {}): number {
    return this.series(name, where).reduce((sum, { value }) => sum + value, 0);
  }

  /** The highest of them, or null. */
  highest(name: MetricName, where: Readonly<Record<string, string>> = {}): number | null {
    const values = this.series(name, where).map(({ value }) => value);
    return values.length === 0 ? null : Math.max(...values);
  }

  /** Observations of a histogram up to each bound and in all, over all its series; empty where there are none. */
  cumulative(name: MetricName): { readonly bounds: readonly number[]; readonly counts: readonly number[] } {
    const all = this.series(name).flatMap(({ histogram }) => (histogram === null ? [] : [histogram]));
    const bounds = all[0]?.bounds ?? [];
    const counts = Array.from({ length: bounds.length + 1 }, (_, at) =>
      all.reduce((sum, { cumulative }) => sum + (cumulative[at] ?? 0), 0),
    );
    return { bounds, counts };
  }
}
