import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Channels, CipherEvent, KeyringDescription } from '@fieldseal/core';
import type { Clock } from '../clock.ts';
import type { Metrics } from './metrics.ts';

type Handlers = { readonly [Name in keyof Channels]: (event: Channels[Name], metrics: Metrics, clock: Clock) => void };

const BACKUP_TIMES = {
  create: 'backup.last_success',
  verify: 'backup.last_verified',
  drill: 'backup.last_drill',
} as const;

/** What each event does to the metrics. None of it may throw: node:diagnostics_channel would end the process. */
const HANDLERS: Handlers = {
  'fieldseal:cipher': countBatch,
  'fieldseal:failure': ({ code, model, field }, metrics) => {
    metrics.add('failures', [code]);
    if (code === 'ERR_KEYRING_LOCKED') metrics.add('seal.state', [], 0); // from now on it is known
    if (model !== undefined) metrics.add('field.failures', [code, model, field ?? '']);
  },
  'fieldseal:keyring': ({ action, generation }, metrics) => {
    metrics.add('keyring.changes', [action]);
    metrics.set('keyring.generation', [], generation);
    if (action === 'open') metrics.add('seal.state', []); // whoever creates one opens it
    if (action === 'close') metrics.lower('seal.state', []);
  },
  'fieldseal:wear': ({ messages, limit }, metrics) => metrics.raise('key.wear', [], messages / limit),
  'fieldseal:job': ({ action, kind, model, rows, left, read, conflicts, quarantined }, metrics) => {
    const labels = [kind, model];
    metrics.set('job.planned', labels, rows);
    if (left !== null) metrics.set('job.left', labels, left);
    metrics.add('job.rows', labels, read);
    metrics.add('job.conflicts', labels, conflicts);
    metrics.add('job.quarantined', labels, quarantined);
    metrics.set('job.running', labels, action === 'start' || action === 'resume' || action === 'batch' ? 1 : 0);
    metrics.set('job.paused', labels, action === 'pause' ? 1 : 0);
  },
  'fieldseal:backup': ({ action, kind, ok, bytes, ms }, metrics, clock) => {
    if (!ok) metrics.add('backup.failures', [action]);
    if (!ok || action === 'restore') return;
    metrics.set(BACKUP_TIMES[action], [kind], clock.now() / 1000);
    if (action === 'drill') metrics.set('backup.drill_duration', [kind], ms / 1000);
    if (action === 'create' && bytes !== undefined) metrics.set('backup.size', [kind], bytes);
  },
  'fieldseal:cache': ({ action }, metrics) => {
    if (action === 'opened' || action === 'closed')
      metrics.set('breaker.state', ['cache'], action === 'opened' ? 2 : 0);
    else metrics.add('cache.events', [action]);
  },
  'fieldseal:kek': ({ operation, outcome, ms }, metrics) => {
    metrics.add('kek.requests', [operation, outcome]);
    if (outcome === 'ok' || outcome === 'failed') metrics.observe('kek.duration', [operation], ms / 1000);
  },
  'fieldseal:denial': ({ code }, metrics) =>
    metrics.add('policy.refusals', [code === 'ERR_RATE_LIMITED' ? 'limited' : 'denied']),
  'fieldseal:honey': (_event, metrics) => metrics.add('honey.opened', []),
  'fieldseal:search': ({ model, read, matched }, metrics) => {
    metrics.add('search.rows', ['read', model], read);
    metrics.add('search.rows', ['matched', model], matched);
  },
};

function countBatch({ operation, count, fields, older, size, ms }: CipherEvent, metrics: Metrics): void {
  const way = [operation];
  metrics.add('batches', way);
  metrics.add('bytes', way, size);
  for (const { model, field, count: values } of fields) metrics.add('operations', [operation, model, field], values);
  if (count > older) metrics.add('key.uses', [operation, 'primary'], count - older);
  if (older > 0) metrics.add('key.uses', [operation, 'older'], older);
  metrics.observe('operation.duration', [operation, fields[0]?.model ?? ''], ms / 1000);
}

/** Fills metrics from the channels of core, in the calls that publish: additions to numbers, nothing that waits. */
export class Collector {
  readonly #subscriptions: readonly (readonly [string, (event: unknown) => void])[];

  /** Listens from now on. */
  constructor(metrics: Metrics, clock: Clock) {
    this.#subscriptions = Object.entries(HANDLERS).map(([name, handle]) => {
      // Core publishes what its types say; whoever publishes something else on its channels must not end the process.
      const listen = (event: unknown): void => {
        try {
          (handle as (event: unknown, metrics: Metrics, clock: Clock) => void)(event, metrics, clock);
        } catch {
          metrics.add('failures', ['ERR_EVENT']);
        }
      };
      return [name, listen] as const;
    });
    for (const [name, listen] of this.#subscriptions) subscribe(name, listen);
  }

  /** Listens no more. */
  stop(): void {
    for (const [name, listen] of this.#subscriptions) unsubscribe(name, listen);
  }
}

/** Sets the metrics of keys from what a keyring tells about itself. */
export function countKeys(description: KeyringDescription, metrics: Metrics, clock: Clock): void {
  const versions = description.keysets.flatMap(({ data }) => data.versions);
  metrics.clear('key.versions');
  for (const { status } of versions) metrics.add('key.versions', [status]);
  const primaries = new Set(description.keysets.map(({ data }) => data.primary));
  const created = versions.filter(({ keyId }) => primaries.has(keyId)).map((version) => Date.parse(version.created));
  if (created.length > 0) metrics.set('key.age', [], Math.max(0, clock.now() - Math.min(...created)) / 1000);
  metrics.set('keyring.generation', [], description.generation);
}

/** What a keyring counts of its cache since it was opened. */
export interface CacheCounts {
  /** Scopes whose keys are in memory. */
  readonly scopes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Of the shared cache, or null where there is none. */
  readonly shared: {
    readonly hits: number;
    readonly misses: number;
    readonly refused: number;
    readonly failures: number;
  } | null;
}

/** Sets the metrics of the cache of keys. */
export function countCache({ scopes, hits, misses, evictions, shared }: CacheCounts, metrics: Metrics): void {
  metrics.set('cache.entries', [], scopes);
  metrics.set('cache.evictions', [], evictions);
  metrics.set('cache.requests', ['local', 'hit'], hits);
  metrics.set('cache.requests', ['local', 'miss'], misses);
  if (shared === null) return;
  metrics.set('cache.requests', ['shared', 'hit'], shared.hits);
  metrics.set('cache.requests', ['shared', 'miss'], shared.misses);
  metrics.set('cache.requests', ['shared', 'error'], shared.refused + shared.failures);
}
