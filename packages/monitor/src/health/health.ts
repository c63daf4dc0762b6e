import type { Clock } from '../clock.ts';
import type { MetricSource } from '../metrics/metrics.ts';

/** How something is. `missing`: there is no keyring. `sealed`: there is one, and it is not open. */
export type HealthState = 'ok' | 'degraded' | 'failed' | 'sealed' | 'missing';

/** HTTP status of each state; the words are those of the query parameters too, as in `?degradedcode=429`. */
export type HealthCodes = Readonly<Record<HealthState, number>>;

/** As Vault has them: who asks for readiness alone takes 200 for yes. */
export const HEALTH_CODES: HealthCodes = { ok: 200, degraded: 200, failed: 503, sealed: 503, missing: 501 };

/** Something behind the application that is asked in the background. */
export interface HealthCheck {
  /** A fixed name such as `database`, never an address. */
  readonly name: string;
  /** Rejects, or resolves to false, when something is wrong. What it rejects with is not shown. */
  run(signal: AbortSignal): Promise<boolean>;
  /** What it means when something is wrong; `degraded` by default. */
  readonly otherwise?: 'degraded' | 'failed';
  /** How often it is run, in ms; 10 000 by default. */
  readonly everyMs?: number;
  /** How long it may take, in ms; 2000 by default. */
  readonly timeoutMs?: number;
}

/** State of one part. */
export interface ComponentHealth {
  readonly name: string;
  readonly state: HealthState;
  /** Why, in a few words of this package; empty when all is well. */
  readonly reason: string;
}

/** State of the whole: that of its worst part. */
export interface HealthReport {
  readonly state: HealthState;
  readonly components: readonly ComponentHealth[];
}

/** Best first. */
const ORDER: readonly HealthState[] = ['ok', 'degraded', 'failed', 'sealed', 'missing'];

/**
 * What is known of the health, without asking anybody: keys, breakers and alerts are read from memory, and checks run in the background. So it
 * answers at once whatever hangs.
 */
export class Health {
  readonly #metrics: MetricSource;
  readonly #criticalAlerts: () => number;
  readonly #checks = new Map<string, ComponentHealth>();
  readonly #stops: (() => void)[];

  /** Starts the checks. */
  constructor(
    metrics: MetricSource,
    criticalAlerts: () => number,
    checks: readonly HealthCheck[],
    clock: Pick<Clock, 'every' | 'sleep'>,
  ) {
    this.#metrics = metrics;
    this.#criticalAlerts = criticalAlerts;
    this.#stops = checks.map((check) => {
      const { name, everyMs = 10_000 } = check;
      this.#checks.set(name, { name, state: 'degraded', reason: 'not checked yet' });
      let running = false;
      const run = async (): Promise<void> => {
        if (running) return; // one that hangs is not asked again
        running = true;
        try {
          await this.#run(check, clock);
        } finally {
          running = false;
        }
      };
      void run();
      return clock.every(everyMs, () => void run());
    });
  }

  /** Ends the checks. */
  stop(): void {
    for (const stop of this.#stops) stop();
  }

  /** The state now. */
  report(): HealthReport {
    const components = [this.#keyring(), ...this.#breakers(), this.#alerts(), ...this.#checks.values()];
    const worst = Math.max(...components.map(({ state }) => ORDER.indexOf(state)));
    return { state: ORDER[worst] as HealthState, components };
  }

  async #run(check: HealthCheck, clock: Pick<Clock, 'sleep'>): Promise<void> {
    const { name, otherwise = 'degraded', timeoutMs = 2000 } = check;
    const controller = new AbortController();
    const set = (reason: string): void => {
      this.#checks.set(name, { name, state: reason === '' ? 'ok' : otherwise, reason });
    };
    const answer = Promise.resolve()
      .then(() => check.run(controller.signal))
      .then(
        (fine) => set(fine ? '' : 'something is wrong'),
        () => set('the check failed'),
      );
    const late = clock.sleep(timeoutMs).then(() => 'late' as const);
    if ((await Promise.race([answer, late])) !== 'late') return;
    set('no answer');
    controller.abort();
    await answer;
  }

  #keyring(): ComponentHealth {
    const [open] = this.#metrics.series('seal.state');
    if (open === undefined) return { name: 'keyring', state: 'missing', reason: 'no keyring was opened' };
    if (open.value <= 0) return { name: 'keyring', state: 'sealed', reason: 'no keyring is open' };
    return { name: 'keyring', state: 'ok', reason: '' };
  }

  #breakers(): ComponentHealth[] {
    return [...this.#metrics.series('breaker.state')].map(({ labels, value }) => {
      const name = `breaker ${labels[0]}`;
      return value >= 2 ? { name, state: 'degraded', reason: 'open' } : { name, state: 'ok', reason: '' };
    });
  }

  #alerts(): ComponentHealth {
    const firing = this.#criticalAlerts();
    if (firing === 0) return { name: 'alerts', state: 'ok', reason: '' };
    return { name: 'alerts', state: 'degraded', reason: `${firing} critical` };
  }
}
