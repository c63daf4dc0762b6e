import { isTransient } from '../database-fault.ts';
import { databaseError } from './database-error.ts';
import type { Clock } from './throttle.ts';

/** The first wait after an error that may go away, in ms; it doubles up to the last one. */
const WAITS_MS = [50, 2000] as const;

/**
 * Tries again what failed for a reason that may go away, such as a database that starts again, for so long.
 *
 * @param patienceMs - ms from the first try on
 * @throws ERR_JOB_DATABASE when it does not go away; other errors as they are
 */
export async function patiently<T>(clock: Clock, patienceMs: number, work: () => Promise<T>): Promise<T> {
  const started = clock.now();
  for (let wait: number = WAITS_MS[0]; ; wait = Math.min(wait * 2, WAITS_MS[1])) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || clock.now() - started > patienceMs) throw databaseError(error);
      // At random, so that workers which collided do not collide again.
      await clock.sleep(wait * (0.5 + Math.random() / 2));
    }
  }
}
