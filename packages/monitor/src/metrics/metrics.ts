import { Histogram } from './histogram.ts';
import { definitionOf, METRIC_NAMES, type MetricName } from './metric-table.ts';

/** One series of a metric. */
export interface Series {
  /** Values of the labels, in the order of the definition. */
  readonly labels: readonly string[];
  /** Value of a counter or gauge; the number of observations of a histogram. */
  readonly value: number;
  /** The buckets of a histogram, else null. */
  readonly histogram: Histogram | null;
}

/** Reads metrics: what exporters and rules work on. */
export interface MetricSource {
  /** All series of a metric that exist. */
  series(name: MetricName): Iterable<Series>;
}

interface Slot {
  readonly labels: readonly string[];
  value: number;
  readonly histogram: Histogram | null;
}

/** Stands for the labels of every series beyond the limit. */
export const OVERFLOW_LABEL = 'other';

/** Most series of one metric. A schema of 300 encrypted fields has 600 of `operations`. */
const SERIES_LIMIT = 1000;

/** The values of all metrics of one process. Its size is bounded whatever comes: beyond a limit, series of a metric are summed up as `other`. */
export class Metrics implements MetricSource {
  readonly #limit: number;
  readonly #slots = new Map<MetricName, Map<string, Slot>>();

  /** @param seriesLimit - most series of one metric; 1000 by default */
  constructor(seriesLimit: number = SERIES_LIMIT) {
    this.#limit = seriesLimit;
    for (const name of METRIC_NAMES) {
      this.#slots.set(name, new Map());
      for (const labels of definitionOf(name).zero ?? []) this.#slot(name, labels);
    }
  }

  /** Adds to a counter. */
  add(name: MetricName, labels: readonly string[], amount = 1): void {
    this.#slot(name, labels).value += amount;
  }

  /** Sets a gauge, or a counter whose total comes from elsewhere. */
  set(name: MetricName, labels: readonly string[], value: number): void {
    this.#slot(name, labels).value = value;
  }

  /** Takes one from a gauge that counts something, unless it is 0: what was counted may have begun before the counting. */
  lower(name: MetricName, labels: readonly string[]): void {
    const slot = this.#slot(name, labels);
    slot.value = Math.max(0, slot.value - 1);
  }

  /** Sets a gauge unless it is higher. */
  raise(name: MetricName, labels: readonly string[], value: number): void {
    const slot = this.#slot(name, labels);
    if (value > slot.value) slot.value = value;
  }

  /** Counts an observation of a histogram. */
  observe(name: MetricName, labels: readonly string[], value: number): void {
    const slot = this.#slot(name, labels);
    slot.histogram?.observe(value);
    slot.value += 1;
  }

  /** Takes the series of a gauge away whose values are not known any more. */
  clear(name: MetricName): void {
    this.#slots.get(name)?.clear();
  }

  series(name: MetricName): Iterable<Series> {
    return this.#slots.get(name)?.values() ?? [];
  }

  #slot(name: MetricName, labels: readonly string[]): Slot {
    const slots = this.#slots.get(name) as Map<string, Slot>;
    const key = labels.length === 1 ? (labels[0] as string) : labels.join('\0');
    const known = slots.get(key);
    if (known !== undefined) return known;
    const { type } = definitionOf(name);
    const overflow = slots.size >= this.#limit;
    if (overflow && labels.some((label) => label !== OVERFLOW_LABEL))
      return this.#slot(
        name,
        labels.map(() => OVERFLOW_LABEL),
      );
    const slot: Slot = { labels: [...labels], value: 0, histogram: type === 'histogram' ? new Histogram() : null };
    slots.set(key, slot);
    return slot;
  }
}
