import type { Acknowledgement, Alert } from './alert.ts';

/**
 * Keeps alerts beyond the process, so that a restart sends no notice twice and forgets no acknowledgement. A store belongs to one engine;
 * others may acknowledge in it. An engine goes on without a store that fails.
 */
export interface AlertStore {
  /** All alerts. */
  load(): Promise<readonly Alert[]>;
  /** Stores an alert under its key, except for its acknowledgement. */
  save(alert: Alert): Promise<void>;
  /** Sets the acknowledgement of an alert, or takes it away. Resolves to whether there is such an alert. */
  acknowledge(key: string, acknowledgement: Acknowledgement | null): Promise<boolean>;
}

/** A store that ends with the process. */
export function memoryAlertStore(): AlertStore {
  const alerts = new Map<string, Alert>();
  return {
    load: async () => [...alerts.values()],
    save: async (alert) => {
      alerts.set(alert.key, { ...alert, acknowledgement: alerts.get(alert.key)?.acknowledgement ?? null });
    },
    acknowledge: async (key, acknowledgement) => {
      const alert = alerts.get(key);
      if (alert !== undefined) alerts.set(key, { ...alert, acknowledgement });
      return alert !== undefined;
    },
  };
}
