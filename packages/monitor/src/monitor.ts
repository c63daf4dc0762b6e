import type { KeyringDescription } from '@fieldseal/core';
import { AlertEngine } from './alerts/alert-engine.ts';
import { type AlertRule, RUNBOOKS } from './alerts/alert-rule.ts';
import type { AlertSink } from './alerts/alert-sink.ts';
import { type AlertStore, memoryAlertStore } from './alerts/alert-store.ts';
import { RULES } from './alerts/rules.ts';
import { type AnomalyOptions, AnomalyWatch } from './anomalies/anomaly-watch.ts';
import { type Clock, systemClock } from './clock.ts';
import { type EndpointOptions, Endpoints } from './health/endpoints.ts';
import { Health, type HealthCheck } from './health/health.ts';
import { type CacheCounts, Collector, countCache, countKeys } from './metrics/collector.ts';
import { Metrics } from './metrics/metrics.ts';
import { type JobProgress, type ShownAuditLog, type StatusReport, statusReport } from './status/status-report.ts';

/** Time between evaluations of the rules, and length of a window of the detectors, in ms. */
const INTERVAL_MS = 10_000;

/** Time between looks at the keyring, in ms. */
const KEYS_INTERVAL_MS = 60_000;

/** What is used of an open keyring. */
export interface DescribedKeyring {
  describe(): Promise<KeyringDescription>;
  /** Counts of its cache, where it has one: they come from memory, at once. */
  cacheStats?(): CacheCounts;
}

/** Options of {@link startMonitor}. */
export interface MonitorOptions {
  /** An open keyring, for the metrics of its keys and of its cache: it is looked at every minute, its cache every ten seconds. */
  readonly keyring?: DescribedKeyring;
  /** All rules of this package by default. */
  readonly rules?: readonly AlertRule[];
  /** Address of the folder of runbooks, without a slash at the end. */
  readonly runbooks?: string;
  /** Who is told of alerts; nobody by default. */
  readonly sinks?: readonly AlertSink[];
  /** Where alerts are kept; in memory by default. */
  readonly store?: AlertStore;
  readonly anomalies?: AnomalyOptions;
  readonly checks?: readonly HealthCheck[];
  readonly endpoints?: EndpointOptions;
  /** The audit log whose last entries a dashboard shows. It is asked each time, since it may be opened later than the monitor. */
  readonly audit?: () => ShownAuditLog | undefined;
  /** How far jobs are, for a dashboard that shows when they will be done. It is asked each time, and answers from memory. */
  readonly jobs?: () => readonly JobProgress[];
  readonly clock?: Clock;
}

/** A running monitor. */
export interface Monitor {
  readonly metrics: Metrics;
  readonly alerts: AlertEngine;
  readonly health: Health;
  /** `/metrics` and the health of the service; see nodeHandler and honoHandler. */
  readonly endpoints: Endpoints;
  /** All that is known now, for a dashboard. */
  status(): StatusReport;
  /** Ends everything. Resolves when notices that are under way have been delivered or given up. */
  stop(): Promise<void>;
}

/**
 * Starts to watch what Fieldseal does in this process. Start it before the keyring is opened, so that it sees that. It keeps no process alive.
 *
 * @example
 * ```ts
 * const monitor = startMonitor({ sinks: [webhookSink({ url, secret })] });
 * createServer(nodeHandler(monitor.endpoints)).listen(9464, '127.0.0.1');
 * ```
 */
export function startMonitor(options: MonitorOptions = {}): Monitor {
  const { clock = systemClock, keyring, rules = RULES, runbooks = RUNBOOKS } = options;
  const metrics = new Metrics();
  const collector = new Collector(metrics, clock);
  const anomalies = new AnomalyWatch(metrics, options.anomalies ?? {});
  const alerts = new AlertEngine({
    metrics,
    rules,
    sinks: options.sinks ?? [],
    store: options.store ?? memoryAlertStore(),
    clock,
    runbooks,
  });
  const health = new Health(metrics, () => alerts.firing('critical'), options.checks ?? [], clock);
  const status = (): StatusReport =>
    statusReport({
      metrics,
      health: health.report(),
      alerts: alerts.active,
      rules,
      runbooks,
      jobs: options.jobs?.() ?? [],
      audit: options.audit?.(),
      now: clock.now(),
    });
  const acknowledge: AlertEngine['acknowledge'] = (...given) => alerts.acknowledge(...given);
  const endpoints = new Endpoints(health, metrics, options.endpoints, { status, acknowledge });
  const stops = [() => collector.stop(), () => anomalies.stop(), () => health.stop()];
  const ticking = once(() => alerts.tick());
  stops.push(
    clock.every(INTERVAL_MS, () => {
      anomalies.endWindow();
      if (keyring?.cacheStats !== undefined) countCache(keyring.cacheStats(), metrics);
      ticking();
    }),
  );
  if (keyring !== undefined) {
    metrics.set('seal.state', [], 1);
    const look = once(() => keyring.describe().then((description) => countKeys(description, metrics, clock)));
    look();
    stops.push(clock.every(KEYS_INTERVAL_MS, look));
  }
  return {
    metrics,
    alerts,
    health,
    endpoints,
    status,
    stop: async () => {
      for (const stop of stops) stop();
      await alerts.settled();
    },
  };
}

/** Starts a task unless it still runs. A failure is left to the next time. */
function once(task: () => Promise<unknown>): () => void {
  let running = false;
  return () => {
    if (running) return;
    running = true;
    task()
      .catch(() => undefined)
      .finally(() => {
        running = false;
      });
  };
}
