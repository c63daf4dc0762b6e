import { type MetricName, prometheusName } from '../metrics/metric-table.ts';

/** A line of a panel. `%` in the expression stands for the name of the metric. */
interface Query {
  readonly metric: MetricName;
  readonly expression: string;
  readonly legend: string;
}

interface Panel {
  readonly title: string;
  /** Unit by the names of Grafana. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** A single number instead of a graph. */
  readonly stat?: true;
}

const rate = (metric: MetricName, by: string, legend: string): Query => {
  return { metric, expression: `sum by (${by}) (rate(%[$__rate_interval]))`, legend };
};
const gauge = (metric: MetricName, by: string, legend: string): Query => {
  return { metric, expression: by === '' ? 'max(%)' : `max by (${by}) (%)`, legend };
};
const age = (metric: MetricName, legend: string): Query => {
  return { metric, expression: 'time() - max by (kind) (%)', legend };
};
const quantile = (q: number): Query => {
  const expression = `histogram_quantile(${q}, sum by (le, operation) (rate(%_bucket[$__rate_interval])))`;
  return { metric: 'operation.duration', expression, legend: `p${q * 100} {{operation}}` };
};

/** What the dashboard shows, two panels in a row. */
const PANELS: readonly Panel[] = [
  { title: 'Keyrings open', unit: 'none', stat: true, queries: [gauge('seal.state', '', 'open')] },
  { title: 'Alerts firing', unit: 'none', stat: true, queries: [gauge('alerts.firing', 'severity', '{{severity}}')] },
  { title: 'Queries', unit: 'ops', queries: [rate('batches', 'operation', '{{operation}}')] },
  { title: 'Time to encrypt and decrypt', unit: 's', queries: [quantile(0.5), quantile(0.95), quantile(0.99)] },
  {
    title: 'Values by field',
    unit: 'ops',
    queries: [rate('operations', 'operation, model, field', '{{operation}} {{model}}.{{field}}')],
  },
  { title: 'Size of cells', unit: 'Bps', queries: [rate('bytes', 'operation', '{{operation}}')] },
  { title: 'Failures', unit: 'ops', queries: [rate('failures', 'error_type', '{{error_type}}')] },
  {
    title: 'Failures by field',
    unit: 'ops',
    queries: [rate('field.failures', 'model, field, error_type', '{{model}}.{{field}} {{error_type}}')],
  },
  {
    title: 'Values by age of key',
    unit: 'ops',
    queries: [rate('key.uses', 'operation, key_state', '{{operation}} {{key_state}}')],
  },
  { title: 'Age of the primary key', unit: 's', queries: [gauge('key.age', '', 'age')] },
  { title: 'Key versions', unit: 'none', queries: [gauge('key.versions', 'key_state', '{{key_state}}')] },
  {
    title: 'Keyring',
    unit: 'none',
    queries: [gauge('keyring.generation', '', 'generation'), rate('keyring.changes', 'action', '{{action}}')],
  },
  {
    title: 'Key cache',
    unit: 'ops',
    queries: [
      rate('cache.requests', 'tier, result', '{{tier}} {{result}}'),
      rate('cache.events', 'action', '{{action}}'),
    ],
  },
  {
    title: 'KEKs outside, breakers',
    unit: 'none',
    queries: [
      rate('kek.requests', 'operation, outcome', '{{operation}} {{outcome}}'),
      gauge('breaker.state', 'breaker', 'breaker {{breaker}}'),
    ],
  },
  {
    title: 'Rows of jobs',
    unit: 'ops',
    queries: [
      rate('job.rows', 'kind, model', '{{kind}} {{model}}'),
      rate('job.conflicts', 'kind, model', 'conflicts {{kind}} {{model}}'),
    ],
  },
  {
    title: 'Jobs',
    unit: 'none',
    queries: [
      gauge('job.planned', 'kind, model', 'planned {{kind}} {{model}}'),
      gauge('job.left', 'kind, model', 'left {{kind}} {{model}}'),
      gauge('job.running', 'kind, model', 'runs {{kind}} {{model}}'),
      gauge('job.paused', 'kind, model', 'paused {{kind}} {{model}}'),
      { metric: 'job.quarantined', expression: 'sum by (kind, model) (%)', legend: 'quarantined {{kind}} {{model}}' },
    ],
  },
  {
    title: 'Age of backups',
    unit: 's',
    queries: [
      age('backup.last_success', 'made {{kind}}'),
      age('backup.last_verified', 'verified {{kind}}'),
      age('backup.last_drill', 'drill {{kind}}'),
    ],
  },
  {
    title: 'Refusals, honey cells, anomalies',
    unit: 'ops',
    queries: [
      rate('policy.refusals', 'decision', '{{decision}}'),
      rate('honey.opened', '', 'honey cells'),
      rate('anomalies', 'kind', 'anomaly {{kind}}'),
    ],
  },
  { title: 'Rows of inexact searches', unit: 'ops', queries: [rate('search.rows', 'outcome', '{{outcome}}')] },
  {
    title: 'Audit log',
    unit: 'ops',
    queries: [rate('audit.entries', '', 'entries'), rate('audit.failures', 'sink', 'failures {{sink}}')],
  },
  {
    title: 'Age of the last checkpoint',
    unit: 's',
    queries: [{ metric: 'audit.last_checkpoint', expression: 'time() - max(%)', legend: 'age' }],
  },
];

/** A dashboard for Grafana, to be imported as JSON. It asks for a Prometheus data source. */
export function grafanaDashboard(): object {
  return {
    title: 'Fieldseal',
    uid: 'fieldseal',
    tags: ['fieldseal'],
    schemaVersion: 39,
    editable: true,
    refresh: '30s',
    time: { from: 'now-6h', to: 'now' },
    templating: { list: [{ name: 'source', label: 'Data source', type: 'datasource', query: 'prometheus' }] },
    panels: PANELS.map((panel, at) => ({
      id: at + 1,
      title: panel.title,
      type: panel.stat === true ? 'stat' : 'timeseries',
      datasource: { type: 'prometheus', uid: '$source' },
      gridPos: { x: (at % 2) * 12, y: Math.floor(at / 2) * 8, w: 12, h: 8 },
      fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
      targets: panel.queries.map(({ metric, expression, legend }, place) => ({
        refId: String.fromCharCode(65 + place),
        expr: expression.replaceAll('%', prometheusName(metric)).replace('sum by () ', 'sum'),
        legendFormat: legend,
      })),
    })),
  };
}
