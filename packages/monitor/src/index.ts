/**
 * @fieldseal/monitor: metrics, alerts, anomalies, honey cells and health of field encryption. It only listens to what core publishes.
 *
 * @module
 */
export type { Acknowledgement, Alert, Notice } from './alerts/alert.ts';
export type { AlertEngine } from './alerts/alert-engine.ts';
export { type AlertRule, type Condition, RUNBOOKS, type Selector, type Severity } from './alerts/alert-rule.ts';
export { type AlertSink, callbackSink } from './alerts/alert-sink.ts';
export { type AlertStore, memoryAlertStore } from './alerts/alert-store.ts';
export { grafanaDashboard } from './alerts/grafana-dashboard.ts';
export { prometheusAlertName, prometheusRules } from './alerts/prometheus-rules.ts';
export { RULES } from './alerts/rules.ts';
export {
  alertTable,
  type SqlAlertStoreOptions,
  type SqlDialect,
  type SqlQuery,
  sqlAlertStore,
} from './alerts/sql-alert-store.ts';
export { type Fetch, SIGNATURE_HEADER, signature, type WebhookOptions, webhookSink } from './alerts/webhook.ts';
export type { Anomaly, AnomalyOptions, PrincipalSource } from './anomalies/anomaly-watch.ts';
export type { FailureCusumOptions } from './anomalies/failure-cusum.ts';
export type { VolumeCusumOptions } from './anomalies/volume-cusum.ts';
export type { Clock } from './clock.ts';
export {
  ACKNOWLEDGEMENT_HEADER,
  type EndpointActions,
  type EndpointOptions,
  type EndpointRequest,
  type EndpointResponse,
  type Endpoints,
} from './health/endpoints.ts';
export { type HonoContext, honoHandler, type NodeRequest, type NodeResponse, nodeHandler } from './health/handlers.ts';
export {
  type ComponentHealth,
  HEALTH_CODES,
  type Health,
  type HealthCheck,
  type HealthCodes,
  type HealthReport,
  type HealthState,
} from './health/health.ts';
export type { CacheCounts } from './metrics/collector.ts';
export type { MetricName } from './metrics/metric-table.ts';
export type { MetricSource, Metrics, Series } from './metrics/metrics.ts';
export {
  type InstrumentResult,
  type MeterLike,
  type ObservableInstrument,
  observeMetrics,
} from './metrics/open-telemetry.ts';
export { prometheusText } from './metrics/prometheus-text.ts';
export { type DescribedKeyring, type Monitor, type MonitorOptions, startMonitor } from './monitor.ts';
export { type HoneyOptions, honeyCells, honeyMark } from './reading/honey-cells.ts';
export { type ReadBreakerOptions, readBreaker } from './reading/read-breaker.ts';
export type {
  JobProgress,
  ShownAuditLog,
  StatusAlert,
  StatusEntry,
  StatusReport,
  StatusSeries,
} from './status/status-report.ts';
