import { noteText } from './signed-note.ts';

/** State of a log at one moment, as C2SP has it (https://c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  /** Name of the log. */
  readonly origin: string;
  /** Number of entries. */
  readonly size: number;
  /** Root of the tree over them, 32 bytes. */
  readonly root: Buffer;
}

/** Text of the checkpoint, to be signed as a note. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`;
}

/** Reads the checkpoint in a note, whose signature is looked at apart; null when there is none. */
export function readCheckpoint(note: string): Checkpoint | null {
  const text = noteText(note);
  const [, origin, digits, encoded] = /^([^\n]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\n/.exec(text ?? '') ?? [];
  if (origin === undefined || encoded === undefined) return null;
  return { origin, size: Number(digits), root: Buffer.from(encoded, 'base64') };
}
