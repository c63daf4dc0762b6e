import type { SealedEntry } from './audit-entry.ts';
import type { StoredLog } from './verification.ts';

/** Where entries go. */
export interface AuditSink {
  /** A fixed name such as `file`, for metrics. */
  readonly name: string;
  /** Whether it keeps entries and can be read again. Others pass them on, and get them when they are stored elsewhere. */
  readonly stores: boolean;
  /**
   * Makes it ready to append, and resolves to what it holds; to null where it only passes entries on. A line that was cut off by a crash has
   * been taken away. Rejects when the place cannot be used, or another process writes to it.
   */
  open(): Promise<StoredLog | null>;
  /**
   * Stores entries behind those before. It resolves once they would survive a crash, as far as the sink promises that. After it has rejected it
   * is called again with the same entries, of which some may be there already.
   */
  append(entries: readonly SealedEntry[], signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Somebody who keeps checkpoints apart from the log, so that nobody can change the log and all that is known of it. */
export interface AuditWitness {
  /** A fixed name, for metrics. */
  readonly name: string;
  /** Takes a signed checkpoint. Rejects when it could not be kept. */
  add(note: string, signal: AbortSignal): Promise<void>;
  /** All checkpoints that it has kept, where it can be asked. */
  notes?(): Promise<readonly string[]>;
}
