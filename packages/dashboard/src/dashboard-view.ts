import type { ComponentHealth, StatusAlert, StatusEntry, StatusReport } from '@fieldseal/monitor';
import type { History, Sample } from './history.ts';
import { StatusReader } from './status-reader.ts';

/** A job as it is shown. */
export interface ShownJob {
  readonly kind: string;
  readonly model: string;
  readonly state: string;
  readonly done: number;
  readonly total: number | null;
  readonly perSecond: number | null;
  /** Seconds until it is done at the pace of the last minute, or null. */
  readonly etaSeconds: number | null;
  readonly conflicts: number;
  readonly quarantined: number;
}

/** What the page shows, ready to be drawn. Times are Unix times in s, ages and durations in s, latencies in ms. */
export interface DashboardView {
  readonly time: number;
  /** Whether the monitor could not be asked the last time: then all of this is of `time`. */
  readonly stale: boolean;
  readonly state: string;
  readonly components: readonly ComponentHealth[];
  readonly now: Omit<Sample, 'time' | 'rows'>;
  readonly charts: Readonly<Record<Exclude<keyof Sample, 'rows'>, readonly (number | null)[]>>;
  readonly fields: readonly {
    readonly model: string;
    readonly field: string;
    readonly encrypted: number;
    readonly decrypted: number;
    readonly failed: number;
  }[];
  readonly keys: {
    readonly open: number;
    readonly age: number | null;
    readonly generation: number | null;
    readonly wear: number | null;
    readonly versions: readonly { readonly status: string; readonly count: number }[];
    /** Values read under a key that is not the primary. */
    readonly older: number;
  };
  readonly cache: {
    readonly entries: number | null;
    readonly evictions: number;
    readonly requests: readonly { readonly tier: string; readonly result: string; readonly count: number }[];
    readonly breakers: readonly { readonly name: string; readonly state: number }[];
  };
  readonly jobs: readonly ShownJob[];
  readonly backups: readonly {
    readonly kind: string;
    readonly made: number | null;
    readonly verified: number | null;
    readonly drill: number | null;
    readonly size: number | null;
  }[];
  readonly alerts: readonly StatusAlert[];
  readonly audit: {
    readonly size: number;
    readonly checkpoint: number | null;
    readonly recent: readonly StatusEntry[];
  } | null;
}

/** Entries of the audit log on the page. */
const TAIL = 50;

/** What is shown of the last report and the time before it. */
export function dashboardView(report: StatusReport, history: History, stale: boolean): DashboardView {
  const reader = new StatusReader(report);
  const { samples } = history;
  return {
    time: report.time / 1000,
    stale,
    state: report.health.state,
    components: report.health.components,
    now: {
      encrypt: history.recent(({ encrypt }) => encrypt, 3),
      decrypt: history.recent(({ decrypt }) => decrypt, 3),
      failures: history.recent(({ failures }) => failures, 12),
      p50: history.recent(({ p50 }) => p50, 3),
      p95: history.recent(({ p95 }) => p95, 3),
      p99: history.recent(({ p99 }) => p99, 3),
      hits: history.recent(({ hits }) => hits, 12),
    },
    charts: {
      time: samples.map(({ time }) => time),
      encrypt: samples.map(({ encrypt }) => encrypt),
      decrypt: samples.map(({ decrypt }) => decrypt),
      failures: samples.map(({ failures }) => failures),
      p50: samples.map(({ p50 }) => p50),
      p95: samples.map(({ p95 }) => p95),
      p99: samples.map(({ p99 }) => p99),
      hits: samples.map(({ hits }) => hits),
    },
    fields: fieldsOf(reader),
    keys: {
      open: reader.sum('seal.state'),
      age: reader.highest('key.age'),
      generation: reader.highest('keyring.generation'),
      wear: reader.highest('key.wear'),
      versions: reader
        .series('key.versions')
        .map(({ labels, value }) => ({ status: labels['key.state'] ?? '', count: value })),
      older: reader.sum('key.uses', { 'key.state': 'older' }),
    },
    cache: {
      entries: reader.highest('cache.entries'),
      evictions: reader.sum('cache.evictions'),
      requests: reader.series('cache.requests').map(({ labels, value }) => ({
        tier: labels['tier'] ?? '',
        result: labels['result'] ?? '',
        count: value,
      })),
      breakers: reader
        .series('breaker.state')
        .map(({ labels, value }) => ({ name: labels['breaker'] ?? '', state: value })),
    },
    jobs: jobsOf(reader, history),
    backups: backupsOf(reader),
    alerts: [...report.alerts].sort((a, b) => rank(a) - rank(b) || b.since - a.since),
    audit:
      report.audit === null
        ? null
        : {
            size: report.audit.size,
            checkpoint: reader.highest('audit.last_checkpoint'),
            recent: report.audit.recent.slice(0, TAIL),
          },
  };
}

/** What nobody has taken on stands first. */
function rank({ severity, state, acknowledgement }: StatusAlert): number {
  return (acknowledgement === null ? 0 : 4) + (state === 'firing' ? 0 : 2) + (severity === 'critical' ? 0 : 1);
}

function fieldsOf(reader: StatusReader): DashboardView['fields'] {
  const names = new Map<string, { model: string; field: string }>();
  for (const { labels } of [...reader.series('operations'), ...reader.series('field.failures')]) {
    const { model = '', field = '' } = labels;
    names.set(`${model}.${field}`, { model, field });
  }
  return [...names.keys()].sort().map((name) => {
    const where = names.get(name) as { model: string; field: string };
    return {
      ...where,
      encrypted: reader.sum('operations', { ...where, operation: 'encrypt' }),
      decrypted: reader.sum('operations', { ...where, operation: 'decrypt' }),
      failed: reader.sum('field.failures', where),
    };
  });
}

function jobsOf(reader: StatusReader, history: History): ShownJob[] {
  const names = new Set(
    [...reader.series('job.running'), ...reader.series('job.rows')].map(
      ({ labels }) => `${labels['kind']} ${labels['model']}`,
    ),
  );
  const told = new Map(reader.report.jobs.map((job) => [`${job.kind} ${job.model}`, job]));
  return [...new Set([...names, ...told.keys()])].sort().map((name) => {
    const [kind = '', model = ''] = name.split(' ');
    const where = { kind, model };
    const job = told.get(name);
    const planned = reader.highest('job.planned', where);
    const left = reader.highest('job.left', where);
    const counted = planned === null ? null : planned - (left ?? 0);
    const done = job?.done ?? counted ?? reader.sum('job.rows', where);
    const total = job?.total ?? planned;
    const running = (reader.highest('job.running', where) ?? 0) > 0;
    const paused = (reader.highest('job.paused', where) ?? 0) > 0;
    const state = job?.state ?? (paused ? 'paused' : running ? 'running' : 'done');
    const perSecond = state === 'running' ? history.recent(({ rows }) => rows[name] ?? null) : null;
    const etaSeconds =
      total === null || perSecond === null || perSecond <= 0 ? null : Math.max(0, total - done) / perSecond;
    return {
      ...where,
      state,
      done,
      total,
      perSecond,
      etaSeconds,
      conflicts: reader.sum('job.conflicts', where),
      quarantined: reader.sum('job.quarantined', where),
    };
  });
}

function backupsOf(reader: StatusReader): DashboardView['backups'] {
  const metrics = ['backup.last_success', 'backup.last_verified', 'backup.last_drill'] as const;
  const kinds = new Set(metrics.flatMap((name) => reader.series(name).map(({ labels }) => labels['kind'] ?? '')));
  return [...kinds].sort().map((kind) => {
    const [made = null, verified = null, drill = null] = metrics.map((name) => reader.highest(name, { kind }));
    return { kind, made, verified, drill, size: reader.highest('backup.size', { kind }) };
  });
}
