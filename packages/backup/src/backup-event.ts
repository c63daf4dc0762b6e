import { type BackupEvent, observed, publish } from '@fieldseal/core';
import { KEYSETS_FOLDER } from './key-store-source.ts';
import type { ManifestEntry } from './manifest.ts';
import { ROWS_FOLDER } from './rows.ts';

/** How something ended that was done with a backup. */
export interface BackupOutcome {
  readonly ok: boolean;
  /** What the archive holds, as far as that is known. */
  readonly entries: readonly Pick<ManifestEntry, 'name'>[];
  /** Size of the archive in bytes, where known. */
  readonly bytes?: number;
  /** Wall time in ms. */
  readonly ms: number;
}

/**
 * Tells whoever listens on `fieldseal:backup` of node:diagnostics_channel, once for each kind of content: every archive holds a keyring. A failure
 * is told once.
 */
export function tell(action: BackupEvent['action'], { ok, entries, bytes, ms }: BackupOutcome): void {
  if (!observed('fieldseal:backup')) return;
  const holds = (folder: string): boolean => ok && entries.some(({ name }) => name.startsWith(`${folder}/`));
  const kinds: readonly BackupEvent['kind'][] = [
    'keyring',
    ...(holds(KEYSETS_FOLDER) ? (['metadata'] as const) : []),
    ...(holds(ROWS_FOLDER) ? (['rows'] as const) : []),
  ];
  for (const kind of kinds) publish('fieldseal:backup', { action, kind, ok, bytes, ms });
}

/** Does something with a backup, and tells of it, also where it throws. */
export async function told<Result>(
  action: BackupEvent['action'],
  work: () => Promise<Result>,
  outcome: (result: Result) => Omit<BackupOutcome, 'ms'>,
): Promise<Result> {
  const started = performance.now();
  try {
    const result = await work();
    tell(action, { ...outcome(result), ms: performance.now() - started });
    return result;
  } catch (error) {
    tell(action, { ok: false, entries: [], ms: performance.now() - started });
    throw error;
  }
}
