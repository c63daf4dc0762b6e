import { definitionOf, METRIC_NAMES, type MetricName } from './metric-table.ts';
import type { MetricSource, Series } from './metrics.ts';

/** What is used of an observable instrument of OpenTelemetry. */
export interface ObservableInstrument {
  addCallback(callback: (result: InstrumentResult) => void): void;
  removeCallback(callback: (result: InstrumentResult) => void): void;
}

/** What is used of the result that an instrument asks for. */
export interface InstrumentResult {
  observe(value: number, attributes?: Record<string, string>): void;
}

/** What is used of a `Meter` of @opentelemetry/api. */
export interface MeterLike {
  createObservableCounter(name: string, options: { description: string; unit: string }): ObservableInstrument;
  createObservableGauge(name: string, options: { description: string; unit: string }): ObservableInstrument;
}

const QUANTILES = [0.5, 0.95, 0.99] as const;

/**
 * Offers all metrics to a meter of OpenTelemetry. The meter reads them when it exports, so that a query costs nothing more.
 *
 * OpenTelemetry has no observable histogram: a histogram is offered as `….count`, `….sum` and the gauge `….quantile` (p50, p95, p99 since the
 * start of the process). Prometheus gets the buckets.
 *
 * @returns a function that takes the offer back
 */
export function observeMetrics(meter: MeterLike, source: MetricSource): () => void {
  const undo = METRIC_NAMES.flatMap((name) =>
    (definitionOf(name).type === 'histogram' ? histogram : plain)(meter, source, name),
  );
  return () => {
    for (const remove of undo) remove();
  };
}

function plain(meter: MeterLike, source: MetricSource, name: MetricName): (() => void)[] {
  const { type, help, unit } = definitionOf(name);
  const options = { description: help, unit };
  const full = `fieldseal.${name}`;
  const instrument =
    type === 'counter' ? meter.createObservableCounter(full, options) : meter.createObservableGauge(full, options);
  return [
    attach(instrument, (result) => {
      for (const one of source.series(name)) result.observe(one.value, attributes(name, one));
    }),
  ];
}

function histogram(meter: MeterLike, source: MetricSource, name: MetricName): (() => void)[] {
  const { help, unit } = definitionOf(name);
  const full = `fieldseal.${name}`;
  const each = (observe: (result: InstrumentResult, one: Series, found: NonNullable<Series['histogram']>) => void) => {
    return (result: InstrumentResult): void => {
      for (const one of source.series(name)) if (one.histogram !== null) observe(result, one, one.histogram);
    };
  };
  return [
    attach(
      meter.createObservableCounter(`${full}.count`, { description: help, unit: '' }),
      each((result, one, { count }) => result.observe(count, attributes(name, one))),
    ),
    attach(
      meter.createObservableCounter(`${full}.sum`, { description: help, unit }),
      each((result, one, { sum }) => result.observe(sum, attributes(name, one))),
    ),
    attach(
      meter.createObservableGauge(`${full}.quantile`, { description: help, unit }),
      each((result, one, found) => {
        for (const q of QUANTILES) result.observe(found.quantile(q), { ...attributes(name, one), quantile: String(q) });
      }),
    ),
  ];
}

function attach(instrument: ObservableInstrument, callback: (result: InstrumentResult) => void): () => void {
  instrument.addCallback(callback);
  return () => instrument.removeCallback(callback);
}

function attributes(name: MetricName, { labels }: Series): Record<string, string> {
  const pairs = definitionOf(name).labels.map((label, at) => [label, labels[at] ?? ''] as const);
  return Object.fromEntries(pairs.filter(([, value]) => value !== ''));
}
