import { createHmac } from 'node:crypto';
import { FieldsealError, type SecretBytes } from '@fieldseal/core';
import { type Clock, systemClock } from '../clock.ts';
import type { Metrics } from '../metrics/metrics.ts';
import { type AuditOutcome, NO_ENTRY, type SealedEntry, sealEntry } from './audit-entry.ts';
import type { AuditSink, AuditWitness } from './audit-sink.ts';
import { checkpointText } from './checkpoint.ts';
import type { MerkleHead } from './merkle-tree.ts';
import type { NoteSigner } from './signed-note.ts';
import { SinkQueue } from './sink-queue.ts';
import { examineAuditLog, type StoredLog } from './verification.ts';

/** What happened, to be entered. */
export interface AuditEvent {
  /** Who did it. It is hashed under the key of the log before it is stored. */
  readonly actor?: string | null;
  /** What was done, as `patient.export`: words of a-z, 0-9 and hyphens, joined by full stops. */
  readonly action: string;
  /** What it was done to: a name of the schema or the like, never a value. */
  readonly object: string;
  /** Which one of them. It is hashed under the key of the log before it is stored. */
  readonly id?: string;
  /** Id of the key. */
  readonly key?: string | null;
  readonly outcome: AuditOutcome;
  /** Error code. */
  readonly code?: string | null;
  /** How many times; 1 by default. */
  readonly count?: number;
}

/** Options of {@link openAuditLog}. */
export interface AuditLogOptions {
  /** Signs checkpoints. Its name is the name of the log. */
  readonly signer: NoteSigner;
  /** Key of 32 bytes under which identifiers are hashed. Whoever has it can find out whether an entry is about somebody. */
  readonly identifierKey: SecretBytes;
  /** One at least that stores: fileAuditSink or sqlAuditSink. */
  readonly sinks: readonly AuditSink[];
  /** Who gets the checkpoints. Without one, nobody can tell whether the end of the log was cut off or all of it written anew. */
  readonly witnesses?: readonly AuditWitness[];
  /** Time that a sink has for an entry, in ms; 250 by default. After it the sink counts as blocked, and nobody waits for it. */
  readonly timeoutMs?: number;
  /** A checkpoint is made after so many entries; 1000 by default. */
  readonly checkpointEntries?: number;
  /** And after so long, if there are new entries, in ms; 60 000 by default. */
  readonly checkpointMs?: number;
  /** The metrics of a monitor, for its alerts. */
  readonly metrics?: Pick<Metrics, 'add' | 'set'>;
  readonly clock?: Clock;
}

/** Time that a witness has, in ms: nobody waits for it. */
const WITNESS_MS = 5000;

/** Most entries that wait to be stored. Beyond it entries are refused. */
const PENDING = 10_000;

/**
 * Opens the log in its sinks, and starts a new one where they are empty. What they hold is verified, against the witnesses too where they can be
 * asked. A line that was cut off by a crash is taken away and entered as `audit.repair`. A sink that has fewer entries than another, with which it
 * agrees so far, gets the rest.
 *
 * @throws ERR_AUDIT_DAMAGED when a sink or a witness holds something else, ERR_AUDIT_SINK when a sink cannot be used, ERR_OPTIONS
 */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const { sinks, witnesses = [], signer, identifierKey } = options;
  if (identifierKey.length !== 32) throw new FieldsealError('ERR_OPTIONS', 'the key for identifiers has 32 bytes');
  const stores: {
    readonly sink: AuditSink;
    readonly log: StoredLog;
    readonly size: number;
    readonly last: string;
    readonly tree: MerkleHead;
  }[] = [];
  const open: AuditSink[] = [];
  try {
    const notes = (await Promise.all(witnesses.map((witness) => witness.notes?.() ?? []))).flat();
    for (const sink of sinks) {
      const log = await sink.open();
      open.push(sink);
      if (log === null) continue;
      const { verification, tree, last } = await examineAuditLog(log, [], signer.verifier);
      refuse(verification.findings.map(({ kind }) => kind).filter((kind) => kind !== 'unwitnessed'));
      stores.push({ sink, log, size: tree.size, last, tree });
    }
    const longest = stores.reduce<(typeof stores)[number] | undefined>(
      (most, store) => (most === undefined || store.size > most.size ? store : most),
      undefined,
    );
    if (longest === undefined)
      throw new FieldsealError('ERR_OPTIONS', 'an audit log needs a sink that stores: a file or a table');
    if (notes.length > 0) {
      const { verification } = await examineAuditLog(longest.log, notes, signer.verifier);
      refuse(verification.findings.map(({ kind }) => kind));
    }
    const log = new AuditLog(options, longest.tree, longest.last);
    await fillUp(log, longest, stores);
    for (const { sink, log: stored } of stores)
      if (stored.repaired === true) await log.append({ action: 'audit.repair', object: sink.name, outcome: 'done' });
    return log;
  } catch (error) {
    await Promise.all(open.map((sink) => sink.close().catch(() => undefined)));
    throw error;
  }
}

function refuse(kinds: readonly string[]): void {
  if (kinds.length === 0) return;
  throw new FieldsealError('ERR_AUDIT_DAMAGED', `the audit log was changed (${[...new Set(kinds)].join(', ')})`);
}

/** Gives stores that are behind what they lack, if what they have is the beginning of the longest. */
async function fillUp(
  log: AuditLog,
  longest: { readonly log: StoredLog; readonly size: number },
  stores: readonly { readonly sink: AuditSink; readonly size: number; readonly last: string }[],
): Promise<void> {
  const behind = stores.filter(({ size }) => size < longest.size);
  const equal = stores.filter(({ size }) => size === longest.size);
  if (new Set(equal.map(({ last }) => last)).size > 1) refuse(['forked']);
  if (behind.length === 0) return;
  for await (const line of longest.log.lines) {
    const { entry, hash } = parsedLine(line);
    const sealed = { entry, line, hash };
    for (const { sink, size, last } of behind) {
      if (entry.seq === size - 1 && hash !== last) refuse(['forked']);
      if (entry.seq >= size) await log.refill(sink, sealed);
    }
  }
}

function parsedLine(line: string): Pick<SealedEntry, 'entry' | 'hash'> {
  const { hash, ...entry } = JSON.parse(line) as SealedEntry['entry'] & { readonly hash: string };
  return { entry, hash };
}

/** An open audit log: append-only, hash-chained, with a Merkle tree over its entries and signed checkpoints of it. See {@link openAuditLog}. */
export class AuditLog {
  readonly #options: AuditLogOptions;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #tree: MerkleHead;
  readonly #stores: readonly SinkQueue[];
  readonly #forwards: readonly SinkQueue[];
  readonly #pending = new Set<Promise<void>>();
  readonly #recent: SealedEntry[] = [];
  #last: string;
  #witnessed: number;
  #checkpoints: Promise<unknown> = Promise.resolve();
  /** Whether the last checkpoint has reached nobody. */
  #behind = false;
  #closed = false;
  readonly #stop: () => void;

  /** @internal */
  constructor(options: AuditLogOptions, tree: MerkleHead, last: string) {
    const { sinks, clock = systemClock, timeoutMs = 250, checkpointMs = 60_000, metrics } = options;
    this.#options = options;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#tree = tree;
    this.#last = last || NO_ENTRY;
    this.#witnessed = tree.size;
    const queue = (sink: AuditSink): SinkQueue =>
      new SinkQueue(sink, timeoutMs, clock, ({ name }) => metrics?.add('audit.failures', [name]));
    this.#stores = sinks.filter(({ stores }) => stores).map(queue);
    this.#forwards = sinks.filter(({ stores }) => !stores).map(queue);
    this.#stop = clock.every(checkpointMs, () => {
      if (this.#tree.size > this.#witnessed || this.#behind) void this.checkpoint().catch(() => undefined);
    });
  }

  /** Number of entries. */
  get size(): number {
    return this.#tree.size;
  }

  /** Whether an entry would be taken now: some sink that stores is not blocked. */
  get ready(): boolean {
    return !this.#closed && this.#stores.some((store) => !store.blocked) && this.#pending.size < PENDING;
  }

  /** The last entries of this process, newest first: 100 at most. */
  get recent(): readonly SealedEntry[] {
    return [...this.#recent].reverse();
  }

  /**
   * Enters something. It resolves when one sink has stored it.
   *
   * @throws ERR_AUDIT_SINK when none has done so in time, or all are blocked: what was to be entered must not be done then. An entry that was
   * refused late may still be stored later. ERR_OPTIONS for an action or object that could hold a value.
   */
  async append(event: AuditEvent): Promise<SealedEntry> {
    const { actor = null, action, object, id, key = null, outcome, code = null, count = 1 } = event;
    if (!this.ready) throw unstored();
    const sealed = sealEntry({
      seq: this.#tree.size,
      time: new Date(this.#clock.now()).toISOString(),
      actor: actor === null ? null : this.#hashed('actor', actor),
      action,
      object: id === undefined ? object : `${object}#${this.#hashed('id', id)}`,
      key,
      outcome,
      code,
      count,
      prev: this.#last,
    });
    this.#tree.add(Buffer.from(sealed.hash, 'hex'));
    this.#last = sealed.hash;
    this.#recent.push(sealed);
    if (this.#recent.length > 100) this.#recent.shift();
    const stored = Promise.race(this.#stores.map((store) => store.push(sealed)));
    // Who only passes entries on must never have one that the log does not have after a crash.
    const pending = stored.then(() => {
      for (const forward of this.#forwards) void forward.push(sealed);
      this.#options.metrics?.add('audit.entries', []);
      this.#pending.delete(pending);
    });
    this.#pending.add(pending);
    if (sealed.entry.seq + 1 - this.#witnessed >= (this.#options.checkpointEntries ?? 1000))
      void this.checkpoint().catch(() => undefined);
    await this.#inTime(pending);
    return sealed;
  }

  /**
   * Signs a checkpoint of all entries so far, once they are stored, and sends it to the witnesses. Resolves to the signed note.
   *
   * @throws ERR_AUDIT_SINK when entries could not be stored, or no witness has taken it
   */
  checkpoint(): Promise<string> {
    const { signer, witnesses = [] } = this.#options;
    const [size, root, pending] = [this.#tree.size, this.#tree.root(), [...this.#pending]];
    this.#witnessed = size;
    const made = this.#checkpoints.then(async () => {
      await this.#inTime(Promise.all(pending));
      const note = signer.sign(checkpointText({ origin: signer.name, size, root }));
      const taken = await Promise.all(witnesses.map((witness) => this.#witness(witness, note)));
      if (taken.includes(true)) this.#options.metrics?.set('audit.last_checkpoint', [], this.#clock.now() / 1000);
      else if (witnesses.length > 0) throw new FieldsealError('ERR_AUDIT_SINK', 'no witness has taken the checkpoint');
      return note;
    });
    this.#checkpoints = made.then(
      () => {
        this.#behind = false;
      },
      () => {
        this.#behind = true; // tried again when the time comes
      },
    );
    return made;
  }

  /** Stores what waits, makes a last checkpoint, and closes the sinks. What a sink does not take in time is given up. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#stop();
    await this.checkpoint().catch(() => undefined);
    this.#closed = true;
    await Promise.all([...this.#stores, ...this.#forwards].map((queue) => queue.settled()));
    await Promise.all([...this.#stores, ...this.#forwards].map((queue) => queue.close().catch(() => undefined)));
  }

  /** @internal Gives a sink that is behind an entry that others have. Waits for it now and then, so that its queue does not overflow. */
  async refill(sink: AuditSink, sealed: SealedEntry): Promise<void> {
    const store = this.#stores.find((known) => known.sink === sink);
    const pushed = store?.push(sealed);
    if (sealed.entry.seq % 1000 === 999 && store?.blocked === false) await Promise.race([pushed, store.settled()]);
  }

  async #witness(witness: AuditWitness, note: string): Promise<boolean> {
    const controller = new AbortController();
    const late = this.#clock.sleep(WITNESS_MS).then(() => {
      controller.abort();
      return false;
    });
    const added = Promise.resolve()
      .then(() => witness.add(note, controller.signal))
      .then(
        () => true,
        () => false,
      );
    const taken = await Promise.race([added, late]);
    if (!taken) this.#options.metrics?.add('audit.failures', [`witness-${witness.name}`]);
    return taken;
  }

  async #inTime(work: Promise<unknown>): Promise<void> {
    const late = this.#clock.sleep(this.#timeoutMs).then(() => 'late' as const);
    if ((await Promise.race([work, late])) === 'late') throw unstored();
  }

  /** 128 bits of HMAC-SHA-256: the kind keeps the hash of an actor apart from that of a row of the same name. */
  #hashed(kind: string, text: string): string {
    const mac = createHmac('sha256', this.#options.identifierKey.expose()).update(`${kind}\0${text}`);
    return mac.digest('hex').slice(0, 32);
  }
}

function unstored(): FieldsealError {
  return new FieldsealError('ERR_AUDIT_SINK', 'no sink of the audit log has stored the entry');
}
