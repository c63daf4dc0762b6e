import type { StatusReport } from '@fieldseal/monitor';
import { StatusReader } from './status-reader.ts';

/** What happened between two reports. Rates are per second, times in ms; null where nothing can be said. */
export interface Sample {
  /** Unix time in s. */
  readonly time: number;
  readonly encrypt: number | null;
  readonly decrypt: number | null;
  readonly failures: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** Share of look-ups of keys that were served from memory, in percent. */
  readonly hits: number | null;
  /** Rows a second of each job, by `kind model`. */
  readonly rows: Readonly<Record<string, number>>;
}

/** Samples that are kept: half an hour of five seconds each. */
const KEPT = 360;

/** The last half hour, as differences of reports. */
export class History {
  readonly #samples: Sample[] = [];
  #last: StatusReader | null = null;

  /** Oldest first. */
  get samples(): readonly Sample[] {
    return this.#samples;
  }

  /** The last report, or null. */
  get last(): StatusReport | null {
    return this.#last?.report ?? null;
  }

  /** Takes a report. A counter that went back is one of a process that was started anew: it says nothing of the time before. */
  add(report: StatusReport): void {
    const now = new StatusReader(report);
    const before = this.#last;
    this.#last = now;
    if (before === null) return;
    const seconds = (report.time - before.report.time) / 1000;
    if (seconds <= 0) return;
    const rate = (of: (reader: StatusReader) => number): number | null => {
      const grown = of(now) - of(before);
      return grown < 0 ? null : grown / seconds;
    };
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(before, now, q));
    this.#samples.push({
      time: report.time / 1000,
      encrypt: rate((reader) => reader.sum('operations', { operation: 'encrypt' })),
      decrypt: rate((reader) => reader.sum('operations', { operation: 'decrypt' })),
      failures: rate((reader) => reader.sum('failures')),
      p50: p50 ?? null,
      p95: p95 ?? null,
      p99: p99 ?? null,
      hits: hitShare(before, now),
      rows: Object.fromEntries(
        now.series('job.rows').map(({ labels }) => {
          const where = { kind: labels['kind'] ?? '', model: labels['model'] ?? '' };
          return [`${where.kind} ${where.model}`, rate((reader) => reader.sum('job.rows', where)) ?? 0];
        }),
      ),
    });
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** Mean of a rate over the last samples, or null. */
  recent(of: (sample: Sample) => number | null, samples = 12): number | null {
    const values = this.#samples.slice(-samples).flatMap((sample) => of(sample) ?? []);
    return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
  }
}

/** Estimate by linear interpolation inside the bucket, as Prometheus does, in ms. */
function quantile(before: StatusReader, now: StatusReader, q: number): number | null {
  const { bounds, counts } = now.cumulative('operation.duration');
  const old = before.cumulative('operation.duration').counts;
  const grown = counts.map((count, at) => count - (old[at] ?? 0));
  const total = grown.at(-1) ?? 0;
  if (total <= 0 || grown.some((count) => count < 0)) return null;
  const rank = q * total;
  const at = grown.findIndex((count) => count >= rank);
  if (at >= bounds.length) return 1000 * (bounds.at(-1) ?? 0);
  const [below, lower] = at === 0 ? [0, 0] : [grown[at - 1] ?? 0, bounds[at - 1] ?? 0];
  const inside = (grown[at] ?? 0) - below;
  const upper = bounds[at] ?? lower;
  return 1000 * (inside === 0 ? upper : lower + ((upper - lower) * (rank - below)) / inside);
}

function hitShare(before: StatusReader, now: StatusReader): number | null {
  const grown = (where: Record<string, string>): number =>
    now.sum('cache.requests', { tier: 'local', ...where }) - before.sum('cache.requests', { tier: 'local', ...where });
  const all = grown({});
  return all <= 0 ? null : Math.max(0, (100 * grown({ result: 'hit' })) / all);
}
