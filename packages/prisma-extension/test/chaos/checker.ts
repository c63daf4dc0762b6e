/**
 * Judges what a run left behind. It knows nothing of how jobs work: only what the application was told, what the database holds, and what its
 * own log says of who changed what.
 *
 * @module
 */

/** What a damaged row holds. */
export interface Corruption {
  readonly email: string;
}

/** One write of the application to a row. */
export interface Write {
  readonly value: string;
  /** Whether the database said that it was done; otherwise nobody knows. */
  readonly acknowledged: boolean;
}

/** A row in the end. What does not open is null. */
export interface FinalRow {
  readonly id: number;
  readonly stored: string;
  readonly email: string | null;
  readonly photo: string | null;
  readonly keyIds: readonly (string | null)[];
}

/** Everything that is judged. */
export interface Evidence {
  readonly primary: string;
  readonly rows: readonly FinalRow[];
  readonly corrupted: ReadonlyMap<number, Corruption>;
  /** Writes by row, in order: one writer a row. */
  readonly writes: ReadonlyMap<number, readonly Write[]>;
  readonly quarantined: readonly number[];
  /** Rows that the job says it changed. */
  readonly done: number;
  /** Committed changes of rows: who, and whether columns that are none of the job's changed. */
  readonly rowLog: readonly { readonly actor: string; readonly row: number; readonly touched: boolean }[];
  /** Committed changes of chunks, in order. */
  readonly chunkLog: readonly { readonly actor: string; readonly ordinal: number; readonly claimed: boolean }[];
}

/** Kinds of violations. */
export type Violation =
  | 'undecryptable'
  | 'lost update'
  | 'old key'
  | 'corrupted row written'
  | 'quarantine'
  | 'accounting'
  | 'fencing'
  | 'foreign column';

/** Actors that are workers of jobs have names that begin so. */
export const WORKER = 'worker-';

/** Everything that is wrong, each kind once. */
export function violations(evidence: Evidence): Violation[] {
  const found = new Set<Violation>();
  const { primary, corrupted } = evidence;
  for (const row of evidence.rows) {
    const damaged = corrupted.get(row.id);
    if (damaged !== undefined) {
      if (row.stored !== damaged.email) found.add('corrupted row written');
      continue;
    }
    if (row.email === null || row.photo === null) found.add('undecryptable');
    else if (!allowed(row, evidence.writes.get(row.id) ?? []) || row.photo !== `photo ${row.id}`)
      found.add('lost update');
    if (row.keyIds.some((keyId) => keyId !== null && keyId !== primary)) found.add('old key');
  }
  const apart = [...new Set(evidence.quarantined)].sort((a, b) => a - b);
  if (JSON.stringify(apart) !== JSON.stringify([...corrupted.keys()].sort((a, b) => a - b))) found.add('quarantine');
  const byJob = evidence.rowLog.filter(({ actor }) => actor.startsWith(WORKER));
  if (byJob.length !== evidence.done) found.add('accounting');
  if (byJob.some(({ touched }) => touched)) found.add('foreign column');
  const holders = new Map<number, string>();
  for (const { actor, ordinal, claimed } of evidence.chunkLog) {
    if (!actor.startsWith(WORKER)) continue; // the test itself lets leases run out
    if (claimed) holders.set(ordinal, actor);
    else if (holders.get(ordinal) !== actor) found.add('fencing');
  }
  return [...found];
}

/** Rows that do not hold what they may, with what was written to them: for whoever looks into a failure. */
export function lostRows({ rows, corrupted, writes }: Evidence): readonly object[] {
  return rows
    .filter((row) => !corrupted.has(row.id) && !allowed(row, writes.get(row.id) ?? []))
    .map((row) => ({ ...row, stored: undefined, writes: (writes.get(row.id) ?? []).slice(-4) }));
}

/** Whether a row holds the last acknowledged value, or one that came behind it and of which nobody knows. */
function allowed({ id, email }: FinalRow, writes: readonly Write[]): boolean {
  const last = writes.findLastIndex(({ acknowledged }) => acknowledged);
  const possible = writes.slice(Math.max(0, last)).map(({ value }) => value);
  if (last < 0) possible.push(`first ${id}`);
  return possible.includes(email as string);
}
