import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { CipherEvent, FailureEvent } from '@fieldseal/core';
import type { Metrics } from '../metrics/metrics.ts';
import { READ_FAILURES } from '../read-failures.ts';
import { FailureCusum, type FailureCusumOptions } from './failure-cusum.ts';
import { VolumeCusum, type VolumeCusumOptions } from './volume-cusum.ts';

/** Who a query is for: a user, a client of an API, a service. Undefined where nobody is known. It is asked in the calls of the query. */
export type PrincipalSource = () => string | undefined;

/** An alarm of a detector. */
export interface Anomaly {
  /** `failures`: reads fail more often than usual. `volume`: one client reads more than usual. */
  readonly kind: 'failures' | 'volume';
  /** The client, for `volume`. It reaches the callback of the application only: no metric, alert or notice has it. */
  readonly principal: string | undefined;
}

/** Options of the detectors. */
export interface AnomalyOptions {
  readonly failures?: FailureCusumOptions;
  readonly volume?: VolumeCusumOptions;
  /** Without it volumes are not watched. */
  readonly principal?: PrincipalSource;
  /** Called for each alarm, besides the alert. */
  readonly onAnomaly?: (anomaly: Anomaly) => void;
}

/** Clients that are watched at a time; who has been silent for longest is forgotten first. */
const PRINCIPALS_LIMIT = 10_000;

interface Client {
  readonly cusum: VolumeCusum;
  values: number;
}

/** Feeds the detectors from the channels of core; {@link endWindow} is to be called every ten seconds. */
export class AnomalyWatch {
  readonly #metrics: Metrics;
  readonly #options: AnomalyOptions;
  readonly #failures: FailureCusum;
  readonly #clients = new Map<string, Client>();
  #operations = 0;
  #failed = 0;

  /** Listens from now on. */
  constructor(metrics: Metrics, options: AnomalyOptions) {
    this.#metrics = metrics;
    this.#options = options;
    this.#failures = new FailureCusum(options.failures);
    subscribe('fieldseal:cipher', this.#batch);
    subscribe('fieldseal:failure', this.#failure);
  }

  /** Listens no more. */
  stop(): void {
    unsubscribe('fieldseal:cipher', this.#batch);
    unsubscribe('fieldseal:failure', this.#failure);
  }

  /** Ends a window and judges it. */
  endWindow(): void {
    if (this.#failures.add(this.#operations, this.#failed)) this.#alarm('failures', undefined);
    this.#operations = 0;
    this.#failed = 0;
    for (const [principal, client] of this.#clients) {
      if (client.cusum.add(client.values)) this.#alarm('volume', principal);
      client.values = 0;
    }
  }

  readonly #batch = (event: unknown): void => {
    const { operation, count } = event as CipherEvent;
    if (operation !== 'decrypt') return;
    this.#operations++;
    const principal = principalOf(this.#options.principal);
    if (principal === undefined) return;
    const client = this.#clients.get(principal) ?? { cusum: new VolumeCusum(this.#options.volume), values: 0 };
    client.values += count;
    // Last used comes last, so that the first is the one to forget.
    this.#clients.delete(principal);
    this.#clients.set(principal, client);
    if (this.#clients.size > PRINCIPALS_LIMIT) this.#clients.delete(this.#clients.keys().next().value as string);
  };

  readonly #failure = (event: unknown): void => {
    if (!READ_FAILURES.includes((event as FailureEvent).code)) return;
    this.#operations++;
    this.#failed++;
  };

  #alarm(kind: Anomaly['kind'], principal: string | undefined): void {
    this.#metrics.add('anomalies', [kind]);
    try {
      this.#options.onAnomaly?.({ kind, principal });
    } catch {
      // The alert goes out whatever the callback does.
    }
  }
}

/** The principal, or undefined where the source has none or throws: a channel's listener must not end the process. */
export function principalOf(source: PrincipalSource | undefined): string | undefined {
  try {
    return source?.();
  } catch {
    return undefined;
  }
}
