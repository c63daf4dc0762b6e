import type { Notice } from './alert.ts';

/** Takes notices to somebody. */
export interface AlertSink {
  /** Resolves when the notice is delivered. Rejects when it is given up; that is counted, and nothing else. */
  deliver(notice: Notice): Promise<void>;
}

/** A sink that calls a function of the application. */
export function callbackSink(callback: (notice: Notice) => void | Promise<void>): AlertSink {
  return {
    deliver: async (notice) => {
      await callback(notice);
    },
  };
}
