import { FieldsealError } from '../errors.ts';
import type { SharedCache } from './shared-cache.ts';

/** How an open keyring keeps unwrapped keys in memory, and whether it shares wrapped ones with other processes. */
export interface CacheOptions {
  /** Scopes whose keys are kept at most; 10 000 by default. */
  readonly maxScopes?: number;
  /**
   * Age at which keys are not used any more, in ms, counted from when they were read and unwrapped, and never extended by use. 300 000 by
   * default, and a day for keys that lie inside the keyring; a day at most.
   */
  readonly maxAgeMs?: number;
  /** Age from which keys are read again in the background, in ms; 60 000 by default. */
  readonly refreshMs?: number;
  /** Messages that are encrypted under a key before its keyset is read again; 2^20 by default. */
  readonly maxUses?: number;
  /** Bytes that are encrypted under a key before its keyset is read again; 2^33 by default. */
  readonly maxBytes?: number;
  /** A cache that other processes use too. It pays where a key store or a key service is far away. */
  readonly shared?: SharedCache;
  /** How often the count of changes is compared, in ms, which finds announcements that were lost; 5000 by default. */
  readonly pollMs?: number;
  /** How long the shared cache may take to answer, in ms; 25 by default. */
  readonly budgetMs?: number;
}

/** {@link CacheOptions} with every number decided. */
export type CachePolicy = Readonly<Record<NumberName, number>> & { readonly shared: SharedCache | undefined };

type NumberName = Exclude<keyof CacheOptions, 'shared'>;

const DAY_MS = 24 * 60 * 60 * 1000;

/** A day is far below the waiting time before a key is destroyed. */
const LONGEST_AGE_MS = DAY_MS;

/** Defaults and bounds of each number. */
const NUMBERS: Readonly<Record<NumberName, readonly [value: number, least: number, most: number]>> = {
  maxScopes: [10_000, 1, 10_000_000],
  maxAgeMs: [300_000, 1000, LONGEST_AGE_MS],
  refreshMs: [60_000, 100, LONGEST_AGE_MS],
  maxUses: [2 ** 20, 1, 2 ** 32],
  maxBytes: [2 ** 33, 1, 2 ** 53],
  pollMs: [5000, 50, 60_000],
  budgetMs: [25, 1, 10_000],
};

/**
 * Decides every number of the options.
 *
 * @param options - `none` keeps no key beyond the query that asked for it
 * @param outside - whether a key store holds the keys
 * @throws ERR_OPTIONS naming the one that is out of its bounds
 */
export function cachePolicy(options: CacheOptions | 'none' = {}, outside: boolean): CachePolicy {
  if (options === 'none') return { ...cachePolicy({}, outside), maxScopes: 0 };
  const given = (name: NumberName): number => {
    const [standard, least, most] = NUMBERS[name];
    const value = options[name] ?? (name === 'maxAgeMs' && !outside ? LONGEST_AGE_MS : standard);
    if (Number.isFinite(value) && value >= least && value <= most) return value;
    throw new FieldsealError('ERR_OPTIONS', `cache.${name} is not a number from ${least} to ${most}`);
  };
  const maxAgeMs = given('maxAgeMs');
  return {
    maxScopes: given('maxScopes'),
    maxAgeMs,
    // A short life ends before the default refresh: half of it leaves time to read again.
    refreshMs: Math.min(given('refreshMs'), maxAgeMs / 2),
    maxUses: given('maxUses'),
    maxBytes: given('maxBytes'),
    pollMs: given('pollMs'),
    budgetMs: given('budgetMs'),
    shared: options.shared,
  };
}
