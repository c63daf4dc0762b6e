import { randomInt } from 'node:crypto';
import { FieldsealError } from '../errors.ts';

/** How long and how often a key service is asked. */
export interface CallPolicy {
  /** Time for one attempt in ms; 2000 by default. */
  readonly timeoutMs?: number;
  /** Attempts at most; 3 by default. Only failures that may pass are tried again. */
  readonly attempts?: number;
  /** Longest wait before the second attempt in ms, doubled for each further one; 100 by default. The wait is random (full jitter). */
  readonly backoffMs?: number;
  /** Time for all attempts and waits in ms; 10 000 by default. */
  readonly deadlineMs?: number;
}

/** A policy with every value given. */
export type CompletePolicy = Required<CallPolicy>;

const DEFAULTS: CompletePolicy = { timeoutMs: 2000, attempts: 3, backoffMs: 100, deadlineMs: 10_000 };

/** Longest time of any kind, in ms: a day. Longer ones are mistakes, and timers of Node overflow at 24 days. */
const LONGEST_MS = 86_400_000;

/**
 * Completes a policy.
 *
 * @throws ERR_OPTIONS for a value out of bounds
 */
export function completePolicy({ timeoutMs, attempts, backoffMs, deadlineMs }: CallPolicy): CompletePolicy {
  return {
    timeoutMs: within('timeoutMs', timeoutMs ?? DEFAULTS.timeoutMs, 1, LONGEST_MS),
    attempts: within('attempts', attempts ?? DEFAULTS.attempts, 1, 20),
    backoffMs: within('backoffMs', backoffMs ?? DEFAULTS.backoffMs, 0, LONGEST_MS),
    deadlineMs: within('deadlineMs', deadlineMs ?? DEFAULTS.deadlineMs, 1, LONGEST_MS),
  };
}

/** A random wait after attempt `attempt` (from 1), in ms: so that a fleet that failed together does not come back together. */
export function jitter({ backoffMs }: CompletePolicy, attempt: number): number {
  return randomInt(0, Math.min(backoffMs * 2 ** (attempt - 1), LONGEST_MS) + 1);
}

function within(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new FieldsealError('ERR_OPTIONS', `${name} of a key service is a whole number from ${least} to ${most}`);
}
