import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SecretBytes } from '@fieldseal/core';
import { afterAll } from 'vitest';
import type { SealedEntry } from '../src/audit/audit-entry.ts';
import { type AuditLog, type AuditLogOptions, openAuditLog } from '../src/audit/audit-log.ts';
import type { AuditSink } from '../src/audit/audit-sink.ts';
import { noteSigner } from '../src/audit/signed-note.ts';

/** A folder that goes with the test file. */
export const folder = mkdtempSync(join(tmpdir(), 'fieldseal-audit-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A path in it that nothing has used yet. */
export const newPath = (() => {
  let count = 0;
  return (): string => join(folder, `log-${count++}.jsonl`);
})();

export const signer = noteSigner('audit.example/clinic', SecretBytes.random(32));
export const identifierKey = SecretBytes.random(32);

/** Opens a log with much time, so that a busy machine fails no test. */
export function openLog(options: Partial<AuditLogOptions> & Pick<AuditLogOptions, 'sinks'>): Promise<AuditLog> {
  return openAuditLog({ signer, identifierKey, timeoutMs: 20_000, ...options });
}

/** A sink in memory, that can be told to fail or to hang. */
export interface MemorySink extends AuditSink {
  readonly entries: SealedEntry[];
  behaviour: 'well' | 'failing' | 'hanging';
  /** Lets what hangs end, well. */
  release(): void;
}

export function memorySink(name: string, stores = true): MemorySink {
  const entries: SealedEntry[] = [];
  const hanging: (() => void)[] = [];
  const sink: MemorySink = {
    name,
    stores,
    entries,
    behaviour: 'well',
    release: () => {
      sink.behaviour = 'well';
      for (const go of hanging.splice(0)) go();
    },
    open: async () => (stores ? { lines: entries.map(({ line }) => line), torn: false } : null),
    append: async (batch) => {
      if (sink.behaviour === 'failing') throw new Error('full');
      if (sink.behaviour === 'hanging') await new Promise<void>((go) => void hanging.push(go));
      entries.push(...batch);
    },
    close: async () => undefined,
  };
  return sink;
}
