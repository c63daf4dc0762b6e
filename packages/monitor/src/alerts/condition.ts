import { definitionOf } from '../metrics/metric-table.ts';
import type { MetricSource, Series } from '../metrics/metrics.ts';
import type { AlertRule, Selector } from './alert-rule.ts';

/** Where a condition is met: the labels of the alert, and the value that met it. */
export interface Finding {
  /** Values of the labels that the rule groups by. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Sums of the series that a selector chooses, by the labels of their group. */
type Groups = ReadonlyMap<string, number>;

interface Sample {
  /** Unix time in ms. */
  readonly at: number;
  readonly groups: Groups;
}

/** What a rule knows of the past: the counters of its windows, sampled whenever it is evaluated. */
export class RuleState {
  readonly rule: AlertRule;
  readonly #past = new Map<Selector, Sample[]>();

  constructor(rule: AlertRule) {
    this.rule = rule;
  }

  /**
   * Where the condition is met now.
   *
   * @param now - Unix time in ms
   */
  evaluate(source: MetricSource, now: number): Finding[] {
    const { condition } = this.rule;
    switch (condition.kind) {
      case 'increase': {
        const grown = this.#increase(source, condition.of, condition.window, now);
        return this.#where(grown, (value) => value > condition.above);
      }
      case 'ratio': {
        const part = this.#increase(source, condition.part, condition.window, now);
        const whole = condition.whole.map((selector) => this.#increase(source, selector, condition.window, now));
        const shares = new Map<string, number>();
        for (const key of new Set(whole.flatMap((groups) => [...groups.keys()]))) {
          const total = whole.reduce((sum, groups) => sum + (groups.get(key) ?? 0), 0);
          const counted = condition.counted === 'part' ? (part.get(key) ?? 0) : total;
          if (total > 0 && counted > condition.minimum) shares.set(key, (part.get(key) ?? 0) / total);
        }
        const { above = Number.POSITIVE_INFINITY, below = Number.NEGATIVE_INFINITY } = condition;
        return this.#where(shares, (value) => value > above || value < below);
      }
      case 'value': {
        const { atLeast = Number.POSITIVE_INFINITY, atMost = Number.NEGATIVE_INFINITY } = condition;
        const found = this.#groups(source, condition.of, condition.atLeast === undefined ? sum : Math.max);
        return this.#where(found, (value) => value >= atLeast || value <= atMost);
      }
      case 'age': {
        const newest = this.#groups(source, condition.of, Math.max);
        const ages = new Map([...newest].map(([key, value]) => [key, now / 1000 - value]));
        return this.#where(ages, (value) => value > condition.above);
      }
      case 'stalled': {
        const grown = this.#increase(source, condition.progress, condition.window, now);
        const left = this.#groups(source, condition.running, Math.max);
        // A window that is not full yet says nothing.
        const full = this.#covers(condition.progress, condition.window, now);
        return this.#where(left, (value, key) => full.has(key) && value > 0 && grown.get(key) === 0);
      }
    }
  }

  /** Growth of a counter within the window. One that fell was started again, and counts from 0. */
  #increase(source: MetricSource, selector: Selector, window: number, now: number): Map<string, number> {
    const groups = this.#groups(source, selector, sum);
    const past = this.#past.get(selector) ?? [{ at: now, groups }];
    if (past.at(-1)?.at !== now) past.push({ at: now, groups });
    const from = now - window * 1000;
    while (past.length > 1 && (past[1] as Sample).at <= from) past.shift();
    this.#past.set(selector, past);
    const grown = new Map<string, number>();
    for (const key of groups.keys()) {
      let total = 0;
      for (let at = 1; at < past.length; at++) {
        // What did not exist at the sample before began at 0 behind it.
        const [before, after] = [past[at - 1]?.groups.get(key) ?? 0, past[at]?.groups.get(key) ?? 0];
        total += after >= before ? after - before : after;
      }
      grown.set(key, total);
    }
    return grown;
  }

  /** Groups that were there through all of the window. */
  #covers(selector: Selector, window: number, now: number): ReadonlySet<string> {
    const [oldest] = this.#past.get(selector) ?? [];
    return new Set(oldest !== undefined && oldest.at <= now - window * 1000 ? oldest.groups.keys() : []);
  }

  #groups(source: MetricSource, { metric, where = {} }: Selector, join: (a: number, b: number) => number): Groups {
    const names = definitionOf(metric).labels;
    const groups = new Map<string, number>();
    for (const series of source.series(metric)) {
      if (!matches(names, series, where)) continue;
      const key = JSON.stringify((this.rule.by ?? []).map((label) => series.labels[names.indexOf(label)] ?? ''));
      const before = groups.get(key);
      groups.set(key, before === undefined ? series.value : join(before, series.value));
    }
    return groups;
  }

  #where(groups: Groups, met: (value: number, key: string) => boolean): Finding[] {
    return [...groups].flatMap(([key, value]) => {
      if (!met(value, key)) return [];
      const labels = JSON.parse(key) as readonly string[];
      return [{ labels: Object.fromEntries((this.rule.by ?? []).map((name, at) => [name, labels[at] ?? ''])), value }];
    });
  }
}

function matches(names: readonly string[], series: Series, where: NonNullable<Selector['where']>): boolean {
  return Object.entries(where).every(([label, values]) => values.includes(series.labels[names.indexOf(label)] ?? ''));
}

function sum(a: number, b: number): number {
  return a + b;
}
