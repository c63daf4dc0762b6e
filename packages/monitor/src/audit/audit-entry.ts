import { FieldsealError } from '@fieldseal/core';
import { leafHash } from './merkle-tree.ts';

/** How something ended, or `begun` for what is entered before it is done. */
export type AuditOutcome = 'begun' | 'done' | 'refused' | 'failed';

/** One thing that happened. It holds no value and no key; who and which row stand in it as keyed hashes. */
export interface AuditEntry {
  /** Place in the log, from 0. */
  readonly seq: number;
  /** UTC, with milliseconds. */
  readonly time: string;
  /** Keyed hash of who did it, or null where nobody is known. */
  readonly actor: string | null;
  /** What was done: words of a-z, 0-9 and hyphens, joined by full stops, as `keyring.promote`. */
  readonly action: string;
  /** What it was done to: a plain name, as `Patient.notes`, with `#` and a keyed hash where one of many is meant. */
  readonly object: string;
  /** Id of the key, or null. */
  readonly key: string | null;
  readonly outcome: AuditOutcome;
  /** Error code, or null. */
  readonly code: string | null;
  /** How many times, where entries are summed up. */
  readonly count: number;
  /** Hash of the entry before, in hexadecimal digits; 64 zeros for the first. */
  readonly prev: string;
}

/** An entry as it is stored: its line, and its hash in hexadecimal digits. */
export interface SealedEntry {
  readonly entry: AuditEntry;
  readonly line: string;
  readonly hash: string;
}

/** `prev` of the first entry. */
export const NO_ENTRY: string = '0'.repeat(64);

/** Longest line, in characters. */
const LONGEST_LINE = 2000;

const ACTION = /^[a-z][a-z0-9-]{0,31}(\.[a-z][a-z0-9-]{0,31}){0,3}$/;
const OBJECT = /^[\w.:/-]{1,128}(#[0-9a-f]{32})?$/;
const OUTCOMES: readonly string[] = ['begun', 'done', 'refused', 'failed'];
const PATTERNS = { hash: /^[0-9a-f]{64}$/, actor: /^[0-9a-f]{32}$/, key: /^[\w-]{1,64}$/, code: /^ERR_[A-Z_]{1,60}$/ };

/**
 * Closes an entry. Its line is one JSON object: the members of {@link AuditEntry} in their order, and `hash`, the RFC 6962 leaf hash of the
 * line without that last member. Anybody can compute it again with sha256sum.
 *
 * @throws ERR_OPTIONS for a name that could hold a value
 */
export function sealEntry(entry: AuditEntry): SealedEntry {
  if (!isWellFormed(entry))
    throw new FieldsealError('ERR_OPTIONS', 'the entry of the audit log is not of its form', { hint: FORM });
  const text = textOf(entry);
  const hash = leafHash(Buffer.from(text)).toString('hex');
  return { entry, hash, line: `${text.slice(0, -1)},"hash":"${hash}"}` };
}

const FORM = 'Action and object are short plain names; who and which row are given apart, to be hashed.';

/** Reads a line, without its line feed; null when it is not exactly what {@link sealEntry} writes. */
export function readEntry(line: string): SealedEntry | null {
  if (line.length > LONGEST_LINE) return null;
  try {
    const entry = JSON.parse(line) as AuditEntry;
    const sealed = sealEntry(entry);
    return sealed.line === line ? { ...sealed, entry: members(entry) } : null;
  } catch {
    return null;
  }
}

/** Place and predecessor that a line claims, whether it is whole or not; null where it claims none. */
export function claimedPlace(
  line: string,
): { readonly seq: number; readonly prev: string; readonly hash: string } | null {
  const [, seq, prev, hash] =
    /^\{"seq":(\d{1,15}),.*"prev":"([0-9a-f]{64})","hash":"([0-9a-f]{64})"\}$/.exec(line) ?? [];
  return seq === undefined || prev === undefined || hash === undefined ? null : { seq: Number(seq), prev, hash };
}

function textOf(entry: AuditEntry): string {
  return JSON.stringify(members(entry));
}

/** The members in the order that is hashed. */
function members({ seq, time, actor, action, object, key, outcome, code, count, prev }: AuditEntry): AuditEntry {
  return { seq, time, actor, action, object, key, outcome, code, count, prev };
}

function isWellFormed({ seq, time, actor, action, object, key, outcome, code, count, prev }: AuditEntry): boolean {
  return (
    Number.isSafeInteger(seq) &&
    seq >= 0 &&
    Number.isSafeInteger(count) &&
    count > 0 &&
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time) &&
    (actor === null || PATTERNS.actor.test(actor)) &&
    ACTION.test(action) &&
    OBJECT.test(object) &&
    (key === null || PATTERNS.key.test(key)) &&
    OUTCOMES.includes(outcome) &&
    (code === null || PATTERNS.code.test(code)) &&
    PATTERNS.hash.test(prev)
  );
}
