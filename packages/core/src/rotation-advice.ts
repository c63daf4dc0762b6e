import type { KeyVersion } from './key-store/keyset-record.ts';
import { SUITES } from './suite.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Age at which rotation is suggested, in days: two years, the longest period of use that NIST SP 800-57 part 1 gives keys that encrypt data. */
export const ROTATE_AFTER_DAYS = 730;

/** Why a primary should be replaced: for its age, or for the messages that it has encrypted. */
export type RotationReason = 'age' | 'messages';

/**
 * Whether rotation is suggested for a primary.
 *
 * @param options - `now`: ms since the Unix epoch; `afterDays`: age from which it is; `messages`: cells known to be under the key, of which half
 * the limit of the suite is enough
 * @returns null when it is not
 */
export function rotationReason(
  { created, suite }: Pick<KeyVersion, 'created' | 'suite'>,
  options: { readonly now?: number; readonly afterDays?: number; readonly messages?: number } = {},
): RotationReason | null {
  const { now = Date.now(), afterDays = ROTATE_AFTER_DAYS, messages = 0 } = options;
  if (messages >= SUITES[suite].maxMessages / 2) return 'messages';
  return now - Date.parse(created) >= afterDays * DAY_MS ? 'age' : null;
}
