import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Channels } from '@fieldseal/core';
import type { PrincipalSource } from '../anomalies/anomaly-watch.ts';
import { type Clock, systemClock } from '../clock.ts';
import type { AuditEvent, AuditLog } from './audit-log.ts';

/** Options of {@link recordEvents}. */
export interface EventRecorderOptions {
  /** Who asks. It is asked in the calls of the query, and stored as a keyed hash. */
  readonly principal?: PrincipalSource;
  /** Time over which uses of fields, failures and refusals are summed up, in ms; 60 000 by default. */
  readonly windowMs?: number;
  /** Most different entries of one window; 1000 by default. What goes beyond is counted in one entry without actor. */
  readonly limit?: number;
  readonly clock?: Clock;
}

/** Channels of which each event is an entry. They are rare; all others are summed up. */
type Entered = 'fieldseal:keyring' | 'fieldseal:job' | 'fieldseal:backup' | 'fieldseal:honey';

const ENTRIES: { readonly [N in Entered]: (event: Channels[N]) => AuditEvent | null } = {
  'fieldseal:keyring': ({ action, keyringId, subject }) =>
    // A keyring is read again all the time.
    action === 'reload'
      ? null
      : { action: `key.${action}`, object: `keyring:${keyringId}`, key: subject ?? null, outcome: 'done' },
  'fieldseal:job': ({ action, kind, model }) =>
    action === 'batch' ? null : { action: `job.${action}`, object: `${kind}:${model}`, outcome: 'done' },
  'fieldseal:backup': ({ action, kind, ok }) => ({
    action: `backup.${action}`,
    object: kind,
    outcome: ok ? 'done' : 'failed',
  }),
  'fieldseal:honey': ({ model, field, name }) => ({
    action: 'honey.open',
    object: `${model}.${field}`,
    id: name,
    outcome: 'done',
  }),
};

type Summed = 'fieldseal:cipher' | 'fieldseal:failure' | 'fieldseal:denial';

const SUMS: { readonly [N in Summed]: (event: Channels[N]) => readonly AuditEvent[] } = {
  'fieldseal:cipher': ({ operation, fields }) =>
    fields.map(({ model, field, count }) => ({
      action: `field.${operation}`,
      object: `${model}.${field}`,
      outcome: 'done',
      count,
    })),
  'fieldseal:failure': ({ code, model, field, keyId }) => [
    {
      action: 'field.fail',
      object: `${model ?? 'keyring'}.${field ?? 'any'}`,
      key: keyId ?? null,
      outcome: 'failed',
      code,
    },
  ],
  'fieldseal:denial': ({ code, actor, model, operation }) => [
    { action: `policy.${operation}`, object: model, outcome: 'refused', code, ...(actor !== undefined && { actor }) },
  ],
};

/**
 * Enters what core publishes: changes of keyrings, jobs, backups and honey cells one by one, uses of fields, failures and refusals summed up by
 * actor, field and window, so that the log stays small and no use is left out of the count. It never delays a query. What the log does not take
 * is counted, and entered as `audit.drop` once it takes entries again.
 *
 * @returns ends it, and resolves when the last window is entered
 */
export function recordEvents(log: AuditLog, options: EventRecorderOptions = {}): () => Promise<void> {
  const { principal = () => null, windowMs = 60_000, limit = 1000, clock = systemClock } = options;
  let window = new Map<string, { event: AuditEvent; count: number }>();
  let dropped = 0;
  const enter = async (event: AuditEvent): Promise<void> => {
    try {
      await log.append(event);
    } catch {
      dropped += event.count ?? 1;
    }
  };
  const add = (event: AuditEvent): void => {
    const actor = event.actor ?? principal() ?? null;
    const { action, object, key = null, outcome, code = null, count = 1 } = event;
    let sum = window.get(JSON.stringify([actor, action, object, key, outcome, code]));
    if (sum === undefined) {
      const beyond = window.size >= limit;
      const kept: AuditEvent = beyond ? { action: 'field.more', object: 'any', outcome: 'done' } : { ...event, actor };
      const name = beyond ? '' : JSON.stringify([actor, action, object, key, outcome, code]);
      sum = window.get(name) ?? { event: kept, count: 0 };
      window.set(name, sum);
    }
    sum.count += count;
  };
  const close = async (): Promise<void> => {
    const sums = window;
    window = new Map();
    if (dropped > 0 && log.ready) {
      const count = dropped;
      dropped = 0;
      await enter({ action: 'audit.drop', object: 'any', outcome: 'failed', count });
    }
    await Promise.all([...sums.values()].map(({ event, count }) => enter({ ...event, count })));
  };
  const listeners = [
    ...Object.entries(ENTRIES).map(([name, entryOf]) => {
      const listen = guarded((event) => {
        const entry = (entryOf as (event: unknown) => AuditEvent | null)(event);
        if (entry !== null) void enter({ actor: principal() ?? null, ...entry });
      });
      return [name, listen] as const;
    }),
    ...Object.entries(SUMS).map(([name, sumsOf]) => {
      const listen = guarded((event) => (sumsOf as (event: unknown) => readonly AuditEvent[])(event).forEach(add));
      return [name, listen] as const;
    }),
  ];
  for (const [name, listen] of listeners) subscribe(name, listen);
  const stop = clock.every(windowMs, () => void close());
  return async () => {
    stop();
    for (const [name, listen] of listeners) unsubscribe(name, listen);
    await close();
  };

  /** Whoever publishes something else on these channels must not end the process. */
  function guarded(task: (event: unknown) => void): (event: unknown) => void {
    return (event) => {
      try {
        task(event);
      } catch {
        dropped += 1;
      }
    };
  }
}
