import { channel } from 'node:diagnostics_channel';
import { type ErrorCode, type FailureEvent, FieldsealError, type ReadWatch } from '@fieldseal/core';
import { type PrincipalSource, principalOf } from '../anomalies/anomaly-watch.ts';
import { type Clock, systemClock } from '../clock.ts';
import { READ_FAILURES } from '../read-failures.ts';

/** Options of {@link readBreaker}. */
export interface ReadBreakerOptions {
  /** Who reads. */
  readonly principal: PrincipalSource;
  /** Failed queries within the window that stop a client; 20 by default. */
  readonly failures?: number;
  /** Length of the window in ms; 60 000 by default. */
  readonly windowMs?: number;
  /** How long reading is stopped, in ms; 60 000 by default. The first failure after it stops it again. */
  readonly stopMs?: number;
  /**
   * Whether queries for nobody known are counted together and stopped together. The default is false: whoever can damage a few rows could stop
   * the application with it.
   */
  readonly unknown?: boolean;
  readonly clock?: Pick<Clock, 'now'>;
}

interface Client {
  failures: number;
  /** Unix time in ms at which the window began. */
  began: number;
  /** Unix time in ms until which reading is stopped. */
  stopped: number;
}

/** Clients with failures that are remembered at a time. */
const CLIENTS_LIMIT = 10_000;

const failureChannel = channel('fieldseal:failure');

/**
 * Stops reading by a client whose reads fail too often: somebody who tries keys or cells, or a client that would read a whole damaged table.
 * Pass it as `encryption({ watch: [readBreaker(…)] })`. A stopped client's queries throw ERR_READ_STOPPED once they have rows, before any of
 * them is opened; writing goes on.
 */
export function readBreaker(options: ReadBreakerOptions): ReadWatch {
  const { failures: limit = 20, windowMs = 60_000, stopMs = 60_000, unknown = false, clock = systemClock } = options;
  if (!(limit >= 1 && windowMs > 0 && stopMs > 0))
    throw new FieldsealError('ERR_OPTIONS', 'the limits of the breaker are not positive');
  const clients = new Map<string | undefined, Client>();
  const who = (): { readonly id: string | undefined } | null => {
    const id = principalOf(options.principal);
    return id === undefined && !unknown ? null : { id };
  };
  return {
    admit: () => {
      if (clients.size === 0) return;
      const client = clients.get(who()?.id);
      if (client === undefined || clock.now() >= client.stopped) return;
      const event: FailureEvent = {
        code: 'ERR_READ_STOPPED',
        model: undefined,
        field: undefined,
        keyId: undefined,
      };
      if (failureChannel.hasSubscribers) failureChannel.publish(event);
      throw new FieldsealError('ERR_READ_STOPPED', 'reading was stopped, since too many queries of this client failed');
    },
    failed: (code: ErrorCode) => {
      if (!READ_FAILURES.includes(code)) return;
      const reader = who();
      if (reader === null) return;
      const now = clock.now();
      const client = clients.get(reader.id) ?? { failures: 0, began: now, stopped: 0 };
      if (now - client.began > windowMs) {
        // Who was stopped just before is on probation.
        const probation = client.stopped !== 0 && now - client.stopped <= windowMs;
        client.failures = probation ? limit - 1 : 0;
        client.began = now;
      }
      client.failures++;
      if (client.failures >= limit) {
        client.stopped = now + stopMs;
        client.began = client.stopped - windowMs; // the next failure begins a window
      }
      clients.delete(reader.id);
      clients.set(reader.id, client);
      if (clients.size > CLIENTS_LIMIT) clients.delete(clients.keys().next().value);
    },
  };
}
