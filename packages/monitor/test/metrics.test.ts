import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  type MetricReader,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import { describe, expect, test } from 'vitest';
import { DURATION_BOUNDS, Histogram } from '../src/metrics/histogram.ts';
import { definitionOf, METRIC_NAMES, prometheusName } from '../src/metrics/metric-table.ts';
import { Metrics } from '../src/metrics/metrics.ts';
import { observeMetrics } from '../src/metrics/open-telemetry.ts';
import { prometheusText } from '../src/metrics/prometheus-text.ts';

describe('Histogram', () => {
  test('a value on a bound belongs to its bucket, and one above all to the last', () => {
    const histogram = new Histogram([1, 2]);
    for (const value of [0, 1, 1.5, 2, 3]) histogram.observe(value);
    expect(histogram.cumulative()).toEqual([2, 4, 5]);
    expect([histogram.sum, histogram.count]).toEqual([7.5, 5]);
  });

  test('quantiles lie where Prometheus puts them', () => {
    const histogram = new Histogram([1, 2, 4]);
    for (const value of [0.5, 0.5, 1.5, 1.5, 3, 3, 3, 3, 9, 9]) histogram.observe(value);
    expect([0, 0.1, 0.2, 0.4, 0.6, 0.99].map((q) => histogram.quantile(q))).toEqual([0, 0.5, 1, 2, 3, 4]);
    expect(new Histogram().quantile(0.5)).toBeNaN();
  });

  test('of a known distribution p50, p95 and p99 are in the right bucket', () => {
    const histogram = new Histogram();
    for (let at = 1; at <= 10_000; at++) histogram.observe(at / 10_000); // uniform on 0 to 1 s
    for (const q of [0.5, 0.95, 0.99]) expect(Math.abs(histogram.quantile(q) - q)).toBeLessThan(0.001);
  });
});

describe('Metrics', () => {
  test('series beyond the limit are summed up, whatever comes', () => {
    const metrics = new Metrics(10);
    for (let at = 0; at < 100_000; at++) metrics.add('operations', ['decrypt', `Model${at}`, 'field']);
    const series = [...metrics.series('operations')];
    expect(series).toHaveLength(11);
    expect(series.at(-1)).toMatchObject({ labels: ['other', 'other', 'other'], value: 100_000 - 10 });
  });

  test('counters of rules begin at 0', () => {
    const metrics = new Metrics();
    for (const name of METRIC_NAMES)
      expect([name, [...metrics.series(name)].length]).toEqual([name, definitionOf(name).zero?.length ?? 0]);
  });

  test('labels that are joined do not become those of another series', () => {
    const metrics = new Metrics();
    metrics.add('operations', ['decrypt', 'A', 'b c']);
    metrics.add('operations', ['decrypt', 'A b', 'c']);
    expect([...metrics.series('operations')]).toHaveLength(2);
  });
});

describe('the page for Prometheus', () => {
  test('has help, type and unit, and escapes labels', () => {
    const metrics = new Metrics();
    metrics.add('operations', ['encrypt', 'Pa"ti\\ent\n', 'notes'], 3);
    metrics.set('key.age', [], 12.5);
    metrics.set('backup.size', ['keyring'], Number.POSITIVE_INFINITY);
    const page = prometheusText(metrics);
    expect(page).toContain(
      [
        '# HELP fieldseal_operations_total Values encrypted or decrypted.',
        '# TYPE fieldseal_operations_total counter',
        'fieldseal_operations_total{operation="encrypt",model="Pa\\"ti\\\\ent\\n",field="notes"} 3',
        '',
      ].join('\n'),
    );
    expect(page).toContain('# UNIT fieldseal_key_age_seconds seconds\nfieldseal_key_age_seconds 12.5\n');
    expect(page).toContain('fieldseal_backup_size_bytes{kind="keyring"} +Inf\n');
    expect(page).toContain('\nfieldseal_honey_opened_total 0\n');
    expect(page.endsWith('\n')).toBe(true);
  });

  test('has the buckets of a histogram, ascending, the last of which is all', () => {
    const metrics = new Metrics();
    for (const seconds of [0.00004, 0.0007, 99]) metrics.observe('operation.duration', ['decrypt', 'Patient'], seconds);
    const lines = prometheusText(metrics)
      .split('\n')
      .filter((line) => line.startsWith('fieldseal_operation_duration_seconds'));
    expect(lines).toHaveLength(DURATION_BOUNDS.length + 3);
    expect(lines[0]).toBe(
      'fieldseal_operation_duration_seconds_bucket{operation="decrypt",model="Patient",le="0.00005"} 1',
    );
    expect(lines.at(-3)).toBe(
      'fieldseal_operation_duration_seconds_bucket{operation="decrypt",model="Patient",le="+Inf"} 3',
    );
    expect(lines.at(-1)).toBe('fieldseal_operation_duration_seconds_count{operation="decrypt",model="Patient"} 3');
  });

  test('names follow the conventions', () => {
    for (const name of METRIC_NAMES) {
      const full = prometheusName(name);
      expect(full).toMatch(/^fieldseal_[a-z_]+$/);
      expect([full, full.endsWith('_total')]).toEqual([full, definitionOf(name).type === 'counter']);
    }
    expect(prometheusName('bytes')).toBe('fieldseal_bytes_total');
  });

  test('no metric has a label for tenants, keys, rows or people', () => {
    const labels = new Set(METRIC_NAMES.flatMap((name) => definitionOf(name).labels));
    expect([...labels].sort()).toEqual(
      [
        'action',
        'breaker',
        'decision',
        'error.type',
        'field',
        'outcome',
        'key.state',
        'kind',
        'model',
        'operation',
        'result',
        'severity',
        'sink',
        'tier',
      ].sort(),
    );
  });
});

describe('OpenTelemetry', () => {
  test('its SDK reads counters, gauges and quantiles when it exports, and nothing after the offer is taken back', async () => {
    const metrics = new Metrics();
    metrics.add('operations', ['decrypt', 'Patient', 'notes'], 7);
    metrics.set('key.age', [], 5);
    metrics.observe('operation.duration', ['decrypt', 'Patient'], 0.003);
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader: MetricReader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const undo = observeMetrics(provider.getMeter('fieldseal'), metrics);
    await reader.forceFlush();
    const found = () =>
      exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics));
    const points = (name: string) =>
      found()
        .find(({ descriptor }) => descriptor.name === name)
        ?.dataPoints.map(({ attributes, value }) => ({ attributes, value }));
    expect(points('fieldseal.operations')).toEqual([
      { attributes: { operation: 'decrypt', model: 'Patient', field: 'notes' }, value: 7 },
    ]);
    expect(points('fieldseal.key.age')).toEqual([{ attributes: {}, value: 5 }]);
    expect(points('fieldseal.operation.duration.count')).toMatchObject([{ value: 1 }]);
    expect(points('fieldseal.operation.duration.quantile')).toHaveLength(3);
    expect(points('fieldseal.honey.opened')).toEqual([{ attributes: {}, value: 0 }]);
    undo();
    metrics.add('operations', ['decrypt', 'Patient', 'notes'], 100);
    exporter.reset();
    await reader.forceFlush();
    expect(points('fieldseal.operations')).not.toMatchObject([{ value: 107 }]);
    await provider.shutdown();
  });
});
