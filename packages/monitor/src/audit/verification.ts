import { claimedPlace, NO_ENTRY, readEntry } from './audit-entry.ts';
import { type Checkpoint, readCheckpoint } from './checkpoint.ts';
import { MerkleHead } from './merkle-tree.ts';
import type { NoteVerifier } from './signed-note.ts';

/** What can be wrong with a log. */
export type TamperKind = keyof typeof KINDS;

/** Every kind of damage, and what it means. */
const KINDS = {
  torn: 'The last line is cut off: a process was killed while it wrote it, or somebody cut it.',
  edited: 'The entry is not what was entered.',
  removed: 'Entries are missing between others.',
  inserted: 'The place is taken twice.',
  reordered: 'Entries stand in another order.',
  truncated: 'A witness has seen more entries than there are.',
  rewritten: 'A witness has seen other entries: the log was written anew, with new hashes.',
  're-signed': 'A checkpoint is not signed by the key of the log.',
  forked: 'Two checkpoints of the same size differ: the key of the log has signed two histories.',
  unwitnessed: 'There is no checkpoint: nobody can tell whether entries were cut off or all were written anew.',
} as const;

/** One thing that is wrong, and where: the number of the line from 1, or the size of the checkpoint. */
export interface TamperFinding {
  readonly kind: TamperKind;
  readonly line: number | null;
  readonly size: number | null;
  readonly meaning: string;
}

/** What the verification of a log found. */
export interface AuditVerification {
  /** Whether nothing is wrong, and a checkpoint covers the log. */
  readonly ok: boolean;
  /** Entries that are whole. */
  readonly entries: number;
  /** Entries that a good checkpoint covers: the rest could still be changed unnoticed by whoever has the file. */
  readonly witnessed: number;
  readonly findings: readonly TamperFinding[];
  /** Number of findings that are not listed. */
  readonly more: number;
}

/** Most findings that are listed. */
const LISTED = 100;

/** How the end of the log was read: lines without their line feeds, and whether something stood behind the last line feed. */
export interface StoredLog {
  readonly lines: AsyncIterable<string> | Iterable<string>;
  readonly torn: boolean | (() => boolean);
  /** Whether a line that was cut off has been taken away. */
  readonly repaired?: boolean;
}

/**
 * Verifies a log against what its witnesses have seen. Every line is hashed again, the chain and the tree are computed again, and each
 * checkpoint with a good signature is compared with the tree at its size.
 *
 * @param notes - checkpoints of all witnesses, signed; those of other logs count as `re-signed`
 */
export async function verifyAuditLog(
  log: StoredLog,
  notes: readonly string[],
  verifier: NoteVerifier,
): Promise<AuditVerification> {
  return (await examineAuditLog(log, notes, verifier)).verification;
}

/** {@link verifyAuditLog}, with what is needed to go on writing the log. */
export async function examineAuditLog(
  log: StoredLog,
  notes: readonly string[],
  verifier: NoteVerifier,
): Promise<{ readonly verification: AuditVerification; readonly tree: MerkleHead; readonly last: string }> {
  const findings: TamperFinding[] = [];
  let count = 0;
  const report = (kind: TamperKind, line: number | null, size: number | null = null): void => {
    count += 1;
    if (findings.length < LISTED) findings.push({ kind, line, size, meaning: KINDS[kind] });
  };
  const { good, sizes } = checkpointsOf(notes, verifier, report);
  const tree = new MerkleHead();
  const roots = new Map<number, Buffer>([[0, tree.root()]]);
  const places: { readonly seq: number; readonly line: number }[] = [];
  let prev = NO_ENTRY;
  let line = 0;
  let displaced = false;
  for await (const text of log.lines) {
    line += 1;
    const sealed = readEntry(text);
    if (sealed === null) report('edited', line);
    // What claims no place stands for the one where it is.
    const place = claimedPlace(text) ?? { seq: line - 1, prev, hash: NO_ENTRY };
    places.push({ seq: place.seq, line });
    if (place.seq !== line - 1) displaced = true;
    // Where lines were moved the chain is broken for that reason, which is told below.
    else if (!displaced && place.prev !== prev && sealed !== null) report('edited', line);
    prev = place.hash;
    tree.add(Buffer.from(sealed?.hash ?? place.hash, 'hex'));
    if (sizes.has(tree.size)) roots.set(tree.size, tree.root());
  }
  if (typeof log.torn === 'function' ? log.torn() : log.torn) report('torn', line + 1);
  reportPlaces(places, report);
  const witnessed = good.at(-1)?.size ?? 0;
  const claimed = places.reduce((most, { seq }) => Math.max(most, seq + 1), 0);
  const before = count;
  for (const { size, root } of good) {
    if (size > claimed) report('truncated', null, size);
    // Damage that was found in the lines explains a root that differs.
    else if (before === 0 && !roots.get(size)?.equals(root)) report('rewritten', null, size);
  }
  if (good.length === 0) report('unwitnessed', null);
  const ok = count === 0;
  const verification = { ok, entries: line, witnessed: ok ? witnessed : 0, findings, more: count - findings.length };
  return { verification, tree, last: prev };
}

function checkpointsOf(
  notes: readonly string[],
  verifier: NoteVerifier,
  report: (kind: TamperKind, line: number | null, size: number | null) => void,
): { readonly good: readonly Checkpoint[]; readonly sizes: ReadonlySet<number> } {
  const bySize = new Map<number, Checkpoint>();
  for (const note of new Set(notes)) {
    const checkpoint = readCheckpoint(note);
    if (checkpoint === null || checkpoint.origin !== verifier.name || !verifier.verifies(note)) {
      report('re-signed', null, checkpoint?.size ?? null);
      continue;
    }
    const known = bySize.get(checkpoint.size);
    if (known === undefined) bySize.set(checkpoint.size, checkpoint);
    else if (!known.root.equals(checkpoint.root)) report('forked', null, checkpoint.size);
  }
  const good = [...bySize.values()].sort((a, b) => a.size - b.size);
  return { good, sizes: new Set(bySize.keys()) };
}

/** Each number from 0 stands once, in order; what else is there is told by its cause. */
function reportPlaces(
  places: readonly { readonly seq: number; readonly line: number }[],
  report: (kind: TamperKind, line: number | null) => void,
): void {
  const seen = new Set<number>();
  const doubled = new Set(places.filter(({ seq }) => seen.has(seq) || !seen.add(seq)));
  for (const { line } of doubled) report('inserted', line);
  const once = places.filter((place) => !doubled.has(place));
  for (const [at, { seq, line }] of once.entries())
    if (at > 0 && seq < (once[at - 1]?.seq ?? 0)) report('reordered', line);
  const sorted = [...once].sort((a, b) => a.seq - b.seq);
  for (const [at, { seq, line }] of sorted.entries()) {
    const expected = at === 0 ? 0 : (sorted[at - 1]?.seq ?? 0) + 1;
    if (seq > expected) report('removed', line);
  }
}
