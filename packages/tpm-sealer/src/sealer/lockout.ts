import { PERMANENT, PROPERTY, properties } from '../client/commands/capability.ts';
import type { Tpm } from '../client/tpm.ts';

/** How the TPM stands against guesses. It counts for all its users together. */
export interface Lockout {
  readonly inLockout: boolean;
  /** Failed tries that it remembers. */
  readonly counter: number;
  /** Failed tries that lock it. */
  readonly max: number;
  /** Seconds after which it forgets one try. */
  readonly intervalS: number;
}

/** Reads it; nothing is tried. */
export async function readLockout(tpm: Tpm): Promise<Lockout> {
  const found = await properties(tpm, PROPERTY.LOCKOUT_COUNTER, 4);
  const permanent = (await properties(tpm, PROPERTY.PERMANENT, 1)).get(PROPERTY.PERMANENT) ?? 0;
  return {
    inLockout: (permanent & PERMANENT.IN_LOCKOUT) !== 0,
    counter: found.get(PROPERTY.LOCKOUT_COUNTER) ?? 0,
    max: found.get(PROPERTY.MAX_AUTH_FAIL) ?? 0,
    intervalS: found.get(PROPERTY.LOCKOUT_INTERVAL) ?? 0,
  };
}
