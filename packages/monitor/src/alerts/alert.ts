import { createHash } from 'node:crypto';
import { FieldsealError } from '@fieldseal/core';
import type { Severity } from './alert-rule.ts';

/** Somebody has taken an alert on: no more notices until then. */
export interface Acknowledgement {
  readonly owner: string;
  readonly comment: string;
  /** Unix time in ms at which it was given. It counts for alerts that fired before. */
  readonly given: number;
  /** Unix time in ms at which it ends. It ends earlier when the alert is resolved. */
  readonly until: number;
}

/** One alert: a rule, and where it is met. */
export interface Alert {
  /** Tells alerts apart: the id of the rule, with a digest of the labels where it has some. */
  readonly key: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly labels: Readonly<Record<string, string>>;
  /** `pending`: the condition is met, not yet for long enough. */
  readonly state: 'pending' | 'firing' | 'resolved';
  /** What met the condition last. */
  readonly value: number;
  /** Unix time in ms since which the state holds. */
  readonly since: number;
  /** Unix time in ms of the last notice that it fires, or null. */
  readonly noticed: number | null;
  /** Whether somebody was told of this time that it fires, and is to be told that it is over. */
  readonly told: boolean;
  readonly acknowledgement: Acknowledgement | null;
}

/** What is delivered. It names rules, models and fields, and never a value. */
export interface Notice {
  /** Different for each notice, equal for each try to deliver it. */
  readonly id: string;
  readonly key: string;
  readonly rule: string;
  readonly severity: Severity;
  readonly state: 'firing' | 'resolved';
  readonly summary: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** When the alert began to fire, or ended, in UTC. */
  readonly since: string;
  readonly runbook: string;
}

/** Key of the alert of a rule for some labels. */
export function alertKey(rule: string, labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (pairs.length === 0) return rule;
  return `${rule}:${createHash('sha256').update(JSON.stringify(pairs)).digest('hex').slice(0, 16)}`;
}

/** Longest acknowledgement in ms: nothing is forgotten for good. */
const LONGEST_MS = 30 * 24 * 60 * 60 * 1000;

/**
 * An acknowledgement from now on.
 *
 * @param forMs - how long, in ms: at most 30 days
 * @throws ERR_OPTIONS for an empty owner, a text that is too long, or another time
 */
export function acknowledgement(owner: string, comment: string, forMs: number, now: number): Acknowledgement {
  const hint = 'Name an owner (1 to 200 characters), a comment (up to 1000) and a time of up to 30 days.';
  const fits = owner.trim() !== '' && owner.length <= 200 && comment.length <= 1000 && forMs > 0 && forMs <= LONGEST_MS;
  if (!fits) throw new FieldsealError('ERR_OPTIONS', 'the acknowledgement is incomplete', { hint });
  return { owner, comment, given: now, until: now + forMs };
}
