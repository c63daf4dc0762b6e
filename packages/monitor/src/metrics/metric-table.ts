/** What a metric is. Names and labels are those of OpenTelemetry; Prometheus gets its own spelling of both. */
export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** Unit by UCUM: seconds, bytes, or a ratio; empty for a plain number. */
  readonly unit: '' | 's' | 'By' | '1';
  readonly help: string;
  readonly labels: readonly string[];
  /**
   * Label values of the series that exist from the start with 0. Prometheus sees no increase in a series that begins above 0, so every
   * counter that a rule looks at starts so.
   */
  readonly zero?: readonly (readonly string[])[];
}

/** Name of a metric, behind `fieldseal.`. */
export type MetricName =
  | 'operations'
  | 'batches'
  | 'bytes'
  | 'operation.duration'
  | 'failures'
  | 'field.failures'
  | 'key.uses'
  | 'key.age'
  | 'key.versions'
  | 'key.wear'
  | 'keyring.generation'
  | 'keyring.changes'
  | 'seal.state'
  | 'cache.requests'
  | 'cache.entries'
  | 'cache.evictions'
  | 'cache.events'
  | 'kek.requests'
  | 'kek.duration'
  | 'breaker.state'
  | 'job.rows'
  | 'job.conflicts'
  | 'job.quarantined'
  | 'job.planned'
  | 'job.left'
  | 'job.running'
  | 'job.paused'
  | 'backup.last_success'
  | 'backup.last_verified'
  | 'backup.last_drill'
  | 'backup.failures'
  | 'backup.size'
  | 'backup.drill_duration'
  | 'policy.refusals'
  | 'honey.opened'
  | 'search.rows'
  | 'anomalies'
  | 'alerts.firing'
  | 'alerts.deliveries'
  | 'audit.entries'
  | 'audit.failures'
  | 'audit.last_checkpoint';

/** Codes of failures that rules look at. */
const WATCHED_CODES = [
  'ERR_CELL_FORMAT',
  'ERR_DECRYPT',
  'ERR_KEYRING_DAMAGED',
  'ERR_KEYRING_LOCKED',
  'ERR_KEY_DESTROYED',
  'ERR_KEY_DISABLED',
  'ERR_KEY_EXHAUSTED',
  'ERR_KEY_UNKNOWN',
  'ERR_READ_STOPPED',
  'ERR_SCOPE_MISMATCH',
  'ERR_VALUE_TYPE',
] as const;

const JOB = ['kind', 'model'] as const;
const BOTH_WAYS = [['encrypt'], ['decrypt']] as const;

/**
 * Every metric, by its name behind `fieldseal.`. No label names a tenant, a row, a key or a person, and each has few values: those of the
 * schema, or words of a fixed list.
 */
const METRICS: Readonly<Record<MetricName, MetricDefinition>> = {
  operations: {
    type: 'counter',
    unit: '',
    help: 'Values encrypted or decrypted.',
    labels: ['operation', 'model', 'field'],
  },
  batches: {
    type: 'counter',
    unit: '',
    help: 'Batches of values encrypted or decrypted: one per query and direction.',
    labels: ['operation'],
    zero: BOTH_WAYS,
  },
  bytes: {
    type: 'counter',
    unit: 'By',
    help: 'Size of the cells written or read.',
    labels: ['operation'],
    zero: BOTH_WAYS,
  },
  'operation.duration': {
    type: 'histogram',
    unit: 's',
    help: 'Time to encrypt or decrypt the values of one query. The model is that of the first value.',
    labels: ['operation', 'model'],
  },
  failures: {
    type: 'counter',
    unit: '',
    help: 'Batches and keyrings that were refused.',
    labels: ['error.type'],
    zero: WATCHED_CODES.map((code) => [code]),
  },
  'field.failures': {
    type: 'counter',
    unit: '',
    help: 'Batches that were refused, by the field that was at fault.',
    labels: ['error.type', 'model', 'field'],
  },
  'key.uses': {
    type: 'counter',
    unit: '',
    help: 'Values encrypted or decrypted under the primary key, or decrypted under an older one.',
    labels: ['operation', 'key.state'],
    zero: [
      ['encrypt', 'primary'],
      ['decrypt', 'primary'],
      ['decrypt', 'older'],
    ],
  },
  'key.age': { type: 'gauge', unit: 's', help: 'Age of the primary key.', labels: [] },
  'key.versions': { type: 'gauge', unit: '', help: 'Key versions by status.', labels: ['key.state'] },
  'key.wear': {
    type: 'gauge',
    unit: '1',
    help: 'Share of the messages that a key may encrypt that this process has encrypted; reported from one half on.',
    labels: [],
  },
  'keyring.generation': { type: 'gauge', unit: '', help: 'Number of changes of the keyring.', labels: [] },
  'keyring.changes': { type: 'counter', unit: '', help: 'Changes of keyrings.', labels: ['action'] },
  'seal.state': { type: 'gauge', unit: '', help: 'Keyrings that are open; 0 while none is.', labels: [] },
  'cache.requests': {
    type: 'counter',
    unit: '',
    help: 'Look-ups of keys in memory (local) and in the shared cache.',
    labels: ['tier', 'result'],
  },
  'cache.entries': { type: 'gauge', unit: '', help: 'Scopes whose keys are in memory.', labels: [] },
  'cache.evictions': {
    type: 'counter',
    unit: '',
    help: 'Scopes that had to leave the memory for want of room.',
    labels: [],
  },
  'cache.events': {
    type: 'counter',
    unit: '',
    help: 'What happened to the cache of keys.',
    labels: ['action'],
    zero: [['refused'], ['failed'], ['lost'], ['stale']],
  },
  'kek.requests': {
    type: 'counter',
    unit: '',
    help: 'Uses of a KEK outside the keyring.',
    labels: ['operation', 'outcome'],
    zero: ['wrap', 'unwrap'].flatMap((operation) =>
      ['ok', 'retry', 'failed', 'partial'].map((outcome) => [operation, outcome]),
    ),
  },
  'kek.duration': { type: 'histogram', unit: 's', help: 'Time that a KEK outside took.', labels: ['operation'] },
  'breaker.state': {
    type: 'gauge',
    unit: '',
    help: 'State of a circuit breaker: 0 closed, 1 half open, 2 open.',
    labels: ['breaker'],
  },
  'job.rows': { type: 'counter', unit: '', help: 'Rows that jobs have looked at.', labels: JOB },
  'job.conflicts': { type: 'counter', unit: '', help: 'Rows of jobs that another writer changed.', labels: JOB },
  'job.quarantined': {
    type: 'counter',
    unit: '',
    help: 'Values that jobs could not serve and left as they are.',
    labels: JOB,
  },
  'job.planned': { type: 'gauge', unit: '', help: 'Rows that there were when the last job was planned.', labels: JOB },
  'job.left': { type: 'gauge', unit: '', help: 'Rows of these that no worker has passed yet.', labels: JOB },
  'job.running': { type: 'gauge', unit: '', help: '1 while a job runs, as far as this process knows.', labels: JOB },
  'job.paused': { type: 'gauge', unit: '', help: '1 while a job is paused.', labels: JOB },
  'backup.last_success': {
    type: 'gauge',
    unit: 's',
    help: 'When a backup was last made, in Unix time.',
    labels: ['kind'],
  },
  'backup.last_verified': {
    type: 'gauge',
    unit: 's',
    help: 'When a backup was last verified, in Unix time.',
    labels: ['kind'],
  },
  'backup.last_drill': {
    type: 'gauge',
    unit: 's',
    help: 'When restoring was last practised, in Unix time.',
    labels: ['kind'],
  },
  'backup.failures': {
    type: 'counter',
    unit: '',
    help: 'Backups, verifications, drills and restores that failed.',
    labels: ['action'],
    zero: [['create'], ['verify'], ['drill'], ['restore']],
  },
  'backup.size': { type: 'gauge', unit: 'By', help: 'Size of the last backup.', labels: ['kind'] },
  'backup.drill_duration': { type: 'gauge', unit: 's', help: 'Time that the last drill took.', labels: ['kind'] },
  'policy.refusals': {
    type: 'counter',
    unit: '',
    help: 'Uses of keys that policy refused.',
    labels: ['decision'],
    zero: [['denied'], ['limited']],
  },
  'honey.opened': { type: 'counter', unit: '', help: 'Honey cells that were opened.', labels: [], zero: [[]] },
  'search.rows': {
    type: 'counter',
    unit: '',
    help: 'Rows that searches read because terms only narrow the answer down, and those of them that matched.',
    labels: ['outcome', 'model'],
  },
  anomalies: {
    type: 'counter',
    unit: '',
    help: 'Alarms of the detectors of anomalies.',
    labels: ['kind'],
    zero: [['failures'], ['volume']],
  },
  'alerts.firing': {
    type: 'gauge',
    unit: '',
    help: 'Alerts that fire.',
    labels: ['severity'],
    zero: [['critical'], ['warning']],
  },
  'alerts.deliveries': {
    type: 'counter',
    unit: '',
    help: 'Notices of alerts that were delivered or given up.',
    labels: ['result'],
    zero: [['delivered'], ['failed']],
  },
  'audit.entries': { type: 'counter', unit: '', help: 'Entries of the audit log that were stored.', labels: [] },
  'audit.failures': {
    type: 'counter',
    unit: '',
    help: 'Times that a sink or a witness of the audit log failed or was late.',
    labels: ['sink'],
    zero: [['file'], ['sql'], ['webhook'], ['witness-file'], ['witness-sql'], ['witness-webhook']],
  },
  'audit.last_checkpoint': {
    type: 'gauge',
    unit: 's',
    help: 'When a witness has last taken a checkpoint of the audit log, in Unix time.',
    labels: [],
  },
};

/** All names, in the order of the page. */
export const METRIC_NAMES: readonly MetricName[] = Object.keys(METRICS) as MetricName[];

/** What a metric is. */
export function definitionOf(name: MetricName): MetricDefinition {
  return METRICS[name];
}

const UNIT_WORDS = { '': '', s: 'seconds', By: 'bytes', '1': 'ratio' };

/** Unit of a metric in the words of Prometheus; empty for a plain number. */
export function prometheusUnit(name: MetricName): string {
  return UNIT_WORDS[METRICS[name].unit];
}

/** Name of a metric as Prometheus has it: unit and `_total` behind it, by its naming conventions. */
export function prometheusName(name: MetricName): string {
  const { type } = METRICS[name];
  const unit = prometheusUnit(name);
  const base = `fieldseal_${prometheusLabel(name)}`;
  const withUnit = unit === '' || base.endsWith(`_${unit}`) ? base : `${base}_${unit}`;
  return type === 'counter' ? `${withUnit}_total` : withUnit;
}

/** Name of a label as Prometheus has it. */
export function prometheusLabel(label: string): string {
  return label.replaceAll('.', '_');
}
