import { FieldsealError } from '@fieldseal/core';
import type { BackupFile } from './catalogue.ts';

/** How many backups are kept. A backup that any rule keeps stays. */
export interface RetentionPolicy {
  /** The newest so many; 7 by default. */
  readonly last?: number;
  /** The newest of each of so many days, weeks (from Monday) and months in UTC; 30, 8 and 12 by default. */
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  /** None younger than this many days is removed; 30 by default, and not below. */
  readonly minimumDays?: number;
}

/** What else decides whether a backup may go. */
export interface RetentionFacts {
  /** In ms since the epoch. */
  readonly now: number;
  /** The newest backup that was verified at level 1 or above, or null when none is known. */
  readonly newestVerified: string | null;
  /** Key ids that encrypt cells of the database, or of a backup that stays. */
  readonly keysInUse: ReadonlySet<string>;
  /** Key ids that a backup holds; null when it was not opened: then it stays. */
  readonly keysOf: (backup: BackupFile) => ReadonlySet<string> | null;
}

/** Why a backup stays; null for one that goes. */
export type KeptFor =
  | 'last'
  | 'daily'
  | 'weekly'
  | 'monthly'
  | 'young'
  | 'newest verified'
  | 'key in use'
  | 'not opened'
  | null;

const DAY_MS = 24 * 60 * 60 * 1000;
const MINIMUM_DAYS = 30;

/**
 * Decides which backups stay. Pure: nothing is read or removed.
 *
 * A key in use that only one backup holds keeps that backup, whatever its age.
 *
 * @param backups - oldest first
 * @throws ERR_OPTIONS for a policy below 30 days; ERR_BACKUP_ROLLBACK when the clock contradicts the backups: one of them is from more than a
 * day ahead, or the newest unverified backup would decide
 */
export function planRetention(
  backups: readonly BackupFile[],
  policy: RetentionPolicy,
  facts: RetentionFacts,
): ReadonlyMap<string, KeptFor> {
  const { last = 7, daily = 30, weekly = 8, monthly = 12, minimumDays = MINIMUM_DAYS } = policy;
  if (![last, daily, weekly, monthly].every((count) => Number.isInteger(count) && count >= 0))
    throw new FieldsealError('ERR_OPTIONS', 'a retention policy counts backups in whole numbers');
  if (!(minimumDays >= MINIMUM_DAYS))
    throw new FieldsealError('ERR_OPTIONS', `backups are kept for at least ${MINIMUM_DAYS} days`);
  if (backups.some(({ created }) => created > facts.now + DAY_MS))
    throw new FieldsealError('ERR_BACKUP_ROLLBACK', 'a backup is from the future, so the clock is wrong', {
      hint: 'Set the clock; nothing was removed.',
    });
  const newestFirst = [...backups].reverse();
  const kept = new Map<string, KeptFor>(newestFirst.map(({ name }) => [name, null]));
  const keep = (name: string, why: KeptFor): void => {
    if (kept.get(name) === null) kept.set(name, why);
  };
  for (const { name } of newestFirst.slice(0, last)) keep(name, 'last');
  for (const [why, count, periodOf] of [
    ['daily', daily, dayOf],
    ['weekly', weekly, weekOf],
    ['monthly', monthly, monthOf],
  ] as const) {
    const periods = new Set<number>();
    for (const { name, created } of newestFirst) {
      const period = periodOf(created);
      if (periods.has(period) || periods.size === count) continue;
      periods.add(period);
      keep(name, why);
    }
  }
  for (const { name, created } of newestFirst) if (facts.now - created < minimumDays * DAY_MS) keep(name, 'young');
  // Without a verified backup nothing is known to be good, and nothing goes.
  if (facts.newestVerified === null) for (const { name } of newestFirst) keep(name, 'newest verified');
  else if (kept.has(facts.newestVerified)) keep(facts.newestVerified, 'newest verified');
  keepKeys(newestFirst, kept, facts);
  return kept;
}

/** Keeps, for every key in use that no kept backup holds, the newest one that does. */
function keepKeys(
  newestFirst: readonly BackupFile[],
  kept: Map<string, KeptFor>,
  { keysInUse, keysOf }: RetentionFacts,
): void {
  const held = new Set<string>();
  const later: BackupFile[] = [];
  for (const backup of newestFirst) {
    if (kept.get(backup.name) === null) later.push(backup);
    else for (const key of keysOf(backup) ?? []) held.add(key);
  }
  for (const backup of later) {
    const keys = keysOf(backup);
    if (keys === null) kept.set(backup.name, 'not opened');
    else if ([...keys].some((key) => keysInUse.has(key) && !held.has(key))) {
      kept.set(backup.name, 'key in use');
      for (const key of keys) held.add(key);
    }
  }
}

const dayOf = (time: number): number => Math.floor(time / DAY_MS);
/** The epoch was a Thursday: weeks begin three days before it. */
const weekOf = (time: number): number => Math.floor((dayOf(time) + 3) / 7);
function monthOf(time: number): number {
  const date = new Date(time);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
